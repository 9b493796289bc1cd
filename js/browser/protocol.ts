/**
 * What the browser and its kernel say to each other. The kernel's end, with the same types, is
 * `runloop_jupyter/browser/protocol.py`; how messages travel is in `../shared/requests.ts`.
 *
 * Sizes are in bytes, times in milliseconds since 1970. Texts may be anything that somebody stored: they are shown as
 * text, never as markup.
 */

/** At least `since`, less than `before`; what is left out is no limit. */
export interface Span {
  since?: number;
  before?: number;
}

/** What must hold of one metadata key; `=` with several values is any of them, an empty sign that the key is there. */
export interface Condition {
  key: string;
  sign: "=" | "!=" | ">" | ">=" | "<" | "<=" | "";
  values: string[];
}

/** Which objects, in what order. What is left out is the default: all that are whole, newest first, names folded. */
export interface Query {
  search?: string;
  /** A folder, with its slash: what names begin with. */
  beneath?: string;
  /** `READ_ONLY` by default. */
  state?: string;
  where?: Record<string, string[]>;
  conditions?: Condition[];
  size?: Span;
  put?: Span;
  expires?: Span;
  /** Only those that last for ever, or only those that don't. */
  lasting?: boolean;
  order?: "put" | "name" | "size" | "expires" | "metadata";
  /** The metadata key that it is ordered by. */
  key?: string;
  descending?: boolean;
  folded?: boolean;
}

/** A row of the table. */
export interface Row {
  id: string;
  name: string;
  state: string;
  size: number | null;
  put: number;
  /** When its time ends; null for never. */
  expires: number | null;
  /** `table`, `array`, `folder`, `archive`, `image`, `text`, … or empty where nobody said. */
  kind: string;
  /** `parquet`, `npy`, `tgz`, … or the content type. */
  format: string;
  /** Living versions of its name. */
  versions: number;
  /** Of the metadata columns that were asked for, shortened to 200 characters; null where it hasn't the key. */
  cells: (string | null)[];
}

/** How far the store is known. */
export interface Freshness {
  /** Objects that are known, in every state. */
  indexed: number;
  /** Whether all of the store has been seen. */
  whole: boolean;
  /** Whether somebody is on the way through it. */
  walking: boolean;
  /** When new ones were last looked for; null where the store itself answers. */
  looked: number | null;
  /** Why it can't go on, in a line. */
  trouble: string | null;
}

export interface Page {
  /** From `first` on; null is an object that has gone since. */
  rows: (Row | null)[];
  first: number;
  /** Rows of the list; those known so far while it isn't `exact`. */
  total: number;
  exact: boolean;
  /** Objects that fit, of which folded rows show one each. */
  objects: number;
  sizeBytes: number | null;
  /** Names this state of the list, for further pages of it. */
  asOf: string;
  /** Whether something that may fit has come or gone since. */
  newer: boolean;
  fresh: Freshness;
}

export interface Facet {
  key: string;
  values: string[];
  counts: number[];
  distinct: number | null;
  /** Where not, each count is a lower bound. */
  complete: boolean;
}

/** Counts of ranges, one more than there are `ends`: ascending, each up to its end. */
export interface Ranges {
  ends: number[];
  counts: number[];
  /** How many have none: of unknown size, or that last for ever. */
  without: number;
  complete: boolean;
}

export interface Facets {
  keys: Facet[];
  /** Folders beneath the query's; names without slash. Null where no name has one. */
  folders: Facet | null;
  states: Facet;
  sizes: Ranges;
  puts: Ranges;
  expiries: Ranges;
  objects: number;
  complete: boolean;
}

export interface Suggestion {
  sort: "key" | "value" | "name";
  text: string;
  /** Whose value it is. */
  key: string;
  n: number | null;
}

export type TransferState = "running" | "done" | "failed" | "cancelled" | "unfinished";

/** A movement of bytes, whoever began it: this browser, a magic, another browser. */
export interface Transfer {
  id: string;
  label: string;
  direction: "put" | "get";
  place: string;
  state: TransferState;
  phase: string;
  done: number;
  /** Of this phase; null where nobody knows. */
  total: number | null;
  /** Bytes a second. */
  rate: number | null;
  leftS: number | null;
  files: number;
  ofFiles: number | null;
  error: string | null;
  can: ("cancel" | "retry" | "resume")[];
}

