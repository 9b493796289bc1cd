import { expect, test, vi } from "vitest";
import { UNDO_MS } from "./deeds.ts";
import { b, heard, open, rest, row } from "./opened.ts";
import { only, rowsOf } from "./selection.ts";

test("one answer shows the first rows; facets follow", async () => {
  const kernel = await open();
  expect(b.rows.total).toBe(500);
  expect(row(0).cells).toHaveLength(2);
  expect(b.counts.facets.value?.keys.map(({ key }) => key)).toEqual(["project", "model", "rl.kind"]);
  expect(heard(kernel, "page")).toEqual([]);
});

test("typing asks at once, passes over letters in a row, and asks for the last", async () => {
  const kernel = await open();
  for (const text of ["v", "va", "val"]) {
    b.search.type(text);
    await rest(30);
  }
  await rest();
  expect(heard(kernel, "page").map(({ query }) => query)).toEqual([{ search: "v" }, { search: "val" }]);
  expect([...b.rows.loaded()].every(([, { name }]) => name.includes("val"))).toBe(true);
});

test("the kernel is told once of a list that its user asked for, also where the first request failed", async () => {
  const kernel = await open();
  const told = () => heard(kernel, "page").map(({ query, shown }) => [query, shown]);
  kernel.manner.fail.page = "503";
  void b.ask({ search: "val" });
  await rest();
  kernel.manner.fail = {};
  void b.refresh();
  await rest();
  void b.refresh();
  await rest();
  const query = { search: "val" };
  expect(told()).toEqual([
    [query, true],
    [query, true],
    [query, false],
  ]);
});

test("an answer to what is asked for no more is never shown", async () => {
  const kernel = await open({ latency: 50 });
  void b.ask({ search: "penguins" });
  await rest(20);
  void b.ask({ search: "notes" });
  await rest(500);
  expect(row(0).name).toContain("notes");
  expect(heard(kernel, "cancel").length).toBeGreaterThan(0);
});

test("Enter makes a chip of a condition, and of a name nothing", async () => {
  await open();
  b.search.type("acc>0.9");
  expect(b.search.enter()).toBe(true);
  expect(b.query.value).toEqual({ conditions: [{ key: "acc", sign: ">", values: ["0.9"] }] });
  expect(b.search.text.value).toBe("");
  b.search.type("val");
  expect(b.search.enter()).toBe(false);
});

test("a suggested key asks for its values, and a value becomes a chip", async () => {
  await open();
  b.search.take({ sort: "key", text: "model", key: "", n: 1 });
  await rest();
  expect(b.search.text.value).toBe("model=");
  const [first] = b.search.suggestions.value;
  expect(first).toMatchObject({ sort: "value", key: "model" });
  if (first) b.search.take(first);
  expect(b.query.value.where).toEqual({ model: [first?.text] });
});

test("a key with a sign in it is quoted", async () => {
  await open();
  b.search.take({ sort: "key", text: "loss>raw", key: "", n: 1 });
  expect(b.search.text.value).toBe('"loss>raw"=');
});

test("Python's selection, query and columns are taken, and not told back", async () => {
  const kernel = await open();
  kernel.tell("set", { selection: [row(5).id] });
  await rest();
  expect(rowsOf(b.selection.value)).toEqual([row(5)]);
  kernel.tell("set", { query: { search: "val" }, columns: ["project"] });
  await rest();
  expect([b.search.text.value, row(0).cells.length]).toEqual(["val", 1]);
  expect(heard(kernel, "selected")).toEqual([]);
  expect(heard(kernel, "page").map(({ shown }) => shown)).toEqual([false]);
});

test("new objects are offered and move nothing until they are asked for", async () => {
  const kernel = await open({ newer: true });
  const before = row(0).id;
  kernel.add({ name: "brand new" });
  kernel.tell("changed", { fresh: { indexed: 501, whole: true, walking: false, looked: null, trouble: null } });
  await rest(1500);
  expect([row(0).id, b.rows.totals.value?.newer]).toEqual([before, true]);
  await Promise.all([b.refresh(), rest()]);
  expect(row(0).name).toBe("brand new");
});

test("a list with room below takes new objects by itself", async () => {
  const kernel = await open({ objects: 3, newer: true });
  kernel.add({ name: "brand new" });
  kernel.tell("changed", { fresh: { indexed: 4, whole: true, walking: false, looked: null, trouble: null } });
  await rest(1500);
  expect(row(0).name).toBe("brand new");
});

