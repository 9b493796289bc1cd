import { afterEach, expect, test, vi } from "vitest";
import { FakeKernel, type Manner } from "./dev/fakeKernel.ts";
import widget from "./index.tsx";

let end = () => {};

afterEach(() => {
  end();
  document.body.replaceChildren();
});

async function open(manner: Partial<Manner> = {}, ready = true) {
  const kernel = new FakeKernel({ objects: 300, latency: 0, ...manner });
  const el = document.body.appendChild(document.createElement("div"));
  end = widget.render({ model: kernel, el });
  const host = el.firstElementChild as HTMLElement;
  const root = host.shadowRoot as ShadowRoot;
  const find = <T extends HTMLElement>(selector: string) => root.querySelector<T>(selector);
  const all = (selector: string) => [...root.querySelectorAll<HTMLElement>(selector)];
  const seen = (selector: string) => vi.waitFor(() => expect(find(selector)).not.toBeNull());
  if (ready) await seen("[data-at='0']");
  const row = (at: number) => find(`[data-at='${at}']`) as HTMLElement;
  const button = (name: string) =>
    all("button").find(({ textContent, ariaLabel }) => textContent === name || ariaLabel === name) as HTMLElement;
  const press = (key: string, more: KeyboardEventInit = {}) =>
    (root.activeElement ?? row(0)).dispatchEvent(
      new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, composed: true, ...more }),
    );
  return { kernel, el, host, root, find, all, seen, row, button, press };
}

const text = (element: Element | null | undefined) => element?.textContent ?? "";

test("a table of objects is a grid that says how many there are, with few nodes", async () => {
  const { find, all, row } = await open();
  expect(find("[role=grid]")?.getAttribute("aria-rowcount")).toBe("301");
  expect(row(0).getAttribute("aria-rowindex")).toBe("2");
  expect(all("[data-at]").length).toBeLessThanOrEqual(80);
  await vi.waitFor(() => expect(text(find(".footer"))).toContain("300 objects"));
});

test("one row takes the Tab key, and arrows move it", async () => {
  const { all, row, press, root } = await open();
  expect(all("[data-at][tabindex='0']")).toEqual([row(0)]);
  row(0).focus();
  press("ArrowDown");
  press("ArrowDown");
  await vi.waitFor(() => expect((root.activeElement as HTMLElement).dataset.at).toBe("2"));
  press("End");
  await vi.waitFor(() => expect((root.activeElement as HTMLElement).dataset.at).toBe("299"));
  expect(all("[data-at][tabindex='0']")).toHaveLength(1);
});

test("keys pressed in it are no commands to the notebook", async () => {
  const { host, row, press } = await open();
  const heard = vi.fn();
  document.body.addEventListener("keydown", heard);
  row(0).focus();
  press("b");
  document.body.removeEventListener("keydown", heard);
  expect(heard).not.toHaveBeenCalled();
  expect(host.dataset.lmSuppressShortcuts).toBe("true");
});

test("a click selects a row and looks inside", async () => {
  const { row, find } = await open();
  row(1).click();
  await vi.waitFor(() => expect(row(1).getAttribute("aria-selected")).toBe("true"));
  await vi.waitFor(() => expect(text(find(".p dl"))).toContain("created"));
  expect(text(find(".footer"))).toContain("1 selected");
});

test("Shift selects a range, and several have a summary", async () => {
  const { row, find, press } = await open();
  row(1).click();
  row(4).dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
  await vi.waitFor(() => expect(text(find(".p h3"))).toBe("4 objects"));
  press("Escape");
  await vi.waitFor(() => expect(text(find(".p"))).toContain("Select an object"));
});

test("a facet narrows the list, has a chip, and is cleared", async () => {
  const { all, find, kernel, button } = await open();
  await vi.waitFor(() => expect(all(".fv").length).toBeGreaterThan(0));
  all(".fv")
    .find((each) => text(each).startsWith("birds"))
    ?.click();
  await vi.waitFor(() => expect(all(".chip").map(text)).toEqual(["project: birds"]));
  expect(kernel.heard.at(-1)?.args).toMatchObject({ query: { where: { project: ["birds"] } } });
  button("clear").click();
  await vi.waitFor(() => expect(find(".chip")).toBeNull());
});

test("a folder leads into it, and the breadcrumb out", async () => {
  const { all, find, row, button } = await open();
  await vi.waitFor(() => expect(all(".fv").length).toBeGreaterThan(0));
  all(".fv")
    .find((each) => text(each).startsWith("runs/"))
    ?.click();
  await vi.waitFor(() => expect(text(find(".crumbs"))).toBe("embedded store/runs"));
  await vi.waitFor(() => expect(text(row(0))).toContain("runs/"));
  button("embedded store").click();
  await vi.waitFor(() => expect(text(find(".crumbs"))).toContain("all objects"));
});

test("a store with nothing in it says how to put something", async () => {
  const { seen, find } = await open({ objects: 0 }, false);
  await seen(".state");
  expect(text(find(".state"))).toContain("Nothing stored yet");
  expect(text(find(".state code"))).toBe("%rl_put df");
});

test("where nothing fits, the filters can be cleared", async () => {
  const { find, seen, button, row } = await open();
  const box = find<HTMLInputElement>("input[role=combobox]");
  if (box) box.value = "zzz";
  box?.dispatchEvent(new Event("input", { bubbles: true }));
  await seen(".state");
  expect(text(find(".state"))).toContain("Nothing fits");
  button("Clear filters").click();
  await vi.waitFor(() => expect(row(0)).not.toBeNull());
});

