import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { deed, target } from "../keys.ts";
import type { Browser } from "../state/browser.ts";
import { withOrder } from "../state/query.ts";
import { moved, only, toggled } from "../state/selection.ts";
import {
  clamp,
  proportional,
  ROW,
  revealing,
  scrolled,
  scrolledHeight,
  shown,
  tooNearAnEnd,
  type Viewport,
} from "../state/viewport.ts";
import { clean } from "../words.ts";
import { type Column, columnsOf, isNothing, isNumber, LEAST, leastWidth, template } from "./columns.ts";
import { Row } from "./Row.tsx";

const HEAD = 30;
/** The eye is quicker than the kernel: rows are asked for when it rests a moment. */
const REST_MS = 45;
const TYPED_MS = 900;
const STEP_MS = 20_000;

export function Table({ b }: { b: Browser }) {
  const scroller = useRef<HTMLDivElement>(null);
  const viewport = useSignal<Viewport>({ scrollTop: 0, top: 0, height: 446, total: 0 });
  const timers = useRef<{ want?: ReturnType<typeof setTimeout>; rest?: ReturnType<typeof setTimeout> }>({});
  const typed = useRef({ text: "", at: 0 });
  /** Whether the keyboard's row is to have the focus when it is drawn, and to be selected when it is here. */
  const follow = useRef({ focus: false, select: false });
  const step = useComputed(() => Math.floor(b.now.value / STEP_MS) * STEP_MS);
  const room = useSignal(0);
  const columns = useComputed(() => {
    b.rows.version.value;
    return columnsOf(b.shownColumns.value, b.widths.value, numbersOf(b));
  });

  const total = b.rows.totals.value?.total ?? 0;
  b.rows.version.value;
  const selection = b.selection.value;
  const eye = { ...viewport.value, total };
  if (eye.top > Math.max(0, total * ROW - eye.height)) eye.top = Math.max(0, total * ROW - eye.height);
  const [first, end] = shown(eye);
  const offset = eye.scrollTop - eye.top;
  const height = scrolledHeight(total);
  const doomed = new Set(b.deeds.doomed.value?.rows.map(({ id }) => id));

  const see = (next: Viewport) => {
    viewport.value = next;
    b.firstInSight = Math.floor(next.top / ROW);
    b.inSight = Math.ceil(next.height / ROW);
  };
  const put = (next: Viewport) => {
    const at = { ...next, scrollTop: proportional(next) };
    see(at);
    if (scroller.current) scroller.current.scrollTop = at.scrollTop;
  };
  const now = () => ({ ...viewport.peek(), total: b.rows.total });
  const want = (wait: number) => {
    clearTimeout(timers.current.want);
    timers.current.want = setTimeout(() => b.rows.want(...shown(now())), wait);
  };
  const scroll = () => {
    const element = scroller.current;
    // What is taken out of the page, as JupyterLab does with cells far off, forgets how far it was scrolled.
    if (!element?.clientHeight) return;
    const before = now();
    if (Math.abs(element.scrollTop - before.scrollTop) < 1) return;
    const next = scrolled(before, element.scrollTop);
    if (tooNearAnEnd(next)) put(next);
    else see(next);
    want(REST_MS);
    clearTimeout(timers.current.rest);
    timers.current.rest = setTimeout(() => {
      const rested = now();
      if (Math.abs(proportional(rested) - rested.scrollTop) > 1) put(rested);
    }, 200);
  };
  const reveal = (at: number) => {
    const before = now();
    const top = revealing(before, at);
    if (top !== before.top) put({ ...before, top });
    want(0);
  };

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const watch = new ResizeObserver(() => {
      if (!element.clientHeight) return;
      room.value = element.clientWidth;
      see({ ...now(), height: Math.max(ROW, element.clientHeight - HEAD) });
      const at = viewport.peek().scrollTop;
      if (Math.abs(element.scrollTop - at) > 1) element.scrollTop = at;
      want(0);
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      clearTimeout(timers.current.want);
      clearTimeout(timers.current.rest);
    };
  }, []);

  useSignalEffect(() => {
    b.fromTop.value;
    put({ ...now(), top: 0 });
  });

  useSignalEffect(() => {
    b.rows.version.value;
    want(0);
    const { active, chosen } = b.selection.peek();
    const row = active >= 0 ? b.rows.at(active) : undefined;
    if (follow.current.select && row && !chosen.size) {
      follow.current.select = false;
      b.select(only(active, row));
    }
  });

  useLayoutEffect(() => {
    if (!follow.current.focus) return;
    follow.current.focus = false;
    scroller.current?.querySelector<HTMLElement>(`[data-at="${selection.active}"]`)?.focus({ preventScroll: true });
  });

  const go = (to: number, how: "only" | "extend" | "look") => {
    follow.current = { focus: true, select: how === "only" && !b.rows.at(to) };
    reveal(to);
    if (how === "extend") void b.selectTo(to);
    else if (how === "look") b.select(moved(b.selection.peek(), to));
    else b.select(only(to, b.rows.at(to)));
  };

  const typeAhead = (letter: string) => {
    const at = performance.now();
    const { current } = typed;
    const selection = b.selection.peek();
    current.text = at - current.at < TYPED_MS ? current.text + letter.toLowerCase() : letter.toLowerCase();
    current.at = at;
    const from = Math.max(0, selection.active) + (current.text.length > 1 ? 0 : 1);
    const fits = [...b.rows.loaded()].filter(([, row]) => {
      const name = row.name.toLowerCase();
      return name.startsWith(current.text) || name.slice(name.lastIndexOf("/") + 1).startsWith(current.text);
    });
    const found = fits.find(([index]) => index >= from) ?? fits[0];
    if (found) go(found[0], "only");
  };

  const rowOf = (event: Event) => {
    const at = (event.target as HTMLElement).closest?.<HTMLElement>("[data-at]")?.dataset.at;
    return at === undefined ? undefined : Number(at);
  };

  const key = (event: KeyboardEvent) => {
    if (!(event.target as HTMLElement).matches("[data-at], .scroller")) return;
    const what = deed(event);
    if (!what || !total) return;
    event.preventDefault();
    // As it is now: a second key may come before the first is drawn.
    const selection = b.selection.peek();
    const active = selection.active >= 0 ? selection.active : (rowOf(event) ?? 0);
    const root = scroller.current?.closest(".rl");
    if (what.do === "move") go(target(active, what.to, Math.max(1, b.inSight - 2), total), what.how);
    else if (what.do === "toggle") {
      follow.current.focus = true;
      b.select(toggled(selection, active, b.rows.at(active)));
    } else if (what.do === "all") void b.selectAll();
    else if (what.do === "escape") b.select({ ...selection, chosen: new Map(), anchor: selection.active });
    else if (what.do === "type") typeAhead(what.letter);
    else if (what.do === "search") root?.querySelector<HTMLElement>("input[role=combobox]")?.focus();
    else if (what.do === "copy") {
      const names = b.selected.value.map(({ name }) => name);
      if (names.length) void b.deeds.copy(names.join("\n"), names.length === 1 ? "name" : "names");
    } else if (what.do === "delete" && b.selected.value.length)
      b.dialog.value = { kind: "delete", rows: b.selected.value };
    else if (what.do === "open") {
      const row = b.rows.at(active);
      if (row && !selection.chosen.has(row.id)) b.select(only(active, row));
      b.previewOpen.value = true;
      setTimeout(() => root?.querySelector<HTMLElement>(".acts button")?.focus());
    } else if (what.do === "menu") {
      if (!selection.chosen.size) b.select(only(active, b.rows.at(active)));
      if (!b.selected.peek().length) return;
      const box = (event.target as HTMLElement).getBoundingClientRect();
      b.menu.value = { kind: "object", x: box.left + 40, y: Math.min(box.bottom, box.top + ROW) };
    }
  };

  const click = (event: MouseEvent) => {
    const at = rowOf(event);
    if (at === undefined || (event.target as HTMLElement).closest("button")) return;
    const row = b.rows.at(at);
    follow.current = { focus: true, select: !row };
    if (event.shiftKey) void b.selectTo(at);
    else if (event.ctrlKey || event.metaKey) b.select(toggled(b.selection.peek(), at, row));
    else b.select(only(at, row));
    if (row && (event.target as HTMLElement).closest("[data-versions]")) b.toVersions.value = row.id;
  };
  const menu = (event: MouseEvent) => {
    const at = rowOf(event);
    if (at === undefined) return;
    event.preventDefault();
    const row = b.rows.at(at);
    if (!row) return;
    if (!b.selection.peek().chosen.has(row.id)) b.select(only(at, row));
    b.menu.value = { kind: "object", x: event.clientX, y: event.clientY };
  };

  const indexes = Array.from({ length: Math.max(0, end - first) }, (_, at) => first + at);
  // The keyboard's row stays in the page wherever the eye is: with it would go the focus.
  if (selection.active >= 0 && selection.active < total && (selection.active < first || selection.active >= end))
    indexes.push(selection.active);
  const tabbed = selection.active >= 0 && selection.active < total ? selection.active : first;
  return (
    <div
      ref={scroller}
      class={b.rows.loading.value ? "scroller stale" : "scroller"}
      role="grid"
      aria-label="Objects"
      aria-rowcount={b.rows.totals.value?.exact === false ? -1 : total + 1}
      aria-colcount={columns.value.length + 1}
      aria-multiselectable="true"
      aria-busy={b.rows.loading.value}
      style={{ "--cols": template(columns.value, room.value), "--least": `${leastWidth(columns.value, room.value)}px` }}
      onScroll={scroll}
      onKeyDown={key}
      onClick={click}
      onDblClick={(event) => {
        const at = rowOf(event);
        const row = at === undefined ? null : b.rows.at(at);
        if (row?.state === "READ_ONLY" && b.hello.value?.can.variables) b.dialog.value = { kind: "get", row };
      }}
      onContextMenu={menu}
    >
      <Head b={b} columns={columns.value} />
      <div role="rowgroup" class="space" style={{ height: `${height}px` }}>
        {indexes.map((at) => {
          const row = b.rows.at(at);
          return (
            <Row
              key={at}
              row={row}
              at={at}
              y={clamp(offset + at * ROW, 0, Math.max(0, height - ROW))}
              selected={Boolean(row && selection.chosen.has(row.id))}
              active={at === tabbed}
              doomed={Boolean(row && doomed.has(row.id))}
              columns={columns.value}
              now={step.value}
            />
          );
        })}
      </div>
    </div>
  );
}

