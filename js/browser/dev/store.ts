/** A store of a million objects that nobody stored: each is made up from its number when it is looked at. */

import type { Facet, Facets, Query, Ranges, Row } from "../protocol.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const KINDS = ["table", "table", "table", "tensor", "archive", "image", "json", "text", "folder"];
const PROJECTS = ["birds", "birds", "birds", "scans", "methods"];
const MODELS = ["resnet50", "resnet50", "vit-b16", "convnext"];
const STEMS: Record<string, string[]> = {
  table: ["val_metrics", "train_metrics", "penguins"],
  tensor: ["weights.safetensors"],
  archive: ["checkpoints.tar.gz", "scans-batch.tar"],
  image: ["confusion.png", "learning curve.png"],
  json: ["config.json"],
  text: ["notes on sampling.md"],
  folder: ["scans"],
};

export const SIZE_ENDS = [1 << 10, 1 << 20, 100 * (1 << 20), 1 << 30];
const PUT_AGES = [90 * DAY, 30 * DAY, 7 * DAY, DAY, HOUR];
const LIVES = [48 * HOUR, 7 * DAY];

/** Whole, not random: the same number is the same object. */
function noise(at: number, salt: number): number {
  let x = (at * 2654435761 + salt * 40503) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 2246822519) >>> 0;
  x = Math.imul(x ^ (x >>> 13), 3266489917) >>> 0;
  return ((x ^ (x >>> 16)) >>> 0) / 4294967296;
}

function pick<T>(from: T[], at: number, salt: number): T {
  return from[Math.floor(noise(at, salt) * from.length)] as T;
}

export interface Made {
  row: Row;
  metadata: Record<string, string>;
}

export class MadeUpStore {
  readonly n: number;
  readonly gone = new Set<string>();
  readonly added: Made[] = [];
  readonly now: number;
  #lists = new Map<string, Int32Array>();

  constructor(n: number, now = Date.now()) {
    this.n = n;
    this.now = now;
  }

  /** Number 0 is the newest. */
  object(at: number): Made {
    const own = this.added[-1 - at];
    if (own) return own;
    const kind = pick(KINDS, at, 1);
    const month = 11 - (Math.floor(at / 30) % 11);
    const stem = pick(STEMS[kind] ?? ["thing"], at, 2);
    const folder = noise(at, 3) < 0.2 ? "" : `runs/2026-${String(month).padStart(2, "0")}/`;
    const size = Math.floor(2 ** (6 + noise(at, 4) * (kind === "archive" || kind === "tensor" ? 27 : 18)));
    const put = this.now - Math.floor((at + 1) * 4.1 * 60_000) - Math.floor(noise(at, 5) * 60_000);
    const metadata: Record<string, string> = { project: pick(PROJECTS, at, 6) };
    if (noise(at, 7) < 0.8) metadata.model = pick(MODELS, at, 8);
    if (noise(at, 9) < 0.5) metadata.acc = (0.5 + noise(at, 10) * 0.49).toFixed(3);
    if (noise(at, 11) < 0.3) metadata["split seed"] = String(Math.floor(noise(at, 12) * 12));
    const life = noise(at, 13);
    const expires =
      life < 0.03
        ? this.now + Math.floor((2 + noise(at, 14) * 40) * HOUR)
        : life < 0.08
          ? this.now + Math.floor((2 + noise(at, 14) * 20) * DAY)
          : null;
    return {
      row: {
        id: `obj_${at.toString(36).padStart(8, "0")}`,
        name: folder + stem,
        state: "READ_ONLY",
        size,
        put,
        expires,
        kind,
        format: "",
        versions: noise(at, 15) < 0.25 ? 2 + Math.floor(noise(at, 16) * 5) : 1,
        cells: [],
      },
      metadata,
    };
  }

  find(id: string): Made | null {
    if (this.gone.has(id)) return null;
    const own = this.added.find(({ row }) => row.id === id);
    if (own) return own;
    const at = Number.parseInt(id.slice(4), 36);
    return Number.isNaN(at) ? null : this.object(at);
  }

