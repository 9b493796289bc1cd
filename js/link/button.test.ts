import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KernelGone, Refused } from "../shared/requests.ts";
import { CopyButton } from "./button.ts";

const LINK = "https://store/x?signature=1";

beforeEach(() => {
  vi.useFakeTimers();
  // No clipboard: each copy goes by selection, and works until a test says otherwise.
  vi.stubGlobal("navigator", {});
  document.execCommand = vi.fn(() => true);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

function shown(reveal: () => Promise<string>) {
  const copyButton = new CopyButton(reveal);
  document.body.append(copyButton.host);
  const root = copyButton.host.shadowRoot as ShadowRoot;
  const find = <T extends Element>(selector: string) => root.querySelector(selector) as T;
  return {
    copyButton,
    button: find<HTMLButtonElement>("button"),
    status: find<HTMLElement>("[role=status]"),
    field: () => root.querySelector("input"),
    click: async () => {
      find<HTMLButtonElement>("button").click();
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

test("a click says Copied, for a moment, where a screen reader hears it", async () => {
  const { click, status } = shown(async () => LINK);
  await click();
  expect(status.textContent).toBe("Copied");
  expect(status.getAttribute("aria-live")).toBe("polite");
  await vi.advanceTimersByTimeAsync(2000);
  expect(status.textContent).toBe("");
});

test("a kernel that hasn't answered after 300 ms is said to be busy, until it answers", async () => {
  let answer = (_: string) => {};
  const { click, status } = shown(
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  await click();
  await vi.advanceTimersByTimeAsync(299);
  expect(status.textContent).toBe("");
  await vi.advanceTimersByTimeAsync(1);
  expect(status.textContent).toBe("kernel busy, queued");
  answer(LINK);
  await vi.advanceTimersByTimeAsync(0);
  expect(status.textContent).toBe("Copied");
});

test("a second click while the first waits asks nothing, and the button keeps the keyboard's place", async () => {
  const reveal = vi.fn(() => new Promise<string>(() => {}));
  const { click, button } = shown(reveal);
  await click();
  await click();
  expect(reveal).toHaveBeenCalledOnce();
  expect(button.getAttribute("aria-disabled")).toBe("true");
  expect(button.disabled).toBe(false);
});

test.each([
  [new Refused("LinkExpired", "the link expired"), "the link expired"],
  [new KernelGone(), "kernel gone: run the cell again"],
])("what went wrong is said and stays: %o", async (error, words) => {
  const { click, status, button } = shown(() => Promise.reject(error));
  await click();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(status.textContent).toBe(words);
  expect(button.getAttribute("aria-disabled")).toBe("false");
});

test("where the browser refuses, the link can be copied by hand and goes away by itself", async () => {
  document.execCommand = () => false;
  const { click, status, field } = shown(async () => LINK);
  await click();
  expect(field()?.value).toBe(LINK);
  expect(field()?.readOnly).toBe(true);
  expect(status.textContent).toContain("Ctrl+C");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(field()).toBeNull();
  expect(status.textContent).toBe("");
});

test("a button that is taken away takes along a link that it shows", async () => {
  document.execCommand = () => false;
  const { click, field, copyButton } = shown(async () => LINK);
  await click();
  const kept = field();
  copyButton.remove();
  expect(kept?.value).toBe("");
  expect(document.body.childElementCount).toBe(0);
});

test("keys pressed in it are no commands to JupyterLab", () => {
  expect(shown(async () => LINK).copyButton.host.matches("[data-lm-suppress-shortcuts]")).toBe(true);
});
