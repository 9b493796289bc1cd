import { signal } from "@preact/signals";
import { isCancelled } from "../../shared/requests.ts";
import type { Page, Row } from "../protocol.ts";

/** Rows a request. */
export const WINDOW = 150;
/** Windows kept; a million rows are never all here. */
const KEPT = 40;
const AT_ONCE = 2;
/** So many can be here at the same time, with some in sight elsewhere. */
export const MOST_HERE = 5000;

/** What is known of the list beside its rows. */
export type Totals = Omit<Page, "rows" | "first">;

export type Fetch = (first: number, n: number, asOf: string | null, signal: AbortSignal) => Promise<Page>;

/**
 * The rows of one list, as many as have been seen. They are fetched in windows, those in sight first; those that
 * nobody sees any more are not waited for.
 */
export class Rows {
  readonly totals = signal<Totals | null>(null);
  /** Goes up whenever rows came. */
  readonly version = signal(0);
  readonly error = signal<Error | null>(null);
  /** Whether another list was asked for and isn't here; the old one is still shown. */
  readonly loading = signal(false);
  /** Hears that another list is here, before it is shown and what there was is forgotten. */
  onList: () => void = () => {};
  /** Hears that another list has taken its place. */
  onListed: () => void = () => {};
  #fetch: Fetch;
  /** The most recently used last. */
  #windows = new Map<number, (Row | null)[]>();
  /** How long the list was when a window came that isn't full; it is asked for again when that has changed. */
  #short = new Map<number, number>();
  #pending = new Map<number, AbortController>();
  #wanted: number[] = [];
  #first: AbortController | undefined;
  #bringing: AbortController | undefined;

  constructor(fetch: Fetch) {
    this.#fetch = fetch;
  }

  /** Null where it is gone, undefined where it isn't here yet. */
  at = (index: number): Row | null | undefined => {
    const window = Math.floor(index / WINDOW);
    return this.#windows.get(window)?.[index - window * WINDOW];
  };

  get total(): number {
    return this.totals.peek()?.total ?? 0;
  }

  /** All rows that are here, with where they are. */
  *loaded(): Generator<[number, Row]> {
    for (const [window, rows] of [...this.#windows].sort(([a], [b]) => a - b))
      for (const [at, row] of rows.entries()) if (row) yield [window * WINDOW + at, row];
  }

  /** A list of which the first page came by another way. */
  start(page: Page): void {
    this.#replace(page, page.rows.length);
  }

  /** Another list, or the same as it is now; what is shown stays until rows from `first` on are here. */
  async reload(first = 0): Promise<boolean> {
    this.#first?.abort();
    this.#stop();
    const stop = new AbortController();
    this.#first = stop;
    this.loading.value = true;
    const from = Math.floor(first / WINDOW) * WINDOW;
    try {
      const page = await this.#fetch(from, WINDOW, null, stop.signal);
      if (stop.signal.aborted) return false;
      this.#replace(page, WINDOW);
      return true;
    } catch (error) {
      if (!isCancelled(error) && !stop.signal.aborted) this.error.value = error as Error;
      return false;
    } finally {
      if (this.#first === stop) {
        this.#first = undefined;
        this.loading.value = false;
      }
    }
  }

  /** Makes sure that these rows come. */
  want(first: number, end: number): void {
    if (this.#first || !this.totals.peek()) return;
    const last = Math.min(end, this.total) - 1;
    this.#wanted = [];
    for (let window = Math.floor(first / WINDOW); window * WINDOW <= last; window++) {
      const rows = this.#windows.get(window);
      if (rows) {
        this.#windows.delete(window);
        this.#windows.set(window, rows);
      }
      if (!this.#isWhole(window)) this.#wanted.push(window);
    }
    for (const [window, stop] of this.#pending) if (!this.#wanted.includes(window)) stop.abort();
    this.#next();
  }

  /**
   * Has all rows of a range here, of at most `MOST_HERE`. False where the list became another, where they can't be had,
   * and where another range was asked for meanwhile.
   */
  async bring(first: number, end: number): Promise<boolean> {
    this.#bringing?.abort();
    const stop = new AbortController();
    this.#bringing = stop;
    const asOf = this.totals.peek()?.asOf;
    for (let window = Math.floor(first / WINDOW); window * WINDOW < end; window++) {
      if (this.#isWhole(window)) continue;
      try {
        const page = await this.#fetch(window * WINDOW, WINDOW, asOf ?? null, stop.signal);
        if (stop.signal.aborted || this.#first || page.asOf !== asOf || this.totals.peek()?.asOf !== asOf) return false;
        this.#take(page, WINDOW);
      } catch {
        return false;
      }
    }
    return true;
  }

  /** Asks once more how many there are. */
  async recount(): Promise<void> {
    const totals = this.totals.peek();
    if (!totals || this.#first) return;
    const stop = new AbortController();
    try {
      const page = await this.#fetch(0, 1, totals.asOf, stop.signal);
      if (this.totals.peek()?.asOf !== totals.asOf) return;
      const { rows: _, first: __, ...now } = page;
      // Known no more as it was, it has changed.
      this.totals.value = page.asOf === totals.asOf ? now : { ...totals, newer: true, fresh: page.fresh };
    } catch {
      // the next one may do
    }
  }

  close(): void {
    this.#first?.abort();
    this.#stop();
  }

  #isWhole(window: number): boolean {
    const n = this.#windows.get(window)?.length ?? 0;
    return n >= Math.min(WINDOW, this.total - window * WINDOW) || this.#short.get(window) === this.total;
  }

  #next(): void {
    for (const window of this.#wanted) {
      if (this.#pending.size >= AT_ONCE) return;
      if (!this.#pending.has(window)) void this.#load(window);
    }
  }

  async #load(window: number): Promise<void> {
    const stop = new AbortController();
    this.#pending.set(window, stop);
    const asOf = this.totals.peek()?.asOf ?? null;
    try {
      const page = await this.#fetch(window * WINDOW, WINDOW, asOf, stop.signal);
      if (stop.signal.aborted) return;
      // The list as it was is known no more: what is here of it doesn't belong to what came.
      if (page.asOf !== this.totals.peek()?.asOf) this.#replace(page, WINDOW);
      else this.#take(page, WINDOW);
    } catch (error) {
      if (!isCancelled(error) && !stop.signal.aborted) {
        this.error.value = error as Error;
        this.#wanted = [];
      }
    } finally {
      if (this.#pending.get(window) === stop) this.#pending.delete(window);
      if (!stop.signal.aborted) this.#wanted = this.#wanted.filter((each) => each !== window);
      this.#next();
    }
  }

  #replace(page: Page, asked: number): void {
    this.onList();
    this.#forget();
    this.#take(page, asked);
    this.onListed();
  }

  #take(page: Page, asked: number): void {
    const { rows, first, ...totals } = page;
    for (let at = 0; at < rows.length; at += WINDOW)
      this.#windows.set(Math.floor((first + at) / WINDOW), rows.slice(at, at + WINDOW));
    if (rows.length < asked) this.#short.set(Math.floor(first / WINDOW), totals.total);
    for (const window of this.#windows.keys()) {
      if (this.#windows.size <= KEPT) break;
      this.#windows.delete(window);
    }
    this.error.value = null;
    this.totals.value = totals;
    this.version.value++;
  }

  #stop(): void {
    this.#bringing?.abort();
    this.#wanted = [];
    for (const stop of this.#pending.values()) stop.abort();
    this.#pending.clear();
  }

  #forget(): void {
    this.#stop();
    this.#windows.clear();
    this.#short.clear();
  }
}
