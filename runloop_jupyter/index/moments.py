"""Moments: by what a list knows whether it is still what it was, and is found again under a name that says it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from runloop_jupyter.index.parts import asks_for_parts

if TYPE_CHECKING:
    import sqlite3

    from runloop_jupyter.wire.browse import Query

_WRITTEN: Final = re.compile(r"(-?[0-9]{1,19})-([0-9]{1,18})-([0-9]{1,18})")
_OLDEST: Final = -(2**63)
_NEWEST: Final = 2**63 - 2


class Moment(NamedTuple):
    """The state of the objects that a query may mean.

    Attributes:
        newest: The greatest position; where there is none, the least that there can be.
        changes: How often something of the query's state has come, gone or grown.
        overdue: How many of these are past their time and not deleted yet.
    """

    newest: int
    changes: int
    overdue: int

    def __str__(self) -> str:
        return f"{self.newest}-{self.changes}-{self.overdue}"

    def is_as(self, other: Moment) -> bool:
        """Whether nothing that a list may show has changed between the two."""
        return self[1:] == other[1:]


def now(connection: sqlite3.Connection, query: Query, now_ms: int) -> Moment:
    """Return what there is at `now_ms` of what `query` may mean."""
    parts = 1 if asks_for_parts(query) else 0
    row = connection.execute(
        "SELECT (SELECT ifnull(max(position), ?) FROM object),"
        " (SELECT ifnull(sum(changes), 0) FROM tally WHERE state = ? AND part <= ?),"
        " (SELECT count(*) FROM object INDEXED BY object_by_expiry"
        "  WHERE delete_after_time_ms IS NOT NULL AND state != 'DELETED' AND delete_after_time_ms <= ?"
        "  AND state = ? AND part <= ?)",
        (_OLDEST, query.state, parts, now_ms, query.state, parts),
    ).fetchone()
    return Moment(*row)


def everything(connection: sqlite3.Connection, now_ms: int) -> tuple[int, int]:
    """Return two numbers that stay the same as long as nothing changes, whatever its state."""
    row: tuple[int, int] = connection.execute(
        "SELECT (SELECT ifnull(sum(changes), 0) FROM tally),"
        " (SELECT count(*) FROM object INDEXED BY object_by_expiry"
        "  WHERE delete_after_time_ms IS NOT NULL AND state != 'DELETED' AND delete_after_time_ms <= ?)",
        (now_ms,),
    ).fetchone()
    return row


def read(text: str | None) -> Moment | None:
    """Return the moment that `text` names; None where it names none."""
    written = None if text is None else _WRITTEN.fullmatch(text)
    if written is None:
        return None
    moment = Moment(*map(int, written.groups()))
    return moment if _OLDEST <= moment.newest <= _NEWEST else None