test("a kernel that is gone leaves what was there, and says so", async () => {
  const { kernel, find, row } = await open();
  kernel.turn();
  await vi.waitFor(() => expect(text(find("[role=alert]"))).toContain("The kernel is gone"));
  expect(row(0)).not.toBeNull();
});

test("names of strangers are text, whatever is in them", async () => {
  const { kernel, row, root, button } = await open({ newer: true });
  kernel.add({ name: "<img src=x onerror=alert(1)>\u202e", versions: 2 }, { model: "<b>x</b>" });
  kernel.tell("changed", { fresh: { indexed: 301, whole: true, walking: false, looked: null, trouble: null } });
  await vi.waitFor(() => expect(button("list has changed · show")).toBeTruthy());
  button("list has changed · show").click();
  await vi.waitFor(() => expect(text(row(0))).toContain("<img src=x onerror=alert(1)>◌"));
  expect(text(row(0))).toContain("<b>x</b>");
  expect(root.querySelector("img, b")).toBeNull();
});

test("deleting names what goes, waits, and can be undone", async () => {
  const { kernel, row, press, find, button, seen } = await open();
  row(2).click();
  await vi.waitFor(() => expect(row(2).getAttribute("aria-selected")).toBe("true"));
  row(2).focus();
  press("Delete");
  await seen("[role=dialog]");
  expect(text(find("[role=dialog]"))).toContain("Delete this object?");
  find<HTMLFormElement>("[role=dialog] form")?.requestSubmit();
  await vi.waitFor(() => expect(text(find(".undo"))).toContain("Deleting"));
  button("Undo").click();
  await vi.waitFor(() => expect(find(".undo")).toBeNull());
  expect(kernel.heard.some(({ op }) => op === "delete")).toBe(false);
});

test("a question keeps the keyboard, and gives it back", async () => {
  const { row, root, press, seen, find } = await open();
  row(3).click();
  await vi.waitFor(() => expect(root.activeElement).toBe(row(3)));
  press("Delete");
  await seen("[role=dialog]");
  await vi.waitFor(() => expect(root.activeElement?.closest("[role=dialog]")).not.toBeNull());
  press("Escape");
  await vi.waitFor(() => expect(find("[role=dialog]")).toBeNull());
  expect(root.activeElement).toBe(row(3));
});

test("getting asks for a name, and says what came", async () => {
  const { kernel, row, find, seen, button } = await open();
  row(1).click();
  await vi.waitFor(() => expect(text(find(".p dl"))).toContain("created"));
  button("Get").click();
  await seen("[role=dialog]");
  expect(find<HTMLInputElement>("[role=dialog] input")?.value).toBe("df");
  kernel.manner.fail.get = "df is taken: choose another name";
  find<HTMLFormElement>("[role=dialog] form")?.requestSubmit();
  await vi.waitFor(() => expect(text(find("[role=dialog] [role=alert]"))).toBe("df is taken: choose another name"));
  kernel.manner.fail = {};
  find<HTMLFormElement>("[role=dialog] form")?.requestSubmit();
  await vi.waitFor(() => expect(text(find(".toast"))).toContain("DataFrame"));
  expect(find("[role=dialog]")).toBeNull();
});

test("a view that is taken away leaves nothing", async () => {
  const { el } = await open();
  end();
  end = () => {};
  expect(el.childElementCount).toBe(0);
});

test("a store without objects has no filters", async () => {
  const { find, seen } = await open({ objects: 0 }, false);
  await seen(".state");
  await vi.waitFor(() => expect(find(".f .skeletons")).toBeNull());
  expect(text(find(".f"))).not.toContain("more keys");
});

test("who types elsewhere when a question ends goes on there", async () => {
  const { kernel, find, row, press, button, seen } = await open();
  row(1).click();
  await seen(".acts");
  button("Get").click();
  await seen(".dialog form");
  kernel.manner.busy = true;
  find("form")?.dispatchEvent(new Event("submit", { cancelable: true }));
  const cell = document.body.appendChild(document.createElement("textarea"));
  cell.focus();
  kernel.rest();
  await vi.waitFor(() => expect(find(".dialog")).toBeNull());
  expect(document.activeElement).toBe(cell);
  row(1).focus();
  press("Delete");
  await seen(".dialog form");
  find("form")?.dispatchEvent(new Event("submit", { cancelable: true }));
  await seen(".undo");
  cell.focus();
  button("Undo").click();
  await vi.waitFor(() => expect(find(".undo")).toBeNull());
  expect(document.activeElement).toBe(cell);
});

test("more files than are taken at once are refused, and none is sent", async () => {
  const { find, button, seen } = await open();
  const many = Array.from({ length: 1001 }, (_, at) => new File(["x"], `f${at}`));
  const transfer = { types: ["Files"], items: [], files: many };
  const drop = Object.assign(new Event("drop", { bubbles: true, cancelable: true }), { dataTransfer: transfer });
  find("[role=grid]")?.dispatchEvent(drop);
  await seen(".dialog");
  expect(text(find(".problem"))).toContain("more than 1,000 files");
  expect((find(".dialog [type=submit]") as HTMLButtonElement).disabled).toBe(true);
  const over = Object.assign(new Event("dragover", { bubbles: true, cancelable: true }), { dataTransfer: transfer });
  find(".veil")?.dispatchEvent(over);
  expect([over.defaultPrevented, button("Choose files") !== undefined]).toEqual([true, true]);
});
