import type { Session } from "./session.ts";

/** A kernel listens to its store for as long again as it hears this, and somewhat longer. */
export const WATCHING_MS = 60_000;
const LOOK_MS = 1000;

/** Whether anybody can see a view; while somebody can, its kernel is told so, which listens for changes only then. */
export class Watching {
  #session: Session;
  #isSeen: () => boolean;
  #onBack: () => void;
  #timer: ReturnType<typeof setInterval>;
  /** At first it is taken to be, and its first request says so. */
  #seen = true;
  #said = Date.now();
  #says = false;

  /**
   * @param isSeen Whether the view is in a page, and that page in sight.
   * @param onBack Hears that it is seen again.
   */
  constructor(session: Session, isSeen: () => boolean, onBack: () => void) {
    this.#session = session;
    this.#isSeen = isSeen;
    this.#onBack = onBack;
    // Of a view that goes out of its document nobody tells, nor of one that comes back.
    this.#timer = setInterval(this.#look, LOOK_MS);
    document.addEventListener("visibilitychange", this.#look);
  }

  get seen(): boolean {
    return this.#seen;
  }

  close(): void {
    clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this.#look);
  }

  #look = (): void => {
    const was = this.#seen;
    this.#seen = this.#isSeen();
    if (!this.#seen) return;
    // A clock that was set back is no reason for silence.
    if (!was || Math.abs(Date.now() - this.#said) >= WATCHING_MS) void this.#say();
    if (!was) this.#onBack();
  };

  async #say(): Promise<void> {
    // One that waits for a busy kernel says it for those that would follow.
    if (this.#says || this.#session.gone.peek()) return;
    this.#says = true;
    this.#said = Date.now();
    try {
      await this.#session.ask("watching", {});
    } catch {
      // a kernel that is gone is shown as that, and one that can't listen says why in its next answer
    } finally {
      this.#says = false;
    }
  }
}
