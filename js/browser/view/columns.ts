/** The table's columns: how wide, and what they are ordered by. */

import type { Query } from "../protocol.ts";

export interface Column {
  id: string;
  title: string;
  order: NonNullable<Query["order"]>;
  /** The metadata key. */
  key: string;
  width: number | null;
  /** Whether it is narrower where there is little room. */
  gives: boolean;
  right: boolean;
}

export const LEAST = 48;
/** As wide as a metadata column stays: it gives way before a name does. */
const GIVES_TO = 56;
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
    gives: order === "metadata" && widths[id] === undefined,
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
  const track = ({ width, gives }: Column) =>
    width === null ? `minmax(${nameLeast(room)}px, 1fr)` : gives ? `minmax(${GIVES_TO}px, ${width}px)` : `${width}px`;
  return [`${GLYPH}px`, ...columns.map(track)].join(" ");
}

/** Past this the table is wider than its room, and scrolls: what comes last is what is out of sight. */
export function leastWidth(columns: Column[], room: number): number {
  return columns.reduce((sum, { width, gives }) => sum + (gives ? GIVES_TO : (width ?? nameLeast(room))), GLYPH);
}

function nameLeast(room: number): number {
  return Math.round(Math.max(140, Math.min(room * 0.42, 240)));
}

/** Whether a value looks like a number. */
export function isNumber(text: string): boolean {
  return text.length < 40 && /^[+-]?(\d[\d,]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
}

/** Whether a value says that there is none, among numbers as among words. */
export function isNothing(text: string): boolean {
  return /^(nan|n\/a|none|null|[+-]?inf|-|–|)$/i.test(text);
}
