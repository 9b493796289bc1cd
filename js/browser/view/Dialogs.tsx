import { useEffect, useState } from "preact/hooks";
import type { Row } from "../protocol.ts";
import type { Browser } from "../state/browser.ts";
import { clean, count, parts, plural, size, sizeOf } from "../words.ts";
import { Buttons, Frame, Problem, useDeed } from "./Frame.tsx";
import { Code } from "./Preview.tsx";
import { Text } from "./Text.tsx";
import { Upload } from "./Upload.tsx";

export function Dialogs({ b }: { b: Browser }) {
  const dialog = b.dialog.value;
  const close = () => {
    b.dialog.value = null;
  };
  switch (dialog?.kind) {
    case "upload":
      return <Upload b={b} files={dialog.files} close={close} />;
    case "get":
      return <Get b={b} row={dialog.row} close={close} />;
    case "mount":
      return <Mount b={b} rows={dialog.rows} close={close} />;
    case "link":
      return <Link b={b} row={dialog.row} close={close} />;
    case "delete":
      return <Delete b={b} rows={dialog.rows} close={close} />;
    default:
      return null;
  }
}

/** The facts of a row, where they are known. */
function factsOf(b: Browser, row: Row) {
  const facts = b.look.facts.value;
  return facts && !("failed" in facts) && facts.id === row.id ? facts : null;
}

function submitting(go: () => void) {
  return (event: Event) => {
    event.preventDefault();
    go();
  };
}

function Get({ b, row, close }: { b: Browser; row: Row; close(): void }) {
  const facts = factsOf(b, row);
  const [name, setName] = useState<string | null>(null);
  const [far, setFar] = useState("");
  const variable = name ?? facts?.variable ?? guessed(row.name);
  const { busy, error, run, fail, cancel } = useDeed(close);
  const go = () => {
    if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(variable)) {
      fail("a variable is letters, digits and _, and begins with no digit");
      return;
    }
    run(async (signal) => {
      const tell = ({ value }: { value: unknown }) => {
        const { done, total } = value as { done: number; total: number | null };
        setFar(total ? sizeOf(done, total) : size(done));
      };
      const { value } = await b.session.open("get", { id: row.id, variable }, { signal, onProgress: tell }).answer;
      b.notices.tell(clean((value as { said: string }).said, 300), false);
    });
  };
  return (
    <Frame title="Get into a variable" close={cancel}>
      <form onSubmit={submitting(go)}>
        <p class="sub">
          <Text of={row.name} />
          {row.size !== null && ` · ${size(row.size)}`}
        </p>
        <label>
          Variable
          <input
            data-first
            type="text"
            class="mono"
            value={variable}
            spellcheck={false}
            autocomplete="off"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        {facts && !error && <Code b={b} code={facts.code.get} />}
        {busy && <p class="sub">{far ? `${far} read` : "reading…"}</p>}
        <Problem text={error} />
        <Buttons yes="Get" busy={busy} cancel={cancel} />
      </form>
    </Frame>
  );
}

function guessed(name: string): string {
  const word = (parts(name)[1].split(".")[0] ?? "").replace(/[^\p{L}\p{N}_]+/gu, "_").replace(/^(?=\d)/, "_");
  return word || "value";
}

function Mount({ b, rows, close }: { b: Browser; rows: Row[]; close(): void }) {
  const [row] = rows;
  const facts = row && rows.length === 1 ? factsOf(b, row) : null;
  const [typed, type] = useState<string | null>(null);
  const directory = typed ?? facts?.directory ?? "mounted";
  const { busy, error, run, cancel } = useDeed(close);
  const go = () =>
    run(async (signal) => {
      const { said } = await b.session.ask("mount", { ids: rows.map(({ id }) => id), directory }, { signal });
      b.notices.tell(clean(said, 300), false);
    });
  return (
    <Frame title="Mount" close={cancel}>
      <form onSubmit={submitting(go)}>
        <p class="sub">
          {row && rows.length === 1 ? <Text of={row.name} /> : plural(rows.length, "object")} as files of the kernel's
          machine, read only.
        </p>
        <label>
          Directory
          <input
            data-first
            type="text"
            class="mono"
            value={directory}
            spellcheck={false}
            autocomplete="off"
            onInput={(event) => type(event.currentTarget.value)}
          />
        </label>
        {facts && <Code b={b} code={facts.code.mount} />}
        <Problem text={error} />
        <Buttons yes="Mount" busy={busy} disabled={!directory.trim()} cancel={cancel} />
      </form>
    </Frame>
  );
}

