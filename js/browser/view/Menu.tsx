import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Browser } from "../state/browser.ts";
import { clean, count } from "../words.ts";

interface Item {
  label: string;
  hint?: string;
  go(): void;
  checked?: boolean;
  bad?: boolean;
}

export function Menu({ b }: { b: Browser }) {
  const menu = b.menu.value;
  if (!menu) return null;
  const items = menu.kind === "columns" ? columnItems(b) : objectItems(b);
  if (menu.kind === "object" && !items.length) return null;
  return <Opened b={b} key={`${menu.kind} ${menu.x} ${menu.y}`} items={items} />;
}

function Opened({ b, items }: { b: Browser; items: Item[] }) {
  const list = useRef<HTMLDivElement>(null);
  const before = useRef<Element | null>(null);
  const [place, put] = useState({ left: -9999, top: 0 });
  const menu = b.menu.value;
  const close = () => {
    b.menu.value = null;
  };
  useLayoutEffect(() => {
    const element = list.current;
    const frame = element?.closest(".rl")?.getBoundingClientRect();
    if (!element || !frame || !menu) return;
    const left = Math.max(4, Math.min(menu.x - frame.left, frame.width - element.offsetWidth - 6));
    const top = Math.max(4, Math.min(menu.y - frame.top, frame.height - element.offsetHeight - 6));
    put({ left, top });
  }, [items.length]);
  useEffect(() => {
    const root = list.current?.getRootNode() as ShadowRoot;
    before.current = root.activeElement;
    list.current?.querySelector<HTMLElement>("button")?.focus();
    const away = (event: Event) => {
      if (!event.composedPath().includes(list.current as EventTarget)) close();
    };
    document.addEventListener("pointerdown", away, true);
    return () => {
      document.removeEventListener("pointerdown", away, true);
      if (before.current instanceof HTMLElement && !root.activeElement?.closest(".dialog, [role=grid], input"))
        before.current.focus();
    };
  }, []);
  const key = (event: KeyboardEvent) => {
    const all = [...(list.current?.querySelectorAll<HTMLElement>("button") ?? [])];
    const at = all.indexOf(event.target as HTMLElement);
    const to = {
      ArrowDown: (at + 1) % all.length,
      ArrowUp: (at - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1,
    }[event.key];
    if (to !== undefined) all[to]?.focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else if ([...event.key].length === 1 && event.key !== " ") {
      const letter = event.key.toLowerCase();
      [...all.slice(at + 1), ...all.slice(0, at + 1)]
        .find((item) => item.textContent?.toLowerCase().startsWith(letter))
        ?.focus();
      return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={list}
      class="menu"
      role="menu"
      aria-label={menu?.kind === "columns" ? "Columns" : "What to do"}
      tabIndex={-1}
      style={{ left: `${place.left}px`, top: `${place.top}px` }}
      onKeyDown={key}
    >
      {menu?.kind === "columns" && !items.length && (
        <div class="unseen">{b.keys.value ? "no metadata keys in use" : "…"}</div>
      )}
      {items.map((item) => (
        <button
          type="button"
          key={item.label}
          role={item.checked === undefined ? "menuitem" : "menuitemcheckbox"}
          aria-checked={item.checked}
          class={item.bad ? "bad" : ""}
          onClick={() => {
            if (item.checked === undefined) close();
            item.go();
          }}
        >
          {item.checked !== undefined && <span class="check">{item.checked ? "✓" : ""}</span>}
          <bdi class="what">{item.label}</bdi>
          {item.hint && <span class="n">{item.hint}</span>}
        </button>
      ))}
    </div>
  );
}

function objectItems(b: Browser): Item[] {
  const rows = b.selected.value;
  const [row] = rows;
  if (!row) return [];
  const one = rows.length === 1;
  const facts = b.look.facts.value;
  const code = facts && !("failed" in facts) && facts.id === row.id ? facts.code : null;
  const whole = rows.every(({ state }) => state === "READ_ONLY");
  const items: (Item | false | null | undefined)[] = [
    one &&
      whole &&
      b.hello.value?.can.variables && {
        label: "Get into a variable…",
        go: () => (b.dialog.value = { kind: "get", row }),
      },
    whole && { label: one ? "Download" : `Download ${count(rows.length)}`, go: () => b.deeds.download(rows) },
    whole && b.hello.value?.can.mount && { label: "Mount…", go: () => (b.dialog.value = { kind: "mount", rows }) },
    one && whole && { label: "Copy a link…", go: () => (b.dialog.value = { kind: "link", row }) },
    {
      label: one ? "Copy id" : "Copy ids",
      go: () => void b.deeds.copy(rows.map(({ id }) => id).join("\n"), one ? "id" : "ids"),
    },
    one && { label: "Copy name", go: () => void b.deeds.copy(row.name, "name") },
    one && code && { label: "Copy code to get it", go: () => void b.deeds.copy(code.get, "code") },
    rows.some(({ expires }) => expires !== null) && {
      label: "Keep for ever",
      go: () => void b.deeds.keep(rows.filter(({ expires }) => expires !== null)),
    },
    {
      label: one ? "Delete…" : `Delete ${count(rows.length)}…`,
      hint: "Del",
      bad: true,
      go: () => (b.dialog.value = { kind: "delete", rows }),
    },
  ];
  return items.filter((item): item is Item => Boolean(item));
}

function columnItems(b: Browser): Item[] {
  const shown = b.columns.value;
  const known = b.keys.value ?? [];
  const all = [
    ...shown.filter((key) => !known.some((each) => each.key === key)).map((key) => ({ key, n: null })),
    ...known,
  ];
  return all.map(({ key, n }) => ({
    label: clean(key, 100),
    hint: n === null ? "" : count(n),
    checked: shown.includes(key),
    go: () => b.showColumns(shown.includes(key) ? shown.filter((each) => each !== key) : [...shown, key]),
  }));
}
