"""A look inside one object that fetches no more than it shows: its bytes opened where they are, its format told."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from runloop_jupyter.transfer import parts_reader
from runloop_jupyter.transfer.cache import if_any
from runloop_jupyter.transfer.manifest import is_head
from runloop_jupyter.transfer.reader import RangeReader, buffered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.transfer.transfer import Transfer


@dataclass(frozen=True)
class Opened:
    """An object's bytes, to be read where somebody looks.

    Attributes:
        file: Seekable; what is read of it is fetched, unless it is here.
        fetched: Tells how many bytes came for it so far; 0 where they are in the cache.
    """

    file: BinaryIO
    fetched: Callable[[], int]


@contextmanager
def opened(thing: Object, transfer: Transfer, *, ahead: bool = False) -> Iterator[Opened]:
    """Open an object's bytes for the block: those in the cache, else by ranges.

    Args:
        thing: The object; not one that is kept as files.
        transfer: Its `cancel` stops this.
        ahead: Whether it will be read to its end, so that what follows may be fetched ahead.

    Raises:
        TransferError: The bytes can't be had.
        StoreError: The store refused.
    """
    cache = if_any()
    here = cache.open(thing.store.identity.id, thing.view, transfer) if cache else None
    if here is not None:
        with here:
            yield Opened(here, lambda: 0)
        return
    reader: RangeReader | parts_reader.PartsReader
    if is_head(thing.view):
        reader = parts_reader.of_set(thing.store.objects, thing.view, transfer)
    else:
        reader = RangeReader(thing.store.objects, thing.view, transfer.checkpoint, ahead=ahead)
    with buffered(reader) as file:
        yield Opened(file, lambda: reader.bytes_fetched)
