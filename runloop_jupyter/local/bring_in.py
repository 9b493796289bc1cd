"""A `bag` into a store: each object whole, checked, and only where it isn't yet."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import EmbeddedStoreError
from runloop_jupyter.local.bag import CHUNK, BagReader, Description
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from runloop_jupyter.local.caller import Caller

DESCRIPTION_LENGTH: Final = "X-Description-Length"
_ASKED_AT_ONCE: Final = 500


@dataclass
class BroughtIn:
    """How far an import has come.

    Attributes:
        objects: Taken in.
        size_bytes: Their bytes.
        here: There already, under the same id; left alone.
        deleted: Deleted from this store since; left so.
        expired: Past their time.
    """

    objects: int = 0
    size_bytes: int = 0
    here: int = 0
    deleted: int = 0
    expired: int = 0


def bring_in(
    caller: Caller, source: Path, *, restore: bool = False, tell: Callable[[BroughtIn], None] | None = None
) -> BroughtIn:
    """Take the objects of the bag at `source` into a store, with their ids, times, metadata and what is left of TTLs.

    Each becomes visible once all of its bytes are on the disk and have the SHA-256 that the bag says; one that the
    store knows is left alone. So an import that was broken off is simply run again.

    Args:
        caller: To the store's daemon.
        source: A directory that `export` wrote.
        restore: Take in objects that were deleted from this store, too.
        tell: Told after each object.

    Raises:
        EmbeddedStoreError: `source` is no export, an object in it is damaged, or the store failed or refused. What
            came before in the bag is in the store.
    """
    bag = BagReader(source)
    done = BroughtIn()
    listed = bag.ids()
    while some := dict(islice(listed, _ASKED_AT_ONCE)):
        states = caller.control("POST", "known", json.encode(list(some)))["states"]
        for object_id, digest in some.items():
            state = states.get(object_id)
            if state is not None and not (restore and state == "DELETED"):
                done.deleted += state == "DELETED"
                done.here += state != "DELETED"
            else:
                _send(caller, bag, object_id, digest, done, restore=restore)
            if tell is not None:
                tell(done)
    return done


def _send(caller: Caller, bag: BagReader, object_id: str, digest: str, done: BroughtIn, *, restore: bool) -> None:
    described = bag.description(object_id, digest)
    try:
        description = json.decode(described, Description)
    except ValueError as error:
        raise EmbeddedStoreError(f"{object_id}.json doesn't describe an object: {error}") from None
    if description.id != object_id:
        raise EmbeddedStoreError(f"{object_id}.json describes another object")
    with bag.content(object_id) as (file, size):
        if size != description.size_bytes:
            raise EmbeddedStoreError(f"{object_id} has {size} of {description.size_bytes} bytes: the bag is damaged")
        outcome = caller.control(
            "POST",
            "import",
            _body(described, file),
            len(described) + size,
            {DESCRIPTION_LENGTH: str(len(described))},
            {"restore": "true"} if restore else None,
        )["outcome"]
    if outcome == "taken":
        done.objects += 1
        done.size_bytes += size
    else:  # it came, or its time did, since the question
        done.here += outcome == "here"
        done.deleted += outcome == "deleted"
        done.expired += outcome == "expired"


def _body(described: bytes, file: BinaryIO) -> Iterator[bytes]:
    yield described
    while chunk := file.read(CHUNK):
        yield chunk
