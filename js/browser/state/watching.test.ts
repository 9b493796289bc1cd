import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeKernel } from "../dev/fakeKernel.ts";
import { Browser } from "./browser.ts";
import { WATCHING_MS } from "./watching.ts";

let b: Browser;
let kernel: FakeKernel;
let seen: boolean;

beforeEach(async () => {
  vi.useFakeTimers();
  seen = true;
  kernel = new FakeKernel({ objects: 500 });
  b = new Browser(kernel, () => seen);
  void b.start();
  await vi.advanceTimersByTimeAsync(100);
});

afterEach(() => {
  b.close();
  vi.useRealTimers();
});

const times = (op: string) => kernel.heard.filter((each) => each.op === op).length;
const rest = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const hide = async (for_: number) => {
  seen = false;
  await rest(for_);
};

test("while a view is seen its kernel is told so once a minute", async () => {
  await rest(3 * WATCHING_MS + 1500);
  expect(times("watching")).toBe(3);
});

test("of a view that nobody sees a kernel hears nothing, whatever it says", async () => {
  kernel.manner.exact = false;
  kernel.manner.walking = true;
  void b.refresh();
  await rest(3000);
  seen = false;
  await rest(5000);
  const before = kernel.heard.length;
  for (let minute = 0; minute < 10; minute++) {
    kernel.tell("changed", { fresh: {} as never });
    await rest(60_000);
  }
  expect(kernel.heard.slice(before)).toEqual([]);
});

test("a view that is seen again says so at once, and asks what has changed", async () => {
  await hide(20 * 60_000);
  const pages = times("page");
  seen = true;
  document.dispatchEvent(new Event("visibilitychange"));
  await rest(100);
  expect(times("watching")).toBe(1);
  expect(times("page")).toBe(pages + 1);
});

test("one that comes back into its document is noticed, of which nobody tells", async () => {
  await hide(20 * 60_000);
  seen = true;
  await rest(1500);
  expect(times("watching")).toBe(1);
});

test("a kernel that is busy is told once, and isn't called busy for it", async () => {
  kernel.manner.busy = true;
  await rest(5 * WATCHING_MS);
  expect(times("watching")).toBe(1);
  expect(b.session.busy.value).toBe(false);
});

test("a closed view says nothing more", async () => {
  b.close();
  const before = kernel.heard.length;
  await rest(2 * WATCHING_MS);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(kernel.heard.slice(before)).toEqual([]);
});
