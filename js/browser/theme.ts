/** Whether it is dark around here. Not every host says so, but each has a background. */

export function isDark(host: Element): boolean {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight !== undefined) return jpThemeLight === "false";
  if (vscodeThemeKind !== undefined) return /dark|contrast$/.test(vscodeThemeKind);
  for (let element: Element | null = host.parentElement; element; element = element.parentElement) {
    const shade = luminance(getComputedStyle(element).backgroundColor);
    if (shade !== null) return shade < 0.4;
  }
  return typeof matchMedia === "function" && matchMedia("(prefers-color-scheme: dark)").matches;
}

/** From 0, black, to 1; null where one looks through it. */
export function luminance(color: string): number | null {
  const found = /^rgba?\(([\d.]+),? ([\d.]+),? ([\d.]+)(?:[,/ ]+([\d.]+%?))?\)$/.exec(color);
  if (!found) return null;
  const [, red, green, blue, alpha = "1"] = found;
  if (Number.parseFloat(alpha) < 0.5) return null;
  return (0.2126 * Number(red) + 0.7152 * Number(green) + 0.0722 * Number(blue)) / 255;
}

/** Keeps an element's class `dark` true. */
export function followTheme(host: HTMLElement, root: HTMLElement): () => void {
  const look = () => root.classList.toggle("dark", isDark(host));
  const watch = new MutationObserver(look);
  for (const element of [document.documentElement, document.body])
    watch.observe(element, {
      attributes: true,
      attributeFilter: ["class", "style", "data-theme", "data-jp-theme-light", "data-vscode-theme-kind"],
    });
  const scheme = typeof matchMedia === "function" ? matchMedia("(prefers-color-scheme: dark)") : undefined;
  scheme?.addEventListener("change", look);
  look();
  // The page's own styles, and the place in it, may come a moment later.
  const later = setTimeout(look, 300);
  return () => {
    clearTimeout(later);
    watch.disconnect();
    scheme?.removeEventListener("change", look);
  };
}
