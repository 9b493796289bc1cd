/**
 * Requests to the kernel over a widget's custom messages. The other end, and what the messages look like, is
 * `runloop_jupyter/widgets/protocol.py`.
 */

const VERSION = 1;

/** What a widget's model can do, as much of it as is needed here. */
export interface Model {
  get(name: string): unknown;
  send(content: unknown): void;
  on(event: "msg:custom", callback: (content: unknown) => void): void;
  on(event: "comm_live_update", callback: () => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
}

interface Ok {
  v: number;
  rid: string;
  kind: "ok";
  value: unknown;
}

interface Err {
  v: number;
  rid: string;
  kind: "err";
  error: string;
  message: string;
}

interface Pending {
  resolve(value: unknown): void;
  reject(reason: Error): void;
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

/**
 * Asks the kernel, and hands each reply to whoever asked.
 *
 * @example
 * const requests = new Requests(model);
 * const url = await requests.ask("reveal", { slot });
 */
export class Requests {
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
  ask(op: string, args: Record<string, unknown> = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!this.#live) {
        reject(new KernelGone());
        return;
      }
      const rid = randomId();
      this.#pending.set(rid, { resolve, reject });
      try {
        this.#model.send({ v: VERSION, rid, op, args });
      } catch {
        this.#pending.delete(rid);
        reject(new KernelGone());
      }
    });
  }

  /** Stops listening; whoever still waits is told that nobody will answer. */
  close(): void {
    this.#model.off("msg:custom", this.#take);
    this.#model.off("comm_live_update", this.#turn);
    this.#leave();
  }

  #take = (content: unknown): void => {
    // Every front end of a kernel hears every reply; ids tell which are for this one.
    if (!isReply(content)) return;
    const asker = this.#pending.get(content.rid);
    this.#pending.delete(content.rid);
    if (content.kind === "ok") asker?.resolve(content.value);
    else asker?.reject(new Refused(content.error, content.message));
  };

  #turn = (): void => {
    this.#live = !this.#live;
    if (!this.#live) this.#leave();
  };

  #leave(): void {
    for (const asker of this.#pending.values()) asker.reject(new KernelGone());
    this.#pending.clear();
  }
}

function isReply(content: unknown): content is Ok | Err {
  const reply = content as Partial<Ok | Err> | null;
  return reply?.v === VERSION && typeof reply.rid === "string" && (reply.kind === "ok" || reply.kind === "err");
}

/** Not crypto.randomUUID: a JupyterLab on http:// is no secure context, and has none. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");
}
