"""Takes the README's pictures of the browser, light and dark: python tests/ui/picture.py

Not a test: what it makes is looked at. A store as in tests/support/showcase.py is made for it and thrown away.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import showcase
from lab import CHECKOUT, LabServer
from playwright.sync_api import expect, sync_playwright
from shown import Shown

from runloop_jupyter.local import launch

CELLS = [
    "%load_ext runloop_jupyter",
    "import runloop_jupyter as rl\nrl.browse(columns=['model', 'acc'])",
]
PICTURES = {"JupyterLab Light": "browser.png", "JupyterLab Dark": "browser-dark.png"}


def main() -> None:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise SystemExit("pictures are taken of JupyterLab in Chromium: install it (Debian: apt install chromium)")
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        (root / "files").mkdir()
        os.environ |= {"RUNLOOP_JUPYTER_HOME": str(root / "own"), "RUNLOOP_JUPYTER_CACHE": str(root / "cache")}
        showcase.write(root / "runloop-home" / "store", root / "files")
        launch.stop()
        with LabServer(root) as server, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
            page = chromium.new_page(viewport={"width": 1500, "height": 900}, device_scale_factor=2)
            notebook = server.open(page, server.write("picture.ipynb", CELLS))
            notebook.command("application:toggle-left-area")
            notebook.run_all()
            shown = Shown(page.get_by_role("region", name="Object browser"))
            expect(shown.row("val_metrics")).to_be_visible(timeout=30_000)
            shown.filters.get_by_role("button", name="birds").click()
            shown.row("2026-11/val_metrics").click()
            expect(shown.preview).to_contain_text("epoch")
            for theme, name in PICTURES.items():
                notebook.use_theme(theme)
                shown.root.scroll_into_view_if_needed()
                page.mouse.move(0, 0)
                shown.root.screenshot(path=CHECKOUT / "notebooks" / "pictures" / name)
            chromium.close()


if __name__ == "__main__":
    main()
