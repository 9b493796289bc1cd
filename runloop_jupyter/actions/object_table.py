"""ObjectTable, what `ls` returns: a sequence of objects, and how it shows itself."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from runloop_jupyter.actions.forms import KINDS
from runloop_jupyter.address import version_label
from runloop_jupyter.conditions import number
from runloop_jupyter.display import humane
from runloop_jupyter.display.fact import Fact, Tone
from runloop_jupyter.display.plain import fold
from runloop_jupyter.display.result import ResultList
from runloop_jupyter.display.table import Cell, Column, Table
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runloop_jupyter.actions.object import Object

METADATA_COLUMNS: Final = 4
KEYS_NAMED: Final = 12
WIDEST_METADATA: Final = 32
SOON_MS: Final = 7 * 86_400_000

Shows: TypeAlias = Literal["names", "versions", "public"]
"""What a row stands for: a name, one of its versions, or somebody's public object."""


@dataclass(frozen=True)
class Extent:
    """How far a look went.

    Attributes:
        found: How many names (versions, public objects) fit, as far as it went.
        looked_at: How many objects were looked at, by the store or here; None where nobody counted.
        of: How many there are; None where nobody counted.
        whole: Whether everything that could fit was looked at.
        only_since: Whether that was all since a time, and not older ones.
        sorted: Whether what was looked at was put in an order other than newest first.
    """

    found: int
    looked_at: int | None = None
    of: int | None = None
    whole: bool = True
    only_since: bool = False
    sorted: bool = False

    def words(self, shown: int, one: str) -> list[str]:
        """Return ``3 of 3 objects``, ``looked at all 8,214``.

        Args:
            shown: How many are shown.
            one: What one of them is.
        """
        least = "" if self.whole else "≥ "
        words = [f"{humane.count(shown)} of {least}{humane.plural(self.found, one)}"]
        looked = "" if self.looked_at is None else f" {humane.count(self.looked_at)}"
        if self.whole:
            return [*words, f"looked at all{looked}{' since then' if self.only_since else ''}"]
        of = "; there are more" if self.of is None else f" of {humane.count(self.of)}"
        words.append(f"looked at the newest{looked}{of}")
        return [*words, *["sorted among these only"] * self.sorted, "narrow with --since or a name"]


