/** A kernel for development and tests: it answers all that a browser asks, from a store that is made up. */

import type { Bytes, Model } from "../../shared/requests.ts";
import type { Events, Operations, Page, Query, Row, Transfer } from "../protocol.ts";
import { factsOf, previewOf } from "./looks.ts";
import { type Made, MadeUpStore } from "./store.ts";

export interface Manner {
  objects: number;
  /** Milliseconds before each answer. */
  latency: number;
  /** It takes messages and answers none, until it isn't busy any more. */
  busy: boolean;
  /** Operations that fail, and what they say. */
  fail: Partial<Record<keyof Operations, string>>;
  exact: boolean;
  walking: boolean;
  trouble: string | null;
  looked: number | null;
  newer: boolean;
  columns: string[];
  /** Bytes a second of uploads and downloads. */
  speed: number;
  transfers: Transfer[];
  mount: boolean;
  variables: boolean;
}

export const GOOD: Manner = {
  objects: 8214,
  latency: 5,
  busy: false,
  fail: {},
  exact: true,
  walking: false,
  trouble: null,
  looked: null,
  newer: false,
  columns: ["model", "acc"],
  speed: 40e6,
  transfers: [],
  mount: true,
  variables: true,
};

interface Request {
  v: number;
  rid: string;
  op: string;
  args: Record<string, unknown>;
}

interface Running {
  args: Record<string, unknown>;
  written: number;
  room: number;
  sent: number;
  ended: boolean;
}

const CHUNK = 1 << 18;
const IN_FLIGHT = 4;

export class FakeKernel implements Model {
  manner: Manner;
  store: MadeUpStore;
  /** Every request that came. */
  heard: Request[] = [];
  #callbacks: [string, (content?: unknown, buffers?: DataView[]) => void][] = [];
  #running = new Map<string, Running>();
  #cancelled = new Set<string>();
  #queued: (() => void)[] = [];
  #as = 0;

  constructor(manner: Partial<Manner> = {}) {
    this.manner = { ...GOOD, fail: {}, ...manner };
    this.store = new MadeUpStore(this.manner.objects);
  }

  get(): unknown {
    return undefined;
  }

  on(event: string, callback: (content: unknown, buffers?: DataView[]) => void): void {
    this.#callbacks.push([event, callback as (content?: unknown) => void]);
  }

  off(event: string, callback: (...args: never[]) => void): void {
    this.#callbacks = this.#callbacks.filter(([name, each]) => name !== event || each !== callback);
  }

  send(content: unknown, _?: unknown, buffers: Bytes[] = []): void {
    const request = content as Request;
    this.heard.push(request);
    if (request.op === "cancel") {
      this.#cancelled.add(request.rid);
      this.#say({ rid: request.rid, kind: "err", error: "Cancelled", message: "cancelled" });
      return;
    }
    const answer = () => void this.#answer(request, buffers);
    if (this.manner.busy) this.#queued.push(answer);
    else setTimeout(answer, ["chunk", "end", "grant"].includes(request.op) ? 0 : this.manner.latency);
  }

  rest(): void {
    this.manner.busy = false;
    for (const answer of this.#queued.splice(0)) answer();
  }

  tell<K extends keyof Events>(event: K, value: Events[K]): void {
    this.#fire("msg:custom", { v: 1, kind: "event", event, value });
  }

  /** The comm dies, or comes back. */
  turn(): void {
    this.#fire("comm_live_update");
  }

  /** Somebody else puts something. */
  add(made: Partial<Row>, metadata: Record<string, string> = {}): Made {
    const row: Row = {
      id: `new_${this.store.added.length}`,
      name: "new",
      state: "READ_ONLY",
      size: 1,
      put: Date.now(),
      expires: null,
      kind: "text",
      format: "",
      versions: 1,
      cells: [],
      ...made,
    };
    const one = { row, metadata };
    this.store.added.push(one);
    return one;
  }

  async #answer(request: Request, buffers: Bytes[]): Promise<void> {
    const { rid, op, args } = request;
    const running = this.#running.get(rid);
    if (op === "chunk" && running) {
      await this.#took(rid, running, buffers);
      return;
    }
    if (op === "end" && running) {
      running.ended = true;
      if (running.written >= (running.args.size as number)) await this.#stored(rid, running);
      return;
    }
    if (op === "grant" && running) {
      running.room += args.n as number;
      this.#give(rid, running);
      return;
    }
    const fails = this.manner.fail[op as keyof Operations];
    if (fails) {
      this.#say({ rid, kind: "err", error: "StoreError", message: fails });
      return;
    }
    if (op === "upload" || op === "download") {
      const begun = { args, written: 0, room: 0, sent: 0, ended: false };
      this.#running.set(rid, begun);
      if (op === "upload") this.#say({ rid, kind: "progress", value: { credit: IN_FLIGHT, written: 0 } });
      return;
    }
    const [value, data] = this.#value(op as keyof Operations, args);
    this.#say({ rid, kind: "ok", value }, data);
  }

