import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { isCancelled } from "../../shared/requests.ts";
import { said } from "../state/moves.ts";

/** A question in its place, over the browser and not over the notebook. The keyboard stays in it, and returns after. */
export function Frame({ title, close, children }: { title: string; close(): void; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  // At once: what is typed next goes into it.
  useLayoutEffect(() => {
    const root = box.current?.getRootNode() as ShadowRoot;
    const before = root.activeElement;
    const at = before?.getAttribute("data-at");
    const rl = box.current?.closest(".rl");
    (
      box.current?.querySelector<HTMLElement>("[data-first]") ??
      box.current?.querySelector<HTMLElement>("button, input")
    )?.focus();
    const element = box.current;
    return () => {
      // What took long may end when somebody types elsewhere.
      if (!element?.contains(root.activeElement) && isElsewhere(root)) return;
      // The row may be another node by then.
      const back = before?.isConnected
        ? before
        : (at && rl?.querySelector(`[data-at="${at}"]`)) || rl?.querySelector("[data-at][tabindex='0']");
      (back as HTMLElement | null)?.focus?.();
    };
  }, []);
  const key = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Escape") {
      event.preventDefault();
      close();
    }
    if (event.key !== "Tab") return;
    const all = [
      ...(box.current?.querySelectorAll<HTMLElement>("button, input, select, textarea, [tabindex='0']") ?? []),
    ].filter((each) => !(each as HTMLButtonElement).disabled);
    const root = box.current?.getRootNode() as ShadowRoot;
    const [first, last] = [all[0], all[all.length - 1]];
    const edge = event.shiftKey ? first : last;
    if (root.activeElement !== edge) return;
    event.preventDefault();
    (event.shiftKey ? last : first)?.focus();
  };
  return (
    <div class="veil" onClick={(event) => event.target === event.currentTarget && close()}>
      <div ref={box} class="dialog" role="dialog" aria-modal="true" aria-labelledby={id} onKeyDown={key}>
        <h3 id={id}>{title}</h3>
        {children}
      </div>
    </div>
  );
}

/** Whether the keyboard is somewhere else in the page than in this root. */
export function isElsewhere(root: ShadowRoot): boolean {
  const { activeElement } = document;
  return activeElement !== null && activeElement !== document.body && activeElement !== root.host;
}

/** Something that is carried out from a question: it stays open until it is done, and says what went wrong. */
export function useDeed(close: () => void): {
  busy: boolean;
  error: string;
  run(deed: (signal: AbortSignal) => Promise<void>): void;
  fail(error: string): void;
  cancel(): void;
} {
  const [busy, setBusy] = useState(false);
  const [error, fail] = useState("");
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const run = (deed: (signal: AbortSignal) => Promise<void>) => {
    stop.current = new AbortController();
    const { signal } = stop.current;
    setBusy(true);
    fail("");
    deed(signal).then(close, (error: unknown) => {
      if (signal.aborted && isCancelled(error)) return;
      setBusy(false);
      fail(said(error));
    });
  };
  const cancel = () => {
    stop.current.abort();
    close();
  };
  return { busy, error, run, fail, cancel };
}

export function Buttons({
  yes,
  busy,
  bad = false,
  cancel,
  disabled = false,
}: {
  yes: string;
  busy: boolean;
  bad?: boolean;
  cancel(): void;
  disabled?: boolean;
}) {
  return (
    <div class="buttons">
      <button type="button" class="btn" onClick={cancel}>
        Cancel
      </button>
      <button type="submit" class={bad ? "btn pri danger" : "btn pri"} disabled={busy || disabled} aria-busy={busy}>
        {yes}
      </button>
    </div>
  );
}

export function Problem({ text }: { text: string }) {
  return (
    <div class="problem" role="alert">
      {text}
    </div>
  );
}
