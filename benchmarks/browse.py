"""The browser in a real JupyterLab with a million objects: how long its user waits, and what it takes of the kernel.

A million objects with 14 metadata pairs each are written once (some minutes, 2 GB and a million empty files) and kept
where ``--store`` says. What is measured is what is seen: from a key or a click until the page shows it.

    python benchmarks/browse.py --store /var/tmp/million
    python benchmarks/browse.py --hosted     the same of a service that only lists, once its catalog is whole
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "ui"))

from catalog import service
from lab import LabServer, OpenNotebook
from many_objects import write_store
from playwright.sync_api import expect, sync_playwright
from shown import Shown
from store_scale import lasting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

N: Final = 1_000_000
LOAD: Final = """%load_ext runloop_jupyter
%config RunloopMagics.progress = False
import hashlib, time
import ipywidgets
import runloop_jupyter as rl
rl.status()
def memory(key):
    line = next(line for line in open("/proc/self/status") if line.startswith(key))
    return int(line.split()[1]) / 1024
"""
DIGEST: Final = "said = hashlib.sha256(rl.get('dropped.bin', format='path').read_bytes()).hexdigest()"
WATCH: Final = """peak = memory("VmRSS")
end = time.time() + 25
while time.time() < end:
    time.sleep(0.01)
    peak = max(peak, memory("VmRSS"))
"""
WORDS: Final = (
    *(
        "resnet50",
        "vit-0",
        "unet-00",
        "swin-0012",
        "mlp",
        "runs/07",
        "runs/1",
        "val",
        "05/",
        "vit-01234",
        "net",
        "0777",
    ),
    *("runs/12/unet", "swin", "r", "qz", "resnet51", "03/mlp-0", "1234", "/val"),
)
# In the page: everything within the browser's shadow root.
IN_PAGE: Final = """
window.rl = {
  root: () => [...document.querySelectorAll("[data-lm-suppress-shortcuts]")]
    .map(host => host.shadowRoot?.querySelector(".rl")).find(Boolean),
  rows: () => [...window.rl.root()?.querySelectorAll("[role=row] .name") ?? []],
  until: async (is, since = performance.now()) => {
    for (;;) {
      const root = window.rl.root();
      if (root && is(root)) return performance.now() - since;
      if (performance.now() - since > 60000) throw new Error("never seen");
      await new Promise(done => requestAnimationFrame(done));
    }
  },
  type: text => {
    const input = window.rl.root().querySelector("input[role=combobox]");
    input.value = text;
    input.dispatchEvent(new InputEvent("input", { bubbles: true }));
  },
};
"""


class Bench:
    """A notebook with a browser, and the figures of it."""

    def __init__(self, server: LabServer, page: Page) -> None:
        self.page = page
        self.notebook: OpenNotebook = server.open(page, server.write("million.ipynb", [LOAD, "b = rl.browse()\nb"]))
        self.shown = Shown(page.get_by_role("region", name="Object browser"))
        page.evaluate(IN_PAGE)

    def memory(self) -> float:
        """Return what the kernel has resident, in MiB."""
        return float(self.notebook.run("said = memory('VmRSS')"))

    def open(self) -> None:
        """Run the cells, and say how long the first rows took."""
        self.notebook.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
        self.notebook.command("notebook:run-cell-and-select-next")
        self.notebook.wait_for_kernel()
        before = self.memory()
        took = self.page.evaluate(
            """async () => {
                const since = performance.now();
                jupyterapp.commands.execute("notebook:run-cell");
                return await window.rl.until(() => window.rl.rows().length > 0, since);
            }"""
        )
        say("first rows after the cell is run", f"{took:.0f} ms")
        self.page.wait_for_timeout(3000)
        say("  what the kernel took for it", f"{self.memory() - before:.0f} MiB")
        self.shown.root.scroll_into_view_if_needed()

    def search(self) -> None:
        """Say how long it takes from the last letter to the rows."""
        times = self.shown.searches(WORDS * 3)
        self.page.evaluate("window.rl.type('')")
        say(f"search, {len(times)} words: from the letter to its rows", spread(times))

    def facets(self) -> None:
        """Say how long it takes from a search to its counts."""
        times = []
        for word in WORDS[:10] * 2:
            times.append(
                self.page.evaluate(
                    """async word => {
                        const filters = () => window.rl.root().querySelector(".f").textContent;
                        const before = filters();
                        const since = performance.now();
                        window.rl.type(word);
                        return await window.rl.until(() => filters() !== before, since);
                    }""",
                    word,
                )
            )
            self.page.wait_for_timeout(400)
        self.page.evaluate("window.rl.type('')")
        self.page.wait_for_timeout(1000)
        say("facets: from the letter to the counts", spread(times))

    def scroll(self) -> None:
        """Scroll from one end to the other."""
        found = self.shown.scroll_to_end(400)
        say("scrolled from end to end: rows in the page at most", str(found["most"]))
        say(
            "  tasks over 50 ms",
            str(len(found["long"])) + (f", longest {max(found['long']):.0f} ms" if found["long"] else ""),
        )
        say("  last rows there after", f"{found['settled']:.0f} ms (row {found['last']:,})")
        self.page.evaluate("window.rl.root().querySelector('.scroller').scrollTop = 0")

    def busy(self) -> None:
        """Say how long things take while a cell runs."""
        for what, code in {
            "sleeps": "time.sleep(12)",
            "wrote a trait": "ipywidgets.IntSlider().value = 3; b.columns = ['acc', 'model']; time.sleep(12)",
            "computes": "end = time.time() + 12\nwhile time.time() < end: pass",
        }.items():
            self.notebook.start(code)
            searches = self.shown.searches(WORDS[:8])
            self.page.evaluate("window.rl.type('')")
            self.page.wait_for_timeout(500)
            looks = [self._look() for _ in range(3)]
            ended = self.page.evaluate("window.hasEnded")
            self.page.wait_for_function("window.hasEnded", timeout=60_000)
            note = " (the cell had ended)" if ended else ""
            say(f"a cell that {what}: search", spread(searches) + note)
            say("  facts of the next row", spread(looks))

    def _look(self) -> float:
        self.shown.rows.nth(3).click()
        title = "window.rl.root().querySelector('.p h3, .p h2, .p .title')?.textContent"
        before = self.page.evaluate(title)
        return float(
            self.page.evaluate(
                """async before => {
                    const since = performance.now();
                    const down = { key: "ArrowDown", bubbles: true, composed: true };
                    const row = window.rl.root().querySelector("[data-at][tabindex='0']");
                    row.dispatchEvent(new KeyboardEvent("keydown", down));
                    return await window.rl.until(root => {
                        const pane = root.querySelector(".p");
                        const title = pane.querySelector("h3, h2, .title")?.textContent;
                        return title && title !== before && pane.querySelector("dl dd");
                    }, since);
                }""",
                before,
            )
        )

    def upload(self, size: int = 200 << 20) -> None:
        """Drop a file while a cell runs, stop it at half, try again, and hold the digests against each other."""
        file = self.shown.file("dropped.bin", size)
        digest = self.shown.digest(file)
        before = self.memory()
        self.notebook.start(WATCH)
        self.shown.upload(file)
        self.shown.stop_at_half("dropped.bin")
        self.page.wait_for_timeout(1000)
        began = time.monotonic()
        self.shown.retry("dropped.bin")
        expect(self.shown.row("dropped.bin")).to_be_visible(timeout=60_000)
        took = time.monotonic() - began
        self.page.wait_for_function("window.hasEnded", timeout=60_000)
        grew = float(self.notebook.run("said = peak")) - before
        stored = self.notebook.run(DIGEST)
        versions = self.notebook.run("said = [each.state for each in rl.ls('dropped.bin', versions=True)]")
        say("200 MiB dropped, stopped at half, tried again", f"{took:.1f} s, {size / took / 1e6:.0f} MB/s")
        say("  the same bytes", str(stored.strip("'") == digest))
        say("  what the kernel grew by meanwhile", f"{grew:.0f} MiB")
        say("  versions, in any state", versions)
        self.notebook.run("rl.rm('dropped.bin', all_versions=True)")


def say(what: str, figure: str) -> None:
    """Print one line."""
    print(f"{what:58} {figure}", flush=True)


def spread(times: list[float]) -> str:
    """Return median and 95th percentile."""
    p95 = quantiles(times, n=20, method="inclusive")[18] if len(times) > 1 else times[0]
    return f"p50 {median(times):.0f} ms, p95 {p95:.0f} ms"


def pages() -> Iterator[Page]:
    """Yield a page in the system's Chromium."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise SystemExit("this looks at JupyterLab in Chromium: install it (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page(viewport={"width": 1500, "height": 1000})
        browser.close()


