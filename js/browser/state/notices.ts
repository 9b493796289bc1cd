import { signal } from "@preact/signals";

const GOOD_MS = 5000;
const BAD_MS = 12_000;

/** What is said: a line for a while, and what a screen reader hears. */
export class Notices {
  readonly notice = signal<{ text: string; bad: boolean } | null>(null);
  readonly spoken = signal("");
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Shows what came of something, and speaks it. */
  tell(text: string, bad: boolean): void {
    clearTimeout(this.#timer);
    this.notice.value = { text, bad };
    this.say(text);
    this.#timer = setTimeout(() => this.quiet(), bad ? BAD_MS : GOOD_MS);
  }

  quiet(): void {
    this.notice.value = null;
  }

  /** Speaks, and shows nothing. */
  say(text: string): void {
    this.spoken.value = text;
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
