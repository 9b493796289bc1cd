import { signal } from "@preact/signals";
import { isCancelled, KernelGone } from "../../shared/requests.ts";
import type { Facts, Preview } from "../protocol.ts";
import { said } from "./moves.ts";
import type { Session } from "./session.ts";

/** While somebody walks down the list, nothing is asked for. */
const REST_MS = 90;
const KEPT = 60;

export type Seen = { preview: Preview; image: Uint8Array<ArrayBuffer> | undefined } | { failed: string } | null;

/** What the preview shows of the one object that is selected. Objects never change: what was seen once is kept. */
export class Look {
  readonly id = signal<string | null>(null);
  readonly facts = signal<Facts | { failed: string } | null>(null);
  readonly seen = signal<Seen>(null);
  #session: Session;
  #facts = new Map<string, Facts>();
  #seen = new Map<string, Seen>();
  #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  at(id: string | null): void {
    if (id === this.id.value) return;
    this.#stop.abort();
    clearTimeout(this.#timer);
    this.id.value = id;
    this.facts.value = (id && this.#facts.get(id)) || null;
    this.seen.value = (id && this.#seen.get(id)) || null;
    if (id && !(this.facts.value && this.seen.value)) this.#timer = setTimeout(() => this.#ask(id), REST_MS);
  }

  /** Asks once more, after a failure or when versions came and went. */
  again(): void {
    const id = this.id.value;
    if (!id) return;
    this.#facts.delete(id);
    if (this.facts.value && "failed" in this.facts.value) this.facts.value = null;
    if (this.seen.value && "failed" in this.seen.value) this.seen.value = null;
    this.#stop.abort();
    this.#ask(id);
  }

  /** Versions came or went: what is known of them is asked for anew, and shown until there is an answer. */
  forget(): void {
    this.#facts.clear();
    const id = this.id.value;
    if (id && this.facts.value) this.#askFacts(id, this.#stop.signal);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#stop.abort();
  }

  #ask(id: string): void {
    const stop = new AbortController();
    this.#stop = stop;
    const { signal } = stop;
    if (!this.#facts.has(id)) this.#askFacts(id, signal);
    if (!this.#seen.has(id))
      this.#session.open("preview", { id }, { signal }).answer.then(
        ({ value, buffers }) => {
          const seen = { preview: value as Preview, image: buffers[0]?.slice() };
          keep(this.#seen, id, seen);
          if (this.id.value === id) this.seen.value = seen;
        },
        (error: Error) => {
          if (!isCancelled(error) && this.id.value === id) this.seen.value = { failed: said(error) };
        },
      );
  }

  #askFacts(id: string, signal: AbortSignal): void {
    this.#session.ask("facts", { id }, { signal }).then(
      (facts) => {
        keep(this.#facts, id, facts);
        if (this.id.value === id) this.facts.value = facts;
      },
      (error: Error) => {
        if (isCancelled(error) || this.id.value !== id) return;
        // What was known stays, as the list does.
        if (!(error instanceof KernelGone && this.facts.value)) this.facts.value = { failed: said(error) };
      },
    );
  }
}

function keep<T>(kept: Map<string, T>, id: string, value: T): void {
  kept.set(id, value);
  const [oldest] = kept.keys();
  if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
}
