import { expect, test } from "vitest";
import { distinct, dropped, picked } from "./files.ts";

const file = (name: string, path = "") =>
  Object.defineProperty(new File(["x"], name), "webkitRelativePath", { value: path });

/** A folder as a browser hands it over: its entries a few at a time. */
function folder(name: string, entries: object[]): object {
  const batches = [entries.slice(0, 1), entries.slice(1), []];
  return {
    name,
    isDirectory: true,
    createReader: () => ({ readEntries: (take: (entries: object[]) => void) => take(batches.shift() ?? []) }),
  };
}

const entry = (name: string) => ({ name, isFile: true, file: (take: (file: File) => void) => take(file(name)) });

function drop(entries: object[], files: File[] = []): DataTransfer {
  return { items: entries.map((each) => ({ webkitGetAsEntry: () => each })), files } as unknown as DataTransfer;
}

test("dropped files have their names", async () => {
  expect((await dropped(drop([entry("a.csv")], [file("a.csv")]))).map(({ path }) => path)).toEqual(["a.csv"]);
});

test("of a dropped folder all files come, with the folders they are in", async () => {
  const tree = folder("run", [entry("a.csv"), folder("deep", [entry("b.csv")]), entry("c.csv")]);
  const all = await dropped(drop([tree, entry("d.csv")]));
  expect(all.map(({ path }) => path)).toEqual(["run/a.csv", "run/deep/b.csv", "run/c.csv", "d.csv"]);
});

test("of a chosen folder they do too", () => {
  const files = [file("a.csv", "run/a.csv"), file("b.csv")] as unknown as FileList;
  expect(picked(files).map(({ path }) => path)).toEqual(["run/a.csv", "b.csv"]);
});

test("of files that are called the same each has a path of its own", () => {
  const all = ["a.csv", "a.csv", "a (2).csv", "b/c", "b/c"].map((path) => ({ path, file: file(path) }));
  expect(distinct(all).map(({ path }) => path)).toEqual(["a.csv", "a (2).csv", "a (2) (2).csv", "b/c", "b/c (2)"]);
});
