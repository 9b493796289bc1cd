"""A hosted service of forty thousand objects or a few, and catalogs of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import misbehaving
import pytest
from catalog_support import eventually

from runloop_jupyter import catalogs, session
from runloop_jupyter.profile import Profile
from runloop_jupyter.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from listing import Listing

    from runloop_jupyter.catalogs import Catalog
    from runloop_jupyter.store import Store


class Hosted:
    """A service, and what this kernel knows of it."""

    def __init__(self, listing: Listing, server: misbehaving.Server) -> None:
        self.listing = listing
        self.server = server

    def store(self, key: str = "key-of-the-tests") -> Store:
        return session.current().open(Profile(key, "tests", self.server.url, Secret(key)))

    def catalog(self, key: str = "key-of-the-tests") -> Catalog:
        return catalogs.of(self.store(key))

    def whole(self, key: str = "key-of-the-tests") -> Catalog:
        """Return the catalog once it knows everything."""
        here = self.catalog(key)
        eventually(lambda: here.fresh().whole, 60)
        return here


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def hosting() -> Iterator[Callable[[Listing], Hosted]]:
    """What serves a listing until the test is over."""
    opened: list[tuple[object, ...]] = []

    def host(listing: Listing) -> Hosted:
        context = misbehaving.serving(listing)
        opened.append((context,))
        return Hosted(listing, context.__enter__())

    yield host
    catalogs.close_all()
    session.current().close()
    for (context,) in opened:
        context.__exit__(None, None, None)  # type: ignore[attr-defined]