  #value(op: keyof Operations, args: Record<string, unknown>): [unknown, DataView[]] {
    const { store, manner } = this;
    switch (op) {
      case "hello":
        return [
          {
            session: "fake",
            place: { label: "embedded store", profile: "", embedded: true },
            query: {},
            columns: manner.columns,
            selection: [],
            page: this.#page({}, 0, 100, manner.columns, null),
            transfers: manner.transfers,
            now: Date.now(),
            can: { mount: manner.mount, variables: manner.variables },
            chunkBytes: CHUNK,
            inFlight: IN_FLIGHT,
          },
          [],
        ];
      case "page": {
        const { query, first, n, columns, asOf } = args as unknown as Operations["page"][0];
        return [this.#page(query, first, n, columns, asOf), []];
      }
      case "facets": {
        const { query, keys } = args as unknown as Operations["facets"][0];
        return [store.facets(query, keys), []];
      }
      case "keys":
        return [
          {
            keys: ["project", "model", "acc", "split seed"].map((key, at) => ({
              key,
              n: Math.floor(manner.objects / (at + 1)),
            })),
          },
          [],
        ];
      case "suggest": {
        const { text } = args as { text: string };
        const [key = "", typed] = text.split("=");
        const values =
          { project: ["birds", "scans", "methods"], model: ["resnet50", "vit-b16", "convnext"] }[key.trim()] ?? [];
        if (typed !== undefined)
          return [
            {
              suggestions: values
                .filter((each) => each.startsWith(typed))
                .map((each) => ({ sort: "value", text: each, key: key.trim(), n: 12 })),
            },
            [],
          ];
        const keys = ["project", "model", "acc"]
          .filter((each) => each.startsWith(text))
          .map((each) => ({ sort: "key", text: each, key: "", n: 8214 }));
        return [{ suggestions: [...keys, { sort: "name", text: `${text}_metrics`, key: "", n: 3 }] }, []];
      }
      case "facts":
        return [factsOf(this.#made(args.id)), []];
      case "preview":
        return previewOf(this.#made(args.id));
      case "get":
        return [{ variable: args.variable, said: `${args.variable}: DataFrame, 48,000 × 9` }, []];
      case "mount":
        return [{ directory: args.directory, said: `mounted at ${args.directory}` }, []];
      case "link":
        return [
          {
            url: "https://store.example/secret?signature=1",
            until: Date.now() + 3_600_000,
            reach: "only on this computer",
          },
          [],
        ];
      case "reach":
        return [{ reach: "only on this computer", lives: "Only deleting the object takes a link back sooner." }, []];
      case "delete": {
        const { ids } = args as { ids: string[] };
        for (const id of ids) store.gone.add(id);
        return [{ deleted: ids, failed: [] }, []];
      }
      case "keep":
        return [{ id: args.id, said: "kept for ever" }, []];
      default:
        return [null, []];
    }
  }

  #page(query: Query, first: number, n: number, columns: string[], asOf: string | null): Page {
    const { store, manner } = this;
    const list = store.list(query);
    const total = list ? list.length : store.n;
    const rows: Row[] = [];
    for (let at = first; at < Math.min(first + n, total); at++) {
      const { row, metadata } = store.object(list ? (list[at] ?? 0) : at);
      rows.push({ ...row, cells: columns.map((key) => metadata[key] ?? null) });
    }
    return {
      rows,
      first,
      total,
      exact: manner.exact,
      objects: total,
      sizeBytes: total * 31_457_280,
      asOf: asOf ?? `as-${this.#as++}`,
      newer: asOf !== null && manner.newer,
      fresh: {
        indexed: store.n,
        whole: !manner.walking,
        walking: manner.walking,
        looked: manner.looked,
        trouble: manner.trouble,
      },
    };
  }

  #made(id: unknown): Made {
    return this.store.find(id as string) ?? this.store.object(0);
  }

  async #took(rid: string, running: Running, buffers: Bytes[]): Promise<void> {
    const [chunk] = buffers;
    const n = chunk?.byteLength ?? 0;
    running.sent++;
    await wait((n / this.manner.speed) * 1000);
    running.written += n;
    this.#say({ rid, kind: "progress", value: { credit: running.sent + IN_FLIGHT, written: running.written } });
    if (running.ended && running.written >= (running.args.size as number)) await this.#stored(rid, running);
  }

  async #stored(rid: string, running: Running): Promise<void> {
    const { name, size, metadata } = running.args as Operations["upload"][0];
    await wait(this.manner.latency);
    this.#say({ rid, kind: "progress", value: { phase: "storing", done: 0, total: size } });
    const { row } = this.add({ name, size }, metadata);
    this.#say({ rid, kind: "ok", value: { id: row.id, name, said: "stored" } });
  }

  #give(rid: string, running: Running): void {
    const size = this.store.find(running.args.id as string)?.row.size ?? 0;
    while (running.room > 0 && running.written < size) {
      const n = Math.min(CHUNK, size - running.written);
      running.room--;
      running.written += n;
      this.#say({ rid, kind: "progress", value: { done: running.written, total: size } }, [
        new DataView(new ArrayBuffer(n)),
      ]);
    }
    if (running.written >= size)
      this.#say({
        rid,
        kind: "ok",
        value: { name: this.store.find(running.args.id as string)?.row.name ?? "x", size },
      });
  }

  #say(reply: Record<string, unknown>, buffers: DataView[] = []): void {
    if (this.#cancelled.has(reply.rid as string) && reply.error !== "Cancelled") return;
    this.#fire("msg:custom", { v: 1, ...reply }, buffers);
  }

  #fire(event: string, content?: unknown, buffers?: DataView[]): void {
    for (const [name, callback] of [...this.#callbacks]) if (name === event) callback(content, buffers);
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
