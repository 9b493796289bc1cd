import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Browser } from "../state/browser.ts";
import { UNDO_MS } from "../state/deeds.ts";
import { dropped } from "../state/files.ts";
import { clean, plural } from "../words.ts";
import { Dialogs } from "./Dialogs.tsx";
import { Facets } from "./Facets.tsx";
import { Footer } from "./Footer.tsx";
import { isElsewhere } from "./Frame.tsx";
import { Header } from "./Header.tsx";
import { Sign } from "./icons.tsx";
import { Menu } from "./Menu.tsx";
import { Preview } from "./Preview.tsx";
import { Instead, Strip, Waiting } from "./States.tsx";
import { Table } from "./Table.tsx";
import { Transfers } from "./Transfers.tsx";

export function App({ b }: { b: Browser }) {
  const root = useRef<HTMLDivElement>(null);
  const over = useSignal(false);
  const ready = b.hello.value !== null;
  const selected = b.selection.value.chosen.size > 0;
  const preview = b.previewOpen.value;
  const drop = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    over.value = false;
    if (b.dialog.value || !ready) return;
    dropped(event.dataTransfer).then(
      (files) => {
        if (files.length) b.dialog.value = { kind: "upload", files };
      },
      () => b.notices.tell("what was dropped can't be read", true),
    );
  };
  const key = (event: KeyboardEvent) => {
    const { target } = event;
    if (event.key === "/" && !(target instanceof HTMLInputElement) && !event.defaultPrevented) {
      event.preventDefault();
      root.current?.querySelector<HTMLElement>("input[role=combobox]")?.focus();
    }
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if (b.facetsOpen.value) b.facetsOpen.value = false;
    else if (b.panelOpen.value) b.panelOpen.value = false;
    else if (root.current?.querySelector(".p")?.contains(target as Node))
      root.current.querySelector<HTMLElement>("[data-at][tabindex='0']")?.focus();
  };
  return (
    <section
      ref={root}
      aria-label="Object browser"
      class={`rl${b.facetsOpen.value ? " drawn" : ""}${preview ? "" : " noview"}${selected ? " some" : ""}`}
      onKeyDown={key}
      onDragOver={(event) => {
        if (!event.dataTransfer?.types.includes("Files") || event.defaultPrevented) return;
        // Also where nothing can be dropped: the page itself would open the file.
        event.preventDefault();
        event.stopPropagation();
        over.value = ready && !b.dialog.value;
        if (!over.value) event.dataTransfer.dropEffect = "none";
      }}
      onDragLeave={(event) => {
        if (event.target === event.currentTarget || !root.current?.contains(event.relatedTarget as Node))
          over.value = false;
      }}
      onDrop={drop}
    >
      <Header b={b} />
      {ready ? (
        <>
          <aside class="f" aria-label="Filters" onKeyDown={walk}>
            <button
              type="button"
              class="skip"
              onClick={() => root.current?.querySelector<HTMLElement>("[data-at][tabindex='0']")?.focus()}
            >
              Skip to the objects
            </button>
            <Facets b={b} />
          </aside>
          <div class="main">
            <Strip b={b} />
            <Table b={b} />
            <Instead b={b} />
          </div>
          {preview && (
            <aside class="p" aria-label="Preview">
              <Preview b={b} />
            </aside>
          )}
        </>
      ) : (
        <div class="main all">
          <Waiting b={b} />
        </div>
      )}
      <div class="over">
        <Transfers b={b} />
        <Notice b={b} />
        <Undo b={b} />
      </div>
      <Footer b={b} />
      {over.value && (
        <div class="dropping">
          Drop to upload{b.query.value.beneath ? ` into ${clean(b.query.value.beneath, 80)}` : ""}
        </div>
      )}
      <Menu b={b} />
      <Dialogs b={b} />
      <div class="spoken" role="status" aria-live="polite">
        {b.notices.spoken.value}
      </div>
    </section>
  );
}

/** Arrows go through the filters, as Tab does. */
function walk(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const all = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("button:not(.skip)")];
  all[all.indexOf(event.target as HTMLElement) + step]?.focus();
  event.preventDefault();
}

function Notice({ b }: { b: Browser }) {
  const notice = b.notices.notice.value;
  if (!notice) return null;
  return (
    <div class={notice.bad ? "toast bad" : "toast"}>
      <span class="what">{clean(notice.text, 400)}</span>
      <button type="button" class="btn icon small" aria-label="Close" onClick={() => b.notices.quiet()}>
        <Sign of="close" />
      </button>
    </div>
  );
}

function Undo({ b }: { b: Browser }) {
  const button = useRef<HTMLButtonElement>(null);
  const doomed = b.deeds.doomed.value;
  useEffect(() => {
    if (!doomed) return;
    const root = button.current?.getRootNode() as ShadowRoot;
    button.current?.focus();
    return () => {
      // With the button goes the keyboard's place, if that was there.
      if (!root.activeElement && !isElsewhere(root))
        root.querySelector<HTMLElement>("[data-at][tabindex='0']")?.focus();
    };
  }, [doomed]);
  if (!doomed) return null;
  const [row] = doomed.rows;
  const what = row && doomed.rows.length === 1 ? clean(row.name, 60) : plural(doomed.rows.length, "object");
  return (
    <div class="toast undo" key={doomed.until} style={{ "--life": `${UNDO_MS}ms` }}>
      <span class="what">
        Deleting <bdi>{what}</bdi>
      </span>
      <button ref={button} type="button" class="btn" onClick={() => b.deeds.undo()}>
        Undo
      </button>
    </div>
  );
}
