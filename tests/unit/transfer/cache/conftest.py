"""A cache of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runloop_jupyter.transfer.cache import Cache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def open_cache(tmp_path: Path) -> Iterator[Callable[[], Cache]]:
    """Open the cache; a second time is what another process sees that holds nothing yet."""
    opened: list[Cache] = []
    (tmp_path / "cache").mkdir()

    def another() -> Cache:
        opened.append(Cache(tmp_path / "cache"))
        return opened[-1]

    yield another
    for each in opened:
        each.upkeep.wait()
        each.leases.release()


@pytest.fixture
def cache(open_cache: Callable[[], Cache]) -> Cache:
    return open_cache()