function Head({ b, columns }: { b: Browser; columns: Column[] }) {
  const { order = "put", key = "", descending = true } = b.query.value;
  const resize = (id: string, width: number) => {
    b.widths.value = { ...b.widths.value, [id]: Math.round(clamp(width, LEAST, 900)) };
  };
  const drag = (id: string) => (event: PointerEvent) => {
    event.preventDefault();
    const handle = event.currentTarget as HTMLElement;
    const from = handle.parentElement?.offsetWidth ?? 100;
    handle.setPointerCapture(event.pointerId);
    const move = (moved: PointerEvent) => resize(id, from + moved.clientX - event.clientX);
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", move), {
      once: true,
    });
  };
  return (
    <div role="rowgroup" class="head">
      <div role="row" class="row" aria-rowindex={1}>
        <span role="columnheader">
          <span class="spoken">Kind</span>
        </span>
        {columns.map((column) => {
          const sorted = column.order === order && column.key === key;
          return (
            <span
              role="columnheader"
              key={column.id}
              class={column.right ? "r" : ""}
              aria-sort={sorted ? ariaSort(column, descending) : "none"}
            >
              <button
                type="button"
                title={`${clean(column.title, 200)}: click to sort, Alt+arrows to resize`}
                onClick={() => void b.ask(withOrder(b.query.value, column.order, column.key))}
                onKeyDown={(event) => {
                  if (!event.altKey || (event.key !== "ArrowLeft" && event.key !== "ArrowRight")) return;
                  event.preventDefault();
                  const width = event.currentTarget.parentElement?.offsetWidth ?? 100;
                  resize(column.id, width + (event.key === "ArrowLeft" ? -16 : 16));
                }}
              >
                <bdi>{clean(column.title, 80)}</bdi>
                {sorted && <span aria-hidden="true">{descending ? " ↓" : " ↑"}</span>}
              </button>
              <span
                class="grip"
                aria-hidden="true"
                onPointerDown={drag(column.id)}
                onDblClick={() => {
                  const { [column.id]: _, ...others } = b.widths.value;
                  b.widths.value = others;
                }}
              />
            </span>
          );
        })}
      </div>
    </div>
  );
}

/** The newest first is the least age first. */
function ariaSort({ order }: Column, descending: boolean): "ascending" | "descending" {
  return descending === (order === "put") ? "ascending" : "descending";
}

/** Which metadata columns hold numbers, by the rows that are here: those stand at the right. */
function numbersOf(b: Browser): boolean[] {
  const seen = b.shownColumns.value.map(() => ({ numbers: 0, texts: 0 }));
  let rows = 0;
  for (const [, row] of b.rows.loaded()) {
    if (rows++ > 200) break;
    for (const [at, cell] of row.cells.entries()) {
      const column = seen[at];
      if (cell && column && !isNothing(cell)) column[isNumber(cell) ? "numbers" : "texts"]++;
    }
  }
  return seen.map(({ numbers, texts }) => numbers > texts);
}
