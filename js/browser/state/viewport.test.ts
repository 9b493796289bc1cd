import { expect, test } from "vitest";
import {
  MOST_NODES,
  proportional,
  ROW,
  revealing,
  scrolled,
  scrolledHeight,
  shown,
  TALLEST,
  tooNearAnEnd,
  type Viewport,
} from "./viewport.ts";

const few: Viewport = { scrollTop: 0, top: 0, height: 450, total: 1000 };
const million: Viewport = { scrollTop: 0, top: 0, height: 450, total: 1_000_000 };
const end = TALLEST - 450;

test("a list that fits scrolls as the browser does", () => {
  expect(scrolled(few, 9000).top).toBe(9000);
  expect(scrolledHeight(1000)).toBe(30_000);
  expect(proportional({ ...few, scrollTop: 9000, top: 9000 })).toBe(9000);
});

test("a million rows are no taller than a browser can", () => {
  expect(scrolledHeight(1_000_000)).toBe(TALLEST);
});

test("the wheel moves a million rows pixel by pixel", () => {
  expect(scrolled(million, 100).top).toBe(100);
});

test("the thumb moves them in proportion, from the first to the last", () => {
  const half = scrolled(million, end / 2);
  expect(Math.round(half.top / ROW)).toBeCloseTo(500_000, -2);
  const last = scrolled(half, end);
  expect(shown(last)[1]).toBe(1_000_000);
  expect(scrolled(last, 0).top).toBe(0);
});

test("rested, the thumb stands where the eye is, and nothing moves", () => {
  let now = scrolled(million, end / 2);
  for (let i = 1; i <= 40; i++) now = scrolled(now, now.scrollTop + 120);
  const rested = { ...now, scrollTop: proportional(now) };
  expect(shown(rested)).toEqual(shown(now));
});

test("an end of the thumb's way isn't met before that of the list", () => {
  let now: Viewport = scrolled(million, 3000);
  now = { ...now, scrollTop: proportional(now) };
  const near = scrolled({ ...now, top: 500_000, scrollTop: 1000 }, 900);
  expect(tooNearAnEnd(near)).toBe(true);
  expect(tooNearAnEnd({ ...near, scrollTop: proportional(near) })).toBe(false);
});

test.each([300, 450, 1000, 1900])("a table %d px high has few rows in the page, and all in sight", (height) => {
  const [first, last] = shown({ ...million, height, top: 15_000_000 });
  expect(last - first).toBeLessThanOrEqual(MOST_NODES);
  expect(first * ROW).toBeLessThanOrEqual(15_000_000);
  expect(last * ROW).toBeGreaterThanOrEqual(15_000_000 + height);
});

test("a row is brought into sight by as little as it takes", () => {
  expect(revealing({ ...few, top: 600 }, 3)).toBe(90);
  expect(revealing({ ...few, top: 600 }, 25)).toBe(600);
  expect(revealing({ ...few, top: 600 }, 99)).toBe(100 * ROW - 450);
  expect(revealing(few, 999)).toBe(30_000 - 450);
});