  fits(made: Made, query: Query, but = ""): boolean {
    const { row, metadata } = made;
    if (this.gone.has(row.id)) return false;
    if (but !== "state" && (query.state ?? "READ_ONLY") !== row.state) return false;
    if (query.search && !row.name.toLowerCase().includes(query.search.toLowerCase())) return false;
    if (query.beneath && !row.name.startsWith(query.beneath)) return false;
    const has = (key: string) => (key === "rl.kind" ? row.kind : metadata[key]);
    for (const [key, values] of Object.entries(query.where ?? {}))
      if (but !== key && !values.includes(has(key) ?? "\0")) return false;
    for (const { key, sign, values } of query.conditions ?? []) {
      const value = has(key);
      if (value === undefined) return false;
      const [wished = ""] = values;
      const by = Number(value) - Number(wished);
      const fits = {
        "": true,
        "=": value === wished,
        "!=": value !== wished,
        ">": by > 0,
        ">=": by >= 0,
        "<": by < 0,
        "<=": by <= 0,
      }[sign];
      if (!fits) return false;
    }
    const within = (value: number | null, span: { since?: number; before?: number } | undefined) =>
      !span || (value !== null && value >= (span.since ?? -Infinity) && value < (span.before ?? Infinity));
    if (but !== "size" && !within(row.size, query.size)) return false;
    if (but !== "put" && !within(row.put, query.put)) return false;
    if (but !== "expires") {
      if (!within(row.expires, query.expires)) return false;
      if (query.lasting !== undefined && query.lasting !== (row.expires === null)) return false;
    }
    return true;
  }

  /** Numbers of all that fit, in order; null is all of them as they are. */
  list(query: Query): Int32Array | null {
    const { order = "put", descending = true, folded: _, ...narrowing } = query;
    if (order === "put" && descending && !Object.keys(narrowing).length && !this.gone.size && !this.added.length)
      return null;
    const name = JSON.stringify([query, this.gone.size, this.added.length]);
    const known = this.#lists.get(name);
    if (known) return known;
    const found: number[] = [];
    for (let at = -this.added.length; at < this.n; at++) if (this.fits(this.object(at), query)) found.push(at);
    const by = (at: number): number | string | null => {
      const { row, metadata } = this.object(at);
      if (order === "metadata") return metadata[query.key ?? ""] ?? null;
      return order === "put" ? row.put : row[order];
    };
    if (order !== "put") {
      const keys = new Map(found.map((at) => [at, by(at)]));
      found.sort((a, b) => {
        const [x, y] = [keys.get(a) ?? null, keys.get(b) ?? null];
        if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
        return (x < y ? -1 : x > y ? 1 : 0) * (descending ? -1 : 1);
      });
    } else if (!descending) found.reverse();
    const list = Int32Array.from(found);
    this.#lists.set(name, list);
    return list;
  }

  facets(query: Query, keys: string[] | null): Facets {
    const most = Math.min(this.n, 20_000);
    const counts = new Map<string, Map<string, number>>();
    const wished = keys ?? ["project", "model", "rl.kind"];
    const ranges = (ends: number[]): Ranges => ({
      ends,
      counts: new Array(ends.length + 1).fill(0),
      without: 0,
      complete: most === this.n,
    });
    const sizes = ranges(SIZE_ENDS);
    const puts = ranges(PUT_AGES.map((age) => this.now - age));
    const expiries = ranges(LIVES.map((life) => this.now + life));
    const bump = (key: string, value: string) => {
      const values = counts.get(key) ?? counts.set(key, new Map()).get(key);
      values?.set(value, (values.get(value) ?? 0) + 1);
    };
    const into = (ranges: Ranges, value: number | null) => {
      if (value === null) ranges.without++;
      else {
        const at = ranges.ends.findIndex((end) => value < end);
        const place = at < 0 ? ranges.ends.length : at;
        ranges.counts[place] = (ranges.counts[place] ?? 0) + 1;
      }
    };
    const beneath = query.beneath ?? "";
    let objects = 0;
    for (let at = -this.added.length; at < most; at++) {
      const made = this.object(at);
      const { row, metadata } = made;
      for (const key of wished)
        if (this.fits(made, query, key)) {
          const value = key === "rl.kind" ? row.kind : metadata[key];
          if (value !== undefined) bump(key, value);
        }
      if (this.fits(made, query, "size")) into(sizes, row.size);
      if (this.fits(made, query, "put")) into(puts, row.put);
      if (this.fits(made, query, "expires")) into(expiries, row.expires);
      if (this.fits(made, query, "state")) bump("\0state", row.state);
      if (!this.fits(made, query)) continue;
      objects++;
      const rest = row.name.slice(beneath.length);
      if (rest.includes("/")) bump("\0folder", rest.slice(0, rest.indexOf("/")));
    }
    const facet = (key: string): Facet => {
      const values = [...(counts.get(key) ?? [])].sort(([, a], [, b]) => b - a);
      return {
        key,
        values: values.slice(0, 8).map(([value]) => value),
        counts: values.slice(0, 8).map(([, n]) => n),
        distinct: values.length,
        complete: most === this.n,
      };
    };
    return {
      keys: wished.map(facet),
      folders: counts.has("\0folder") ? facet("\0folder") : null,
      states: facet("\0state"),
      sizes,
      puts,
      expiries,
      objects,
      complete: most === this.n,
    };
  }
}
