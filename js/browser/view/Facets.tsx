import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Facet, Query, Ranges, Span } from "../protocol.ts";
import type { Browser } from "../state/browser.ts";
import {
  ageText,
  chosenOf,
  KIND,
  lifeText,
  spanText,
  stateWord,
  toggleValue,
  withBeneath,
  withLasting,
  withSpan,
  withState,
} from "../state/query.ts";
import { clean, count } from "../words.ts";
import { Sign } from "./icons.tsx";

const FEW = 4;

interface Value {
  id: string;
  label: string;
  n: number;
  on: boolean;
  pick(more: boolean): Query;
}

export function Facets({ b }: { b: Browser }) {
  const facets = b.counts.facets.value;
  const query = b.query.value;
  if (!facets) return <Skeletons />;
  const ask = (next: Query) => void b.ask(next);
  const group = (id: string, title: string, values: Value[], complete: boolean, distinct: number | null = null) => (
    <Group key={id} title={title} values={values} complete={complete} distinct={distinct} ask={ask} />
  );
  const now = b.now.peek();
  const keys = facets.keys.filter(({ key }) => key !== KIND);
  const kind = facets.keys.find(({ key }) => key === KIND);
  return (
    <>
      {facets.folders &&
        facets.folders.values.length > 0 &&
        group("folders", "folder", foldersOf(facets.folders, query), facets.folders.complete)}
      {keys.map((facet) =>
        group(`k:${facet.key}`, clean(facet.key, 60), valuesOf(facet, query), facet.complete, facet.distinct),
      )}
      {kind && group("kind", "kind", valuesOf(kind, query), kind.complete)}
      {group("expires", "expires", expiriesOf(facets.expiries, query, now), facets.expiries.complete)}
      {group("size", "size", rangesOf(facets.sizes, "size", query, spanText), facets.sizes.complete)}
      {group(
        "age",
        "age",
        rangesOf(facets.puts, "put", query, (span) => ageText(span, now)).reverse(),
        facets.puts.complete,
      )}
      {(facets.states.values.length > 1 || query.state) &&
        group("state", "state", statesOf(facets.states, query), facets.states.complete)}
      {keys.length > 0 && facets.objects > 0 && <More b={b} />}
    </>
  );
}

function Group(props: {
  title: string;
  values: Value[];
  complete: boolean;
  distinct: number | null;
  ask(query: Query): void;
}) {
  const { title, values, complete, distinct, ask } = props;
  const closed = useSignal(false);
  const all = useSignal(false);
  const most = Math.max(1, ...values.map(({ n }) => n));
  if (!values.some(({ n, on }) => n || on)) return null;
  const shown = all.value ? values : values.filter(({ on }, at) => at < FEW || on);
  const unseen = distinct === null ? 0 : distinct - values.length;
  return (
    <section class="grp">
      <h4>
        <button type="button" aria-expanded={!closed.value} onClick={() => (closed.value = !closed.value)}>
          <bdi>{title}</bdi>
          <Sign of="right" />
        </button>
      </h4>
      {!closed.value && (
        <>
          {shown.map((value) => (
            <button
              type="button"
              key={value.id}
              class={value.on ? "fv on" : "fv"}
              aria-pressed={value.on}
              title={clean(value.label, 300)}
              style={{ "--p": value.n ? Math.max(0.015, value.n / most) : 0 }}
              onClick={(event) => ask(value.pick(event.ctrlKey || event.metaKey || event.shiftKey))}
            >
              <bdi class="v">{clean(value.label, 200) || "(empty)"}</bdi>
              <span class="n">{complete || !value.n ? count(value.n) : `≥ ${count(value.n)}`}</span>
            </button>
          ))}
          {(values.length > shown.length || all.value) && values.length > FEW && (
            <button type="button" class="quiet" onClick={() => (all.value = !all.value)}>
              {all.value ? "fewer" : `${count(values.length - shown.length)} more`}
            </button>
          )}
          {unseen > 0 && (all.value || values.length <= FEW) && (
            <div class="unseen">
              {count(unseen)} others: type {title}=
            </div>
          )}
        </>
      )}
    </section>
  );
}

