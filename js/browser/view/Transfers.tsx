import type { Transfer } from "../protocol.ts";
import type { Browser } from "../state/browser.ts";
import { type Move, said } from "../state/moves.ts";
import { clean, count, duration, plural, rate, size, sizeOf } from "../words.ts";
import { Sign } from "./icons.tsx";
import { Text } from "./Text.tsx";

/** Of a thousand files not each has a line. */
const SHOWN = 100;

/** What a bar shows, whoever moves it. */
interface Line {
  id: string;
  label: string;
  direction: "put" | "get";
  state: string;
  part: number | null;
  words: string;
  error: string | null;
  can: { name: string; go(): void }[];
}

/** The one to watch, in the footer; a click opens them all. */
export function Busiest({ b }: { b: Browser }) {
  const lines = linesOf(b);
  const [line] = lines.filter(({ state }) => state === "running");
  const failed = lines.filter(({ state }) => state === "failed").length;
  const unfinished = lines.filter(({ state }) => state === "unfinished").length;
  const open = () => {
    b.opened = false;
    b.panelOpen.value = !b.panelOpen.value;
  };
  if (!line) {
    if (!lines.length) return null;
    const words = failed
      ? `${plural(failed, "transfer")} failed`
      : unfinished
        ? `${plural(unfinished, "unfinished transfer")}`
        : "transfers";
    return (
      <button type="button" class={failed ? "link bad" : "plain"} aria-expanded={b.panelOpen.value} onClick={open}>
        {words}
      </button>
    );
  }
  const others = b.moves.running.value - 1;
  return (
    <span class="busiest">
      <button type="button" class="plain" aria-expanded={b.panelOpen.value} onClick={open}>
        <Sign of={line.direction === "put" ? "up" : "down"} />
        <Text of={line.label} class="what" />
        <Bar line={line} />
        <span class="words">{line.words}</span>
        {others > 0 && <span>+{others}</span>}
      </button>
      {line.can
        .filter(({ name }) => name === "Cancel")
        .map(({ name, go }) => (
          <button type="button" class="link" key={name} onClick={go}>
            {name}
          </button>
        ))}
    </span>
  );
}

export function Transfers({ b }: { b: Browser }) {
  const lines = linesOf(b);
  if (!b.panelOpen.value || !lines.length) return null;
  return (
    <section class="panel" aria-label="Transfers">
      <div class="bar-head">
        <h4>transfers</h4>
        <span class="sp" />
        <button type="button" class="link" onClick={() => b.moves.clear()}>
          clear finished
        </button>
        <button type="button" class="btn icon" aria-label="Close" onClick={() => (b.panelOpen.value = false)}>
          <Sign of="close" />
        </button>
      </div>
      <ul tabIndex={0} aria-label="All transfers">
        {lines.slice(0, SHOWN).map((line) => (
          <li key={line.id} class={line.state}>
            <Sign of={line.direction === "put" ? "up" : "down"} />
            <Text of={line.label} class="what" />
            {line.state === "running" && <Bar line={line} />}
            <span class="words" title={line.error ? clean(line.error, 500) : undefined}>
              {line.error ? clean(line.error, 200) : line.words}
            </span>
            {line.can.map(({ name, go }) => (
              <button type="button" class="link" key={name} onClick={go}>
                {name}
              </button>
            ))}
          </li>
        ))}
        {lines.length > SHOWN && <li class="m">and {count(lines.length - SHOWN)} more</li>}
      </ul>
    </section>
  );
}

function Bar({ line }: { line: Line }) {
  return (
    <span
      class={line.part === null ? "bar unknown" : "bar"}
      role="progressbar"
      aria-label={clean(line.label, 200)}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={line.part === null ? undefined : Math.round(line.part * 100)}
    >
      <i style={{ width: `${(line.part ?? 0.3) * 100}%` }} />
    </span>
  );
}

function linesOf(b: Browser): Line[] {
  const busy = (line: Line) =>
    line.state === "running" ? 0 : line.state === "waiting" ? 1 : line.state === "failed" ? 2 : 3;
  const own = b.moves.own.value.map((move) => ofPage(b, move));
  // Of what is over the last is looked for.
  const over = own.filter((line) => busy(line) > 1).reverse();
  return [
    ...own.filter((line) => busy(line) <= 1),
    ...over,
    ...b.moves.others.value.map((one) => ofKernel(b, one)),
  ].sort((x, y) => busy(x) - busy(y));
}

function ofPage(b: Browser, move: Move): Line {
  const can = [];
  if (move.state === "running" || move.state === "waiting")
    can.push({ name: "Cancel", go: () => b.moves.cancel(move.id) });
  else if (move.state !== "done") can.push({ name: "Retry", go: () => b.moves.retry(move.id) });
  const left = move.rate && move.total ? ((move.total - move.done) / move.rate) * 1000 : null;
  return { ...move, part: move.total ? move.done / move.total : null, words: wordsOf(move, left), can };
}

function ofKernel(b: Browser, one: Transfer): Line {
  const ask = (op: "cancelTransfer" | "retryTransfer" | "resumeTransfer") => () =>
    void b.session.ask(op, { id: one.id }).catch((error: Error) => b.notices.tell(said(error), true));
  const all = {
    cancel: { name: "Cancel", go: ask("cancelTransfer") },
    retry: { name: "Retry", go: ask("retryTransfer") },
    resume: { name: "Resume", go: ask("resumeTransfer") },
  };
  return {
    ...one,
    part: one.total ? one.done / one.total : null,
    words: wordsOf(one, one.leftS === null ? null : one.leftS * 1000),
    can: one.can.map((each) => all[each]),
  };
}

function wordsOf(
  { state, phase, done, total, rate: speed }: Pick<Move, "phase" | "done" | "total" | "rate"> & { state: string },
  left: number | null,
): string {
  if (state === "done") return total ? size(total) : "done";
  if (state !== "running") return state;
  const far = total ? sizeOf(done, total) : done ? size(done) : clean(phase, 40) || "starting";
  return [far, speed ? rate(speed) : "", left !== null && left > 500 ? duration(left) : ""].filter(Boolean).join(" · ");
}