test("rows that came before they were counted are counted soon after", async () => {
  const kernel = await open({ exact: false });
  void b.ask({ search: "val" });
  await rest(100);
  kernel.manner.exact = true;
  await rest(400);
  expect(b.rows.totals.value?.exact).toBe(true);
});

test("while the count isn't exact it is asked for now and then", async () => {
  const kernel = await open({ exact: false });
  await rest(5000);
  const n = heard(kernel, "page").length;
  expect(n).toBeGreaterThan(1);
  expect(n).toBeLessThan(8);
  kernel.manner.exact = true;
  await rest(3000);
  const then = heard(kernel, "page").length;
  await rest(5000);
  expect(heard(kernel, "page").length).toBe(then);
});

test("a delete is sent when nobody has undone it for a while", async () => {
  const kernel = await open();
  const doomed = row(0);
  b.deeds.doom([doomed]);
  await rest(UNDO_MS - 1);
  expect(heard(kernel, "delete")).toEqual([]);
  await rest(500);
  expect(heard(kernel, "delete")).toEqual([{ ids: [doomed.id] }]);
  expect(row(0).id).not.toBe(doomed.id);
});

test("what is undone is never sent", async () => {
  const kernel = await open();
  b.deeds.doom([row(0)]);
  await rest(3000);
  b.deeds.undo();
  await rest(20_000);
  expect(heard(kernel, "delete")).toEqual([]);
});

test("a view that closes while it can be undone deletes nothing", async () => {
  const kernel = await open();
  b.deeds.doom([row(0)]);
  b.close();
  await rest(20_000);
  expect(heard(kernel, "delete")).toEqual([]);
});

test("a second delete doesn't take back the first", async () => {
  const kernel = await open();
  const [one, two] = [row(0), row(1)];
  b.deeds.doom([one]);
  b.deeds.doom([two]);
  await rest(UNDO_MS + 500);
  expect(heard(kernel, "delete")).toEqual([{ ids: [one.id] }, { ids: [two.id] }]);
});

test("a kernel that doesn't answer is said to be busy after 300 ms, until it answers", async () => {
  const kernel = await open();
  kernel.manner.busy = true;
  void b.ask({ search: "val" });
  await rest(290);
  expect(b.session.busy.value).toBe(false);
  await rest(20);
  expect(b.session.busy.value).toBe(true);
  kernel.rest();
  await rest();
  expect(b.session.busy.value).toBe(false);
});

test("a kernel that is gone is said to be, what was there stays, and when it is back all is asked anew", async () => {
  const kernel = await open();
  kernel.turn();
  expect(b.session.gone.value).toBe(true);
  expect(b.rows.total).toBe(500);
  kernel.turn();
  await rest();
  expect(b.session.gone.value).toBe(false);
  expect(heard(kernel, "hello")).toHaveLength(2);
});

test("a list that can't be had can be tried again", async () => {
  const kernel = await open();
  kernel.manner.fail.page = "503";
  void b.ask({ search: "val" });
  await rest();
  expect(b.rows.error.value?.message).toBe("503");
  kernel.manner.fail = {};
  b.retry();
  await rest();
  expect(b.rows.error.value).toBeNull();
  expect(row(0).name).toContain("val");
});

test("a store that is there again is asked again by itself", async () => {
  const fresh = { indexed: 500, whole: true, walking: false, looked: null, trouble: null };
  const kernel = await open({ fail: { hello: "503" } });
  expect(b.failed.value?.message).toBe("503");
  kernel.tell("changed", { fresh: { ...fresh, trouble: "503" } });
  await rest();
  expect(heard(kernel, "hello")).toHaveLength(1);
  kernel.manner.fail = {};
  kernel.tell("changed", { fresh });
  await rest();
  expect([b.failed.value, b.rows.total]).toEqual([null, 500]);
});

test("while somebody walks down the list nothing is looked into", async () => {
  const kernel = await open();
  for (let at = 0; at < 5; at++) {
    b.select(only(at, row(at)));
    await rest(40);
  }
  await rest();
  expect(heard(kernel, "facts")).toEqual([{ id: row(4).id }]);
  expect(heard(kernel, "preview")).toEqual([{ id: row(4).id }]);
  b.select(only(3, row(3)));
  await rest();
  b.select(only(4, row(4)));
  await rest();
  expect(heard(kernel, "preview")).toHaveLength(2);
});

