import { useEffect, useState } from "preact/hooks";
import type { Browser } from "../state/browser.ts";
import { said } from "../state/moves.ts";
import { clean } from "../words.ts";
import { Sign } from "./icons.tsx";
import { Code } from "./Preview.tsx";

/** What stands in the table's place where there is nothing in it; null where there is. */
export function Instead({ b }: { b: Browser }) {
  const totals = b.rows.totals.value;
  const error = b.rows.error.value;
  if (error && !isGone(error)) return <Failed b={b} error={error} />;
  if (!totals || totals.total > 0 || b.rows.loading.value) return null;
  if (b.shownNarrowed.value)
    return (
      <State
        title="Nothing fits"
        text={
          totals.exact
            ? "No object meets all of these conditions."
            : "None of those known so far meets all of these conditions."
        }
      >
        <button type="button" class="btn" onClick={() => b.clear()}>
          Clear filters
        </button>
      </State>
    );
  if (totals.fresh.walking)
    return (
      <State
        title="Indexing…"
        text="Looking through the store for the first time. Objects appear here as they are found."
      />
    );
  if (totals.fresh.trouble)
    return (
      <State title="The store can't be reached" text={clean(totals.fresh.trouble, 400)} bad>
        <button type="button" class="btn" onClick={() => void b.lookForNew()}>
          Try again
        </button>
      </State>
    );
  return (
    <State title="Nothing stored yet" text="Drop files here, press Upload, or put a variable from a cell:">
      <Code b={b} code="%rl_put df" />
      <button type="button" class="btn pri" onClick={() => (b.dialog.value = { kind: "upload", files: [] })}>
        Upload
      </button>
    </State>
  );
}

/** Before the first answer: bones, then why it takes so long. */
export function Waiting({ b }: { b: Browser }) {
  const [waited, wait] = useState(0);
  useEffect(() => {
    const timers = [150, 3000].map((ms) => setTimeout(() => wait(ms), ms));
    return () => timers.forEach(clearTimeout);
  }, []);
  if (b.session.gone.value) return <Gone b={b} />;
  if (b.failed.value) return <Failed b={b} error={b.failed.value} />;
  if (waited >= 3000)
    return (
      <State
        title="Waiting for the kernel"
        text="It is busy, or not running. If this notebook was only opened, or the kernel was restarted, run the cell again."
      />
    );
  if (!waited) return null;
  return (
    <div class="ghosts" aria-hidden="true">
      {Array.from({ length: 14 }, (_, at) => (
        <span class="bone" key={at} style={{ width: `${30 + ((at * 37) % 50)}%` }} />
      ))}
    </div>
  );
}

/** By the error's name. */
const TITLES: Record<string, string> = {
  Unreachable: "The store can't be reached",
  Offline: "Offline",
  Unauthorized: "The store refuses the key",
  Forbidden: "The store refuses the key",
  EmbeddedStoreError: "The store can't be started",
};

function Failed({ b, error }: { b: Browser; error: Error }) {
  return (
    <State title={TITLES[error.name] ?? "The list couldn't be had"} text={clean(said(error), 400)} bad>
      <button type="button" class="btn" onClick={() => b.retry()}>
        Try again
      </button>
    </State>
  );
}

function Gone({ b }: { b: Browser }) {
  return (
    <State title="The kernel is gone" text="It was restarted or shut down. Run the cell again to browse." bad>
      <button type="button" class="btn" onClick={() => b.retry()}>
        Try again
      </button>
    </State>
  );
}

/** Over the table: what is shown is only as it was. */
export function Strip({ b }: { b: Browser }) {
  if (b.session.gone.value && b.hello.value)
    return (
      <div class="strip bad" role="alert">
        <Sign of="warn" />
        <span>The kernel is gone: this is what was there. Run the cell again.</span>
        <button type="button" class="link" onClick={() => b.retry()}>
          Try again
        </button>
      </div>
    );
  return null;
}

function State({
  title,
  text,
  bad = false,
  children,
}: {
  title: string;
  text: string;
  bad?: boolean;
  children?: preact.ComponentChildren;
}) {
  return (
    <div class={bad ? "state bad" : "state"} role={bad ? "alert" : undefined}>
      <h3>{title}</h3>
      <p>{text}</p>
      {children}
    </div>
  );
}

function isGone(error: Error): boolean {
  return error.name === "KernelGone";
}
