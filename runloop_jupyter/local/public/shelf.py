"""What `list_public` has to show: the files beside this module, described by ``catalogue.json``.

An entry is a file's name and the object as the API shows it. Its id is the same in every embedded store, for it means
the same bytes there: whoever changes the bytes makes a new entry, with an id and a time of its own. ``source`` and
``licence`` in the metadata say where the data come from and why they may be handed on.
"""

from __future__ import annotations

import sqlite3
import weakref
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from runloop_jupyter.index import INDEX, Filter, ObjectIndex
from runloop_jupyter.local.ids import position_of
from runloop_jupyter.wire import json
from runloop_jupyter.wire.objects import ObjectView  # noqa: TC001 - msgspec reads annotations at run time

if TYPE_CHECKING:
    from runloop_jupyter.index import Page

HERE: Final = Path(__file__).parent
_CATALOGUE: Final = HERE / "catalogue.json"


class Entry(msgspec.Struct, frozen=True):
    """A line of the catalogue: the name of a file in this directory, and the object that it is."""

    file: str
    object: ObjectView


class Shelf:
    """Public objects: read, listed and filtered as a store's own are, and never changed.

    The index is in memory and made when it is first asked for. It belongs to the thread that asks first.
    """

    def get(self, object_id: str) -> ObjectView | None:
        """Return the public object with this id."""
        entry = self._entries.get(object_id)
        return None if entry is None else entry.object

    def path(self, object_id: str) -> Path | None:
        """Return the file with the bytes of the public object with this id. Any thread may ask."""
        entry = self._entries.get(object_id)
        return None if entry is None else HERE / entry.file

    def page(self, wanted: Filter, *, limit: int, before: int | None) -> Page:
        """Return a page, newest first, as `ObjectIndex.page` does."""
        return self._index.page(wanted, limit=limit, before=before, as_json=True)

    def count(self, wanted: Filter) -> int | None:
        """Return how many public objects `wanted` means."""
        return self._index.count(wanted)

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        entries = json.decode(_CATALOGUE.read_bytes(), list[Entry])
        return {each.object.id: each for each in entries}

    @cached_property
    def _index(self) -> ObjectIndex:
        # Whichever thread drops the shelf closes it.
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, connection.close)
        connection.executescript(INDEX.script)
        index = ObjectIndex(connection)
        for entry in self._entries.values():
            position = position_of(entry.object.id)
            if position is None:
                raise ValueError(f"{_CATALOGUE}: {entry.object.id} is no id of an embedded store")
            index.put(position, entry.object)
        return index