/** Facets of other keys. */
function More({ b }: { b: Browser }) {
  const open = useSignal(false);
  const has = new Set(b.counts.facets.value?.keys.map(({ key }) => key));
  const others = (b.keys.value ?? []).filter(({ key }) => !has.has(key));
  return (
    <section class="grp">
      <h4>
        <button
          type="button"
          aria-expanded={open.value}
          onClick={() => {
            open.value = !open.value;
            if (open.value) void b.askKeys();
          }}
        >
          more keys
          <Sign of="right" />
        </button>
      </h4>
      {open.value &&
        (others.length ? (
          others.map(({ key, n }) => (
            <button type="button" class="fv" key={key} style={{ "--p": 0 }} onClick={() => b.counts.add(key)}>
              <bdi class="v">{clean(key, 200)}</bdi>
              <span class="n">{n === null ? "" : count(n)}</span>
            </button>
          ))
        ) : (
          <div class="unseen">{b.keys.value ? "no others" : "…"}</div>
        ))}
    </section>
  );
}

function Skeletons(): ComponentChildren {
  return [4, 3, 5].map((n) => (
    <div class="grp skeletons" key={n} aria-hidden="true">
      {Array.from({ length: n }, (_, at) => (
        <div class="bone" key={at} style={{ width: `${85 - at * 14}%` }} />
      ))}
    </div>
  ));
}

function valuesOf(facet: Facet, query: Query): Value[] {
  const chosen = chosenOf(query, facet.key);
  // What was chosen stays to be taken back, also where nothing fits it any more.
  const missing = chosen.filter((each) => !facet.values.includes(each));
  return [...facet.values, ...missing].map((value, at) => ({
    id: value,
    label: value,
    n: facet.counts[at] ?? 0,
    on: chosen.includes(value),
    pick: (more) => toggleValue(query, facet.key, value, more),
  }));
}

function foldersOf(facet: Facet, query: Query): Value[] {
  return facet.values.map((folder, at) => ({
    id: folder,
    label: `${folder}/`,
    n: facet.counts[at] ?? 0,
    on: false,
    pick: () => withBeneath(query, `${query.beneath ?? ""}${folder}/`),
  }));
}

function statesOf(facet: Facet, query: Query): Value[] {
  return facet.values.map((state, at) => ({
    id: state,
    label: stateWord(state),
    n: facet.counts[at] ?? 0,
    on: (query.state ?? "READ_ONLY") === state,
    pick: () => withState(query, query.state === state ? null : state),
  }));
}

function rangesOf(
  ranges: Ranges,
  name: "size" | "put" | "expires",
  query: Query,
  word: (span: Span) => string,
): Value[] {
  const chosen = query[name];
  return ranges.counts
    .map((n, at) => {
      const [since, before] = [ranges.ends[at - 1], ranges.ends[at]];
      const span: Span = { ...(since !== undefined && { since }), ...(before !== undefined && { before }) };
      const on = chosen !== undefined && alike(chosen.since, since) && alike(chosen.before, before);
      return { id: String(at), label: word(span), n, on, pick: () => withSpan(query, name, on ? null : span) };
    })
    .filter(({ n, on }) => n || on);
}

function expiriesOf(ranges: Ranges, query: Query, now: number): Value[] {
  const values = rangesOf(ranges, "expires", query, (span) => lifeText(span, now)).map((value) => ({
    ...value,
    pick: (more: boolean) => withLasting(value.pick(more), null),
  }));
  const on = query.lasting === true;
  const never = {
    id: "never",
    label: "never",
    n: ranges.without,
    on,
    pick: () => withSpan(withLasting(query, on ? null : true), "expires", null),
  };
  return ranges.without || on ? [...values, never] : values;
}

/** Ends in time go on with the clock; those of a minute ago are the same. */
function alike(one: number | undefined, other: number | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return Math.abs(one - other) < Math.max(1, 3_600_000 * (one > 1e11 ? 1 : 0));
}
