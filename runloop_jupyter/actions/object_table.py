"""ObjectTable, what `ls` returns: a sequence of objects, and how it shows itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, overload

from runloop_jupyter.actions.forms import KINDS
from runloop_jupyter.actions.object import Object
from runloop_jupyter.display import humane
from runloop_jupyter.display.fact import Fact, Tone
from runloop_jupyter.display.table import Cell, Column, Table

METADATA_COLUMNS: Final = 4
LONGEST_NUMBER: Final = 40
SOON_MS: Final = 7 * 86_400_000


class ObjectTable(Sequence[Object]):
    """What `ls` found: the newest version of each name, newest first. A sequence of `Object`.

    Attributes:
        objects: The objects, a name each.
        versions: How many living versions there are under each name, as far as the look went.
        looked_at: How many objects were looked at, by the store or here; None where it was all and nobody counted.
        whole: Whether that was all there are.
        matching: How many names fit, of which `objects` may be the first.
        type: The type that was asked for; None for any.
    """

    def __init__(
        self,
        objects: Sequence[Object],
        versions: Mapping[str, int],
        looked_at: int | None,
        matching: int,
        *,
        whole: bool,
        type: str | None = None,  # noqa: A002 - the same word as --type
    ) -> None:
        self.objects = tuple(objects)
        self.versions = dict(versions)
        self.looked_at = looked_at
        self.matching = matching
        self.whole = whole
        self.type = type

    @overload
    def __getitem__(self, index: int) -> Object: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Object, ...]: ...

    def __getitem__(self, index: int | slice) -> Object | tuple[Object, ...]:
        return self.objects[index]

    def __len__(self) -> int:
        return len(self.objects)

    def __iter__(self) -> Iterator[Object]:
        return iter(self.objects)

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame`: a row an object, its metadata in columns ``metadata.KEY``.

        Raises:
            MissingLibrary: pandas isn't installed.
        """
        from runloop_jupyter.values.libraries import need

        rows = [
            {
                "name": thing.name,
                "version": thing.version.rpartition("@")[2],
                "kind": thing.kind,
                "shape": thing.shape,
                "size_bytes": thing.size,
                "created": thing.created,
                "expires": thing.expires,
                "id": thing.id,
                **{f"metadata.{key}": value for key, value in thing.metadata.items()},
            }
            for thing in self.objects
        ]
        return need("pandas").DataFrame(rows)

    def table(self) -> Table:
        """Return the table that shows it."""
        keys = [key for key, _ in Counter(key for each in self for key in each.metadata).most_common(METADATA_COLUMNS)]
        columns = [
            Column("name"),
            Column("size", "size"),
            Column("shape"),
            Column("put (UTC)", "time"),
            Column("expires (UTC)", "time"),
            *(Column(key, "number" if self._is_numeric(key) else "text") for key in keys),
        ]
        if not any(thing.shape for thing in self):
            columns[2] = Column("kind")
        if all(thing.view.delete_after_time_ms is None for thing in self):
            del columns[4]
        rows = [self._row(thing, columns, keys) for thing in self]
        return Table(columns, rows, footer=self._footer(), empty=self._empty())

    def _empty(self) -> str:
        if self.type is None or self.type in KINDS:
            return "no objects fit"
        return f"no objects of the type “{self.type}” fit. There are {', '.join(KINDS)}, formats and content types"

    def _row(self, thing: Object, columns: Sequence[Column], keys: Sequence[str]) -> list[Cell]:
        count = self.versions.get(thing.name, 1)
        ends = thing.view.delete_after_time_ms
        cells: dict[str, Cell] = {
            "name": [thing.name, Fact(f"×{count}", tone="quiet")] if count > 1 else thing.name,
            "size": humane.size(thing.size) if thing.size is not None else None,
            "shape": thing.shape or thing.kind,
            "kind": thing.kind,
            "put (UTC)": humane.utc_minute(thing.view.create_time_ms),
            "expires (UTC)": None if ends is None else Fact(humane.utc_minute(ends), "time", _tone(ends)),
        }
        ours = [cells[column.title] for column in columns[: len(columns) - len(keys)]]
        return [*ours, *(thing.metadata.get(key) for key in keys)]

    def _is_numeric(self, key: str) -> bool:
        values = [thing.metadata[key] for thing in self if key in thing.metadata]
        return all(_is_number(value) for value in values)

    def _footer(self) -> list[str]:
        shown, found = humane.count(len(self)), humane.plural(self.matching, "object")
        of = f"{shown} of {'' if self.whole else '≥ '}{found}"
        looked = "" if self.looked_at is None else f" {humane.count(self.looked_at)}"
        return [of, f"looked at all{looked}" if self.whole else f"looked at the newest{looked}"]

    def __repr__(self) -> str:
        return f"<ObjectTable {', '.join(self._footer())}>"

    def _repr_html_(self) -> str:
        return self.table().to_html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle or len(printer.stack) > 1 else self.table().to_text())


def _is_number(text: str) -> bool:
    if len(text) > LONGEST_NUMBER:  # metadata may be of any length; a number that is read at a glance is not
        return False
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True


def _tone(ends_ms: int) -> Tone | None:
    return "warn" if ends_ms - time.time() * 1000 < SOON_MS else None
