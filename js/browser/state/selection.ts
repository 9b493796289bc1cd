/** What is selected: pure changes, as a file manager makes them. */

import type { Row } from "../protocol.ts";

export interface Selection {
  /** By id, with where in the list it was. */
  chosen: ReadonlyMap<string, { row: Row; at: number }>;
  /** Where the keyboard is; -1 is nowhere. */
  active: number;
  /** Where a range begins. */
  anchor: number;
}

export const NOTHING: Selection = { chosen: new Map(), active: -1, anchor: -1 };

type At = (index: number) => Row | null | undefined;

/** This row alone. */
export function only(at: number, row: Row | null | undefined): Selection {
  return { chosen: new Map(row ? [[row.id, { row, at }]] : []), active: at, anchor: at };
}

/** This row too, or no longer. */
export function toggled(selection: Selection, at: number, row: Row | null | undefined): Selection {
  const chosen = new Map(selection.chosen);
  if (row && !chosen.delete(row.id)) chosen.set(row.id, { row, at });
  return { chosen, active: at, anchor: at };
}

/** All from the anchor to here that are there; `missing` is how many weren't loaded. */
export function ranged(selection: Selection, to: number, rows: At): { selection: Selection; missing: number } {
  const anchor = selection.anchor < 0 ? to : selection.anchor;
  const chosen = new Map<string, { row: Row; at: number }>();
  let missing = 0;
  for (let at = Math.min(anchor, to); at <= Math.max(anchor, to); at++) {
    const row = rows(at);
    if (row) chosen.set(row.id, { row, at });
    else if (row === undefined) missing++;
  }
  return { selection: { chosen, active: to, anchor }, missing };
}

export function moved(selection: Selection, to: number): Selection {
  return { ...selection, active: to };
}

/** What is chosen, in a list that has it somewhere else; until it is seen there it is at the end. */
export function elsewhere(chosen: Selection["chosen"]): Selection["chosen"] {
  return new Map([...chosen].map(([id, { row }]) => [id, { row, at: Number.MAX_SAFE_INTEGER }]));
}

/** Ids, in the order of the list. */
export function ids(selection: Selection): string[] {
  return [...selection.chosen].sort(([, a], [, b]) => a.at - b.at).map(([id]) => id);
}

/** The rows, in the order of the list. */
export function rowsOf(selection: Selection): Row[] {
  return [...selection.chosen.values()].sort((a, b) => a.at - b.at).map(({ row }) => row);
}

/** Their bytes; null where nobody knows those of one. */
export function bytes(selection: Selection): number | null {
  let sum = 0;
  for (const { row } of selection.chosen.values()) {
    if (row.size === null) return null;
    sum += row.size;
  }
  return sum;
}
