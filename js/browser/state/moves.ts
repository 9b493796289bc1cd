import { computed, signal } from "@preact/signals";
import { isCancelled } from "../../shared/requests.ts";
import type { Transfer } from "../protocol.ts";
import { download, type Step, save, upload } from "./moving.ts";
import type { Session } from "./session.ts";

/** Uploads at once; the others wait for their turn. */
const AT_ONCE = 2;

export type MoveState = "waiting" | "running" | "done" | "failed" | "cancelled";

/** A file on its way between this page and the store. */
export interface Move {
  id: string;
  label: string;
  direction: "put" | "get";
  state: MoveState;
  phase: string;
  done: number;
  total: number | null;
  /** Bytes a second, of this phase. */
  rate: number | null;
  error: string | null;
}

export interface Wish {
  name: string;
  file: File;
  metadata: Record<string, string>;
  ttl: string | null;
}

interface Work {
  run(signal: AbortSignal, tell: (step: Step) => void): Promise<void>;
  stop: AbortController;
  begun: number;
  /** How often it was begun, and what the kernel told of these. */
  runs: number;
  told: Set<string>;
  /** What the kernel had told of when it was begun. */
  before: Set<string>;
}

/** Everything that moves: what this page sends and takes, and what the kernel says of the rest. */
export class Moves {
  /** Of this page, in the order they were wished for. */
  readonly own = signal<Move[]>([]);
  readonly kernels = signal<Transfer[]>([]);
  /** Of the kernel's, those that are this page's own. */
  #ofPage = new Set<string>();
  /** Of the kernel's, those that nobody wants to see any more. */
  #cleared = signal<ReadonlySet<string>>(new Set());
  /** The kernel tells of what this page moves as well; once is enough. */
  readonly others = computed(() => {
    const cleared = this.#cleared.value;
    return this.kernels.value.filter(
      ({ id, state }) => !this.#ofPage.has(id) && !(cleared.has(id) && state !== "running"),
    );
  });
  readonly running = computed(
    () =>
      this.own.value.filter((move) => move.state === "running" || move.state === "waiting").length +
      this.others.value.filter((one) => one.state === "running").length,
  );
  /** Hears of each that arrived. */
  onDone: (move: Move) => void = () => {};
  chunkBytes = 1 << 20;
  inFlight = 4;
  #session: Session;
  #work = new Map<string, Work>();
  #ids = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  /** What the kernel tells: it knows no move of this page by its id, but by its name and when it began. */
  hear(transfers: Transfer[]): void {
    for (const { id, label, direction } of this.own.peek()) {
      const work = this.#work.get(id);
      for (const one of transfers) {
        if (!work || work.told.size >= work.runs) break;
        if (one.label !== label || one.direction !== direction) continue;
        if (work.before.has(one.id) || this.#ofPage.has(one.id)) continue;
        work.told.add(one.id);
        this.#ofPage.add(one.id);
      }
    }
    this.kernels.value = transfers;
  }

  send(wishes: Wish[]): void {
    for (const { name, file, metadata, ttl } of wishes)
      this.#add(name, "put", file.size, async (signal, tell) => {
        const args = { name, size: file.size, type: file.type, metadata, ttl };
        await upload(this.#session, file, args, this.chunkBytes, signal, tell);
      });
  }

  fetch(id: string, name: string, size: number | null): void {
    this.#add(name, "get", size, async (signal, tell) => {
      const got = await download(this.#session, id, this.inFlight, signal, (step) =>
        tell({ ...step, total: step.total ?? size }),
      );
      save(got.name, got.bytes);
    });
  }

  cancel(id: string): void {
    this.#work.get(id)?.stop.abort();
    this.#change(id, { state: "cancelled" });
  }

  retry(id: string): void {
    const work = this.#work.get(id);
    if (!work) return;
    work.stop = new AbortController();
    this.#change(id, { state: "waiting", error: null, done: 0, phase: "" });
    this.#next();
  }

  /** Takes what is over off the list. */
  clear(): void {
    for (const move of this.own.value)
      if (move.state !== "running" && move.state !== "waiting") this.#work.delete(move.id);
    this.own.value = this.own.value.filter((move) => this.#work.has(move.id));
    const over = this.kernels.value.filter(({ state }) => state !== "running" && state !== "unfinished");
    this.#cleared.value = new Set(over.map(({ id }) => id));
  }

  close(): void {
    for (const { stop } of this.#work.values()) stop.abort();
  }

  #add(label: string, direction: Move["direction"], total: number | null, run: Work["run"]): void {
    const id = `own-${this.#ids++}`;
    this.#work.set(id, {
      run,
      stop: new AbortController(),
      begun: 0,
      runs: 0,
      told: new Set(),
      before: new Set(),
    });
    this.own.value = [
      ...this.own.value,
      { id, label, direction, state: "waiting", phase: "", done: 0, total, rate: null, error: null },
    ];
    this.#next();
  }

  #next(): void {
    for (const move of this.own.value) {
      if (this.own.value.filter((each) => each.state === "running").length >= AT_ONCE) return;
      if (move.state === "waiting") void this.#start(move.id);
    }
  }

  async #start(id: string): Promise<void> {
    const work = this.#work.get(id);
    if (!work) return;
    const { signal } = work.stop;
    work.begun = performance.now();
    work.runs++;
    work.before = new Set(this.kernels.peek().map((one) => one.id));
    let phase = "";
    this.#change(id, { state: "running" });
    try {
      await work.run(signal, (step) => {
        if (signal.aborted) return;
        const now = performance.now();
        if (step.phase !== phase) {
          phase = step.phase;
          work.begun = now;
        }
        const seconds = (now - work.begun) / 1000;
        const total = step.total ?? this.#find(id)?.total ?? null;
        this.#change(id, { ...step, total, rate: seconds > 0.4 && step.done ? step.done / seconds : null });
      });
      this.#change(id, { state: "done" });
      const move = this.#find(id);
      if (move) this.onDone(move);
    } catch (error) {
      if (!signal.aborted)
        this.#change(id, isCancelled(error) ? { state: "cancelled" } : { state: "failed", error: said(error) });
    } finally {
      this.#next();
    }
  }

  #find(id: string): Move | undefined {
    return this.own.value.find((each) => each.id === id);
  }

  #change(id: string, change: Partial<Move>): void {
    this.own.value = this.own.value.map((move) => (move.id === id ? { ...move, ...change } : move));
  }
}

export function said(error: unknown): string {
  if (error instanceof Error)
    return error.name === "KernelGone" ? "the kernel is gone: run the cell again" : error.message;
  return String(error);
}
