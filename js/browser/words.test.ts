import { expect, test } from "vitest";
import { age, ago, clean, cleanLines, count, duration, parts, plural, rate, size, sizeOf, utc } from "./words.ts";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [4.1 * 1024 ** 2, "4.1 MiB"],
  [331 * 1024 ** 2, "331 MiB"],
  [1024 ** 2 - 1, "1.0 MiB"],
  [1.9 * 1024 ** 3, "1.9 GiB"],
])("%d bytes are %s", (bytes, words) => {
  expect(size(bytes)).toBe(words);
});

test("how much of how much is said in the unit of the whole", () => {
  expect(sizeOf(1.2 * 1024 ** 3, 1.9 * 1024 ** 3)).toBe("1.2 of 1.9 GiB");
  expect(sizeOf(0, 10)).toBe("0 of 10 B");
});

test.each([
  [119_000, "119 s"],
  [12 * 60_000, "12 min"],
  [31 * 3_600_000, "31 h"],
  [18 * 86_400_000, "18 d"],
  [3 * 365 * 86_400_000, "3 y"],
  [-5, "0 s"],
])("%d milliseconds are %s", (ms, words) => {
  expect(duration(ms)).toBe(words);
});

test("what is younger than a minute is now, and what was looked for lately is so in words", () => {
  expect(age(59_000)).toBe("now");
  expect([10_000, 60_000, 720_000].map(ago)).toEqual(["just now", "a minute ago", "12 min ago"]);
});

test("counts have their thousands marked, and rates are decimal", () => {
  expect(count(8214)).toBe("8,214");
  expect([plural(1, "object"), plural(2, "entry", "entries")]).toEqual(["1 object", "2 entries"]);
  expect([rate(214e6), rate(1.24e9), rate(10)]).toEqual(["214 MB/s", "1.2 GB/s", "10 B/s"]);
});

test("a time that no calendar has is said to be none", () => {
  expect(utc(Date.UTC(2026, 10, 23, 14, 5))).toBe("2026-11-23 14:05 UTC");
  expect(utc(9e18)).toBe("no such date");
});

test("what can't be seen in a name is seen, and turns nothing around", () => {
  expect(clean("a\u0000b\n\u007f\u0085")).toBe("a␀b␊␡\ufffd");
  expect(clean("photo\u202egnp.exe\u200b")).toBe("photo◌gnp.exe◌");
  expect(clean("\ud800x\udc00 \u{1f600}")).toBe("\ufffdx\ufffd \u{1f600}");
});

test("a text of several lines keeps them, and its tabs", () => {
  expect(cleanLines("a\tb\r\nc\u0007")).toBe("a\tb\nc␇");
});

test("a value of any length is shown as one of some length", () => {
  expect(clean("x".repeat(65_536))).toHaveLength(2001);
});

test.each([
  ["runs/2026-11/val", "runs/2026-11/", "val"],
  ["val", "", "val"],
  ["folder/", "", "folder/"],
  ["a/b/", "a/", "b/"],
])("of %j the folder is %j and the rest %j", (name, folder, rest) => {
  expect(parts(name)).toEqual([folder, rest]);
});
