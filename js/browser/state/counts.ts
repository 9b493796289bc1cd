import { signal } from "@preact/signals";
import type { Facets, Query } from "../protocol.ts";
import { KIND } from "./query.ts";
import type { Session } from "./session.ts";

const AGAIN_MS = 700;
/** Nobody waits longer for counts to become exact. */
const LONGEST_MS = 12_000;

/** What the list can be narrowed by, with how many objects each. */
export class Counts {
  readonly facets = signal<Facets | null>(null);
  #session: Session;
  #query: () => Query;
  /** Metadata keys that somebody asked for beside those that are shown anyway. */
  #extra: string[] = [];
  #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(session: Session, query: () => Query) {
    this.#session = session;
    this.#query = query;
  }

  /** @param after Milliseconds until it is asked again, where an answer says only how many there are at least. */
  async ask(after = AGAIN_MS): Promise<void> {
    this.close();
    const { signal } = this.#stop;
    const query = this.#query();
    // What is shown stays where it is, whatever suits best now.
    const shown = this.facets.value?.keys.map(({ key }) => key) ?? [];
    const wished = [...Object.keys(query.where ?? {}).filter((key) => key !== KIND), ...this.#extra];
    const explicit = this.#extra.length > 0 || wished.some((key) => !shown.includes(key));
    const keys = explicit ? [...new Set([...shown, ...wished, KIND])] : null;
    try {
      const facets = await this.#session.ask("facets", { query, keys }, { signal });
      const order = [...shown, ...facets.keys.map(({ key }) => key)];
      facets.keys.sort((a, b) => order.indexOf(a.key) - order.indexOf(b.key));
      this.facets.value = facets;
      if (!facets.complete && after <= LONGEST_MS) this.#timer = setTimeout(() => void this.ask(after * 2), after);
    } catch {
      // the list says what is wrong
    }
  }

  add(key: string): void {
    this.#extra.push(key);
    void this.ask();
  }

  /** Waits for no answer any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#stop.abort();
    this.#stop = new AbortController();
  }
}
