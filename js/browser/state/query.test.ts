import { expect, test } from "vitest";
import type { Query } from "../protocol.ts";
import {
  ageText,
  chips,
  cleared,
  lifeText,
  narrows,
  parsed,
  searchOf,
  spanText,
  toggleValue,
  withBeneath,
  withCondition,
  withOrder,
  withSearch,
  withState,
} from "./query.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = 1_800_000_000_000;

test("a click chooses a value alone, and a second takes it back", () => {
  const once = toggleValue({ where: { model: ["a", "b"] } }, "model", "a", false);
  expect(once).toEqual({ where: { model: ["a"] } });
  expect(toggleValue(once, "model", "a", false)).toEqual({});
});

test("a click with Ctrl adds a value to the others, and takes it away again", () => {
  const two = toggleValue({ where: { model: ["a"] } }, "model", "b", true);
  expect(two).toEqual({ where: { model: ["a", "b"] } });
  expect(toggleValue(two, "model", "a", true)).toEqual({ where: { model: ["b"] } });
});

test("a key that is a property of every object is a key like any other", () => {
  expect(toggleValue({ where: { a: ["b"] } }, "constructor", "x", true)).toEqual({
    where: { a: ["b"], constructor: ["x"] },
  });
});

test("what is left out of a query is left out, not empty", () => {
  expect(withSearch(withBeneath({ search: "a", beneath: "b/" }, ""), "")).toEqual({});
  expect(withState({ state: "ERROR" }, "READ_ONLY")).toEqual({});
});

test("a column is ordered by its own direction first, and by the other on the next click", () => {
  const names = withOrder({}, "name");
  expect(names).toEqual({ order: "name", descending: false });
  expect(withOrder(names, "name")).toEqual({ order: "name" });
  expect(withOrder(names, "size")).toEqual({ order: "size" });
  expect(withOrder({}, "put")).toEqual({ descending: false });
  expect(withOrder({ order: "metadata", key: "acc" }, "metadata", "loss")).toEqual({
    order: "metadata",
    key: "loss",
    descending: false,
  });
});

test("clearing keeps the order alone", () => {
  const query: Query = {
    search: "x",
    beneath: "a/",
    where: { a: ["b"] },
    order: "size",
    descending: false,
    lasting: true,
  };
  expect(cleared(query)).toEqual({ order: "size", descending: false });
  expect(narrows(query)).toBe(true);
  expect(narrows(cleared(query))).toBe(false);
});

test("each condition has a chip that says it and takes it away", () => {
  const query: Query = {
    where: { project: ["birds", "scans"], "rl.kind": ["table"] },
    conditions: [
      { key: "acc", sign: ">", values: ["0.9"] },
      { key: "seed", sign: "", values: [] },
    ],
    size: { since: 1024 ** 2 },
    put: { since: NOW - 7 * DAY },
    expires: { before: NOW + 48 * HOUR },
    state: "UPLOADING",
  };
  const all = chips(query, NOW);
  expect(all.map(({ text }) => text)).toEqual([
    "project: birds, scans",
    "kind: table",
    "acc > 0.9",
    "has seed",
    "size: 1 MiB and more",
    "age: within 7 d",
    "expires: within 48 h",
    "state: uploading",
  ]);
  let left: Query = query;
  for (let [chip] = chips(left, NOW); chip; [chip] = chips(left, NOW)) left = chip.without;
  expect(left).toEqual({});
});

test("a chip of a stranger's words is harmless", () => {
  expect(chips({ where: { "k\u202e": ["\u0000"] } }, NOW)[0]?.text).toBe("k◌: ␀");
});

test.each([
  [{ before: 1024 }, "up to 1 KiB"],
  [{ since: 1024, before: 2048 }, "1 KiB – 2 KiB"],
  [{ since: 2048 }, "2 KiB and more"],
])("a span of sizes %j is %j", (span, words) => {
  expect(spanText(span)).toBe(words);
});

test("spans of time are said as ages and as lives, round as they were meant", () => {
  expect(ageText({ since: NOW - 7 * DAY }, NOW)).toBe("within 7 d");
  expect(ageText({ since: NOW - 30 * DAY, before: NOW - 7 * DAY }, NOW)).toBe("7 d – 30 d");
  expect(ageText({ before: NOW - 90 * DAY }, NOW + 5 * HOUR)).toBe("over 90 d");
  expect(lifeText({ before: NOW + 48 * HOUR }, NOW + 60_000)).toBe("within 48 h");
  expect(lifeText({ since: NOW + 48 * HOUR, before: NOW + 7 * DAY }, NOW)).toBe("48 h – 7 d");
  expect(lifeText({ since: NOW + 7 * DAY }, NOW)).toBe("later than 7 d");
});

test.each([
  ["acc>0.9", { key: "acc", sign: ">", values: ["0.9"] }],
  ["model = resnet50 ", { key: "model", sign: "=", values: ["resnet50"] }],
  ["a!=b=c", { key: "a", sign: "!=", values: ["b=c"] }],
  ['"loss>raw">=0.5', { key: "loss>raw", sign: ">=", values: ["0.5"] }],
  ["model=", { key: "model", sign: "=", values: [""] }],
  ["split seed<3", { key: "split seed", sign: "<", values: ["3"] }],
])("%j is a condition", (text, condition) => {
  expect(parsed(text)).toEqual(condition);
});

test.each(["val", "=x", "", "runs/2026"])("%j is none, and is looked for", (text) => {
  expect(parsed(text)).toBeNull();
  expect(searchOf(text)).toBe(text);
});

test("a condition that is being typed narrows nothing yet", () => {
  expect(searchOf("model=res")).toBe("");
});

test("a typed value joins those that were chosen", () => {
  expect(withCondition({ where: { a: ["1"] } }, { key: "a", sign: "=", values: ["2"] })).toEqual({
    where: { a: ["1", "2"] },
  });
  expect(withCondition({}, { key: "a", sign: ">", values: ["2"] })).toEqual({
    conditions: [{ key: "a", sign: ">", values: ["2"] }],
  });
});
