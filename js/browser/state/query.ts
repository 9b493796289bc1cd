/** What is asked for: pure changes of a query, the chips that say it, and what was typed into the search box. */

import type { Condition, Query, Span } from "../protocol.ts";
import { clean, duration, size } from "../words.ts";

/** The metadata key that says what an object is. */
export const KIND = "rl.kind";

/** One condition, as the search box shows it. */
export interface Chip {
  id: string;
  text: string;
  /** The query without it. */
  without: Query;
}

/** Values of a key, of which it must be one; a key may be called `constructor`. */
export function chosenOf({ where = {} }: Query, key: string): string[] {
  return Object.hasOwn(where, key) ? (where[key] ?? []) : [];
}

/** A click on a value: it alone, or nothing if it alone was chosen; `more` adds it to the others or takes it away. */
export function toggleValue(query: Query, key: string, value: string, more: boolean): Query {
  const chosen = chosenOf(query, key);
  const has = chosen.includes(value);
  const values = more
    ? has
      ? chosen.filter((each) => each !== value)
      : [...chosen, value]
    : has && chosen.length === 1
      ? []
      : [value];
  return withValues(query, key, values);
}

export function withValues(query: Query, key: string, values: string[]): Query {
  const { [key]: _, ...others } = query.where ?? {};
  const where = values.length ? { ...others, [key]: values } : others;
  const { where: __, ...rest } = query;
  return Object.keys(where).length ? { ...rest, where } : rest;
}

type SpanName = "size" | "put" | "expires";

export function withSpan(query: Query, name: SpanName, span: Span | null): Query {
  const { [name]: _, ...rest } = query;
  return span ? { ...rest, [name]: span } : rest;
}

export function withLasting(query: Query, lasting: boolean | null): Query {
  const { lasting: _, ...rest } = query;
  return lasting === null ? rest : { ...rest, lasting };
}

export function withState(query: Query, state: string | null): Query {
  const { state: _, ...rest } = query;
  return state && state !== "READ_ONLY" ? { ...rest, state } : rest;
}

export function withSearch(query: Query, search: string): Query {
  const { search: _, ...rest } = query;
  return search ? { ...rest, search } : rest;
}

export function withBeneath(query: Query, beneath: string): Query {
  const { beneath: _, ...rest } = query;
  return beneath ? { ...rest, beneath } : rest;
}

/** The order of one column; its own direction first, the other on the next click. */
export function withOrder(query: Query, order: NonNullable<Query["order"]>, key = ""): Query {
  const { order: _, key: __, descending: ___, ...rest } = query;
  const same = (query.order ?? "put") === order && (query.key ?? "") === key;
  const descending = same ? !(query.descending ?? true) : order === "put" || order === "size";
  return { ...rest, ...(order !== "put" && { order }), ...(key && { key }), ...(!descending && { descending }) };
}

/** Whether two queries ask for the same objects, in whatever order. */
export function narrowsAlike(one: Query, other: Query): boolean {
  const narrowing = ({ order: _, key: __, descending: ___, ...rest }: Query) =>
    JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
  return narrowing(one) === narrowing(other);
}

/** Nothing is asked for but the order. */
export function cleared(query: Query): Query {
  const { order, key, descending, folded } = query;
  return JSON.parse(JSON.stringify({ order, key, descending, folded })) as Query;
}

/** Whether anything narrows the list. */
export function narrows(query: Query): boolean {
  return Boolean(query.search || query.beneath) || chips(query, 0).length > 0;
}

const SIGN_WORDS: Record<Condition["sign"], string> = {
  "=": "=",
  "!=": "≠",
  ">": ">",
  ">=": "≥",
  "<": "<",
  "<=": "≤",
  "": "",
};

