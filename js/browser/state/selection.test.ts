import { expect, test } from "vitest";
import { MadeUpStore } from "../dev/store.ts";
import { bytes, ids, NOTHING, only, ranged, toggled } from "./selection.ts";

const store = new MadeUpStore(100, 0);
const row = (at: number) => store.object(at).row;
const at = (index: number) => (index === 3 ? null : index < 6 ? row(index) : undefined);

test("ids come in the order of the list, whatever the order of the clicks", () => {
  const selection = toggled(toggled(only(5, row(5)), 1, row(1)), 3, row(3));
  expect(ids(selection)).toEqual([row(1).id, row(3).id, row(5).id]);
});

test("a second toggle takes a row away and leaves the keyboard there", () => {
  const selection = toggled(only(5, row(5)), 5, row(5));
  expect(selection.chosen.size).toBe(0);
  expect(selection.active).toBe(5);
});

test("a range goes both ways from its anchor, and back", () => {
  const far = ranged(only(2, row(2)), 5, at).selection;
  expect(ids(far)).toEqual([row(2).id, row(4).id, row(5).id]);
  expect(ids(ranged(far, 1, at).selection)).toEqual([row(1).id, row(2).id]);
});

test("a range says how many of its rows weren't here", () => {
  expect(ranged(only(4, row(4)), 9, at).missing).toBe(4);
});

test("a range without an anchor is its end", () => {
  expect(ids(ranged(NOTHING, 2, at).selection)).toEqual([row(2).id]);
});

test("bytes are added up where all are known", () => {
  expect(bytes(toggled(only(0, { ...row(0), size: 3 }), 1, { ...row(1), size: 4 }))).toBe(7);
  expect(bytes(only(0, { ...row(0), size: null }))).toBeNull();
});
