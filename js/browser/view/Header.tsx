import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import type { Suggestion } from "../protocol.ts";
import type { Browser } from "../state/browser.ts";
import { chips, withBeneath } from "../state/query.ts";
import { clean, count } from "../words.ts";
import { Sign } from "./icons.tsx";
import { Text } from "./Text.tsx";

export function Header({ b }: { b: Browser }) {
  return (
    <div class="header">
      <button
        type="button"
        class="btn icon drawer"
        aria-label="Filters"
        aria-expanded={b.facetsOpen.value}
        onClick={() => {
          b.facetsOpen.value = !b.facetsOpen.value;
        }}
      >
        <Sign of="filter" />
      </button>
      <Crumbs b={b} />
      <Search b={b} />
      <button
        type="button"
        class="btn columns"
        aria-label="Columns"
        disabled={!b.hello.value}
        aria-haspopup="menu"
        onClick={(event) => {
          const at = event.currentTarget.getBoundingClientRect();
          b.menu.value = { kind: "columns", x: at.left, y: at.bottom + 4 };
          if (!b.keys.value) void b.askKeys();
        }}
      >
        <Sign of="columns" />
        <span>Columns</span>
      </button>
      <button
        type="button"
        class="btn pri"
        disabled={!b.hello.value}
        onClick={() => {
          b.dialog.value = { kind: "upload", files: [] };
        }}
      >
        Upload
      </button>
    </div>
  );
}

function Crumbs({ b }: { b: Browser }) {
  const { beneath = "" } = b.query.value;
  const folders = beneath.split("/").slice(0, -1);
  const to = (depth: number) => () =>
    void b.ask(
      withBeneath(
        b.query.value,
        folders
          .slice(0, depth)
          .map((each) => `${each}/`)
          .join(""),
      ),
    );
  return (
    <nav class="crumbs" aria-label="Folder">
      <button type="button" class="place" onClick={to(0)}>
        <Text of={b.hello.value?.place.label ?? "store"} />
      </button>
      {folders.length ? (
        folders.map((folder, at) => (
          <span class="crumb" key={at}>
            <i aria-hidden="true">/</i>
            {at < folders.length - 1 ? (
              <button type="button" onClick={to(at + 1)}>
                <Text of={folder} />
              </button>
            ) : (
              <span aria-current="location">
                <Text of={folder} />
              </span>
            )}
          </span>
        ))
      ) : (
        <span class="crumb wide">
          <i aria-hidden="true">/</i>
          <span>all objects</span>
        </span>
      )}
    </nav>
  );
}

/** Takes the keyboard to the table. */
function toTable(event: Event) {
  const root = (event.currentTarget as HTMLElement).closest(".rl");
  root?.querySelector<HTMLElement>("[data-at][tabindex='0']")?.focus();
}

function Search({ b }: { b: Browser }) {
  const list = useId();
  const open = useSignal(false);
  const active = useSignal(-1);
  const input = useRef<HTMLInputElement>(null);
  const all = chips(b.query.value, b.now.peek());
  const suggestions = b.search.suggestions.value;
  const shown = open.value && suggestions.length > 0;
  const at = Math.min(active.value, suggestions.length - 1);
  const take = (suggestion: Suggestion) => {
    active.value = -1;
    open.value = suggestion.sort === "key";
    b.search.take(suggestion);
    input.current?.focus();
  };
  const key = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!suggestions.length) return;
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      active.value = open.value
        ? (at + step + suggestions.length + (at < 0 && step < 0 ? 1 : 0)) % suggestions.length
        : 0;
      open.value = true;
    } else if (event.key === "Enter" || (event.key === "Tab" && shown && at >= 0)) {
      const chosen = shown && at >= 0 ? suggestions[at] : undefined;
      if (chosen) {
        event.preventDefault();
        take(chosen);
      } else if (event.key === "Enter") {
        open.value = false;
        b.search.enter();
        if (b.search.text.value) toTable(event);
      }
    } else if (event.key === "Escape") {
      if (shown) open.value = false;
      else if (b.search.text.value) b.search.type("");
      else toTable(event);
      event.stopPropagation();
    } else if (event.key === "Backspace" && !event.repeat && !b.search.text.value && all.length) {
      const last = all[all.length - 1];
      if (last) void b.ask(last.without);
    }
  };
  return (
    <div class="search" onClick={(event) => event.target === event.currentTarget && input.current?.focus()}>
      <Sign of="search" />
      <span class="chips">
        {all.map((chip) => (
          <button
            type="button"
            class="chip"
            key={chip.id}
            aria-label={`${chip.text}, take away`}
            onClick={() => void b.ask(chip.without)}
          >
            <bdi>{chip.text}</bdi>
            <Sign of="close" />
          </button>
        ))}
      </span>
      <input
        ref={input}
        disabled={!b.hello.value}
        type="text"
        role="combobox"
        aria-label="Search names, or key=value"
        aria-expanded={shown}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={shown && at >= 0 ? `${list}-${at}` : undefined}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder={all.length ? "" : "Search names, or key=value"}
        value={b.search.text.value}
        onInput={(event) => {
          active.value = -1;
          open.value = true;
          b.search.type(event.currentTarget.value);
        }}
        onKeyDown={key}
        onBlur={() => {
          open.value = false;
        }}
      />
      {b.narrowed ? (
        <button type="button" class="clear" onClick={() => b.clear()}>
          clear
        </button>
      ) : (
        <span class="kbd">/</span>
      )}
      <div class="popup" role="listbox" id={list} aria-label="Suggestions" hidden={!shown}>
        {suggestions.map((suggestion, index) => (
          <div
            role="option"
            id={`${list}-${index}`}
            key={`${suggestion.sort} ${suggestion.key} ${suggestion.text}`}
            aria-selected={index === at}
            class="option"
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(suggestion)}
          >
            <span class="sort">{suggestion.sort === "value" ? `${clean(suggestion.key, 40)} =` : suggestion.sort}</span>
            <Text of={suggestion.text} class="what" />
            {suggestion.n !== null && <span class="n">{count(suggestion.n)}</span>}
          </div>
        ))}
      </div>
    </div>
  );
}