const LIVES: [string, number][] = [
  ["15 minutes", 900],
  ["1 hour", 3600],
  ["24 hours", 86_400],
  ["7 days", 604_800],
];

function Link({ b, row, close }: { b: Browser; row: Row; close(): void }) {
  const facts = factsOf(b, row);
  const [expires, setExpires] = useState(3600);
  const [reach, setReach] = useState<{ reach: string; lives: string } | null>(null);
  const { busy, error, run, cancel } = useDeed(close);
  useEffect(() => {
    const stop = new AbortController();
    b.session.ask("reach", { id: row.id }, { signal: stop.signal }).then(setReach, () => {});
    return () => stop.abort();
  }, []);
  return (
    <Frame title="Copy a link" close={cancel}>
      <form onSubmit={submitting(() => run((signal) => b.deeds.copyLink(row, expires, signal)))}>
        <p class="sub">
          <Text of={row.name} />
        </p>
        <label>
          Good for
          <select
            data-first
            value={String(expires)}
            onChange={(event) => setExpires(Number(event.currentTarget.value))}
          >
            {LIVES.map(([words, seconds]) => (
              <option key={seconds} value={String(seconds)}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <p class="note">
          {reach
            ? `Reach: ${clean(reach.reach, 300)}. ${clean(reach.lives, 300)}`
            : "Whoever has the link can read the object."}
        </p>
        {facts && <Code b={b} code={facts.code.link} />}
        <Problem text={error} />
        <Buttons yes="Copy link" busy={busy} cancel={cancel} />
      </form>
    </Frame>
  );
}

function Delete({ b, rows, close }: { b: Browser; rows: Row[]; close(): void }) {
  const known = rows.every((row) => row.size !== null);
  const sum = rows.reduce((all, row) => all + (row.size ?? 0), 0);
  const [row] = rows;
  const one = rows.length === 1 ? row : undefined;
  const older = rows.reduce((all, each) => all + each.versions - 1, 0);
  const facts = one && factsOf(b, one);
  return (
    <Frame title={one ? "Delete this object?" : `Delete ${plural(rows.length, "object")}?`} close={close}>
      <form
        onSubmit={submitting(() => {
          close();
          b.deeds.doom(rows);
        })}
      >
        <ul class="members">
          {rows.slice(0, 6).map((each) => (
            <li key={each.id}>
              <span class="what" title={clean(each.name, 500)}>
                <Text of={each.name} />
              </span>
              <span class="m">{each.size === null ? "" : size(each.size)}</span>
            </li>
          ))}
          {rows.length > 6 && <li class="m">and {count(rows.length - 6)} more</li>}
        </ul>
        <p class="note">
          {one ? "" : known ? `${size(sum)} in all. ` : ""}
          {older > 0 &&
            (one
              ? `Only this version goes: ${plural(older, "other")} of its name ${older === 1 ? "stays" : "stay"}. `
              : `Only the versions shown go: ${plural(older, "other")} of these names stay. `)}
          It can't be brought back, but there are 8 seconds to undo.
        </p>
        {facts && <Code b={b} code={facts.code.remove} />}
        <div class="buttons">
          <button type="button" class="btn" data-first onClick={close}>
            Cancel
          </button>
          <button type="submit" class="btn pri danger">
            Delete
          </button>
        </div>
      </form>
    </Frame>
  );
}
