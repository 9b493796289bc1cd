import { Component } from "preact";
import type { Row as RowData } from "../protocol.ts";
import { age, clean, count, duration, parts, size, utc } from "../words.ts";
import type { Column } from "./columns.ts";
import { Glyph } from "./icons.tsx";
import { Text } from "./Text.tsx";

const DAY = 86_400_000;

export interface RowProps {
  row: RowData | null | undefined;
  at: number;
  y: number;
  selected: boolean;
  active: boolean;
  doomed: boolean;
  columns: Column[];
  /** In steps, for a row isn't drawn anew each second. */
  now: number;
}

/** One row; drawn anew only when something of it is another. */
export class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    for (const name of Object.keys(next) as (keyof RowProps)[]) if (next[name] !== this.props[name]) return true;
    return false;
  }

  override render({ row, at, y, selected, active, doomed, columns, now }: RowProps) {
    const name = `row${selected ? " sel" : ""}${active ? " cur" : ""}${doomed ? " doomed" : ""}`;
    const place = { transform: `translateY(${y}px)` };
    if (!row)
      return (
        <div
          role="row"
          class={`${name} none`}
          style={place}
          aria-rowindex={at + 2}
          aria-selected="false"
          data-at={at}
          tabIndex={active ? 0 : -1}
        >
          <span role="gridcell" aria-label="kind" />
          <span role="gridcell">
            {row === null ? (
              <span class="gone">gone since</span>
            ) : (
              <span class="bone" style={{ width: `${35 + ((at * 37) % 40)}%` }} />
            )}
          </span>
          {columns.slice(1).map(({ id }, index) => (
            <span role="gridcell" key={id}>
              {row === undefined && index < 2 && <span class="bone" style={{ width: "60%", marginLeft: "40%" }} />}
            </span>
          ))}
        </div>
      );
    const [folder, rest] = parts(row.name);
    return (
      <div
        role="row"
        class={name}
        style={place}
        aria-rowindex={at + 2}
        aria-selected={selected}
        data-at={at}
        tabIndex={active ? 0 : -1}
      >
        <span role="gridcell" class="k" title={clean(row.kind || row.format || "unknown kind", 80)}>
          <Glyph kind={row.kind} />
        </span>
        <span role="gridcell" class="name" title={clean(row.name, 500)}>
          <span class="names">
            {folder && (
              <span class="dir">
                <Text of={folder} />
              </span>
            )}
            <Text of={rest} class="rest" />
          </span>
          {row.state !== "READ_ONLY" && <span class="tag">{clean(row.state, 20).toLowerCase().replace("_", " ")}</span>}
          {row.versions > 1 && (
            <span class="ver" title={`${count(row.versions)} versions; this is the newest`} data-versions>
              ×{count(row.versions)}
            </span>
          )}
        </span>
        <span role="gridcell" class="r">
          {row.size === null ? "" : size(row.size)}
        </span>
        <span role="gridcell" class="r m" title={utc(row.put)}>
          {age(now - row.put)}
        </span>
        <Expires at={row.expires} now={now} />
        {columns.slice(4).map(({ id, right }, index) => {
          const cell = row.cells[index] ?? "";
          return (
            <span role="gridcell" key={id} class={right ? "r m" : "m"} title={cell ? clean(cell, 300) : undefined}>
              <Text of={cell} />
            </span>
          );
        })}
      </div>
    );
  }
}

function Expires({ at, now }: { at: number | null; now: number }) {
  if (at === null) return <span role="gridcell" />;
  const left = at - now;
  const words = left <= 0 ? "over" : duration(left);
  return (
    <span role="gridcell" title={`expires ${utc(at)}`}>
      {left < 7 * DAY ? (
        <span class={left < 2 * DAY ? "ttl soon" : "ttl"}>{words}</span>
      ) : (
        <span class="m">{words}</span>
      )}
    </span>
  );
}