/** Each condition of a query but its text and folder, which the search box and the breadcrumb show. */
export function chips(query: Query, now: number): Chip[] {
  const all: Chip[] = [];
  for (const [key, values] of Object.entries(query.where ?? {})) {
    const label = key === KIND ? "kind" : clean(key, 60);
    all.push({
      id: `w:${key}`,
      text: `${label}: ${values.map((each) => clean(each, 60) || "(empty)").join(", ")}`,
      without: withValues(query, key, []),
    });
  }
  (query.conditions ?? []).forEach((condition, at) => {
    const conditions = (query.conditions ?? []).filter((_, other) => other !== at);
    const { conditions: _, ...rest } = query;
    all.push({
      id: `c:${at}`,
      text: conditionText(condition),
      without: conditions.length ? { ...rest, conditions } : rest,
    });
  });
  if (query.size)
    all.push({ id: "size", text: `size: ${spanText(query.size)}`, without: withSpan(query, "size", null) });
  if (query.put)
    all.push({ id: "put", text: `age: ${ageText(query.put, now)}`, without: withSpan(query, "put", null) });
  if (query.expires)
    all.push({
      id: "expires",
      text: `expires: ${lifeText(query.expires, now)}`,
      without: withSpan(query, "expires", null),
    });
  if (query.lasting !== undefined)
    all.push({
      id: "lasting",
      text: `expires: ${query.lasting ? "never" : "some day"}`,
      without: withLasting(query, null),
    });
  if (query.state && query.state !== "READ_ONLY")
    all.push({ id: "state", text: `state: ${stateWord(query.state)}`, without: withState(query, null) });
  return all;
}

function conditionText({ key, sign, values }: Condition): string {
  const name = clean(key, 60);
  return sign ? `${name} ${SIGN_WORDS[sign]} ${values.map((each) => clean(each, 60)).join(", ")}` : `has ${name}`;
}

/** `up to 1.0 MiB`, `1.0–100 MiB`, `100 MiB and more`. */
export function spanText({ since, before }: Span): string {
  const word = (bytes: number) => size(bytes).replace(".0 ", " ");
  if (!since) return before === undefined ? "any" : `up to ${word(before)}`;
  return before === undefined ? `${word(since)} and more` : `${word(since)} – ${word(before)}`;
}

/** Ages of what was made in a span of time: `within 7 d`, `7 d – 30 d`, `over 90 d`. */
export function ageText({ since, before }: Span, now: number): string {
  if (before === undefined || before >= now) return since === undefined ? "any" : `within ${near(now - since)}`;
  return since === undefined ? `over ${near(now - before)}` : `${near(now - before)} – ${near(now - since)}`;
}

/** Remaining lives of what ends in a span of time: `within 48 h`, `48 h – 7 d`, `later than 7 d`. */
export function lifeText({ since, before }: Span, now: number): string {
  if (since === undefined || since <= now + 60_000)
    return before === undefined ? "any" : before <= now ? "over" : `within ${near(before - now)}`;
  return before === undefined ? `later than ${near(since - now)}` : `${near(since - now)} – ${near(before - now)}`;
}

/** A length of time that was round when it was chosen; `48 h` and not `47 h`. */
function near(ms: number): string {
  const hour = 3_600_000;
  if (ms >= 36 * hour) {
    const days = Math.round(ms / (24 * hour));
    return days <= 2 ? `${days * 24} h` : duration(days * 24 * hour);
  }
  if (ms >= hour * 0.9) return `${Math.round(ms / hour)} h`;
  return duration(ms + 500);
}

const STATES: Record<string, string> = {
  READ_ONLY: "whole",
  UPLOADING: "uploading",
  ERROR: "failed",
  DELETED: "deleted",
};

export function stateWord(state: string): string {
  return STATES[state] ?? clean(state, 40).toLowerCase();
}

const CONDITION = /^\s*(?:"((?:\\.|[^"\\])*)"|([^=<>!"][^=<>!]*?))\s*(!=|>=|<=|=|>|<)\s*(.*)$/s;

/** `acc>0.9` or `model = resnet50` as a condition; the value may still be empty. Null where it is no such thing. */
export function parsed(text: string): Condition | null {
  const found = CONDITION.exec(text);
  if (!found) return null;
  const [, quoted, bare, sign, value = ""] = found;
  const key = quoted === undefined ? (bare ?? "").trim() : quoted.replace(/\\(.)/g, "$1");
  return key ? { key, sign: sign as Condition["sign"], values: [value.trim()] } : null;
}

/** The query with one more condition. */
export function withCondition(query: Query, condition: Condition): Query {
  if (condition.sign === "=") {
    const chosen = chosenOf(query, condition.key);
    return withValues(query, condition.key, [...new Set([...chosen, ...condition.values])]);
  }
  return { ...query, conditions: [...(query.conditions ?? []), condition] };
}

/** What the search box asks for while this stands in it: a condition that isn't finished narrows nothing yet. */
export function searchOf(text: string): string {
  return parsed(text) ? "" : text.trim();
}
