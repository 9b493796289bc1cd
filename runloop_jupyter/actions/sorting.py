"""``--sort``: by which columns objects can be put in order, and the first of them without keeping all."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from runloop_jupyter.actions.forms import SORTS
from runloop_jupyter.conditions import number
from runloop_jupyter.errors import InputError
from runloop_jupyter.index.fold import fold
from runloop_jupyter.options import RESERVED
from runloop_jupyter.transfer.manifest import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runloop_jupyter.wire.objects import ObjectView

Rank: TypeAlias = "tuple[int, Any]"
"""Numbers stand before text, whichever way they run: ``-acc`` begins with the best, not with ``n/a``."""

_METADATA: Final = "metadata."
_NUMBERS, _TEXTS, _MISSING = range(3)
_SLACK: Final = 5000


@dataclass(frozen=True)
class Order:
    """What objects are sorted by.

    Attributes:
        column: One of `SORTS`, or a metadata key (``metadata.KEY`` for one that is called like a column).
        descending: Whether the greatest comes first. What has no value comes last in either case.
    """

    column: str
    descending: bool = False

    @property
    def key(self) -> str | None:
        """The metadata key, where it is one."""
        return None if self.column in SORTS else self.column.removeprefix(_METADATA)

    def rank(self, view: ObjectView) -> Rank:
        """Return where `view` stands."""
        value = _COLUMNS[self.column](view) if self.column in SORTS else _metadata(view, self.column)
        if value is None:
            return _MISSING, 0
        if not isinstance(value, str):
            return _NUMBERS, value
        as_number = None if self.column in SORTS else number(value)
        return (_TEXTS, (fold(value), value)) if as_number is None else (_NUMBERS, as_number)


def order(sort: object) -> Order | None:
    """Return what ``--sort`` says, ``size`` or ``-size``; None where nothing is said.

    Raises:
        InputError: It isn't the name of anything.
    """
    if sort is None:
        return None
    if not isinstance(sort, str) or not sort.removeprefix("-"):
        raise InputError(f"sort={sort!r} is no column. There are {', '.join(SORTS)} and the metadata keys")
    return Order(sort.removeprefix("-"), sort.startswith("-"))


class First:
    """The first `limit` objects in an order, of any number that come; of equals, those that come first.

    Args:
        limit: How many.
        wanted: The order; None for that in which they come.
    """

    def __init__(self, limit: int, wanted: Order | None) -> None:
        self._limit = limit
        self._wanted = wanted
        self._views: list[tuple[Rank, ObjectView]] = []
        self._ranked = False

    def add(self, view: ObjectView) -> None:
        """Take in one more."""
        if self._wanted is None:
            if len(self._views) < self._limit:
                self._views.append(((_MISSING, 0), view))
            return
        rank = self._wanted.rank(view)
        self._ranked |= rank[0] != _MISSING
        self._views.append((rank, view))
        if len(self._views) > self._limit + _SLACK:
            self._cut()

    def views(self, keys: Iterable[str]) -> list[ObjectView]:
        """Return them, in order.

        Args:
            keys: The metadata keys there are, to name what is close to one that no object has.

        Raises:
            InputError: No object has a value to sort by, and the order is by no column of ours.
        """
        wanted = self._wanted
        if wanted is not None:
            if wanted.key is not None and self._views and not self._ranked:
                raise InputError(_unknown(wanted.column, keys))
            self._cut()
        return [view for _, view in self._views]

    def _cut(self) -> None:
        descending = self._wanted is not None and self._wanted.descending
        kept: list[tuple[Rank, ObjectView]] = []
        for tier in (_NUMBERS, _TEXTS, _MISSING):
            of_tier = [each for each in self._views if each[0][0] == tier]
            of_tier.sort(key=lambda each: each[0][1], reverse=descending and tier != _MISSING)  # keeps equals in place
            kept += of_tier
        self._views = kept[: self._limit]


def _unknown(column: str, keys: Iterable[str]) -> str:
    known = [*SORTS, *(key for key in keys if not key.startswith(RESERVED))]
    close = difflib.get_close_matches(column, known, n=3)
    near = f"Close: {', '.join(close)}" if close else f"There are {', '.join(SORTS)} and the metadata keys: %rl_keys"
    return f"no object that fits has “{column}” to sort by. {near}"


def _metadata(view: ObjectView, column: str) -> str | None:
    has = view.metadata or {}
    return has.get(column, has.get(column.removeprefix(_METADATA)))


def _kind(view: ObjectView) -> str:
    return (view.metadata or {}).get("rl.kind") or view.content_type


def _shape(view: ObjectView) -> tuple[int, ...] | None:
    try:
        facts = json.loads((view.metadata or {}).get("rl.facts", "{}"))
    except (ValueError, RecursionError):  # somebody else's words: any text at all
        return None
    if not isinstance(facts, dict):
        return None
    shape = facts.get("shape")
    lengths = shape if isinstance(shape, list) else [facts.get("rows", facts.get("files")), facts.get("columns", 0)]
    return tuple(lengths) if lengths and all(isinstance(each, int) for each in lengths) else None


def _rows(view: ObjectView) -> int | None:
    shape = _shape(view)
    return shape[0] if shape else None


_COLUMNS: Final[dict[str, Callable[[ObjectView], Any]]] = {
    "name": lambda view: view.name,
    "size": size_of,
    "put": lambda view: view.create_time_ms,
    "expires": lambda view: view.delete_after_time_ms,
    "kind": _kind,
    "type": _kind,
    "shape": _shape,
    "rows": _rows,
}
