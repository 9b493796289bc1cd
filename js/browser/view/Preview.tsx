import { useEffect, useState } from "preact/hooks";
import type { Facts, Preview as PreviewOf, Row } from "../protocol.ts";
import type { Browser } from "../state/browser.ts";
import { bytes } from "../state/selection.ts";
import { age, clean, cleanLines, count, duration, parts, plural, size } from "../words.ts";
import { Glyph, Sign } from "./icons.tsx";
import { Text } from "./Text.tsx";

export function Preview({ b }: { b: Browser }) {
  const rows = b.selected.value;
  const [row] = rows;
  if (!row)
    return (
      <div class="hint">
        <p>Select an object to look inside.</p>
        <p class="keys">
          <kbd>↑</kbd> <kbd>↓</kbd> to move, <kbd>Shift</kbd> to select more, <kbd>Enter</kbd> for what to do with it
        </p>
      </div>
    );
  if (rows.length > 1) return <Several b={b} rows={rows} />;
  return <One b={b} row={row} key={row.id} />;
}

function Close({ b }: { b: Browser }) {
  return (
    <button
      type="button"
      class="btn icon shut"
      aria-label="Close the preview"
      onClick={() => (b.previewOpen.value = false)}
    >
      <Sign of="close" />
    </button>
  );
}

function One({ b, row }: { b: Browser; row: Row }) {
  const facts = b.look.facts.value;
  const known = facts && !("failed" in facts) && facts.id === row.id ? facts : null;
  const [folder, rest] = parts(row.name);
  return (
    <>
      <Close b={b} />
      <div class="title">
        <h3>
          {folder && <Text of={folder} class="dir" />}
          <Text of={rest} />
        </h3>
        <div class="sub">
          {known ? (
            <Text of={known.subtitle} />
          ) : (
            [clean(row.kind || row.format, 60), row.size === null ? "" : size(row.size)].filter(Boolean).join(" · ")
          )}
        </div>
      </div>
      <Actions b={b} row={row} />
      <Inside b={b} row={row} />
      {facts && "failed" in facts && (
        <div class="trouble">
          <span>{facts.failed}</span>
          <button type="button" class="link" onClick={() => b.look.again()}>
            Try again
          </button>
        </div>
      )}
      {known ? <Known b={b} facts={known} /> : !facts && <Bones n={4} />}
    </>
  );
}

function Actions({ b, row }: { b: Browser; row: Row }) {
  const whole = row.state === "READ_ONLY";
  return (
    <div class="acts">
      <button type="button" class="btn pri" disabled={!whole} onClick={() => (b.dialog.value = { kind: "get", row })}>
        Get
      </button>
      {b.hello.value?.can.mount && (
        <button
          type="button"
          class="btn"
          disabled={!whole}
          onClick={() => (b.dialog.value = { kind: "mount", rows: [row] })}
        >
          Mount
        </button>
      )}
      <button type="button" class="btn" disabled={!whole} onClick={() => (b.dialog.value = { kind: "link", row })}>
        Link
      </button>
      <MoreButton b={b} />
    </div>
  );
}

function MoreButton({ b }: { b: Browser }) {
  return (
    <button
      type="button"
      class="btn icon"
      aria-label="More to do"
      aria-haspopup="menu"
      onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        b.menu.value = { kind: "object", x: box.right - 200, y: box.bottom + 4 };
      }}
    >
      <Sign of="more" />
    </button>
  );
}