/** The first answer: enough to show everything at once. */
export interface Hello {
  /** Of this kernel's browser; another after a restart. */
  session: string;
  place: { label: string; profile: string; embedded: boolean };
  query: Query;
  /** Metadata columns that are shown. */
  columns: string[];
  selection: string[];
  page: Page;
  transfers: Transfer[];
  /** Milliseconds since 1970 by the kernel's clock. */
  now: number;
  /** Whether there are mounts here, and variables that a browser can set. */
  can: { mount: boolean; variables: boolean };
  /** Of uploads and downloads. */
  chunkBytes: number;
  inFlight: number;
}

/** All that the preview says of one object beside its look inside. */
export interface Facts {
  id: string;
  name: string;
  /** What follows the name: `table · 48,000 × 9 · 4.1 MiB · newest of 3`. */
  subtitle: string;
  /** Labels and values: metadata first, then created, expires, digest, id, … */
  facts: { label: string; value: string; metadata: boolean }[];
  versions: { id: string; label: string; size: number | null; put: number; expires: number | null; newest: boolean }[];
  moreVersions: boolean;
  /** What does the same, to be copied: `df = %rl_get runs/2026-11/val_metrics`. */
  code: { get: string; mount: string; link: string; remove: string };
  /** A free name for a variable, and a directory that isn't there. */
  variable: string;
  directory: string;
}

/** A look inside. `read` is what was fetched for it; 0 where the bytes were here. */
export type Preview =
  | {
      kind: "table";
      columns: { name: string; type: string; number: boolean }[];
      rows: string[][];
      ofRows: number | null;
      ofColumns: number;
      read: number;
    }
  | { kind: "text"; text: string; format: string; whole: boolean; read: number }
  /** Its bytes are the reply's first buffer. */
  | { kind: "image"; type: string; width: number; height: number; read: number }
  | { kind: "archive"; members: { path: string; size: number | null; folder: boolean }[]; more: boolean; read: number }
  | { kind: "none"; why: string };

/** What each operation takes and returns. */
export interface Operations {
  hello: [{ columns?: string[] }, Hello];
  /** `shown` says that it is what this page shows from now on: Python's `b.query` and `b.columns`. */
  page: [{ query: Query; first: number; n: number; asOf: string | null; columns: string[]; shown: boolean }, Page];
  facets: [{ query: Query; keys: string[] | null }, Facets];
  suggest: [{ text: string }, { suggestions: Suggestion[] }];
  /** Metadata keys in use, those of most objects first. */
  keys: [Record<string, never>, { keys: { key: string; n: number | null }[] }];
  facts: [{ id: string }, Facts];
  preview: [{ id: string }, Preview];
  /** Somebody sees this view: said every minute while that is so. A kernel that hears nothing for long stops listening. */
  watching: [Record<string, never>, null];
  /** Looks for new objects now. */
  refresh: [Record<string, never>, null];
  /** Tells the kernel what is selected, in the order of the list; `b.selection` is that. */
  selected: [{ ids: string[] }, null];

  /** Into a variable; refused (`VariableTaken`) where the name is taken. Progress is `{ done, total }`. */
  get: [{ id: string; variable: string }, { variable: string; said: string }];
  mount: [{ ids: string[]; directory: string }, { directory: string; said: string }];
  /** `expires` in seconds. The URL is a secret: it goes to the clipboard and nowhere else. */
  link: [{ id: string; expires: number }, { url: string; until: number; reach: string }];
  /** What can be told of a link without making one. */
  reach: [{ id: string }, { reach: string; lives: string }];
  /** Each id is that of one version. */
  delete: [{ ids: string[] }, { deleted: string[]; failed: { id: string; why: string }[] }];
  keep: [{ id: string }, { id: string; said: string }];
  /** Bytes come as progress with a buffer each, no more than were granted by `grant` messages of this request. */
  download: [{ id: string }, { name: string; size: number }];
  /**
   * One file. Bytes go as `chunk` messages of this request (`Requests.send`), no more than were granted by progress
   * `{ credit, written }`; then `end`. Progress of the put that follows is `{ phase, done, total }`.
   */
  upload: [
    { name: string; size: number; type: string; metadata: Record<string, string>; ttl: string | null },
    { id: string; name: string; said: string },
  ];
  cancelTransfer: [{ id: string }, null];
  retryTransfer: [{ id: string }, null];
  resumeTransfer: [{ id: string }, null];
}

/** What the kernel says unasked. */
export interface Events {
  /** Something came or went, or the store is known further; what is shown may be asked for anew. */
  changed: { fresh: Freshness };
  /** All transfers that are worth showing, at most ten times a second. */
  transfers: { transfers: Transfer[] };
  /** Python set `b.query`, `b.columns` or `b.selection`. */
  set: { query?: Query; columns?: string[]; selection?: string[] };
}