test("a link is written to the clipboard and is nowhere else", async () => {
  const kernel = await open();
  const written: string[] = [];
  vi.stubGlobal("navigator", { clipboard: { writeText: async (text: string) => written.push(text) } });
  await Promise.all([b.deeds.copyLink(row(0), 3600, new AbortController().signal), rest()]);
  expect(written).toEqual(["https://store.example/secret?signature=1"]);
  expect(b.notices.notice.value?.text).toBe("link copied · only on this computer");
  expect(heard(kernel, "link")).toEqual([{ id: row(0).id, expires: 3600 }]);
  vi.unstubAllGlobals();
});

test("another key's facet joins those that are shown", async () => {
  const kernel = await open();
  b.counts.add("split seed");
  await rest();
  expect(heard(kernel, "facets").at(-1)?.keys).toEqual(["project", "model", "rl.kind", "split seed"]);
  expect(b.counts.facets.value?.keys.map(({ key }) => key)).toContain("split seed");
});

test("counts that are lower bounds are asked for again a few times, ever more seldom", async () => {
  const kernel = await open({ objects: 30_000 });
  await rest(60_000);
  const { length } = heard(kernel, "facets");
  expect(length).toBeGreaterThan(2);
  expect(length).toBeLessThan(8);
});

test("the count that is shown is that of the list that is shown", async () => {
  const kernel = await open();
  kernel.manner.busy = true;
  void b.ask({ search: "val" });
  expect(b.shownNarrowed.value).toBe(false);
  kernel.rest();
  await rest();
  expect(b.shownNarrowed.value).toBe(true);
});

test("of many files that arrive not each is a reason to ask for the list", async () => {
  const kernel = await open({ speed: 1e9 });
  const wish = (name: string) => ({ name, file: new File(["x"], name), metadata: {}, ttl: null });
  b.moves.send(Array.from({ length: 40 }, (_, at) => wish(`f${at}`)));
  await rest(3000);
  expect(b.moves.own.value.every(({ state }) => state === "done")).toBe(true);
  expect(heard(kernel, "page").length).toBeLessThan(5);
  expect(b.rows.total).toBe(540);
});

test("cells stand under their own key until rows of other columns are here, also where those can't be had", async () => {
  const kernel = await open();
  kernel.manner.busy = true;
  b.showColumns(["acc"]);
  await rest();
  expect([b.columns.value, b.shownColumns.value, row(0).cells.length]).toEqual([["acc"], ["model", "acc"], 2]);
  kernel.manner.fail.page = "503";
  kernel.rest();
  await rest();
  expect([b.shownColumns.value, row(0).cells.length]).toEqual([["model", "acc"], 2]);
  kernel.manner.fail = {};
  b.retry();
  await rest();
  expect([b.shownColumns.value, row(0).cells.length]).toEqual([["acc"], 1]);
});

test("what is said of an object is asked for anew with the list, and stays meanwhile", async () => {
  const kernel = await open();
  b.select(only(0, row(0)));
  await rest();
  const before = b.look.facts.value;
  kernel.manner.busy = true;
  void b.refresh();
  await rest();
  expect(b.look.facts.value).toBe(before);
  kernel.rest();
  await rest();
  expect(heard(kernel, "facts")).toHaveLength(2);
  expect(heard(kernel, "preview")).toHaveLength(1);
});

test("a look that a gone kernel can't answer says so", async () => {
  const kernel = await open();
  kernel.turn();
  b.select(only(0, row(0)));
  await rest();
  expect(b.look.seen.value).toEqual({ failed: "the kernel is gone: run the cell again" });
});

test("what is suggested stays until there is better", async () => {
  await open();
  b.search.type("m");
  await rest();
  const seen: number[] = [];
  const stop = b.search.suggestions.subscribe((all) => seen.push(all.length));
  b.search.type("mo");
  await rest();
  stop();
  expect(Math.min(...seen)).toBeGreaterThan(0);
  b.search.type("");
  await rest();
  expect(b.search.suggestions.value).toEqual([]);
});

test("of several that are to be kept the one that fails is told", async () => {
  const kernel = await open();
  const keeping = b.deeds.keep([row(0), row(1)]);
  kernel.manner.fail.keep = "no room";
  await Promise.all([keeping, rest()]);
  expect(b.notices.notice.value).toEqual({ text: "2 objects couldn't be kept: no room", bad: true });
});

test("a kernel that counts for long isn't said to be busy", async () => {
  const kernel = await open();
  kernel.manner.busy = true;
  void b.counts.ask();
  await rest(1000);
  expect(b.session.busy.value).toBe(false);
});
