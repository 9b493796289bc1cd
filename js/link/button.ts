import { copy } from "../shared/clipboard.ts";
import { KernelGone } from "../shared/requests.ts";

/** After so long a person wonders; an idle kernel answers within a few milliseconds. */
const QUEUED_AFTER_MS = 300;
const COPIED_FOR_MS = 2000;
/** How long a link stays to be copied by hand, where the browser doesn't let a page do it. */
const FIELD_FOR_MS = 60_000;

// Its own, in a shadow root: neither the page's styles reach in, nor these out. The card's colours do (`--rl-…`).
const STYLE = `
:host{all:initial;display:inline-flex;gap:8px;align-items:center;vertical-align:middle;
 font:var(--jp-ui-font-size1,13px)/1.5 var(--jp-ui-font-family,system-ui,sans-serif);color:var(--rl-ink)}
button{font:inherit;font-size:12px;line-height:18px;padding:1px 8px;color:inherit;background:none;cursor:pointer;
 border:1px solid var(--rl-quiet);border-radius:3px}
button:hover{border-color:var(--rl-accent)}
button:focus-visible,input:focus-visible{outline:2px solid var(--rl-accent);outline-offset:1px}
button[aria-disabled=true]{cursor:default;color:var(--rl-quiet);border-style:dashed}
[role=status]{color:var(--rl-quiet);font-size:12px}
input{font:12px var(--jp-code-font-family,monospace);width:26em;max-width:50vw;padding:1px 4px;color:var(--rl-ink);
 background:transparent;border:1px solid var(--rl-quiet);border-radius:3px}
`;

/** One Copy link button, with a word beside it on what came of it. */
export class CopyButton {
  /** Stands in the page. */
  readonly host: HTMLElement;
  #reveal: () => Promise<string>;
  #button = document.createElement("button");
  #status = document.createElement("span");
  #field: HTMLInputElement | undefined;
  #busy = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param reveal Asks the kernel for the link. */
  constructor(reveal: () => Promise<string>) {
    this.#reveal = reveal;
    this.host = document.createElement("span");
    // Without it JupyterLab takes a key pressed in here for a command: b inserts a cell.
    this.host.dataset.lmSuppressShortcuts = "true";
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.#button.type = "button";
    this.#button.textContent = "Copy link";
    this.#button.addEventListener("click", () => void this.#click());
    // Attributes throughout: browsers of two years ago don't reflect ARIA as properties.
    this.#status.setAttribute("role", "status");
    this.#status.setAttribute("aria-live", "polite");
    this.host.attachShadow({ mode: "open" }).append(style, this.#button, this.#status);
  }

  /** Takes it out of the page, and with it a link that may still be shown. */
  remove(): void {
    clearTimeout(this.#timer);
    this.#hideField();
    this.host.remove();
  }

  async #click(): Promise<void> {
    if (this.#busy) return;
    this.#hideField();
    this.#setBusy(true);
    this.#say("");
    const queued = setTimeout(() => this.#say("kernel busy, queued"), QUEUED_AFTER_MS);
    const link = this.#reveal().finally(() => clearTimeout(queued));
    try {
      if (await copy(link)) this.#say("Copied", COPIED_FOR_MS);
      else this.#showField(await link);
    } catch (error) {
      this.#say(error instanceof KernelGone ? "kernel gone: run the cell again" : said(error));
    } finally {
      this.#setBusy(false);
    }
  }

  /** Not `disabled`, which would lose the keyboard's place. */
  #setBusy(busy: boolean): void {
    this.#busy = busy;
    this.#button.setAttribute("aria-disabled", String(busy));
  }

  #say(text: string, forMs?: number): void {
    clearTimeout(this.#timer);
    this.#status.textContent = text;
    if (forMs) this.#timer = setTimeout(() => this.#say(""), forMs);
  }

  #showField(link: string): void {
    const field = document.createElement("input");
    this.#field = field;
    field.readOnly = true;
    field.value = link;
    field.setAttribute("aria-label", "The link, to copy by hand");
    field.addEventListener("blur", () => this.#hideField());
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#button.focus();
    });
    field.addEventListener("copy", () => setTimeout(() => this.#button.focus()));
    this.#button.after(field);
    field.focus();
    field.select();
    this.#say("the browser doesn't let a page copy here: press Ctrl+C or ⌘C");
    this.#timer = setTimeout(() => this.#hideField(), FIELD_FOR_MS);
  }

  #hideField(): void {
    const field = this.#field;
    this.#field = undefined; // first: a field that is removed loses focus, and would come here again
    if (!field) return;
    field.remove();
    field.value = "";
    this.#say("");
  }
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
