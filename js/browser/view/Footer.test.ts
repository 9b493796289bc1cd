import { expect, test } from "vitest";
import { counted } from "./Footer.tsx";

const fresh = { indexed: 8214, whole: true, walking: false, looked: null, trouble: null };
const all = { total: 8214, objects: 8214, exact: true, fresh };

test.each([
  [all, false, "8,214 objects"],
  [{ ...all, total: 1, objects: 1, fresh: { ...fresh, indexed: 1 } }, false, "1 object"],
  [{ ...all, total: 7 }, false, "8,214 objects in 7 names"],
  [{ ...all, total: 612, objects: 612 }, true, "612 of 8,214 objects"],
  [{ ...all, total: 0, objects: 0 }, true, "0 of 8,214 objects"],
  [{ ...all, exact: false }, false, "≥ 8,214 objects"],
  [{ ...all, fresh: { ...fresh, whole: false, walking: true } }, false, "8,214 of ≥ 8,214, indexing…"],
  [{ ...all, total: 5, objects: 5, fresh: { ...fresh, whole: false } }, true, "5 of ≥ 8,214, not all indexed"],
])("%j is said as it is known: %#", (totals, narrowed, words) => {
  expect(counted(totals, narrowed)).toBe(words);
});
