import { expect, test } from "vitest";
import { FakeModel } from "./fakeModel.ts";
import { KernelGone, Refused, Requests } from "./requests.ts";

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
