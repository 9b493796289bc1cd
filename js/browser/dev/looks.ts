/** What a made-up store shows of one object. */

import type { Facts, Preview } from "../protocol.ts";
import { duration, size, utc } from "../words.ts";
import type { Made } from "./store.ts";

const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 200" width="320" height="200"><rect width="320" height="200" fill="#fff"/><path d="M30 20V170H300" fill="none" stroke="#555"/><path d="M30 40C80 120 140 150 300 160" fill="none" stroke="#2f6fde" stroke-width="3"/><path d="M30 60C90 130 160 140 300 145" fill="none" stroke="#e08a1e" stroke-width="3"/></svg>`;

/** All that a preview says of it. */
export function factsOf({ row, metadata }: Made): Facts {
  const { id } = row;
  const versions = Array.from({ length: Math.min(3, row.versions) }, (_, at) => ({
    id: at ? `${id}_${at}` : id,
    label: `@${utc(row.put - at * 4e8)
      .slice(0, 16)
      .replace(/[-: ]/g, "")}Z-${id.slice(-3)}${at}`,
    size: row.size,
    put: row.put - at * 4e8,
    expires: null,
    newest: at === 0,
  }));
  return {
    id,
    name: row.name,
    subtitle: [
      row.kind,
      row.kind === "table" ? "48,000 × 9" : "",
      row.size === null ? "" : size(row.size),
      row.versions > 1 ? `newest of ${row.versions}` : "",
    ]
      .filter(Boolean)
      .join(" · "),
    facts: [
      ...Object.entries(metadata).map(([label, value]) => ({ label, value, metadata: true })),
      { label: "created", value: utc(row.put), metadata: false },
      ...(row.expires
        ? [{ label: "expires", value: `in ${duration(row.expires - Date.now())}`, metadata: false }]
        : []),
      { label: "digest", value: "blake3:9f2c41d07be8b1c2a3d4e5f60718293a4b5c6d7e8f90", metadata: false },
      { label: "id", value: id, metadata: false },
    ],
    versions,
    moreVersions: row.versions > 3,
    code: {
      get: `df = %rl_get ${row.name}`,
      mount: `%rl_mount ${row.name} data`,
      link: `%rl_url ${row.name}`,
      remove: `%rl_rm ${row.name}`,
    },
    variable: "df",
    directory: "data",
  };
}

/** A look inside, by its kind. */
export function previewOf({ row }: Made): [Preview, DataView[]] {
  switch (row.kind) {
    case "table":
      return [
        {
          kind: "table",
          columns: [
            ["epoch", "int64", true],
            ["loss", "float32", true],
            ["acc", "float32", true],
            ["split", "category", false],
            ["note", "string", false],
          ].map(([name, type, number]) => ({ name, type, number }) as { name: string; type: string; number: boolean }),
          rows: Array.from({ length: 8 }, (_, at) => [
            String(at),
            (2.3 / (at * 0.3 + 1)).toFixed(4),
            (0.112 + at * 0.09).toFixed(3),
            "val",
            at % 3 ? "" : "a longer remark that goes on",
          ]),
          ofRows: 48_000,
          ofColumns: 9,
          read: 38_912,
        },
        [],
      ];
    case "archive":
    case "folder":
      return [
        {
          kind: "archive",
          members: [
            { path: "checkpoints", size: null, folder: true },
            ...Array.from({ length: 30 }, (_, at) => ({
              path: `checkpoints/epoch-${String(at).padStart(3, "0")}/model.bin`,
              size: 1e7 + at * 12345,
              folder: false,
            })),
          ],
          more: true,
          read: 65_536,
        },
        [],
      ];
    case "image": {
      const bytes = new TextEncoder().encode(PICTURE);
      return [
        { kind: "image", type: "image/svg+xml", width: 320, height: 200, read: 84_000 },
        [new DataView(bytes.buffer)],
      ];
    }
    case "text":
    case "json":
      return [
        {
          kind: "text",
          text: '{\n  "lr": 0.001,\n  "epochs": 90,\n  "seed": 7\n}\n',
          format: "json",
          whole: true,
          read: 48,
        },
        [],
      ];
    default:
      return [{ kind: "none", why: "No preview of weights: get them to look inside." }, []];
  }
}
