"""Objects for the tests of the cache, and a far end that counts how often it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import blake3

from runloop_jupyter.transfer.transfer import Transfer
from runloop_jupyter.wire.objects import ObjectView

if TYPE_CHECKING:
    from pathlib import Path

    from runloop_jupyter.transfer.cache import Cache

DATA = b"species,island\nadelie,torgersen\n"
STORE = "store-1"


def a_view(**changes: Any) -> ObjectView:
    fields = {"id": "obj_1", "name": "penguins.csv", "state": "READ_ONLY", "content_type": "text"}
    return ObjectView(**{**fields, "create_time_ms": 1_700_000_000_123, "size_bytes": len(DATA), **changes})


def digest_of(data: bytes) -> str:
    return f"blake3:{blake3.blake3(data).hexdigest()}"


class Far:
    """Where the bytes come from, and how often they were asked for."""

    def __init__(self, data: bytes = DATA, error: BaseException | None = None) -> None:
        self.data, self.error, self.asked = data, error, 0

    def __call__(self, path: Path) -> None:
        self.asked += 1
        path.write_bytes(self.data)
        if self.error:
            raise self.error


def transfer() -> Transfer:
    return Transfer("penguins.csv", "down", "a store")


def fetch_path(
    cache: Cache,
    far: Far,
    view: ObjectView | None = None,
    *,
    name: str = "penguins.csv",
    store: str = STORE,
    expected: str | None = None,
) -> Path:
    """Get an object as a path."""
    return cache.fetched_path(store, view or a_view(), name, expected, far, transfer())


def put_in(cache: Cache, data: bytes, object_id: str, **changes: Any) -> ObjectView:
    """Have an object in the cache that nobody uses."""
    view = a_view(id=object_id, name=object_id, size_bytes=len(data), **changes)
    cache.fetched(STORE, view, digest_of(data), Far(data), transfer()).close()
    cache.upkeep.wait()
    return view
