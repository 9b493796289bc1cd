"""Real store processes on temporary roots, and a real shell with the extension loaded."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from shells import Ran, open_shell, run_cell
from store_process import Store, open_store

from runloop_jupyter.local import launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Open stores; `serve()` twice is the same root after a restart."""
    opened: list[Store] = []

    def start(*arguments: str, root: Path = tmp_path / "store", **more: Any) -> Store:
        opened.append(open_store(root, *arguments, **more))
        return opened[-1]

    yield start
    for each in opened:
        if not each.http.is_closed:
            each.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for a module's tests, which keep out of each other's way by names."""
    opened = open_store(tmp_path_factory.mktemp("shared") / "store")
    yield opened
    opened.close()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A root for daemons in the background; whichever runs at the end is stopped."""
    for name in os.environ:
        if name.startswith(("RUNLOOP_", "RUNTOOLS_")):
            monkeypatch.delenv(name)
    where = tmp_path / "background"
    yield where
    launch.stop(where)


@pytest.fixture(scope="module")
def shell(home: Path) -> Iterator[Any]:
    """An IPython shell with the extension loaded."""
    with open_shell() as opened:
        yield opened


@pytest.fixture
def fresh_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: Any) -> None:
    """Nothing in the shell but a small frame `df`, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    shell.reset(new_session=False)
    shell.user_ns["df"] = pd.DataFrame({"x": [1, 2, 3]})


@pytest.fixture
def run(shell: Any) -> Callable[[str], Ran]:
    """Run a cell and say what came of it."""
    return partial(run_cell, shell)
