import { signal } from "@preact/signals";
import { copy } from "../../shared/clipboard.ts";
import type { Row } from "../protocol.ts";
import { plural } from "../words.ts";
import { type Moves, said } from "./moves.ts";
import type { Notices } from "./notices.ts";
import type { Session } from "./session.ts";

export const UNDO_MS = 8000;

/** Objects that are deleted unless somebody thinks better of it. */
export interface Doomed {
  rows: Row[];
  until: number;
}

/** What is done with objects, but for what asks a question first and is in its dialog. */
export class Deeds {
  readonly doomed = signal<Doomed | null>(null);
  /** Hears that objects came or went by what was done here, and which are gone. */
  onChange: (gone: string[]) => void = () => {};
  #session: Session;
  #moves: Moves;
  #notices: Notices;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(session: Session, moves: Moves, notices: Notices) {
    this.#session = session;
    this.#moves = moves;
    this.#notices = notices;
  }

  async copy(text: string, what: string): Promise<void> {
    if (await copy(Promise.resolve(text))) this.#notices.tell(`${what} copied`, false);
    else this.#notices.tell("the browser doesn't let a page copy here", true);
  }

  /** Copies a link without showing it anywhere. */
  async copyLink(row: Row, expires: number, signal: AbortSignal): Promise<void> {
    const answer = this.#session.ask("link", { id: row.id, expires }, { signal });
    const done = await copy(answer.then(({ url }) => url));
    const { reach } = await answer;
    if (!done) throw new Error("the browser doesn't let a page copy here: use the code instead");
    this.#notices.tell(`link copied · ${reach}`, false);
  }

  download(rows: Row[]): void {
    for (const row of rows) this.#moves.fetch(row.id, row.name, row.size);
  }

  async keep(rows: Row[]): Promise<void> {
    const kept: string[] = [];
    const failed: string[] = [];
    for (const row of rows)
      try {
        kept.push((await this.#session.ask("keep", { id: row.id })).said);
      } catch (error) {
        failed.push(said(error));
      }
    const [one = ""] = kept;
    if (failed[0]) this.#notices.tell(`${plural(failed.length, "object")} couldn't be kept: ${failed[0]}`, true);
    else this.#notices.tell(kept.length === 1 ? one : `${plural(kept.length, "object")} kept for ever`, false);
    this.onChange([]);
  }

  /** Deletes after a while, unless it is undone. */
  doom(rows: Row[]): void {
    const before = this.doomed.value;
    if (before) void this.#delete(before.rows);
    this.doomed.value = { rows, until: Date.now() + UNDO_MS };
    this.#timer = setTimeout(() => void this.#delete(rows), UNDO_MS);
    this.#notices.say(`${plural(rows.length, "object")} will be deleted in 8 seconds; press Undo to keep`);
  }

  undo(): void {
    clearTimeout(this.#timer);
    this.doomed.value = null;
    this.#notices.tell("nothing was deleted", false);
  }

  /** What could still be undone isn't done. */
  close(): void {
    clearTimeout(this.#timer);
  }

  async #delete(rows: Row[]): Promise<void> {
    clearTimeout(this.#timer);
    this.doomed.value = null;
    try {
      const { deleted, failed } = await this.#session.ask("delete", { ids: rows.map(({ id }) => id) });
      const [first] = failed;
      if (first) this.#notices.tell(`${plural(failed.length, "object")} couldn't be deleted: ${first.why}`, true);
      else this.#notices.tell(`${plural(deleted.length, "object")} deleted`, false);
      this.onChange(deleted);
    } catch (error) {
      this.#notices.tell(`couldn't delete: ${said(error)}`, true);
      this.onChange([]);
    }
  }
}
