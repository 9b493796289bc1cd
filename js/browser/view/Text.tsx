import { clean } from "../words.ts";

/** A stranger's text: a text node of its own, that turns nothing around it. */
export function Text({ of, class: name = "" }: { of: string; class?: string }) {
  return <bdi class={name}>{clean(of)}</bdi>;
}
