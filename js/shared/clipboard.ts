/**
 * Writes text to the clipboard that isn't known yet at the time of the click.
 *
 * @returns Whether it is there. Browsers refuse on http:// pages, in some frames, and when too much time went by.
 * @throws What `text` rejects with.
 */
export async function copy(text: Promise<string>): Promise<boolean> {
  const clipboard: Clipboard | undefined = navigator.clipboard;
  text.catch(() => {}); // it is awaited below, after the clipboard
  if (clipboard?.write && typeof ClipboardItem === "function") {
    try {
      // At once, within the click: Safari takes nothing that begins later, but waits for what has begun.
      const blob = text.then((whole) => new Blob([whole], { type: "text/plain" }));
      blob.catch(() => {});
      await clipboard.write([new ClipboardItem({ "text/plain": blob })]);
      return true;
    } catch {
      // an older way may do
    }
  }
  const whole = await text;
  try {
    if (clipboard?.writeText) {
      await clipboard.writeText(whole);
      return true;
    }
  } catch {
    // an older way may do
  }
  return copyBySelection(whole);
}

function copyBySelection(text: string): boolean {
  const before = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.style.cssText = "position:fixed;opacity:0";
  document.body.append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    area.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  }
}
