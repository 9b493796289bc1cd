"""What is remembered of each object that is here: ``refs/<store identity>/<object id>``.

That is what its store said, and the digest of its bytes.
An object never changes, so what was said of it holds; only its time may come, which is part of what was said, or it
may be deleted. A ref is good for the store whose identity it carries and for no other, whatever the ids.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from runloop_jupyter.atomic import atomic_writer
from runloop_jupyter.paths import private_dir
from runloop_jupyter.transfer.cache.listing import listed
from runloop_jupyter.transfer.cache.names import part
from runloop_jupyter.wire import json
from runloop_jupyter.wire.objects import ObjectView  # noqa: TC001 - msgspec reads annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Ref(msgspec.Struct, frozen=True, kw_only=True):
    """One object that was fetched.

    Attributes:
        store: Identity of its store.
        view: What the store said of it.
        blob: The BLAKE3 digest of its bytes, in hex.
        own: Whether the store gives it under its name. A public object of somebody else's, which is got by its id,
            may have any name at all, and no bare name means it.
    """

    store: str
    view: ObjectView
    blob: str
    own: bool = False


class Refs:
    """The refs beneath one directory.

    Args:
        root: ``…/refs``; made when something is first written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        # An object's ref is read once for all look-ups by name: what it says never changes. By store, then by file.
        self._known: dict[str, dict[str, Ref]] = {}

    def path(self, store: str, object_id: str) -> Path:
        """Return where an object's ref is, if it is here."""
        return self._root / part(store) / part(object_id)

    def read(self, store: str, object_id: str) -> Ref | None:
        """Return what is remembered of an object, None where it isn't here."""
        ref = _read(self.path(store, object_id))
        # Two ids may share a file where a disk takes capitals for small letters.
        return ref if ref is not None and (ref.store, ref.view.id) == (store, object_id) else None

    def write(self, ref: Ref) -> None:
        """Remember an object.

        Raises:
            OSError: No room, no permission.
        """
        path = self.path(ref.store, ref.view.id)
        private_dir(path.parent)
        view = msgspec.structs.replace(ref.view, upload_url=None, upload_headers=None)
        with atomic_writer(path, durable=False) as file:
            file.write(json.encode(msgspec.structs.replace(ref, view=view)))
        self._known.get(path.parent.name, {}).pop(path.name, None)

    def forget(self, store: str, object_id: str) -> None:
        """Remove what is remembered of an object; harmless where nothing is."""
        with suppress(OSError):
            self.path(store, object_id).unlink()

    def of_store(self, store: str) -> Iterator[Ref]:
        """Yield what is remembered of a store's objects, in no order."""
        yield from self._in(part(store))

    def all(self) -> Iterator[Ref]:
        """Yield all that is remembered."""
        for folder in listed(self._root):
            yield from self._in(folder)

    def _in(self, store: str) -> Iterator[Ref]:
        folder, before = self._root / store, self._known.get(store, {})
        known = self._known[store] = {}
        for name in listed(folder):
            if name.startswith("."):
                continue
            ref = before.get(name) or _read(folder / name)
            if ref is not None:
                known[name] = ref
                yield ref


def _read(path: Path) -> Ref | None:
    try:
        return json.decode(path.read_bytes(), Ref)
    except (OSError, ValueError):
        return None  # not there, or another version's
