import { expect, test, vi } from "vitest";
import { MadeUpStore } from "../dev/store.ts";
import type { Page } from "../protocol.ts";
import { Rows, WINDOW } from "./rows.ts";

const store = new MadeUpStore(100_000, 0);

function page(first: number, n: number, asOf: string, more: Partial<Page> = {}): Page {
  const total = more.total ?? 100_000;
  const rows = Array.from({ length: Math.max(0, Math.min(n, total - first)) }, (_, at) => store.object(first + at).row);
  const fresh = { indexed: total, whole: true, walking: false, looked: null, trouble: null };
  return { rows, first, total, exact: true, objects: total, sizeBytes: null, asOf, newer: false, fresh, ...more };
}

/** Asks that are answered by the test. */
function asking() {
  const asked: {
    first: number;
    n: number;
    asOf: string | null;
    signal: AbortSignal;
    answer(page: Page): void;
    fail(error: Error): void;
  }[] = [];
  const rows = new Rows(
    (first, n, asOf, signal) =>
      new Promise((answer, fail) => {
        asked.push({ first, n, asOf, signal, answer, fail });
      }),
  );
  return { rows, asked, settle: () => new Promise((resolve) => setTimeout(resolve)) };
}

test("rows in sight are fetched in windows, of the list as it was", async () => {
  const { rows, asked, settle } = asking();
  rows.start(page(0, 100, "a"));
  rows.want(1000, 1030);
  expect(asked.map(({ first, n, asOf }) => [first, n, asOf])).toEqual([[900, WINDOW, "a"]]);
  expect(rows.at(1000)).toBeUndefined();
  asked[0]?.answer(page(900, WINDOW, "a"));
  await settle();
  expect(rows.at(1000)?.id).toBe(store.object(1000).row.id);
  rows.want(1000, 1030);
  expect(asked).toHaveLength(1);
});

test("what nobody sees any more isn't waited for", async () => {
  const { rows, asked, settle } = asking();
  rows.start(page(0, 150, "a"));
  rows.want(3000, 3010);
  rows.want(9000, 9010);
  expect(asked[0]?.signal.aborted).toBe(true);
  await settle();
  expect(asked[1]?.first).toBe(9000);
});

test("two windows are asked for at once, and no more", () => {
  const { rows, asked } = asking();
  rows.start(page(0, 150, "a"));
  rows.want(3000, 4000);
  expect(asked).toHaveLength(2);
});

test("another list takes the place of the old one when it is here, not before", async () => {
  const { rows, asked, settle } = asking();
  rows.start(page(0, 150, "a"));
  void rows.reload(0);
  expect(rows.at(0)).toBeDefined();
  expect(rows.loading.value).toBe(true);
  asked[0]?.answer(page(0, 150, "b", { total: 3 }));
  await settle();
  expect([rows.total, rows.loading.value, rows.at(3)]).toEqual([3, false, undefined]);
});

test("of two lists that are asked for the later one counts, whichever comes first", async () => {
  const { rows, asked, settle } = asking();
  rows.start(page(0, 150, "a"));
  void rows.reload(0);
  void rows.reload(0);
  expect(asked[0]?.signal.aborted).toBe(true);
  asked[1]?.answer(page(0, 150, "c", { total: 7 }));
  asked[0]?.answer(page(0, 150, "b", { total: 3 }));
  await settle();
  expect(rows.total).toBe(7);
});

test("when the list as it was is known no more, what is here of it goes", async () => {
  const { rows, asked, settle } = asking();
  rows.start(page(0, 150, "a"));
  rows.want(3000, 3010);
  asked[0]?.answer(page(3000, WINDOW, "b"));
  await settle();
  expect(rows.at(0)).toBeUndefined();
  expect(rows.at(3000)).toBeDefined();
  expect(rows.totals.value?.asOf).toBe("b");
});

test("what the first answer left out of its window is fetched", () => {
  const { rows, asked } = asking();
  rows.start(page(0, 100, "a"));
  rows.want(90, 130);
  expect(asked.map(({ first }) => first)).toEqual([0]);
});

test("a window that isn't full is asked for again when the list has grown, not before", async () => {
  const { rows, asked, settle } = asking();
  rows.start(page(0, 40, "a", { total: 100 }));
  const some = page(0, 40, "a", { total: 100 });
  rows.want(0, 100);
  asked[0]?.answer(some);
  await settle();
  rows.want(0, 100);
  expect(asked).toHaveLength(1);
  void rows.recount();
  asked[1]?.answer(page(0, 1, "a", { total: 120, exact: false }));
  await settle();
  expect(rows.at(20)).toBeDefined();
  rows.want(0, 100);
  expect(asked[2]?.first).toBe(0);
});

test("a million rows are never all here", async () => {
  const { rows, asked, settle } = asking();
  rows.start(page(0, 150, "a"));
  for (let window = 1; window < 60; window++) {
    rows.want(window * WINDOW, window * WINDOW + 10);
    asked.at(-1)?.answer(page(window * WINDOW, WINDOW, "a"));
    await settle();
  }
  expect([...rows.loaded()].length).toBeLessThanOrEqual(40 * WINDOW);
  expect(rows.at(59 * WINDOW)).toBeDefined();
});

test("a failure is told, and the next answer takes it back", async () => {
  const { rows, asked, settle } = asking();
  rows.start(page(0, 150, "a"));
  const told = vi.fn();
  rows.error.subscribe(told);
  rows.want(3000, 3010);
  asked[0]?.fail(new Error("503"));
  await settle();
  expect(rows.error.value?.message).toBe("503");
  void rows.reload(0);
  asked[1]?.answer(page(0, 150, "b"));
  await settle();
  expect(rows.error.value).toBeNull();
});

test("a list that is known no more as it was has changed, and stays as it is shown", async () => {
  const { rows, asked, settle } = asking();
  rows.start(page(0, 150, "a"));
  void rows.recount();
  asked[0]?.answer(page(0, 1, "b"));
  await settle();
  expect(rows.totals.value).toMatchObject({ asOf: "a", newer: true });
});
