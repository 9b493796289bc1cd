import { afterEach, expect, test, vi } from "vitest";
import { FakeModel } from "../shared/fakeModel.ts";
import widget from "./index.ts";

const BUTTONS = "[data-lm-suppress-shortcuts]";

let end = () => {};

afterEach(() => {
  end();
  document.body.replaceChildren();
});

function output(...keys: string[]): HTMLElement {
  const card = document.createElement("div");
  for (const key of keys) {
    const slot = document.createElement("span");
    slot.className = "rl-v-id rl-slot";
    slot.hidden = true;
    slot.textContent = key;
    card.append(slot);
  }
  document.body.append(card);
  return card;
}

function open(): FakeModel {
  const model = new FakeModel({ prefix: "3fa9-" });
  end = widget.initialize({ model });
  return model;
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
}

const buttons = () => document.querySelectorAll(BUTTONS).length;

test("a kernel that answers gets its buttons, and no other kernel's", async () => {
  output("3fa9-0", "b01e-0", "");
  const model = open();
  expect(buttons()).toBe(0);
  model.reply(0, { kind: "ok", value: null });
  await settled();
  expect(buttons()).toBe(1);
  expect(document.querySelector(`.rl-slot + ${BUTTONS}`)?.previousSibling?.textContent).toBe("3fa9-0");
});

test("a kernel that is gone gets none", async () => {
  output("3fa9-0");
  open().turn();
  await settled();
  expect(buttons()).toBe(0);
});

test("outputs that appear later get theirs, and one that comes back keeps its own", async () => {
  const model = open();
  model.reply(0, { kind: "ok", value: null });
  await settled();
  const card = output("3fa9-0", "3fa9-1");
  await settled();
  expect(buttons()).toBe(2);
  card.remove();
  await settled();
  expect(buttons()).toBe(0);
  document.body.append(card);
  await settled();
  expect(buttons()).toBe(2);
});

test("a click asks for the link of its own slot", async () => {
  vi.stubGlobal("navigator", {});
  document.execCommand = () => true;
  output("3fa9-0", "3fa9-1");
  const model = open();
  model.reply(0, { kind: "ok", value: null });
  await settled();
  const second = document.querySelectorAll(BUTTONS)[1] as HTMLElement;
  second.shadowRoot?.querySelector("button")?.click();
  expect(model.sent[1]).toMatchObject({ op: "reveal", args: { slot: "3fa9-1" } });
  model.reply(1, { kind: "ok", value: "https://store/x" });
  await settled();
  expect(second.shadowRoot?.querySelector("[role=status]")?.textContent).toBe("Copied");
  vi.unstubAllGlobals();
});

test("a model that ends takes its buttons along and listens no more", async () => {
  output("3fa9-0");
  const model = open();
  model.reply(0, { kind: "ok", value: null });
  await settled();
  end();
  output("3fa9-1");
  await settled();
  expect(buttons()).toBe(0);
  expect(model.listeners).toBe(0);
});
