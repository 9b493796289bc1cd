import { CopyButton } from "./button.ts";

/** What a card calls the place for a button; the key that it holds is hidden text. */
const SLOT = "rl-slot";

/**
 * Puts a button beside each slot of one kernel, also into outputs that appear later: by the next cell, by scrolling to
 * one, by a new view of an output. What leaves the page takes its button along.
 */
export class Slots {
  #prefix: string;
  #reveal: (slot: string) => Promise<string>;
  /** By slot; JupyterLab takes cells that are far off out of the page, and puts them back as they were. */
  #buttons = new WeakMap<Element, CopyButton>();
  /** Stays up to date by itself, and costs nothing while the page changes. */
  #found = document.getElementsByClassName(SLOT);
  #observer = new MutationObserver(() => this.#fill());

  /**
   * @param prefix What the keys of this kernel's slots begin with.
   * @param reveal Asks the kernel for the link of a slot.
   */
  constructor(prefix: string, reveal: (slot: string) => Promise<string>) {
    this.#prefix = prefix;
    this.#reveal = reveal;
    this.#observer.observe(document.body, { childList: true, subtree: true });
    this.#fill();
  }

  /** Takes all buttons away. */
  close(): void {
    this.#observer.disconnect();
    for (const slot of this.#found) this.#buttons.get(slot)?.remove();
  }

  #fill(): void {
    for (const slot of this.#found) {
      const key = slot.textContent ?? "";
      if (this.#buttons.has(slot) || !key.startsWith(this.#prefix)) continue;
      const button = new CopyButton(() => this.#reveal(key));
      this.#buttons.set(slot, button);
      slot.after(button.host);
    }
  }
}
