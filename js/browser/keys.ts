/** What the keyboard does in the table. */

export type Move = "up" | "down" | "pageUp" | "pageDown" | "first" | "last";

export type Deed =
  | { do: "move"; to: Move; how: "only" | "extend" | "look" }
  | { do: "toggle" | "open" | "all" | "delete" | "escape" | "menu" | "search" | "copy" }
  | { do: "type"; letter: string };

const MOVES: Record<string, Move> = {
  ArrowUp: "up",
  ArrowDown: "down",
  PageUp: "pageUp",
  PageDown: "pageDown",
  Home: "first",
  End: "last",
};

type Pressed = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

/** What a key means; null where it isn't the table's. */
export function deed({ key, ctrlKey, metaKey, shiftKey, altKey }: Pressed): Deed | null {
  const command = ctrlKey || metaKey;
  const to = MOVES[key];
  if (to && !altKey) return { do: "move", to, how: shiftKey ? "extend" : command ? "look" : "only" };
  if (key === "ContextMenu" || (key === "F10" && shiftKey)) return { do: "menu" };
  if (command && !altKey) {
    if (key.toLowerCase() === "a" && !shiftKey) return { do: "all" };
    if (key === " ") return { do: "toggle" };
    if (key === "Backspace" && metaKey) return { do: "delete" };
    return key.toLowerCase() === "c" && !shiftKey ? { do: "copy" } : null;
  }
  if (altKey) return null;
  if (key === " ") return { do: "toggle" };
  if (key === "Enter") return { do: "open" };
  if (key === "Delete") return { do: "delete" };
  if (key === "Escape") return { do: "escape" };
  if (key === "/") return { do: "search" };
  if ([...key].length === 1) return { do: "type", letter: key };
  return null;
}

/** The row that a move leads to. */
export function target(from: number, to: Move, page: number, total: number): number {
  const at = { up: from - 1, down: from + 1, pageUp: from - page, pageDown: from + page, first: 0, last: total - 1 }[
    to
  ];
  return Math.max(0, Math.min(at, total - 1));
}
