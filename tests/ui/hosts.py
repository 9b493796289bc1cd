"""The other hosts of a widget, as their users have them: Jupyter Notebook 7, and marimo."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import quote

from lab import CHECKOUT, LabServer, OpenNotebook, end

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.sync_api import Page


class NotebookServer(LabServer):
    """A Jupyter Notebook server whose every directory is under `root`."""

    application = "notebook"
    exposes = "JupyterNotebookApp"

    def open(self, page: Page, path: Path, theme: str = "JupyterLab Light") -> OpenNotebook:
        """Open a notebook in Notebook 7, its kernel idle."""
        name = path.relative_to(self.notebooks).as_posix()
        page.goto(f"{self.url}notebooks/{quote(name)}?token={self.token}")
        notebook = OpenNotebook(page, path)
        notebook.wait_for_kernel()
        return notebook


class MarimoApp:
    """A marimo notebook that runs as an app; its store and cache are under `root`.

    Args:
        root: An empty directory.
        cells: The bodies of its cells; each returns what later ones use by ``return name, …``.
    """

    def __init__(self, root: Path, cells: Sequence[str]) -> None:
        self._root = root
        self._log = root / "marimo.log"
        path = root / "app.py"
        path.write_text(_program(cells))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "marimo", "run", str(path)),
                    *("--headless", "--no-token", "--host=127.0.0.1", f"--port={port}"),
                ],
                env=self._environment(),
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_up()

    def _environment(self) -> dict[str, str]:
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "RUN", "MARIMO"))}
        return keep | {
            "HOME": str(self._root),
            "PYTHONPATH": str(CHECKOUT),
            "RUNLOOP_JUPYTER_HOME": str(self._root / "runloop-home"),
            "RUNLOOP_JUPYTER_CACHE": str(self._root / "runloop-cache"),
        }

    def _wait_until_up(self, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}health", timeout=5):
                return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"marimo did not start. It said:\n{self._log.read_text()}")

    def stop(self) -> None:
        """End it, and the embedded store that it started."""
        end(self._process, self._root / "runloop-home" / "store")

    def __enter__(self) -> MarimoApp:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _program(cells: Sequence[str]) -> str:
    lines = ["import marimo", "app = marimo.App(width='full')"]
    for cell in cells:
        lines += ["@app.cell", "def _():" if not cell.startswith("def ") else cell.partition("\n")[0]]
        body = cell.partition("\n")[2] if cell.startswith("def ") else cell
        lines += [f"    {line}" for line in body.splitlines()]
    return "\n".join(lines) + "\n"
