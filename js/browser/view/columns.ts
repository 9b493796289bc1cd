/** The table's columns: how wide, and what they are ordered by. */

import type { Query } from "../protocol.ts";

export interface Column {
  id: string;
  title: string;
  order: NonNullable<Query["order"]>;
  /** The metadata key. */
  key: string;
  width: number | null;
  right: boolean;
}

export const LEAST = 48;
const NAME_LEAST = 140;
const GLYPH = 30;

export function columnsOf(keys: string[], widths: Record<string, number>, numbers: boolean[] = []): Column[] {
  const column = (
    id: string,
    title: string,
    order: Column["order"],
    width: number | null,
    right = false,
    key = "",
  ): Column => ({
    id,
    title,
    order,
    key,
    width: widths[id] ?? width,
    right,
  });
  return [
    column("name", "Name", "name", null),
    column("size", "Size", "size", 78, true),
    column("put", "Age", "put", 70, true),
    column("expires", "Expires", "expires", 66),
    ...keys.map((key, at) => column(`m:${key}`, key, "metadata", 82, numbers[at], key)),
  ];
}

/** For `grid-template-columns`, in this much room. */
export function template(columns: Column[], room: number): string {
  const names = nameLeast(columns, room);
  const track = ({ width }: Column) => (width === null ? `minmax(${names}px, 1fr)` : `${width}px`);
  return [`${GLYPH}px`, ...columns.map(track)].join(" ");
}

/** Past this the table is wider than its room, and scrolls. */
export function leastWidth(columns: Column[], room: number): number {
  const names = nameLeast(columns, room);
  return columns.reduce((sum, { width }) => sum + (width ?? names), GLYPH);
}

/** Where not all metadata columns fit, names take the room of those that are out of sight: none is cut in two. */
function nameLeast(columns: Column[], room: number): number {
  const least = Math.round(Math.min(room * 0.42, 240));
  let left = room - GLYPH;
  let all = true;
  for (const { order, width } of columns) {
    if (width === null) continue;
    all &&= order !== "metadata" || left - width >= least;
    if (all) left -= width;
  }
  return Math.max(NAME_LEAST, all ? Math.min(least, left) : left);
}

/** Whether a value looks like a number. */
export function isNumber(text: string): boolean {
  return text.length < 40 && /^[+-]?(\d[\d,]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
}

/** Whether a value says that there is none, among numbers as among words. */
export function isNothing(text: string): boolean {
  return /^(nan|n\/a|none|null|[+-]?inf|-|–|)$/i.test(text);
}
