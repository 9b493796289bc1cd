import type { Model } from "./requests.ts";

/** A widget's model for tests: what is sent is kept, what the kernel says is said by the test. */
export class FakeModel implements Model {
  sent: unknown[] = [];
  #state: Record<string, unknown>;
  #callbacks: [string, (content?: unknown) => void][] = [];

  constructor(state: Record<string, unknown> = {}) {
    this.#state = state;
  }

  get(name: string): unknown {
    return this.#state[name];
  }

  send(content: unknown): void {
    this.sent.push(content);
  }

  on(event: string, callback: (content: unknown) => void): void {
    this.#callbacks.push([event, callback]);
  }

  off(event: string, callback: (...args: never[]) => void): void {
    this.#callbacks = this.#callbacks.filter(([name, each]) => name !== event || each !== callback);
  }

  get listeners(): number {
    return this.#callbacks.length;
  }

  /** The kernel says something. */
  say(content: unknown): void {
    this.#fire("msg:custom", content);
  }

  /** The kernel replies to the request that was sent as number `at`. */
  reply(at: number, reply: Record<string, unknown>): void {
    this.say({ v: 1, rid: (this.sent[at] as { rid: string }).rid, ...reply });
  }

  /** The comm dies, or comes back. */
  turn(): void {
    this.#fire("comm_live_update");
  }

  #fire(event: string, content?: unknown): void {
    for (const [name, callback] of this.#callbacks) if (name === event) callback(content);
  }
}
