/** A browser over a made-up kernel, by a clock that tests wind on: opened in each test, closed after it. */

import { afterEach, beforeEach, vi } from "vitest";
import { FakeKernel, type Manner } from "../dev/fakeKernel.ts";
import type { Row } from "../protocol.ts";
import { Browser } from "./browser.ts";

export let b: Browser;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  b.close();
  vi.useRealTimers();
});

export async function open(manner: Partial<Manner> = {}): Promise<FakeKernel> {
  const kernel = new FakeKernel({ objects: 500, ...manner });
  b = new Browser(kernel);
  void b.start();
  await vi.advanceTimersByTimeAsync(100);
  return kernel;
}

/** What the kernel was asked by this name. */
export const heard = (kernel: FakeKernel, op: string) =>
  kernel.heard.filter((each) => each.op === op).map(({ args }) => args);

export const rest = (ms = 200) => vi.advanceTimersByTimeAsync(ms);

export function row(at: number): Row {
  const found = b.rows.at(at);
  if (!found) throw new Error(`no row ${at}`);
  return found;
}
