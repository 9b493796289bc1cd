import { expect, test } from "vitest";
import { deed, target } from "./keys.ts";

const NONE = { ctrlKey: false, metaKey: false, shiftKey: false, altKey: false };

test.each([
  ["ArrowDown", {}, { do: "move", to: "down", how: "only" }],
  ["ArrowUp", { shiftKey: true }, { do: "move", to: "up", how: "extend" }],
  ["End", { ctrlKey: true }, { do: "move", to: "last", how: "look" }],
  ["a", { metaKey: true }, { do: "all" }],
  ["a", {}, { do: "type", letter: "a" }],
  [" ", {}, { do: "toggle" }],
  ["Enter", {}, { do: "open" }],
  ["Delete", {}, { do: "delete" }],
  ["Backspace", {}, null],
  ["Backspace", { metaKey: true }, { do: "delete" }],
  ["F10", {}, null],
  ["/", {}, { do: "search" }],
  ["F10", { shiftKey: true }, { do: "menu" }],
  ["ContextMenu", {}, { do: "menu" }],
  ["Escape", {}, { do: "escape" }],
  ["c", { ctrlKey: true }, { do: "copy" }],
  ["s", { ctrlKey: true }, null],
  ["Tab", {}, null],
  ["F5", {}, null],
])("%s with %j means %j", (key, held, what) => {
  expect(deed({ key, ...NONE, ...held })).toEqual(what);
});

test("a move ends at the list's ends", () => {
  expect([
    target(0, "up", 10, 50),
    target(45, "pageDown", 10, 50),
    target(20, "pageUp", 10, 50),
    target(3, "last", 10, 50),
  ]).toEqual([0, 49, 10, 49]);
});
