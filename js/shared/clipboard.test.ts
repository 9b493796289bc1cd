import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { copy } from "./clipboard.ts";

const TEXT = "https://store/x?signature=1";

let written: string[];

beforeEach(() => {
  written = [];
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A browser that lets a page do this much, and no more. */
function browser(allows: { write?: boolean; writeText?: boolean; selection?: boolean }): void {
  const refuse = () => Promise.reject(new DOMException("no", "NotAllowedError"));
  const write = async ([item]: { blob: Promise<Blob> }[]) => {
    written.push(await (await (item as { blob: Promise<Blob> }).blob).text());
  };
  const writeText = async (text: string) => {
    written.push(text);
  };
  vi.stubGlobal("navigator", {
    clipboard: { write: allows.write ? write : refuse, writeText: allows.writeText ? writeText : refuse },
  });
  vi.stubGlobal(
    "ClipboardItem",
    class {
      blob: Promise<Blob>;
      constructor(data: { "text/plain": Promise<Blob> }) {
        this.blob = data["text/plain"];
      }
    },
  );
  document.execCommand = () => {
    if (!allows.selection) return false;
    written.push((document.querySelector("textarea") as HTMLTextAreaElement).value);
    return true;
  };
}

test.each([{ write: true }, { writeText: true }, { selection: true }])(
  "the text is written by the best way that there is: %o",
  async (allows) => {
    browser(allows);
    expect(await copy(Promise.resolve(TEXT))).toBe(true);
    expect(written).toEqual([TEXT]);
  },
);

test("a page on http:// has no clipboard, and copies by selection", async () => {
  browser({ selection: true });
  vi.stubGlobal("navigator", {});
  expect(await copy(Promise.resolve(TEXT))).toBe(true);
  expect(written).toEqual([TEXT]);
});

test("where every way is refused that is said, and nothing is left in the page", async () => {
  browser({});
  expect(await copy(Promise.resolve(TEXT))).toBe(false);
  expect(document.documentElement.outerHTML).not.toContain("signature");
  expect(document.querySelector("textarea")).toBeNull();
});

test("the clipboard is asked within the click, before the text is known", () => {
  browser({});
  const write = vi.fn(() => new Promise<void>(() => {}));
  vi.stubGlobal("navigator", { clipboard: { write } });
  void copy(new Promise(() => {}));
  expect(write).toHaveBeenCalledOnce();
});

test.each([{ write: true }, { writeText: true }, {}])("a text that can't be had is an error: %o", async (allows) => {
  browser(allows);
  await expect(copy(Promise.reject(new Error("expired")))).rejects.toThrow("expired");
  expect(written).toEqual([]);
});
