"""An object as a file open for reading: from the cache where its bytes are there, else by ranges."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, BinaryIO

from runloop_jupyter.filesystems.within import Pieces, open_pieces
from runloop_jupyter.transfer.cache import if_any
from runloop_jupyter.transfer.manifest import is_head, whole
from runloop_jupyter.transfer.parts_reader import of_set
from runloop_jupyter.transfer.reader import BLOCK, RangeReader
from runloop_jupyter.transfer.transfer import Transfer

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.filesystems.within import Held
    from runloop_jupyter.session import Store
    from runloop_jupyter.wire.objects import ObjectView


class ObjectReader(io.BufferedReader):
    """An object, open for reading.

    Args:
        raw: Its bytes.
        details: What the filesystem says of it.

    Attributes:
        details: As given.
        size: In bytes.
    """

    def __init__(self, raw: io.RawIOBase, details: dict[str, Any]) -> None:
        super().__init__(raw, BLOCK)
        self.details = details
        self.size: int = details["size"] or 0
        self._counted = raw

    def info(self) -> dict[str, Any]:
        """Return what the filesystem says of it."""
        return self.details

    @property
    def bytes_fetched(self) -> int:
        """Bytes that came over the wire so far; 0 where the cache has them."""
        fetched = getattr(self._counted, "bytes_fetched", 0)
        return fetched if isinstance(fetched, int) else 0

    @property
    def requests(self) -> int:
        """Requests made for them."""
        made = getattr(self._counted, "requests", 0)
        return made if isinstance(made, int) else 0


def open_object(store: Store, held: Held, details: dict[str, Any]) -> ObjectReader:
    """Open what holds a file's bytes.

    Raises:
        TransferError: It has no bytes, or the list of its parts can't be had.
    """
    if held is None:
        return ObjectReader(io.FileIO(os.devnull), details)
    if isinstance(held, Pieces):
        return ObjectReader(open_pieces(store, held), details)
    if here := cached(store, held):
        return ObjectReader(_unbuffered(here), details)
    if is_head(held):
        looking = Transfer(held.name, "down", store.identity.label)
        return ObjectReader(of_set(store.objects, held, looking, ahead=True), details)
    return ObjectReader(RangeReader(store.objects, held, ahead=True), details)


def cached(store: Store, view: ObjectView) -> BinaryIO | None:
    """Return the object's bytes as an open file if they are in the cache."""
    cache = if_any()
    return cache.open(store.identity.id, whole(view)) if cache else None


def _unbuffered(file: BinaryIO) -> io.RawIOBase:
    detach: Callable[[], io.RawIOBase] = file.detach  # type: ignore[attr-defined]
    return detach()
