import { signal } from "@preact/signals";
import { isCancelled } from "../../shared/requests.ts";
import type { Query, Suggestion } from "../protocol.ts";
import { parsed, searchOf, withCondition, withSearch } from "./query.ts";
import type { Session } from "./session.ts";

const TYPING_MS = 80;

/** The search box: what stands in it, what it asks for, and what it suggests. */
export class Searching {
  readonly text = signal("");
  readonly suggestions = signal<Suggestion[]>([]);
  #session: Session;
  #query: () => Query;
  #ask: (query: Query) => Promise<void>;
  #stop = new AbortController();
  #typing: ReturnType<typeof setTimeout> | undefined;
  /** When what was typed was last asked for. */
  #typed = Number.NEGATIVE_INFINITY;

  /** @param ask Shows another list. */
  constructor(session: Session, query: () => Query, ask: (query: Query) => Promise<void>) {
    this.#session = session;
    this.#query = query;
    this.#ask = ask;
  }

  type(text: string): void {
    this.text.value = text;
    clearTimeout(this.#typing);
    // A letter that comes by itself is asked for at once; of letters in a row some are passed over.
    const wait = this.#typed + TYPING_MS - performance.now();
    if (wait <= 0) this.#askTyped();
    else this.#typing = setTimeout(() => this.#askTyped(), wait);
  }

  /** Enter: a condition becomes a chip; else what was typed last is asked for now, before anything is done in its list. */
  enter(): boolean {
    const condition = parsed(this.text.value);
    if (!condition?.values[0]) {
      if (this.#typing !== undefined) this.#askTyped();
      return false;
    }
    this.clear();
    void this.#ask(withSearch(withCondition(this.#query(), condition), ""));
    return true;
  }

  take(suggestion: Suggestion): void {
    if (suggestion.sort === "key") {
      this.type(`${/[=<>!"]/.test(suggestion.text) ? JSON.stringify(suggestion.text) : suggestion.text}=`);
      return;
    }
    this.clear();
    if (suggestion.sort === "value") {
      const condition = { key: suggestion.key, sign: "=" as const, values: [suggestion.text] };
      void this.#ask(withSearch(withCondition(this.#query(), condition), ""));
    } else {
      this.text.value = suggestion.text;
      void this.#ask(withSearch(this.#query(), suggestion.text));
    }
  }

  /** Empties it, or puts this in it, without asking. */
  clear(text = ""): void {
    this.close();
    this.text.value = text;
    this.suggestions.value = [];
  }

  /** Waits for nothing any more. */
  close(): void {
    clearTimeout(this.#typing);
    this.#typing = undefined;
    this.#stop.abort();
  }

  #askTyped(): void {
    clearTimeout(this.#typing);
    this.#typing = undefined;
    const text = this.text.value;
    this.#typed = performance.now();
    const query = this.#query();
    const search = searchOf(text);
    // What was suggested for the letter before stays until there is better: a popup that blinks can't be read.
    const asked = search === (query.search ?? "") ? Promise.resolve() : this.#ask(withSearch(query, search));
    void asked.then(() => this.#suggest(text));
  }

  async #suggest(text: string): Promise<void> {
    if (text !== this.text.value) return;
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    if (!text.trim()) {
      this.suggestions.value = [];
      return;
    }
    try {
      const { suggestions } = await this.#session.ask("suggest", { text }, { signal });
      if (this.text.value === text) this.suggestions.value = suggestions;
    } catch (error) {
      if (!isCancelled(error)) this.suggestions.value = [];
    }
  }
}
