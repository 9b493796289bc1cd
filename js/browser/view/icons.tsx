/** The glyphs: drawn, for a font may not have them. */

const KINDS: Record<string, string> = {
  table: "M2 3h12v10H2zM2 6.3h12M2 9.7h12M6 3v10M10 3v10",
  array: "M3 3h4v4H3zM9 3h4v4H9zM3 9h4v4H3zM9 9h4v4H9z",
  dataset: "M8 2l6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3",
  tensor: "M8 1.8 14.2 8 8 14.2 1.8 8z",
  model: "M8 1.8 14.2 8 8 14.2 1.8 8zM8 5.2 10.8 8 8 10.8 5.2 8z",
  image: "M2 3h12v10H2zM2 11l3.5-4 3 3 2-2L14 11.5M10.5 5.8h.01",
  json: "M6 2.5c-2 0-2 1-2 2.5s0 2.5-1.7 3C4 8.5 4 9.5 4 11s0 2.5 2 2.5M10 2.5c2 0 2 1 2 2.5s0 2.5 1.7 3C12 8.5 12 9.5 12 11s0 2.5-2 2.5",
  text: "M3 2h7l3 3v9H3zM5.5 7h5M5.5 9.5h5M5.5 12h3",
  archive: "M2.5 4h11v9.5h-11zM2 2h12v2.5H2zM6.5 7.2h3",
  folder: "M2 4h4.5l1.5 1.7h6V13H2z",
  pickle: "M3 2h7l3 3v9H3zM8 7v3M8 12h.01",
  file: "M3 2h7l3 3v9H3zM10 2v3h3",
};
const ALIKE: Record<string, string> = {
  weights: "tensor",
  notebook: "text",
  bytes: "file",
  tgz: "archive",
  tar: "archive",
  zip: "archive",
};

const SIGNS = {
  search: "M7 2.5a4.5 4.5 0 1 0 .01 0M10.3 10.3 14 14",
  close: "M4 4l8 8M12 4l-8 8",
  up: "M8 13V3M4 7l4-4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
  right: "M6 3.5 10.5 8 6 12.5",
  more: "M3.5 7.3a.7.7 0 1 0 .01 0M8 7.3a.7.7 0 1 0 .01 0M12.5 7.3a.7.7 0 1 0 .01 0",
  filter: "M2 4h12M4.5 8h7M6.5 12h3",
  refresh: "M13 8a5 5 0 1 1-1.5-3.5M13 2.5v2.8h-2.8",
  columns: "M2 3h12v10H2zM6.3 3v10M10 3v10",
  copy: "M5.5 5.5h7.5v8h-7.5zM3 10.5v-8h7.5",
  warn: "M8 2 14.5 13.5h-13zM8 6.5v3.2M8 11.6h.01",
};

export function Glyph({ kind }: { kind: string }) {
  return <Drawn path={KINDS[kind] ?? KINDS[ALIKE[kind] ?? "file"] ?? ""} />;
}

export function Sign({ of }: { of: keyof typeof SIGNS }) {
  return <Drawn path={SIGNS[of]} />;
}

function Drawn({ path }: { path: string }) {
  return (
    <svg class="i" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false">
      <path d={path} />
    </svg>
  );
}