KEY: Final = "key-of-the-benchmark"
FILL: Final = """
import time
from runloop_jupyter import catalogs, session
known = catalogs.of(session.current().store)
while not known.fresh().whole:
    time.sleep(1)
catalogs.close_all()
"""


@contextmanager
def embedded(chosen: argparse.Namespace, root: Path) -> Iterator[dict[str, str]]:
    """Have the embedded store of a lab at `root` be the one with many objects."""
    if not (chosen.store / "store.db").exists():
        new = chosen.store.with_name(chosen.store.name + ".new")
        write_store(new, lasting(chosen.objects))
        new.rename(chosen.store)
    (root / "runloop-home").mkdir()
    (root / "runloop-home" / "store").symlink_to(chosen.store)
    yield {}


@contextmanager
def hosted(chosen: argparse.Namespace, root: Path) -> Iterator[dict[str, str]]:
    """Run a service with many objects; give what a kernel needs to know of it, once its catalog is whole."""
    with service(Path(tempfile.gettempdir()) / "rl-catalog-benchmark", chosen.objects) as url:
        environment = {
            "RUNLOOP_API_KEY": KEY,
            "RUNLOOP_BASE_URL": url,
            "RUNLOOP_JUPYTER_HOME": str(root / "runloop-home"),
            "RUNLOOP_JUPYTER_CACHE": str(root / "runloop-cache"),
        }
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", FILL], env=os.environ | environment, check=True)
        say("the catalog is whole after", f"{time.monotonic() - began:.0f} s")
        yield environment


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--store", type=Path, default=Path(tempfile.gettempdir()) / "runloop-million")
    options.add_argument("--objects", type=int, default=N)
    options.add_argument("--only", default="", help="the measurements with this in their name")
    options.add_argument("--hosted", action="store_true", help="a service that only lists, in place of a store")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        with (
            (hosted if chosen.hosted else embedded)(chosen, root) as environment,
            LabServer(root, environment) as server,
        ):
            for page in pages():
                bench = Bench(server, page)
                bench.open()
                measures = [bench.search, bench.facets, bench.scroll, bench.busy, bench.upload]
                for measure in measures[: -1 if chosen.hosted else None]:  # that service takes nothing
                    if chosen.only in measure.__name__:
                        measure()


if __name__ == "__main__":
    main()
