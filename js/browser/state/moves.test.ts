import { afterEach, expect, test, vi } from "vitest";
import { FakeKernel, type Manner } from "../dev/fakeKernel.ts";
import type { Transfer } from "../protocol.ts";
import { Moves } from "./moves.ts";
import { upload } from "./moving.ts";
import { Session } from "./session.ts";

let end = () => {};

afterEach(() => end());

function begin(manner: Partial<Manner> = {}) {
  const kernel = new FakeKernel({ objects: 10, latency: 0, speed: 1e9, ...manner });
  const session = new Session(kernel);
  const moves = new Moves(session);
  moves.chunkBytes = 1000;
  end = () => {
    moves.close();
    session.close();
  };
  const wish = (name: string, size: number) => ({
    name,
    file: new File([new Uint8Array(size)], name),
    metadata: { a: "b" },
    ttl: "7d",
  });
  const states = () => moves.own.value.map(({ state }) => state);
  return { kernel, session, moves, wish, states };
}

test("a file goes in chunks, with its name, metadata and time, and is there", async () => {
  const { kernel, moves, wish, states } = begin();
  moves.send([wish("a/b.csv", 4500)]);
  await vi.waitFor(() => expect(states()).toEqual(["done"]));
  expect(kernel.heard[0]).toMatchObject({
    op: "upload",
    args: { name: "a/b.csv", size: 4500, metadata: { a: "b" }, ttl: "7d" },
  });
  expect(kernel.heard.map(({ op }) => op)).toEqual(["upload", ...Array(5).fill("chunk"), "end"]);
  expect(kernel.store.added[0]?.row).toMatchObject({ name: "a/b.csv", size: 4500 });
});

test("an empty file goes too", async () => {
  const { kernel, moves, wish, states } = begin();
  moves.send([wish("empty", 0)]);
  await vi.waitFor(() => expect(states()).toEqual(["done"]));
  expect(kernel.heard.map(({ op }) => op)).toEqual(["upload", "end"]);
});

test("no more chunks are under way than were granted", async () => {
  const { kernel, session, wish } = begin({ speed: 1 });
  void upload(
    session,
    wish("x", 9000).file,
    { name: "x", size: 9000, type: "", metadata: {}, ttl: null },
    1000,
    new AbortController().signal,
    () => {},
  ).catch(() => {});
  await vi.waitFor(() => expect(kernel.heard.filter(({ op }) => op === "chunk")).toHaveLength(4));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(kernel.heard.filter(({ op }) => op === "chunk")).toHaveLength(4);
});

test("two files go at once; the third waits for its turn", async () => {
  const { moves, wish, states } = begin({ speed: 1 });
  moves.send([wish("a", 2000), wish("b", 2000), wish("c", 2000)]);
  expect(states()).toEqual(["running", "running", "waiting"]);
  const [first] = moves.own.value;
  moves.cancel(first?.id ?? "");
  await vi.waitFor(() => expect(states()).toEqual(["cancelled", "running", "running"]));
});

test("what is cancelled is cancelled in the kernel, and can be tried again", async () => {
  const { kernel, moves, wish, states } = begin({ speed: 1000 });
  moves.send([wish("a", 2000)]);
  await vi.waitFor(() => expect(kernel.heard.some(({ op }) => op === "chunk")).toBe(true));
  const { id } = moves.own.value[0] as { id: string };
  moves.cancel(id);
  expect(kernel.heard.at(-1)?.op).toBe("cancel");
  kernel.manner.speed = 1e9;
  moves.retry(id);
  await vi.waitFor(() => expect(states()).toEqual(["done"]));
});

test("a failure says why, and the others go on", async () => {
  const { kernel, moves, wish, states } = begin();
  kernel.manner.fail.upload = "the disk is full";
  moves.send([wish("a", 10)]);
  await vi.waitFor(() => expect(moves.own.value[0]?.error).toBe("the disk is full"));
  kernel.manner.fail = {};
  moves.send([wish("b", 10)]);
  await vi.waitFor(() => expect(states()).toEqual(["failed", "done"]));
});

test("a file that can't be read any more ends its upload, in the kernel too", async () => {
  const { kernel, moves, wish } = begin();
  const one = wish("a", 10);
  one.file.slice = () => ({ arrayBuffer: () => Promise.reject(new DOMException("gone", "NotFoundError")) }) as Blob;
  moves.send([one]);
  await vi.waitFor(() => expect(moves.own.value[0]?.error).toContain("can't be read any more"));
  expect(kernel.heard.at(-1)?.op).toBe("cancel");
});

test("a download is all the bytes, asked for a few chunks at a time, under the last part of its name", async () => {
  const { kernel, moves, states } = begin();
  const { row } = kernel.add({ name: "runs/x.bin", size: 3 * (1 << 18) + 5 });
  const saved: { name: string; url: string }[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    saved.push({ name: this.download, url: this.href });
  });
  const made = vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:x");
  moves.fetch(row.id, row.name, row.size);
  await vi.waitFor(() => expect(states()).toEqual(["done"]));
  expect(saved).toEqual([{ name: "x.bin", url: "blob:x" }]);
  expect(made.mock.calls.map(([blob]) => (blob as Blob).size)).toEqual([row.size]);
  expect(kernel.heard[1]).toMatchObject({ op: "grant", args: { n: 4 } });
});

const told: Transfer = {
  id: "k",
  label: "a",
  direction: "put",
  place: "",
  state: "running",
  phase: "",
  done: 0,
  total: null,
  rate: null,
  leftS: null,
  files: 1,
  ofFiles: 1,
  error: null,
  can: [],
};

test("what the kernel tells of a file that this page sends isn't shown twice, also when it is over", () => {
  const { moves, wish } = begin({ speed: 1 });
  const older: Transfer = { ...told, id: "older", state: "done" };
  moves.hear([older]);
  moves.send([wish("a", 2000)]);
  moves.hear([told, { ...told, id: "other", label: "b" }, older]);
  expect(moves.others.value.map(({ id }) => id)).toEqual(["other", "older"]);
  moves.cancel(moves.own.value[0]?.id ?? "");
  moves.hear([{ ...told, state: "cancelled" }, older]);
  expect(moves.others.value.map(({ id }) => id)).toEqual(["older"]);
});

test("what a magic puts under a name that this page has sent is shown", async () => {
  const { moves, wish, states } = begin();
  moves.send([wish("a", 10)]);
  await vi.waitFor(() => expect(states()).toEqual(["done"]));
  moves.hear([{ ...told, state: "done" }]);
  moves.hear([
    { ...told, id: "magic" },
    { ...told, state: "done" },
  ]);
  expect(moves.others.value.map(({ id }) => id)).toEqual(["magic"]);
});

test("clearing takes away what is over of the kernel's too, but for what can still be resumed", () => {
  const { moves } = begin();
  const states = ["running", "done", "cancelled", "failed", "unfinished"] as const;
  moves.hear(states.map((state) => ({ ...told, id: state, state })));
  moves.clear();
  expect(moves.others.value.map(({ id }) => id)).toEqual(["running", "unfinished"]);
});

test("clearing takes away what is over, and nothing that runs", async () => {
  const { kernel, moves, wish, states } = begin();
  moves.send([wish("a", 10)]);
  await vi.waitFor(() => expect(states()).toEqual(["done"]));
  kernel.manner.speed = 1;
  moves.send([wish("b", 5000)]);
  moves.clear();
  expect(moves.own.value.map(({ label }) => label)).toEqual(["b"]);
});
