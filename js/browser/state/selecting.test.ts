import { expect, test } from "vitest";
import { b, heard, open, rest, row } from "./opened.ts";
import { only, rowsOf } from "./selection.ts";

test("what is selected is told once it rests, in the order of the list", async () => {
  const kernel = await open();
  b.select(only(3, row(3)));
  b.select({ chosen: new Map([4, 2].map((at) => [row(at).id, { row: row(at), at }])), active: 2, anchor: 2 });
  await rest();
  expect(heard(kernel, "selected")).toEqual([{ ids: [row(2).id, row(4).id] }]);
});

test("all is all of a list that can be here, loaded or not", async () => {
  await open();
  void b.selectAll();
  await rest();
  expect(b.selection.value.chosen.size).toBe(500);
  expect(b.notices.notice.value?.text).toBe("500 objects selected");
});

test("all of a longer list is what is loaded, and that is said", async () => {
  await open({ objects: 6000 });
  void b.selectAll();
  await rest();
  expect(b.selection.value.chosen.size).toBe(100);
  expect(b.notices.notice.value?.text).toBe("the 100 loaded of 6,000 are selected");
});

test("all of a list that isn't counted yet is what is loaded", async () => {
  await open({ exact: false });
  void b.selectAll();
  await rest();
  expect(b.notices.notice.value?.text).toBe("the 100 loaded of at least 500 are selected");
});

test("whoever selects something else meanwhile has that", async () => {
  await open({ latency: 50 });
  void b.selectAll();
  b.select(only(3, row(3)));
  await rest(1000);
  expect(rowsOf(b.selection.value)).toEqual([row(3)]);
});

test("a range over rows that aren't here is selected whole when they have come", async () => {
  await open({ latency: 20 });
  b.select(only(90, row(90)));
  void b.selectTo(320);
  expect(b.selection.value.chosen.size).toBe(10);
  await rest(500);
  expect(b.selection.value.chosen.size).toBe(231);
  expect(b.notices.notice.value).toBeNull();
});

test("of ranges that grow one after the other only the last is brought, and nothing is said to be missing", async () => {
  const kernel = await open({ latency: 20 });
  b.select(only(90, row(90)));
  for (const to of [200, 300, 400]) void b.selectTo(to);
  await rest(500);
  expect(b.selection.value.chosen.size).toBe(311);
  expect(b.notices.notice.value).toBeNull();
  expect(heard(kernel, "cancel")).toHaveLength(2);
});

test("the keyboard stays where it went while the list was had anew", async () => {
  const kernel = await open();
  b.select(only(2, row(2)));
  kernel.manner.busy = true;
  kernel.add({ name: "brand new" });
  void b.refresh();
  await rest();
  const went = row(7);
  b.select(only(7, went));
  kernel.rest();
  await rest();
  expect(row(8).id).toBe(went.id);
  expect(b.selection.value).toMatchObject({ active: 8, anchor: 8 });
});

test("in another order what is selected stays selected, where it is now", async () => {
  const kernel = await open();
  const one = row(4);
  b.select(only(4, one));
  void b.ask({ order: "name", descending: false });
  await rest();
  const at = [...b.rows.loaded()].find(([, { id }]) => id === one.id)?.[0] ?? -1;
  expect(rowsOf(b.selection.value).map(({ id }) => id)).toEqual([one.id]);
  expect(b.selection.value.active).toBe(at);
  void b.ask({ order: "name", descending: false, search: "val" });
  await rest();
  expect(b.selection.value.chosen.size).toBe(0);
  expect(heard(kernel, "selected").at(-1)).toEqual({ ids: [] });
});

test("what is selected right after Enter stays selected", async () => {
  await open();
  b.search.type("v");
  await rest(20);
  b.search.type("val");
  b.search.enter();
  b.select(only(0, row(0)));
  const { id } = row(0);
  await rest(500);
  expect([...b.rows.loaded()].every(([, { name }]) => name.includes("val"))).toBe(true);
  expect(rowsOf(b.selection.value).map((each) => each.id)).toEqual([id]);
});