@dataclass(frozen=True, eq=False, repr=False)
class ObjectTable(ResultList["Object"]):
    """What `ls` found. A sequence of `Object`.

    Attributes:
        objects: The objects that are shown, a name (or a version, a public object) each.
        extent: How many fit, and how far the look went.
        versions: How many living versions that fit there are under each name, as far as the look went.
        notes: By id, why an object isn't what its bare name means.
        type: The type that was asked for; None for any.
        keys: Metadata keys that were asked about, which have a column before others.
        shows: What a row stands for.
    """

    objects: Sequence[Object]
    extent: Extent
    versions: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    type: str | None = None
    keys: Sequence[str] = ()
    shows: Shows = "names"

    def _items(self) -> Sequence[Object]:
        return self.objects

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
                **({} if self.shows == "names" else {"state": thing.state}),
                **{f"metadata.{key}": value for key, value in thing.metadata.items()},
            }
            for thing in self.objects
        ]
        return need("pandas").DataFrame(rows)

    def table(self) -> Table:
        """Return the table that shows it."""
        keys = self._metadata_columns()
        rows = [self._row(thing) for thing in self]
        columns = [column for column in self._columns() if any(row[column.title] for row in rows)]
        metadata = [Column(key, self._kind_of(key), widest=WIDEST_METADATA) for key in keys]
        cells = [
            [*(row[column.title] for column in columns), *(thing.metadata.get(key) for key in keys)]
            for row, thing in zip(rows, self, strict=True)
        ]
        return Table([*columns, *metadata], cells, footer=self._footer(keys), empty=self._empty())

    def _columns(self) -> list[Column]:
        """Return the columns that are ours; those without anything in them are left out."""
        shapes = any(thing.shape for thing in self)
        which = [Column("version", "id")] if self.shows == "versions" else []
        return [
            Column("name"),
            *which,
            *([Column("id", "id")] if self.shows == "public" else []),
            Column("state"),
            Column("size", "size"),
            Column("shape" if shapes else "kind"),
            Column("put (UTC)", "time"),
            Column("expires (UTC)", "time"),
        ]

    def _row(self, thing: Object) -> dict[str, Cell]:
        view = thing.view
        ends = view.delete_after_time_ms
        gone = None if self.shows == "names" else _gone_word(thing)
        return {
            "name": self._name(thing),
            "version": f"@{version_label(view.create_time_ms, view.id)}",
            "id": view.id,
            "state": gone and Fact(gone, tone="quiet"),
            "size": humane.size(thing.size) if thing.size is not None else None,
            "shape": thing.shape or thing.kind,
            "kind": thing.kind,
            "put (UTC)": humane.utc_minute(view.create_time_ms),
            "expires (UTC)": None if ends is None else Fact(humane.utc_minute(ends), "time", _tone(ends)),
        }

    def _name(self, thing: Object) -> Cell:
        count = self.versions.get(thing.name, 1)
        marks = [f"×{count}" if count > 1 else "", self.notes.get(thing.id, "")]
        return [thing.name, *(Fact(mark, tone="quiet") for mark in marks)] if any(marks) else thing.name

    def _metadata_columns(self) -> list[str]:
        """Return the keys that have a column: those asked about, then those that most objects have and that differ."""
        values: dict[str, list[str]] = {}
        for thing in self:
            for key, value in thing.metadata.items():
                values.setdefault(key, []).append(value)
        asked = [key for key in dict.fromkeys(self.keys) if key in values]

        def telling(key: str) -> tuple[bool, float]:
            has = values[key]
            # What is the same throughout, or too long to be read here, says less.
            same = len(has) > 1 and len(set(has)) == 1
            long = sum(map(len, has)) > WIDEST_METADATA * len(has)
            return key not in asked, -len(has) * (0.5 if same else 1) * (0.5 if long else 1)

        few = len(values) <= METADATA_COLUMNS
        ranked = sorted(values, key=(lambda key: (key not in asked, -len(values[key]))) if few else telling)
        return ranked[: max(METADATA_COLUMNS, len(asked))]

    def _kind_of(self, key: str) -> Literal["number", "text"]:
        values = [thing.metadata[key] for thing in self if key in thing.metadata]
        return "number" if all(number(each) is not None or each.lower() == "nan" for each in values) else "text"

    def _empty(self) -> str:
        if self.type is None or self.type in KINDS:
            return "no objects fit"
        return f"no objects of the type “{self.type}” fit. There are {', '.join(KINDS)}, formats and content types"

    def _words(self) -> list[str]:
        return self.extent.words(len(self), "version" if self.shows == "versions" else "object")

    def _footer(self, shown: Sequence[str]) -> list[str]:
        rest = [key for key in dict.fromkeys(key for thing in self for key in thing.metadata) if key not in shown]
        if not rest:
            return self._words()
        named = [fold(key, WIDEST_METADATA) for key in rest[:KEYS_NAMED]]
        more = f" and {humane.count(len(rest) - KEYS_NAMED)} more" if len(rest) > KEYS_NAMED else ""
        return [*self._words(), f"metadata not shown: {', '.join(named)}{more}"]

    def __repr__(self) -> str:
        return f"<ObjectTable {', '.join(self._words()[:2])}>"

    def _shown(self) -> Table:
        return self.table()


def _gone_word(thing: Object) -> str | None:
    """Return why an object can't be read; None where it can."""
    view = thing.view
    if view.state == ObjectState.UPLOADING or (view.state == ObjectState.DELETED and view.size_bytes is None):
        return "unfinished"
    if view.state != ObjectState.READ_ONLY:
        return view.state.lower()
    ends = view.delete_after_time_ms
    return "expired" if ends is not None and ends <= time.time() * 1000 else None


def _tone(ends_ms: int) -> Tone | None:
    return "warn" if ends_ms - time.time() * 1000 < SOON_MS else None
