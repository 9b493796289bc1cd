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
  expect(template(columns, 900)).toMatch(/ 200px 82px$/);
});

test("metadata columns give way before names do, whole ones", () => {
  const columns = columnsOf(["acc", "model"], {});
  expect(template(columns, 700)).toBe("30px minmax(240px, 1fr) 78px 70px 66px 82px 82px");
  // One of both is in sight.
  expect(template(columns, 570)).toBe("30px minmax(244px, 1fr) 78px 70px 66px 82px 82px");
  expect(leastWidth(columns, 570) - 570).toBe(82);
  // Neither is.
  expect(leastWidth(columns, 410) - 410).toBe(164);
});

test("with little room names still have some", () => {
  expect(template(columnsOf([], { put: 300 }), 300)).toContain("minmax(140px, 1fr)");
});
