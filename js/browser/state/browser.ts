import { batch, computed, effect, signal } from "@preact/signals";
import { isCancelled, type Model } from "../../shared/requests.ts";
import type { Hello, Page, Query, Row } from "../protocol.ts";
import { clean, count, plural } from "../words.ts";
import { Counts } from "./counts.ts";
import { Deeds } from "./deeds.ts";
import type { Chosen } from "./files.ts";
import { Look } from "./look.ts";
import { Moves, said } from "./moves.ts";
import { Notices } from "./notices.ts";
import { cleared, narrows, narrowsAlike } from "./query.ts";
import { MOST_HERE, Rows } from "./rows.ts";
import { Searching } from "./searching.ts";
import { elsewhere, ids, NOTHING, ranged, rowsOf, type Selection } from "./selection.ts";
import { Session } from "./session.ts";
import { Watching } from "./watching.ts";

const PANEL_MS = 2500;
const ARRIVING_MS = 1000;
const SELECTED_MS = 120;
const COUNTED_MS = 300;
const POLL_MS = 1000;

export type Dialog =
  | { kind: "upload"; files: Chosen[] }
  | { kind: "get"; row: Row }
  | { kind: "mount"; rows: Row[] }
  | { kind: "link"; row: Row }
  | { kind: "delete"; rows: Row[] };

export type Menu = { kind: "object" | "columns"; x: number; y: number };

/** All that one view of the browser knows and does. */
export class Browser {
  readonly session: Session;
  readonly rows: Rows;
  readonly look: Look;
  readonly moves: Moves;
  readonly deeds: Deeds;
  readonly counts: Counts;
  readonly search: Searching;
  readonly notices = new Notices();
  readonly hello = signal<Hello | null>(null);
  /** Why nothing can be shown. */
  readonly failed = signal<Error | null>(null);
  readonly query = signal<Query>({});
  /** Whether anything narrows the list that is shown, which may still be that of before. */
  readonly shownNarrowed = signal(false);
  /** Metadata keys that are asked for as columns. */
  readonly columns = signal<string[]>([]);
  /** Those that the rows here have cells of, which may still be those of before. */
  readonly shownColumns = signal<string[]>([]);
  /** Pixels, of columns that somebody resized. */
  readonly widths = signal<Record<string, number>>({});
  readonly keys = signal<{ key: string; n: number | null }[] | null>(null);
  readonly selection = signal<Selection>(NOTHING);
  readonly dialog = signal<Dialog | null>(null);
  readonly menu = signal<Menu | null>(null);
  readonly now = signal(Date.now());
  readonly facetsOpen = signal(false);
  readonly panelOpen = signal(false);
  readonly previewOpen = signal(true);
  readonly selected = computed(() => rowsOf(this.selection.value));
  /** Of the object whose versions are to be brought into sight. */
  readonly toVersions = signal<string | null>(null);
  /** Bumped when the list is another one, and is shown from its top. */
  readonly fromTop = signal(0);
  /** Whether the transfers opened by themselves, and so close by themselves. */
  opened = false;
  /** Set by the table: the first row in sight. */
  firstInSight = 0;
  inSight = 20;
  #telling: ReturnType<typeof setTimeout> | undefined;
  #opening: ReturnType<typeof setTimeout> | undefined;
  #recounting = false;
  #recounts: ReturnType<typeof setTimeout> | undefined;
  #polls = 0;
  /** While it runs, what arrives is shown when it ends: of a thousand files not each by itself. */
  #arriving: ReturnType<typeof setTimeout> | undefined;
  #arrived = false;
  /** By how much the kernel's clock is ahead of this page's. */
  #ahead = 0;
  #ends: (() => void)[] = [];
  #watching: Watching;
  #told = "";
  /** Whether its user asked for another list or other columns than the kernel was told of. */
  #untold = false;
  /** Of the keyboard's row, before another list came. */
  #active: string | undefined;
  #closed = false;

