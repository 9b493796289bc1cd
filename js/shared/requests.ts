/**
 * Requests to the kernel over a widget's custom messages. The other end, and what the messages look like, is
 * `runloop_jupyter/widgets/protocol.py`.
 */

const VERSION = 1;

export type Bytes = ArrayBuffer | ArrayBufferView;

/** What a widget's model can do, as much of it as is needed here. */
export interface Model {
  get(name: string): unknown;
  send(content: unknown, callbacks?: unknown, buffers?: Bytes[]): void;
  on(event: "msg:custom", callback: (content: unknown, buffers?: DataView[]) => void): void;
  on(event: "comm_live_update", callback: () => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
}

/** What a request came to, or how far it is. */
export interface Answer {
  value: unknown;
  buffers: Uint8Array<ArrayBuffer>[];
}

export interface Options {
  buffers?: Bytes[];
  /** Aborted, the kernel is told to leave it, and the answer is `Refused` with the name `Cancelled` at once. */
  signal?: AbortSignal | undefined;
  onProgress?: (progress: Answer) => void;
}

/** A request that is under way. */
export interface Exchange {
  /** Rejects with `Refused` or `KernelGone`. */
  answer: Promise<Answer>;
  /** Says more to it: `chunk`, `end`, `grant`. Once it is over, nothing is sent. */
  send(op: string, args?: Record<string, unknown>, buffers?: Bytes[]): void;
  cancel(): void;
}

interface Ok {
  v: number;
  rid: string;
  kind: "ok" | "progress";
  value: unknown;
}

interface Err {
  v: number;
  rid: string;
  kind: "err";
  error: string;
  message: string;
}

interface Event {
  v: number;
  kind: "event";
  event: string;
  value: unknown;
}

interface Pending {
  resolve(answer: Answer): void;
  reject(reason: Error): void;
  progress(progress: Answer): void;
}

/** The kernel couldn't do what was asked; `name` is the type of its error, `message` is for people. */
export class Refused extends Error {
  constructor(name: string, message: string) {
    super(message || `${name} in the kernel`);
    this.name = name;
  }
}

/** Nobody is there to answer: the kernel was restarted or shut down. */
export class KernelGone extends Error {
  override name = "KernelGone";
}

/** Whether it ended because somebody wished so. */
export function isCancelled(error: unknown): boolean {
  return error instanceof Refused && error.name === "Cancelled";
}

/**
 * Asks the kernel, and hands each reply to whoever asked.
 *
 * @example
 * const requests = new Requests(model);
 * const url = await requests.ask("reveal", { slot });
 */
export class Requests {
  /** Hears what the kernel says unasked. */
  onEvent: (event: string, value: unknown) => void = () => {};
  /** Hears that the kernel went or came back. */
  onTurn: (live: boolean) => void = () => {};
  #model: Model;
  /** By request id. */
  #pending = new Map<string, Pending>();
  /** The front end tells each time that a comm dies, or comes to life again. */
  #live = true;

  constructor(model: Model) {
    this.#model = model;
    model.on("msg:custom", this.#take);
    model.on("comm_live_update", this.#turn);
  }

  /** Resolves to the reply's value; rejects with `Refused` or `KernelGone`. */
  async ask(op: string, args: Record<string, unknown> = {}, options: Options = {}): Promise<unknown> {
    return (await this.open(op, args, options).answer).value;
  }

  /** The same for a request of several messages. */
  open(op: string, args: Record<string, unknown> = {}, options: Options = {}): Exchange {
    const { buffers = [], signal, onProgress = () => {} } = options;
    const rid = randomId();
    const post = (message: Record<string, unknown>, buffers: Bytes[]) => {
      const content = { v: VERSION, rid, ...message };
      if (buffers.length) this.#model.send(content, undefined, buffers);
      else this.#model.send(content);
    };
    const say = (message: Record<string, unknown>, buffers: Bytes[] = []) => {
      if (!this.#pending.has(rid)) return;
      try {
        post(message, buffers);
      } catch {
        this.#settle(rid)?.reject(new KernelGone());
      }
    };
    const cancel = () => {
      say({ op: "cancel" });
      this.#settle(rid)?.reject(new Refused("Cancelled", "cancelled"));
    };
    const answer = new Promise<Answer>((resolve, reject) => {
      if (!this.#live) {
        reject(new KernelGone());
        return;
      }
      if (signal?.aborted) {
        reject(new Refused("Cancelled", "cancelled"));
        return;
      }
      signal?.addEventListener("abort", cancel);
      const end = () => signal?.removeEventListener("abort", cancel);
      this.#pending.set(rid, {
        resolve: (answer) => {
          end();
          resolve(answer);
        },
        reject: (reason) => {
          end();
          reject(reason);
        },
        progress: onProgress,
      });
      try {
        post({ op, args }, buffers);
      } catch {
        this.#settle(rid)?.reject(new KernelGone());
      }
    });
    return { answer, send: (op, args = {}, buffers = []) => say({ op, args }, buffers), cancel };
  }

  /** Stops listening; whoever still waits is told that nobody will answer. */
  close(): void {
    this.#model.off("msg:custom", this.#take);
    this.#model.off("comm_live_update", this.#turn);
    this.#leave();
  }

  #settle(rid: string): Pending | undefined {
    const asker = this.#pending.get(rid);
    this.#pending.delete(rid);
    return asker;
  }

  #take = (content: unknown, buffers?: DataView[]): void => {
    if (isEvent(content)) {
      this.onEvent(content.event, content.value);
      return;
    }
    // Every front end of a kernel hears every reply; ids tell which are for this one.
    if (!isReply(content)) return;
    if (content.kind === "err") {
      this.#settle(content.rid)?.reject(new Refused(content.error, content.message));
      return;
    }
    const answer = { value: content.value, buffers: (buffers ?? []).map(bytesOf) };
    if (content.kind === "ok") this.#settle(content.rid)?.resolve(answer);
    else this.#pending.get(content.rid)?.progress(answer);
  };

  #turn = (): void => {
    this.#live = !this.#live;
    if (!this.#live) this.#leave();
    this.onTurn(this.#live);
  };

  #leave(): void {
    for (const asker of [...this.#pending.values()]) asker.reject(new KernelGone());
    this.#pending.clear();
  }
}

function isReply(content: unknown): content is Ok | Err {
  const reply = content as Partial<Ok | Err> | null;
  if (reply?.v !== VERSION || typeof reply.rid !== "string") return false;
  return reply.kind === "ok" || reply.kind === "err" || reply.kind === "progress";
}

function isEvent(content: unknown): content is Event {
  const event = content as Partial<Event> | null;
  return event?.v === VERSION && event.kind === "event" && typeof event.event === "string";
}

/** A message's buffers may all be parts of one. */
function bytesOf(view: DataView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}

/** Not crypto.randomUUID: a JupyterLab on http:// is no secure context, and has none. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");
}
