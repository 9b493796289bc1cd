"""A file that a page sends becomes an object: as it comes it goes into a spool, and what was spooled is put.

It is the same put as that of a file here, journal and digest and all. What a page leaves half-done, because somebody
stopped it, closed it, or its kernel ended, leaves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runloop_jupyter.actions.put import put
from runloop_jupyter.address import check_name
from runloop_jupyter.browser import protocol
from runloop_jupyter.errors import InputError
from runloop_jupyter.transfer.transfer import Phase

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.browser.place import Place
    from runloop_jupyter.widgets.asked import Asked

LARGEST: int = 1 << 43
"""Bytes that a page may say it will send; what there is room for is less."""


class Coming:
    """The bytes of a file as a page sends them; gives them once.

    Args:
        asked: The request that they come with.
        name: Of the file.
        size: What it has, as the page says.

    Attributes:
        expected_bytes: As given.
    """

    def __init__(self, asked: Asked, name: str, size: int) -> None:
        self.expected_bytes = size
        self._chunks = self._whole(asked.receive(), name)

    def __iter__(self) -> Iterator[bytes | memoryview]:
        return self

    def __next__(self) -> bytes | memoryview:
        return next(self._chunks)

    def close(self) -> None:
        """Nobody wants what is still to come."""
        self._chunks.close()

    def _whole(self, chunks: Iterator[bytes | memoryview], name: str) -> Generator[bytes | memoryview]:
        came = 0
        for chunk in chunks:
            came += len(chunk)
            if came > self.expected_bytes:
                break
            yield chunk
        if came != self.expected_bytes:
            more = "more than" if came > self.expected_bytes else f"{came:,} of"
            raise InputError(f"{more} {self.expected_bytes:,} bytes of “{name}” came; nothing of it was kept")


def upload(place: Place, asked: Asked) -> Any:
    """Answer ``upload``."""
    said = protocol.read(asked.args, protocol.UploadArgs)
    check_name(said.name)
    if not 0 <= said.size <= LARGEST:
        raise InputError(f"a file of {said.size:,} bytes can't be")
    with place.at_work(asked, without=Phase.PACKING):  # its progress is what was written
        thing = put(Coming(asked, said.name, said.size), said.name, metadata=said.metadata or None, ttl=said.ttl)
    place.remember([thing.view])
    place.look_again()
    return {"id": thing.id, "name": thing.name, "said": _said(thing)}


def _said(thing: Object) -> str:
    outcome = thing.outcome
    if outcome is None or not outcome.sent:
        return "unchanged: the newest version is the same"
    return "; ".join(["a new version" if outcome.superseded else "new", *outcome.notes])
