"""Real store processes on temporary roots."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
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
