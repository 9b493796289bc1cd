"""A real JupyterLab: its server process, and a notebook open in a browser, as a user has them."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from playwright.sync_api import Locator, Page

CHECKOUT = Path(__file__).parents[2]
ARTIFACTS = CHECKOUT / "artifacts" / "ui"

SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # Every cell stays in the page, so that a test sees all outputs without scrolling through them.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}

# The colour of each text as it is seen: alpha laid over the nearest opaque background, by the browser's own painter.
CONTRASTS = """
root => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const paint = colours => {
    context.clearRect(0, 0, 1, 1);
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const seen = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.nodeValue.trim();
    const parent = walker.currentNode.parentElement;
    if (!text || parent.closest('style') || !parent.getClientRects().length) continue;
    const grounds = [];
    for (let at = parent; at; at = at.parentElement ?? at.getRootNode().host) {
      const ground = getComputedStyle(at).backgroundColor;
      grounds.unshift(ground);
      if (paint([ground])[3] === 255) break;
    }
    const ink = getComputedStyle(parent).color;
    const [dark, light] = [paint(grounds), paint([...grounds, ink])].map(luminance).sort((a, b) => a - b);
    seen.push({ text, ratio: (light + 0.05) / (dark + 0.05), ink, grounds });
  }
  return seen;
}
"""


HAS_RUN = """
() => {
  const cells = jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.toJSON())
    .filter(cell => cell.cell_type === 'code' && cell.source.length);
  const stops = cell => !cell.metadata.tags?.includes('raises-exception');
  return cells.every(cell => cell.execution_count !== null)
    || cells.some(cell => stops(cell) && cell.outputs.some(output => output.output_type === 'error'));
}
"""


class LabServer:
    """A JupyterLab server whose every directory is under `root`.

    Args:
        root: An empty directory.
        environment: What its kernels find in theirs, beside what they need.

    Attributes:
        application: The module that is run.
        exposes: Whose option lets tests reach the application in the page.
    """

    application = "jupyterlab"
    exposes = "LabApp"

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None) -> None:
        self.root = root
        self._more = dict(environment or {})
        self.notebooks = root / "notebooks"
        self.token = secrets.token_urlsafe(24)
        self._log = root / "lab.log"
        for directory in (self.notebooks, root / "runtime"):
            directory.mkdir()
        overrides = root / "config" / "labconfig" / "default_setting_overrides.json"
        overrides.parent.mkdir(parents=True)
        overrides.write_text(json.dumps(SETTINGS))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", self.application, "--no-browser", "--port=0", "--ServerApp.port_retries=0"),
                    *("--ip=127.0.0.1", "--allow-root", f"--{self.exposes}.expose_app_in_browser=True"),
                    f"--ServerApp.root_dir={self.notebooks}",
                ],
                env=self._environment(),
                cwd=self.notebooks,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.url = self._wait_until_up()

    def _environment(self) -> dict[str, str]:
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "RUN"))}
        return keep | {
            "JUPYTER_CONFIG_DIR": str(self.root / "config"),
            "JUPYTER_DATA_DIR": str(self.root / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.root / "runtime"),
            "JUPYTER_TOKEN": self.token,
            "JUPYTERLAB_SETTINGS_DIR": str(self.root / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.root / "workspaces"),
            "PYTHONPATH": str(CHECKOUT),
            "IPYTHONDIR": str(self.root / "ipython"),
            "RUNLOOP_JUPYTER_HOME": str(self.root / "runloop-home"),
            "RUNLOOP_JUPYTER_CACHE": str(self.root / "runloop-cache"),
            **self._more,
        }

    def _wait_until_up(self, timeout: float = 60) -> str:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            # Written when the server listens, with the port that the system chose.
            for file in (self.root / "runtime").glob("jpserver-*.json"):
                with contextlib.suppress(ValueError):
                    return str(json.loads(file.read_text())["url"])
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"JupyterLab did not start. It said:\n{self._log.read_text()}")

    def stop(self) -> None:
        """End the server, its kernels, and the embedded store that they started."""
        end(self._process, self.root / "runloop-home" / "store")

    def __enter__(self) -> LabServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def write(self, name: str, sources: Sequence[str], *, hide_sources: bool = False) -> Path:
        """Write a notebook of code cells among the server's notebooks, without outputs."""
        metadata = {"jupyter": {"source_hidden": True}} if hide_sources else {}
        notebook = new_notebook(cells=[new_code_cell(source, metadata=metadata) for source in sources])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = self.notebooks / name
        nbformat.write(notebook, path)
        return path

    def open(self, page: Page, path: Path, theme: str = "JupyterLab Light") -> OpenNotebook:
        """Open a notebook in JupyterLab, its kernel idle, in `theme`."""
        name = path.relative_to(self.notebooks).as_posix()
        page.goto(f"{self.url}lab/tree/{quote(name)}?reset&token={self.token}")
        notebook = OpenNotebook(page, path)
        notebook.wait_for_kernel()
        notebook.use_theme(theme)
        return notebook

    def end_sessions(self, page: Page) -> None:
        """Shut every kernel down, so that the next test starts with none."""
        headers = {"Authorization": f"token {self.token}"}
        for session in page.request.get(f"{self.url}api/sessions", headers=headers).json():
            page.request.delete(f"{self.url}api/sessions/{session['id']}", headers=headers)


