/**
 * The file browser; the kernel's end is `runloop_jupyter/browser/`. Each view has a state of its own, and asks the
 * kernel for what it shows: nothing of a store is in the widget's model, so nothing of it is saved with the notebook.
 */

import { render as draw } from "preact";
import type { Model } from "../shared/requests.ts";
import { Browser } from "./state/browser.ts";
import { STYLES } from "./styles.ts";
import { followTheme } from "./theme.ts";
import { App } from "./view/App.tsx";

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const host = document.createElement("div");
  // Without it JupyterLab takes a key pressed in here for a command: b inserts a cell.
  host.dataset.lmSuppressShortcuts = "true";
  for (const event of ["keydown", "keypress", "keyup", "contextmenu"] as const)
    host.addEventListener(event, (each) => each.stopPropagation());
  const style = document.createElement("style");
  style.textContent = STYLES;
  const root = document.createElement("div");
  root.className = "root";
  host.attachShadow({ mode: "open" }).append(style, root);
  el.append(host);
  const unfollow = followTheme(host, root);
  const isSeen = () => document.visibilityState === "visible" && host.isConnected && (host.checkVisibility?.() ?? true);
  const browser = new Browser(model, isSeen);
  draw(<App b={browser} />, root);
  void browser.start();
  return () => {
    browser.close();
    unfollow();
    draw(null, root);
    host.remove();
  };
}

export default { render };