  /** @param isSeen Whether anybody can see the view. */
  constructor(model: Model, isSeen: () => boolean = () => true) {
    this.session = new Session(model);
    this.#watching = new Watching(this.session, isSeen, () => void this.#recount());
    this.look = new Look(this.session);
    this.moves = new Moves(this.session);
    this.counts = new Counts(this.session, () => this.query.value);
    this.deeds = new Deeds(this.session, this.moves, this.notices);
    this.search = new Searching(
      this.session,
      () => this.query.value,
      (query) => this.ask(query),
    );
    this.rows = new Rows((first, n, asOf, signal) => this.#page(first, n, asOf, signal));
    this.rows.onList = () => {
      this.shownNarrowed.value = this.narrowed;
      this.shownColumns.value = this.columns.value;
      this.#active = this.rows.at(this.selection.peek().active)?.id;
    };
    this.rows.onListed = () => this.#realign();
    this.session.onEvent = (event, value) => {
      if (event === "transfers") this.moves.hear((value as { transfers: Hello["transfers"] }).transfers);
      else if (event === "changed") this.#changed((value as { fresh: Page["fresh"] }).fresh);
      else if (event === "set") this.#set(value as { query?: Query; columns?: string[]; selection?: string[] });
    };
    this.deeds.onChange = (ids) => {
      const gone = new Set(ids);
      const chosen = new Map([...this.selection.value.chosen].filter(([id]) => !gone.has(id)));
      if (chosen.size < this.selection.value.chosen.size) this.select({ ...this.selection.value, chosen });
      void this.refresh();
    };
    this.session.onBack = () => void this.start();
    this.moves.onDone = (move) => {
      if (move.direction === "put") {
        this.notices.say(`${clean(move.label, 80)} is stored`);
        this.#refreshSoon();
      }
      if (this.opened && !this.moves.running.value && this.moves.own.value.every(({ state }) => state === "done"))
        this.#opening = setTimeout(() => {
          if (this.opened && !this.moves.running.value) this.panelOpen.value = this.opened = false;
        }, PANEL_MS);
    };
    const tick = setInterval(() => {
      this.now.value = Date.now() + this.#ahead;
    }, 1000);
    this.#ends.push(
      () => clearInterval(tick),
      effect(() => {
        const { chosen } = this.selection.value;
        const [id] = chosen.size === 1 ? chosen.keys() : [null];
        this.look.at(id ?? null);
      }),
    );
    const poll = setInterval(() => {
      const totals = this.rows.totals.peek();
      // Ever more seldom: a large store may never say exactly.
      this.#polls = totals && (!totals.exact || totals.fresh.walking) ? this.#polls + 1 : 0;
      if (this.#polls && this.#polls % Math.min(5, 1 + Math.floor(this.#polls / 8)) === 0) void this.#recount();
    }, POLL_MS);
    this.#ends.push(() => clearInterval(poll));
  }

  /** Asks the kernel for all that is shown first. */
  async start(): Promise<void> {
    this.failed.value = null;
    try {
      const hello = await this.session.ask("hello", {});
      if (this.#closed) return;
      batch(() => {
        this.session.gone.value = false;
        this.hello.value = hello;
        this.#ahead = hello.now - Date.now();
        this.now.value = hello.now;
        this.query.value = hello.query;
        this.search.clear(hello.query.search);
        this.columns.value = hello.columns;
        this.moves.chunkBytes = hello.chunkBytes || this.moves.chunkBytes;
        this.moves.inFlight = hello.inFlight || this.moves.inFlight;
        this.moves.hear(hello.transfers);
        this.rows.start(hello.page);
        this.#select(hello.selection);
      });
      this.#told = JSON.stringify(hello.selection);
      this.#count();
      void this.counts.ask();
    } catch (error) {
      if (!isCancelled(error)) this.failed.value = error as Error;
    }
  }

  close(): void {
    this.#closed = true;
    for (const timer of [this.#telling, this.#opening, this.#arriving, this.#recounts]) clearTimeout(timer);
    for (const end of this.#ends) end();
    this.#watching.close();
    this.search.close();
    this.counts.close();
    this.deeds.close();
    this.notices.close();
    this.moves.close();
    this.rows.close();
    this.look.close();
    this.session.close();
  }

  // What is asked for.

  /** Another list, from its top. In another order it is the same objects, and those that are selected stay so. */
  async ask(query: Query): Promise<void> {
    const { chosen } = this.selection.peek();
    const kept = narrowsAlike(this.query.peek(), query) ? elsewhere(chosen) : NOTHING.chosen;
    batch(() => {
      this.query.value = query;
      this.selection.value = { ...NOTHING, chosen: kept };
    });
    this.#tellSelection();
    this.#untold = true;
    this.counts.close();
    clearTimeout(this.#recounts);
    // Rows first: a store that counts at the same time takes longer over them.
    if (await this.rows.reload(0)) {
      this.#tellSelection();
      this.fromTop.value++;
      this.#count();
      void this.counts.ask();
      // Rows come before they are all counted, which most are a moment later.
      if (!this.rows.totals.peek()?.exact) this.#recounts = setTimeout(() => void this.#recount(), COUNTED_MS);
    }
  }

  clear(): void {
    this.search.clear();
    void this.ask(cleared(this.query.value));
  }

  get narrowed(): boolean {
    return narrows(this.query.value);
  }

  showColumns(columns: string[]): void {
    this.columns.value = columns;
    this.#untold = true;
    void this.rows.reload(this.firstInSight);
  }

  async askKeys(): Promise<void> {
    try {
      this.keys.value = (await this.session.ask("keys", {})).keys;
    } catch (error) {
      this.notices.tell(said(error), true);
    }
  }

  /** The list as it is now; what is in sight stays there. */
  async refresh(): Promise<void> {
    void this.counts.ask();
    this.look.forget();
    if (await this.rows.reload(this.firstInSight)) this.#count();
  }

  /** The list as it is now, from its top, where what is new is. */
  async showNew(): Promise<void> {
    this.firstInSight = 0;
    await this.refresh();
    this.fromTop.value++;
  }

  /** Looks for new objects in the store itself, then shows them. */
  async lookForNew(): Promise<void> {
    try {
      await this.session.ask("refresh", {});
      await this.refresh();
    } catch (error) {
      this.notices.tell(said(error), true);
    }
  }

  retry(): void {
    this.session.gone.value = false;
    if (!this.hello.value) void this.start();
    else {
      this.rows.error.value = null;
      void this.refresh();
    }
  }

  // What is selected.

  select(selection: Selection): void {
    this.selection.value = selection;
    this.#tellSelection();
    if (selection.chosen.size) this.previewOpen.value = true;
  }

  /** From where a range began to here: what is loaded at once, the rest when it has come. */
  async selectTo(at: number): Promise<void> {
    let { selection, missing } = ranged(this.selection.peek(), at, this.rows.at);
    this.select(selection);
    const [first, end] = [Math.min(selection.anchor, at), Math.max(selection.anchor, at) + 1];
    if (missing && end - first <= MOST_HERE) {
      await this.rows.bring(first, end);
      if (this.selection.peek() !== selection) return; // by now something else is selected
      ({ selection, missing } = ranged(selection, at, this.rows.at));
      this.select(selection);
    }
    if (missing) this.notices.tell(`selected but for ${plural(missing, "row")} of that range not loaded yet`, false);
  }

  /** All rows; of a long list those that are here, and that is said. */
  async selectAll(): Promise<void> {
    const before = this.selection.peek();
    const { total = 0, exact = false } = this.rows.totals.peek() ?? {};
    if (exact && total <= MOST_HERE) await this.rows.bring(0, total);
    if (this.selection.peek() !== before) return;
    const chosen = new Map([...this.rows.loaded()].map(([at, row]) => [row.id, { row, at }]));
    this.select({ ...before, chosen });
    const words =
      chosen.size < total || !exact
        ? `the ${count(chosen.size)} loaded of ${exact ? "" : "at least "}${count(total)} are selected`
        : `${plural(total, "object")} selected`;
    this.notices.tell(words, false);
  }

  // What the kernel is asked.

  #page(first: number, n: number, asOf: string | null, signal: AbortSignal): Promise<Page> {
    // More rows of a list have the cells that its others have.
    const columns = asOf === null ? this.columns.value : this.shownColumns.value;
    const shown = asOf === null && this.#untold;
    if (shown) this.#untold = false;
    const page = this.session.ask("page", { query: this.query.value, first, n, asOf, columns, shown }, { signal });
    // One that failed or was taken back may not have been heard.
    if (shown) page.catch(() => (this.#untold = true));
    return page;
  }

  #tellSelection(): void {
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => {
      const selected = ids(this.selection.value);
      if (JSON.stringify(selected) === this.#told) return;
      this.#told = JSON.stringify(selected);
      this.session.ask("selected", { ids: selected }).catch(() => {});
    }, SELECTED_MS);
  }

  #refreshSoon(): void {
    this.#arrived = true;
    if (this.#arriving) return;
    const go = () => {
      this.#arriving = undefined;
      if (!this.#arrived) return;
      this.#arrived = false;
      void this.refresh();
      this.#arriving = setTimeout(go, ARRIVING_MS);
    };
    go();
  }

  #changed(fresh: Page["fresh"]): void {
    const failed = this.failed.value ?? this.rows.error.value;
    // What stood in the way does no more.
    if (failed && !fresh.trouble) this.retry();
    else void this.#recount();
  }

  async #recount(): Promise<void> {
    // What nobody sees is asked for when somebody does: each request has the kernel go on listening.
    if (this.#recounting || !this.#watching.seen) return;
    this.#recounting = true;
    await this.rows.recount();
    const totals = this.rows.totals.peek();
    // Nothing moves under the eye while there is room below.
    if (totals?.newer && totals.total < this.inSight && !this.selection.value.chosen.size) await this.refresh();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS / 2));
    this.#recounting = false;
  }

  #set({ query, columns, selection }: { query?: Query; columns?: string[]; selection?: string[] }): void {
    this.#untold &&= !(query || columns);
    if (columns) this.columns.value = columns;
    if (query) {
      this.query.value = query;
      this.search.clear(query.search);
    }
    const then = () => {
      if (selection) this.#select(selection);
      this.#told = JSON.stringify(selection ?? ids(this.selection.value));
    };
    if (!query && !columns) {
      then();
      return;
    }
    if (query) this.selection.value = NOTHING;
    void this.counts.ask();
    void this.rows.reload(query ? 0 : this.firstInSight).then((done) => {
      if (done && query) this.fromTop.value++;
      then();
    });
  }

  /** By Python: those of them whose rows are here. */
  #select(wished: string[]): void {
    const chosen = new Map<string, { row: Row; at: number }>();
    const these = new Set(wished);
    for (const [at, row] of this.rows.loaded()) if (these.has(row.id)) chosen.set(row.id, { row, at });
    const [first] = chosen.values();
    this.selection.value = { chosen, active: first?.at ?? -1, anchor: first?.at ?? -1 };
  }

  /** What is selected stays so where its rows are now, and the keyboard stays on its own. */
  #realign(): void {
    const { chosen, ...selection } = this.selection.peek();
    if (!chosen.size && selection.active < 0) return;
    const now = new Map(chosen);
    for (const [at, row] of this.rows.loaded()) {
      if (now.has(row.id)) now.set(row.id, { row, at });
      if (row.id === this.#active || (selection.active < 0 && chosen.size === 1 && chosen.has(row.id)))
        selection.active = selection.anchor = at;
    }
    this.selection.value = { chosen: now, ...selection };
  }

  #count(): void {
    const totals = this.rows.totals.peek();
    if (totals) this.notices.say(`${totals.exact ? "" : "at least "}${plural(totals.total, "object")}`);
  }
}
