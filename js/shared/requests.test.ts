import { expect, test } from "vitest";
import { FakeModel } from "./fakeModel.ts";
import { isCancelled, KernelGone, Refused, Requests } from "./requests.ts";

test("a reply reaches whoever asked, whatever the order", async () => {
  const model = new FakeModel();
  const requests = new Requests(model);
  const [first, second] = [requests.ask("a"), requests.ask("b", { x: 1 })];
  expect(model.sent).toMatchObject([
    { v: 1, op: "a", args: {} },
    { v: 1, op: "b", args: { x: 1 } },
  ]);
  model.reply(1, { kind: "ok", value: "for b" });
  model.reply(0, { kind: "ok", value: "for a" });
  expect(await Promise.all([first, second])).toEqual(["for a", "for b"]);
});

test("a refusal has the name of the kernel's error and what it says", async () => {
  const model = new FakeModel();
  const answer = new Requests(model).ask("a");
  model.reply(0, { kind: "err", error: "LinkExpired", message: "it is over" });
  await expect(answer).rejects.toMatchObject({ name: "LinkExpired", message: "it is over" });
  await expect(answer).rejects.toBeInstanceOf(Refused);
});

test("a bug in the kernel is named, for it says nothing of itself", async () => {
  const model = new FakeModel();
  const answer = new Requests(model).ask("a");
  model.reply(0, { kind: "err", error: "ZeroDivisionError", message: "" });
  await expect(answer).rejects.toThrow("ZeroDivisionError in the kernel");
});

test("what is no reply, or is for another front end, is passed over", async () => {
  const model = new FakeModel();
  const answer = new Requests(model).ask("a");
  const { rid } = model.sent[0] as { rid: string };
  for (const message of [null, 1, "x", {}, { v: 2, rid, kind: "ok" }, { v: 1, rid, kind: "event" }, { v: 1, rid: 7 }])
    model.say(message);
  model.say({ v: 1, rid: "another", kind: "ok", value: "not for you" });
  model.reply(0, { kind: "ok", value: "for you" });
  model.reply(0, { kind: "ok", value: "twice" });
  expect(await answer).toBe("for you");
});

test("when the kernel goes, those who wait and those who ask then are told, until it is back", async () => {
  const model = new FakeModel();
  const requests = new Requests(model);
  const waiting = requests.ask("a");
  model.turn();
  await expect(waiting).rejects.toBeInstanceOf(KernelGone);
  await expect(requests.ask("b")).rejects.toBeInstanceOf(KernelGone);
  expect(model.sent).toHaveLength(1);
  model.turn();
  const answer = requests.ask("c");
  model.reply(1, { kind: "ok", value: "back" });
  expect(await answer).toBe("back");
});

test("a front end that can't send says that the kernel is gone", async () => {
  const model = new FakeModel();
  model.send = () => {
    throw new Error("Kernel is disposed");
  };
  await expect(new Requests(model).ask("a")).rejects.toBeInstanceOf(KernelGone);
});

test("closed, it listens no more, and leaves nobody waiting", async () => {
  const model = new FakeModel();
  const requests = new Requests(model);
  const waiting = requests.ask("a");
  requests.close();
  await expect(waiting).rejects.toBeInstanceOf(KernelGone);
  expect(model.listeners).toBe(0);
});

test("progress comes before the answer, each with its own part of the buffers", async () => {
  const model = new FakeModel();
  const progress: unknown[] = [];
  const whole = new Uint8Array([1, 2, 3, 4]).buffer;
  const { answer } = new Requests(model).open("a", {}, { onProgress: (each) => progress.push(each) });
  model.reply(0, { kind: "progress", value: 1 }, [new DataView(whole, 1, 2)]);
  model.reply(0, { kind: "ok", value: 2 }, [new DataView(whole, 3, 1)]);
  model.reply(0, { kind: "progress", value: 3 });
  expect(await answer).toEqual({ value: 2, buffers: [new Uint8Array([4])] });
  expect(progress).toEqual([{ value: 1, buffers: [new Uint8Array([2, 3])] }]);
});

test("more can be said to a request until it is over", async () => {
  const model = new FakeModel();
  const exchange = new Requests(model).open("upload", { size: 3 });
  const chunk = new Uint8Array([1, 2, 3]);
  exchange.send("chunk", { at: 0 }, [chunk]);
  exchange.send("end");
  model.reply(0, { kind: "ok", value: null });
  await exchange.answer;
  exchange.send("late");
  const { rid } = model.sent[0] as { rid: string };
  expect(model.sent.slice(1)).toEqual([
    { v: 1, rid, op: "chunk", args: { at: 0 } },
    { v: 1, rid, op: "end", args: {} },
  ]);
  expect(model.buffers[1]).toEqual([chunk]);
});

test("what is aborted ends at once, and the kernel is told", async () => {
  const model = new FakeModel();
  const stop = new AbortController();
  const answer = new Requests(model).ask("a", {}, { signal: stop.signal });
  stop.abort();
  await expect(answer).rejects.toSatisfy(isCancelled);
  expect(model.sent[1]).toMatchObject({ op: "cancel", rid: (model.sent[0] as { rid: string }).rid });
  model.reply(0, { kind: "err", error: "Cancelled", message: "" });
});

test("what is aborted before it is asked is never sent, and after its answer nothing is cancelled", async () => {
  const model = new FakeModel();
  const requests = new Requests(model);
  await expect(requests.ask("a", {}, { signal: AbortSignal.abort() })).rejects.toSatisfy(isCancelled);
  const stop = new AbortController();
  const answer = requests.ask("b", {}, { signal: stop.signal });
  model.reply(0, { kind: "ok", value: 1 });
  await answer;
  stop.abort();
  expect(model.sent).toHaveLength(1);
});

test("events and the kernel's going and coming are told", () => {
  const model = new FakeModel();
  const requests = new Requests(model);
  const heard: unknown[] = [];
  requests.onEvent = (...event) => heard.push(event);
  requests.onTurn = (live) => heard.push(live);
  model.say({ v: 1, kind: "event", event: "changed", value: { x: 1 } });
  model.turn();
  model.turn();
  expect(heard).toEqual([["changed", { x: 1 }], false, true]);
});