def stop(store: Path) -> None:
    """Stop an embedded store, as a person does by hand."""
    command = [sys.executable, "-m", "runloop_jupyter.local.cli", "stop", f"--root={store}"]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)


def end(process: subprocess.Popen[bytes], store: Path) -> None:
    """End a host's server, and the embedded store that was started from it."""
    if store.exists():
        stop(store)
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class OpenNotebook:
    """A notebook open in JupyterLab."""

    page: Page
    path: Path

    def wait_for_kernel(self) -> None:
        """Wait until the kernel has started and is idle."""
        self.page.wait_for_function(
            "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=60_000,
        )

    def command(self, name: str, **arguments: Any) -> None:
        """Run a command of JupyterLab, as a menu entry does, and wait for it to end."""
        self.page.evaluate("([name, args]) => jupyterapp.commands.execute(name, args)", [name, arguments])

    def use_theme(self, theme: str) -> None:
        """Switch JupyterLab to the theme of this name."""
        self.command("apputils:change-theme", theme=theme)
        self.page.wait_for_function(
            "name => document.body.dataset.jpThemeName === name && "
            "getComputedStyle(document.body).getPropertyValue('--jp-ui-font-color1') !== ''",
            arg=theme,
        )
        # JupyterLab fades from one theme to the other under a curtain; colours are themselves once it is gone.
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def run_all(self) -> None:
        """Run all cells, and wait for the last to end or the first to fail."""
        self.command("notebook:run-all-cells")
        # The command and the [*] prompts end with the first error, also where a tag says to go on after it.
        self.page.wait_for_function(HAS_RUN, timeout=120_000)
        self.wait_for_kernel()

    def run(self, code: str) -> str:
        """Run code in the kernel, beside the notebook's cells; return the repr of what it calls ``said``."""
        reply = self.page.evaluate(
            """async code => {
                const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const user_expressions = { said: 'globals().get("said")' };
                return (await kernel.requestExecute({ code, user_expressions }).done).content;
            }""",
            code,
        )
        assert reply["status"] == "ok", reply
        return str(reply["user_expressions"]["said"]["data"]["text/plain"])

    def start(self, code: str) -> None:
        """Begin to run code in the kernel, beside the cells; ``window.hasEnded`` says when it is over."""
        self.page.evaluate(
            """code => {
                window.hasEnded = false;
                const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                kernel.requestExecute({ code }).done.then(() => { window.hasEnded = true; });
            }""",
            code,
        )
        self.page.wait_for_function(
            "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"
        )

    def saved(self) -> nbformat.NotebookNode:
        """Save, and return what is in the file."""
        self.command("docmanager:save")
        return nbformat.read(self.path, as_version=4)

    def outputs(self, cell: int) -> Locator:
        """Return the output area of a cell, counted from 0, scrolled into view."""
        area = self.page.locator(".jp-CodeCell").nth(cell).locator(".jp-Cell-outputArea")
        area.scroll_into_view_if_needed()
        return area

    def contrasts(self, selector: str) -> list[dict[str, Any]]:
        """Return each text within the elements that match, with its contrast ratio against what lies behind it."""
        return [each for found in self.page.locator(selector).all() for each in found.evaluate(CONTRASTS)]

    def screenshot(self, name: str) -> Path:
        """Keep a picture of the notebook, whole, under ``artifacts/ui``."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        before = self.page.viewport_size
        # Tall enough for all, so that nothing has to be scrolled; only then is the end of the last cell known.
        self.page.set_viewport_size({"width": 1100, "height": 6000})
        self.page.locator(".jp-WindowedPanel-outer").evaluate("panel => panel.scrollTo(0, 0)")
        panel = self.page.locator(".jp-NotebookPanel-notebook").bounding_box()
        last = self.page.locator(".jp-Notebook-cell").last.bounding_box()
        assert panel is not None
        assert last is not None
        clip = {**panel, "height": last["y"] + last["height"] - panel["y"] + 12}
        self.page.screenshot(path=path, clip=clip)  # type: ignore[arg-type]
        if before:
            self.page.set_viewport_size(before)
        return path
