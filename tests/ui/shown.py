"""A browser as it is seen on a page, whatever the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import ARTIFACTS
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from playwright.sync_api import JSHandle, Locator

# From each word until the page shows its rows and no others, in milliseconds.
SEARCHES = """
async (root, words) => {
  const input = root.querySelector("input[role=combobox]");
  const names = () => [...root.querySelectorAll("[role=row] .name")].map(each => each.title.toLowerCase());
  const none = () => /Nothing fits/.test(root.textContent);
  const fits = word => names().length ? names().every(name => name.includes(word)) : none();
  const times = [];
  for (const word of words) {
    const since = performance.now();
    input.value = word;
    input.dispatchEvent(new InputEvent("input", { bubbles: true }));
    while (!fits(word)) {
      if (performance.now() - since > 60000) throw new Error(`never saw ${word}`);
      await new Promise(done => requestAnimationFrame(done));
    }
    times.push(performance.now() - since);
    await new Promise(done => setTimeout(done, 150));
  }
  return times;
}
"""
# To the end in so many steps: the most row nodes seen on the way, long tasks, and what is there at the end.
SCROLL = """
async (root, steps) => {
  const scroller = root.querySelector(".scroller");
  const long = [];
  const observer = new PerformanceObserver(list => long.push(...list.getEntries().map(entry => entry.duration)));
  observer.observe({ entryTypes: ["longtask"] });
  let most = 0;
  const end = scroller.scrollHeight - scroller.clientHeight;
  for (let step = 0; step <= steps; step++) {
    scroller.scrollTop = end * step / steps;
    await new Promise(done => requestAnimationFrame(done));
    most = Math.max(most, root.querySelectorAll("[data-at]").length);
  }
  const since = performance.now();
  const here = () => [...root.querySelectorAll("[role=row]:has(.name)")];
  while (!here().length && performance.now() - since < 60000) await new Promise(done => requestAnimationFrame(done));
  observer.disconnect();
  const last = Math.max(...here().map(row => Number(row.getAttribute("aria-rowindex"))));
  return { most, settled: performance.now() - since, long, last };
}
"""
FILE = """
([name, size]) => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, Math.min(size, at + 65536)));
  return new File([bytes], name);
}
"""
DIGEST = """
async file => {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map(byte => byte.toString(16).padStart(2, "0")).join("");
}
"""
DROP = """
(grid, file) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(file);
  const how = { dataTransfer, bubbles: true, composed: true, cancelable: true };
  for (const kind of ["dragenter", "dragover", "drop"]) grid.dispatchEvent(new DragEvent(kind, how));
}
"""


@dataclass(frozen=True)
class Shown:
    """What a person finds in it, by what it is called.

    Attributes:
        root: Its region, or what it stands in.
    """

    root: Locator

    @property
    def grid(self) -> Locator:
        """The table."""
        return self.root.get_by_role("grid", name="Objects")

    @property
    def rows(self) -> Locator:
        """The rows of objects that are in the page."""
        return self.grid.locator("[role=row]:has(.name)")

    def row(self, name: str) -> Locator:
        """Return the first row with this in its name."""
        return self.rows.filter(has_text=name).first

    @property
    def search(self) -> Locator:
        """The search box."""
        return self.root.get_by_role("combobox", name="Search")

    @property
    def filters(self) -> Locator:
        """The facets."""
        return self.root.get_by_role("complementary", name="Filters")

    @property
    def preview(self) -> Locator:
        """The pane on the right."""
        return self.root.get_by_role("complementary", name="Preview")

    @property
    def dialog(self) -> Locator:
        """The dialog that is open."""
        return self.root.get_by_role("dialog")

    def button(self, name: str) -> Locator:
        """Return the first button of this name."""
        return self.root.get_by_role("button", name=name).first

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        for key in keys:
            self.root.page.keyboard.press(key)

    def choose(self, *names: str) -> None:
        """Upload files from memory by the picker, under these names."""
        self.button("Upload").click()
        expect(self.dialog).to_be_visible()
        files = [{"name": name, "mimeType": "text/plain", "buffer": f"{name}\n".encode()} for name in names]
        self.dialog.locator("input[type=file]").first.set_input_files(files)  # type: ignore[arg-type]

    def file(self, name: str, size: int) -> JSHandle:
        """Return a file of random bytes, in the page."""
        return self.root.page.evaluate_handle(FILE, [name, size])

    def digest(self, file: JSHandle) -> str:
        """Return the SHA-256 of a file in the page."""
        return str(file.evaluate(DIGEST))

    def drop(self, file: JSHandle) -> None:
        """Drop a file of the page on the table, as from a file manager."""
        self.grid.evaluate(DROP, file)
        expect(self.dialog).to_be_visible()

    def upload(self, file: JSHandle) -> None:
        """Drop a file, and say yes to its upload."""
        self.drop(file)
        self.dialog.get_by_role("button", name="Upload").click()
        expect(self.dialog).to_be_hidden()

    def stop_at_half(self, name: str) -> None:
        """Cancel an upload as soon as half of it was sent."""
        bar = self.root.get_by_role("progressbar", name=name).first
        bar.evaluate(
            """async bar => {
                while (!(Number(bar.ariaValueNow) >= 50)) await new Promise(done => requestAnimationFrame(done));
            }"""
        )
        self.button("Cancel").click()

    def retry(self, name: str) -> None:
        """Try a transfer again."""
        line = self.root.get_by_role("region", name="Transfers").get_by_role("listitem").filter(has_text=name)
        if not line.first.is_visible():
            self.button("transfers").click()
        expect(line).to_have_count(1)
        line.get_by_role("button", name="Retry").click()

    def searches(self, words: Sequence[str]) -> list[float]:
        """Search for each word; return the milliseconds from the last letter until its rows are seen."""
        times: list[float] = self.root.evaluate(SEARCHES, words)
        return times

    def scroll_to_end(self, steps: int) -> dict[str, Any]:
        """Scroll from the top to the end; return the ``most`` row nodes, the ``last`` row's place, how long it took."""
        found: dict[str, Any] = self.root.evaluate(SCROLL, steps)
        return found

    def picture(self, name: str) -> Path:
        """Keep a picture of it under ``artifacts/ui``."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        self.root.screenshot(path=path)
        return path
