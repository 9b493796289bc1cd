import { expect, test } from "vitest";
import { columnsOf, isNothing, isNumber, leastWidth, template } from "./columns.ts";

test.each(["0.913", "-1", "1,234", "8.48e-01", ".5", "+3."])("%j is a number", (text) => {
  expect(isNumber(text)).toBe(true);
});

test.each(["resnet50", "", "1-2", "e5", "0x10", "9".repeat(50)])("%j is none", (text) => {
  expect(isNumber(text)).toBe(false);
});

test("what says that there is no value is neither a number nor a word", () => {
  expect(["nan", "N/A", "-", ""].every(isNothing)).toBe(true);
  expect(isNothing("none of them")).toBe(false);
});

test("metadata columns follow the others, and keep the width that somebody gave them", () => {
  const columns = columnsOf(["acc", "size"], { "m:acc": 200 }, [true, false]);
  expect(columns.map(({ id }) => id)).toEqual(["name", "size", "put", "expires", "m:acc", "m:size"]);
  expect(columns[4]).toMatchObject({ width: 200, right: true, order: "metadata", key: "acc" });
  expect(template(columns, 900)).toMatch(/ 200px minmax\(56px, 82px\)$/);
});

test("metadata columns give way before names do, and names keep most of a narrow table", () => {
  const columns = columnsOf(["acc", "model"], {});
  expect(template(columns, 500)).toBe("30px minmax(210px, 1fr) 78px 70px 66px minmax(56px, 82px) minmax(56px, 82px)");
  expect([leastWidth(columns, 500), leastWidth(columns, 200)]).toEqual([566, 496]);
});