function Known({ b, facts }: { b: Browser; facts: Facts }) {
  return (
    <>
      {facts.facts.length > 0 && (
        <dl>
          {facts.facts.map(({ label, value, metadata }, at) => (
            <div key={at} class={metadata ? "own" : ""}>
              <dt title={clean(label, 300)}>
                <Text of={label} />
              </dt>
              <dd title={clean(value, 1000)}>
                <Text of={value} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      <Code b={b} code={facts.code.get} />
      {facts.versions.length > 1 && <Versions b={b} facts={facts} />}
    </>
  );
}

export function Code({ b, code }: { b: Browser; code: string }) {
  return (
    <div class="code">
      <code title={clean(code, 500)}>
        <Text of={code} />
      </code>
      <button type="button" class="link" aria-label="Copy the code" onClick={() => void b.copy(code, "code")}>
        copy
      </button>
    </div>
  );
}

function Versions({ b, facts }: { b: Browser; facts: Facts }) {
  const now = b.now.value;
  return (
    <section class="versions" aria-label="Versions">
      <h4>
        {facts.moreVersions
          ? `newest ${count(facts.versions.length)} versions`
          : plural(facts.versions.length, "version")}
      </h4>
      <ul>
        {facts.versions.map((version) => (
          <li key={version.id} class={version.id === facts.id ? "on" : ""}>
            <Text of={version.label} class="what" />
            <span class="m">{version.size === null ? "" : size(version.size)}</span>
            <span class="m">{version.newest ? "newest" : age(now - version.put)}</span>
            {version.expires !== null && <span class="ttl">{duration(version.expires - now)}</span>}
            <button
              type="button"
              class="link"
              aria-label={`Copy the id of ${clean(version.label, 80)}`}
              onClick={() => void b.copy(version.id, "id")}
            >
              id
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Inside({ b, row }: { b: Browser; row: Row }) {
  const seen = b.look.seen.value;
  if (!seen || b.look.id.value !== row.id)
    return (
      <div class="pv" aria-busy="true">
        <Bones n={5} />
      </div>
    );
  if ("failed" in seen)
    return (
      <div class="pv">
        <p class="none">
          {seen.failed}{" "}
          <button type="button" class="link" onClick={() => b.look.again()}>
            Try again
          </button>
        </p>
      </div>
    );
  return <Look preview={seen.preview} image={seen.image} name={row.name} />;
}

function Look({
  preview,
  image,
  name,
}: {
  preview: PreviewOf;
  image: Uint8Array<ArrayBuffer> | undefined;
  name: string;
}) {
  switch (preview.kind) {
    case "table":
      return (
        <figure class="pv">
          <div class="wide-scroll" tabIndex={0} role="region" aria-label="First rows">
            <table>
              <thead>
                <tr>
                  {preview.columns.map((column, at) => (
                    <th key={at} scope="col" class={column.number ? "r" : ""} title={clean(column.name, 200)}>
                      <Text of={column.name} />
                      <small>
                        <Text of={column.type} />
                      </small>
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {preview.rows.map((cells, at) => (
                  <tr key={at}>
                    {cells.map((cell, column) => (
                      <td
                        key={column}
                        class={preview.columns[column]?.number ? "r" : ""}
                        title={cell.length > 16 ? clean(cell, 500) : undefined}
                      >
                        <Text of={cell.slice(0, 200)} />
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <Caption
            words={[
              preview.ofRows === null
                ? plural(preview.rows.length, "row")
                : `${count(preview.rows.length)} of ${plural(preview.ofRows, "row")}`,
              preview.columns.length < preview.ofColumns
                ? `${count(preview.columns.length)} of ${plural(preview.ofColumns, "column")}`
                : "",
            ]}
            read={preview.read}
          />
        </figure>
      );
    case "text":
      return (
        <figure class="pv">
          <pre tabIndex={0} role="region" aria-label="Its text">
            <bdi>{cleanLines(preview.text, 60_000)}</bdi>
          </pre>
          <Caption words={[clean(preview.format, 40), preview.whole ? "" : "the beginning"]} read={preview.read} />
        </figure>
      );
    case "image":
      return (
        <figure class="pv image">
          <Picture bytes={image} type={preview.type} name={name} />
          <Caption
            words={[`${count(preview.width)} × ${count(preview.height)}`, clean(preview.type, 60)]}
            read={preview.read}
          />
        </figure>
      );
    case "archive":
      return (
        <figure class="pv">
          <ul class="members" tabIndex={0} aria-label="What is in it">
            {preview.members.map((member, at) => (
              <li key={at}>
                <Glyph kind={member.folder ? "folder" : "file"} />
                <span class="what" title={clean(member.path, 500)}>
                  <Path of={member.path} />
                </span>
                <span class="m">{member.size === null || member.folder ? "" : size(member.size)}</span>
              </li>
            ))}
          </ul>
          <Caption
            words={[
              preview.more
                ? `the first ${plural(preview.members.length, "entry", "entries")}`
                : plural(preview.members.length, "entry", "entries"),
            ]}
            read={preview.read}
          />
        </figure>
      );
    default:
      return (
        <div class="pv">
          <p class="none">{clean("why" in preview ? preview.why : "nothing to show", 300)}</p>
        </div>
      );
  }
}

function Path({ of }: { of: string }) {
  const [folder, rest] = parts(of);
  return (
    <>
      {folder && <Text of={folder} class="dir" />}
      <Text of={rest} />
    </>
  );
}

function Caption({ words, read }: { words: string[]; read: number }) {
  const all = [...words, read ? `${size(read)} read` : ""].filter(Boolean).join(" · ");
  return (
    <figcaption class="cap" title={all}>
      {all}
    </figcaption>
  );
}

/** Only what a page shows as a picture and nothing else: an SVG in an img runs no script, and no other type gets here. */
const PICTURES = /^image\/(png|jpeg|gif|webp|avif|bmp|svg\+xml)$/;

function Picture({
  bytes: data,
  type,
  name,
}: {
  bytes: Uint8Array<ArrayBuffer> | undefined;
  type: string;
  name: string;
}) {
  const [url, show] = useState("");
  const [broken, say] = useState(false);
  useEffect(() => {
    if (!data || !PICTURES.test(type)) return;
    const made = URL.createObjectURL(new Blob([data], { type }));
    show(made);
    return () => URL.revokeObjectURL(made);
  }, [data, type]);
  if (!data || broken || !PICTURES.test(type)) return <p class="none">the browser can't show this picture</p>;
  return url ? <img src={url} alt={clean(name, 200)} onError={() => say(true)} /> : null;
}

function Several({ b, rows }: { b: Browser; rows: Row[] }) {
  const sum = bytes(b.selection.value);
  const kinds = new Map<string, number>();
  for (const row of rows) kinds.set(row.kind || "other", (kinds.get(row.kind || "other") ?? 0) + 1);
  const ending = rows.filter((row) => row.expires !== null).length;
  return (
    <>
      <Close b={b} />
      <div class="title">
        <h3>{plural(rows.length, "object")}</h3>
        <div class="sub">{sum === null ? "some of unknown size" : `${size(sum)} together`}</div>
      </div>
      <div class="acts">
        <button type="button" class="btn pri" onClick={() => b.download(rows)}>
          Download
        </button>
        {b.hello.value?.can.mount && (
          <button type="button" class="btn" onClick={() => (b.dialog.value = { kind: "mount", rows })}>
            Mount
          </button>
        )}
        <button type="button" class="btn" onClick={() => (b.dialog.value = { kind: "delete", rows })}>
          Delete
        </button>
        <MoreButton b={b} />
      </div>
      <dl>
        {[...kinds].map(([kind, n]) => (
          <div key={kind}>
            <dt>
              <Text of={kind} />
            </dt>
            <dd>{count(n)}</dd>
          </div>
        ))}
        {ending > 0 && (
          <div>
            <dt>expiring</dt>
            <dd>{count(ending)}</dd>
          </div>
        )}
      </dl>
      <ul class="members">
        {rows.slice(0, 100).map((row) => (
          <li key={row.id}>
            <Glyph kind={row.kind} />
            <span class="what" title={clean(row.name, 500)}>
              <Path of={row.name} />
            </span>
            <span class="m">{row.size === null ? "" : size(row.size)}</span>
          </li>
        ))}
      </ul>
      {rows.length > 100 && <div class="sub">and {count(rows.length - 100)} more</div>}
    </>
  );
}

export function Bones({ n }: { n: number }) {
  return (
    <div class="bones" aria-hidden="true">
      {Array.from({ length: n }, (_, at) => (
        <span class="bone" key={at} style={{ width: `${90 - ((at * 23) % 45)}%` }} />
      ))}
    </div>
  );
}
