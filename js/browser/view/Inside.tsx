import { useEffect, useState } from "preact/hooks";
import type { Preview } from "../protocol.ts";
import { clean, cleanLines, count, parts, plural, size } from "../words.ts";
import { Glyph } from "./icons.tsx";
import { Text } from "./Text.tsx";

/** What is in an object, as its kind is looked at. */
export function Inside({
  preview,
  image,
  name,
}: {
  preview: Preview;
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

export function Path({ of }: { of: string }) {
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

export function Bones({ n }: { n: number }) {
  return (
    <div class="bones" aria-hidden="true">
      {Array.from({ length: n }, (_, at) => (
        <span class="bone" key={at} style={{ width: `${90 - ((at * 23) % 45)}%` }} />
      ))}
    </div>
  );
}
