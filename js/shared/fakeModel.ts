import type { Bytes, Model } from "./requests.ts";

/** A widget's model for tests: what is sent is kept, what the kernel says is said by the test. */
export class FakeModel implements Model {
  sent: unknown[] = [];
  /** What went with each message of `sent`. */
  buffers: Bytes[][] = [];
  #state: Record<string, unknown>;
  #callbacks: [string, (content?: unknown, buffers?: DataView[]) => void][] = [];

  constructor(state: Record<string, unknown> = {}) {
    this.#state = state;
  }

  get(name: string): unknown {
    return this.#state[name];
  }

  send(content: unknown, _?: unknown, buffers: Bytes[] = []): void {
    this.sent.push(content);
    this.buffers.push(buffers);
  }

  on(event: string, callback: (content: unknown, buffers?: DataView[]) => void): void {
    this.#callbacks.push([event, callback]);
  }

  off(event: string, callback: (...args: never[]) => void): void {
    this.#callbacks = this.#callbacks.filter(([name, each]) => name !== event || each !== callback);
  }

  get listeners(): number {
    return this.#callbacks.length;
  }

  /** The kernel says something. */
  say(content: unknown, buffers: DataView[] = []): void {
    this.#fire("msg:custom", content, buffers);
  }

  /** The kernel replies to the request that was sent as number `at`. */
  reply(at: number, reply: Record<string, unknown>, buffers: DataView[] = []): void {
    this.say({ v: 1, rid: (this.sent[at] as { rid: string }).rid, ...reply }, buffers);
  }

  /** The comm dies, or comes back. */
  turn(): void {
    this.#fire("comm_live_update");
  }

  #fire(event: string, content?: unknown, buffers?: DataView[]): void {
    for (const [name, callback] of [...this.#callbacks]) if (name === event) callback(content, buffers);
  }
}
