import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Facts, Row } from "../protocol.ts";
import type { Browser } from "../state/browser.ts";
import { bytes } from "../state/selection.ts";
import { age, clean, count, duration, parts, plural, size } from "../words.ts";
import { Bones, Inside, Path } from "./Inside.tsx";
import { Glyph, Sign } from "./icons.tsx";
import { Text } from "./Text.tsx";

export function Preview({ b }: { b: Browser }) {
  const rows = b.selected.value;
  const [row] = rows;
  if (!row) return <Hint b={b} />;
  if (rows.length > 1) return <Several b={b} rows={rows} />;
  return <One b={b} row={row} key={row.id} />;
}

function Hint({ b }: { b: Browser }) {
  const totals = b.rows.totals.value;
  return (
    <div class="hint">
      {totals !== null && totals.sizeBytes !== null && totals.objects > 0 && (
        <p class="sum">
          {totals.exact ? "" : "at least "}
          {size(totals.sizeBytes)} in {plural(totals.objects, "object")}
        </p>
      )}
      <p>Select an object to look inside.</p>
      <p class="keys">
        <kbd>↑</kbd> <kbd>↓</kbd> to move, <kbd>Shift</kbd> to select more, <kbd>Enter</kbd> for what to do with it
      </p>
    </div>
  );
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
  const seen = b.look.seen.value;
  const unseen = seen && "failed" in seen ? seen.failed : null;
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
      <Within b={b} row={row} />
      {facts && "failed" in facts && facts.failed !== unseen && (
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
      {b.hello.value?.can.variables ? (
        <button type="button" class="btn pri" disabled={!whole} onClick={() => (b.dialog.value = { kind: "get", row })}>
          Get
        </button>
      ) : (
        <button type="button" class="btn pri" disabled={!whole} onClick={() => b.deeds.download([row])}>
          Download
        </button>
      )}
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
      <button type="button" class="link" aria-label="Copy the code" onClick={() => void b.deeds.copy(code, "code")}>
        copy
      </button>
    </div>
  );
}

function Versions({ b, facts }: { b: Browser; facts: Facts }) {
  const box = useRef<HTMLElement>(null);
  const now = b.now.value;
  useSignalEffect(() => {
    if (b.toVersions.value !== facts.id || !box.current) return;
    b.toVersions.value = null;
    // Not scrollIntoView, which would scroll the notebook as well.
    const pane = box.current.closest(".p");
    if (pane) pane.scrollTop = box.current.offsetTop - 12;
  });
  return (
    <section ref={box} class="versions" aria-label="Versions">
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
              onClick={() => void b.deeds.copy(version.id, "id")}
            >
              id
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Within({ b, row }: { b: Browser; row: Row }) {
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
          {seen.failed}
          <button type="button" class="link" onClick={() => b.look.again()}>
            Try again
          </button>
        </p>
      </div>
    );
  return <Inside preview={seen.preview} image={seen.image} name={row.name} />;
}

function Several({ b, rows }: { b: Browser; rows: Row[] }) {
  const sum = bytes(b.selection.value);
  const kinds = new Map<string, number>();
  for (const row of rows) kinds.set(row.kind || "other", (kinds.get(row.kind || "other") ?? 0) + 1);
  const whole = rows.every(({ state }) => state === "READ_ONLY");
  const ending = rows.filter((row) => row.expires !== null).length;
  return (
    <>
      <Close b={b} />
      <div class="title">
        <h3>{plural(rows.length, "object")}</h3>
        <div class="sub">{sum === null ? "some of unknown size" : `${size(sum)} together`}</div>
      </div>
      <div class="acts">
        <button type="button" class="btn pri" disabled={!whole} onClick={() => b.deeds.download(rows)}>
          Download
        </button>
        {b.hello.value?.can.mount && (
          <button
            type="button"
            class="btn"
            disabled={!whole}
            onClick={() => (b.dialog.value = { kind: "mount", rows })}
          >
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
