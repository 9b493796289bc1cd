import { signal } from "@preact/signals";
import { type Exchange, KernelGone, type Model, type Options, Requests } from "../../shared/requests.ts";
import type { Events, Operations } from "../protocol.ts";

/** After so long a person wonders; an idle kernel answers within a few milliseconds. */
const QUEUED_AFTER_MS = 300;
/** These may take their time with a kernel that is there. */
const SLOW = new Set<keyof Operations>([
  ...(["facts", "preview", "reach", "selected", "watching", "refresh", "get", "mount", "link"] as const),
  ...(["delete", "keep", "download", "upload"] as const),
  // Counting takes a large store a while.
  ...(["facets", "suggest", "keys"] as const),
]);

type Args<K extends keyof Operations> = Operations[K][0];
type Value<K extends keyof Operations> = Operations[K][1];

/** Typed requests to the kernel, and what is known of it. */
export class Session {
  /** Whether nobody is there: the kernel was restarted or shut down. */
  readonly gone = signal(false);
  /** Whether it is there, but does something else first. */
  readonly busy = signal(false);
  /** Hears what the kernel says unasked. */
  onEvent: <K extends keyof Events>(event: K, value: Events[K]) => void = () => {};
  /** Hears that the kernel is back. */
  onBack: () => void = () => {};
  #requests: Requests;
  /** Requests that wait too long. */
  #late = new Set<object>();

  constructor(model: Model) {
    this.#requests = new Requests(model);
    this.#requests.onEvent = (event, value) => this.onEvent(event as keyof Events, value as Events[keyof Events]);
    this.#requests.onTurn = (live) => {
      this.gone.value = !live;
      if (live) this.onBack();
    };
  }

  async ask<K extends keyof Operations>(op: K, args: Args<K>, options: Options = {}): Promise<Value<K>> {
    return (await this.open(op, args, options).answer).value as Value<K>;
  }

  /** The same for a request of several messages, or with buffers. */
  open<K extends keyof Operations>(op: K, args: Args<K>, options: Options = {}): Exchange {
    const exchange = this.#requests.open(op, args as Record<string, unknown>, options);
    const end = SLOW.has(op) ? () => {} : this.#watch();
    exchange.answer.then(end, (error: unknown) => {
      end();
      if (error instanceof KernelGone) this.gone.value = true;
    });
    return exchange;
  }

  close(): void {
    this.#requests.close();
  }

  #watch(): () => void {
    const request = {};
    const timer = setTimeout(() => {
      this.#late.add(request);
      this.busy.value = true;
    }, QUEUED_AFTER_MS);
    return () => {
      clearTimeout(timer);
      this.#late.delete(request);
      if (!this.#late.size) this.busy.value = false;
    };
  }
}
