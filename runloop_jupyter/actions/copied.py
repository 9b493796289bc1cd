"""What a copy came to, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runloop_jupyter.display import humane
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.result import ResultList
from runloop_jupyter.display.table import Cell, Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN: Final = 20
NEW: Final = "new"


@dataclass(frozen=True)
class Row:
    """One thing that was copied, or would be.

    Attributes:
        source: What.
        size: In bytes; None where nobody knows.
        target: What it is there.
        fate: ``new`` or ``was there``.
    """

    source: str
    size: int | None
    target: str
    fate: str


class Copied(ResultList[Row]):
    """What `cp` did: a sequence of rows.

    Args:
        rows: What was copied.
        source: From where.
        target: To where.
        there: How many more were there already, and have no row.
        done: Whether it was done; otherwise it is what would be.
    """

    def __init__(self, rows: Sequence[Row], source: str, target: str, *, there: int = 0, done: bool = True) -> None:
        self.rows = tuple(rows)
        self.source = source
        self.target = target
        self.there = there + sum(row.fate != NEW for row in rows)
        self.done = done

    @property
    def size(self) -> int:
        """The bytes of what is new."""
        return sum(row.size or 0 for row in self.rows if row.fate == NEW)

    def table(self) -> Table:
        """Return the table that shows it."""
        rows: list[list[Cell]] = [
            [
                Fact(row.source, "id"),
                Fact("" if row.size is None else humane.size(row.size), "size"),
                Fact(row.target, "id"),
                row.fate if row.fate == NEW else Fact(row.fate, tone="quiet"),
            ]
            for row in self.rows[:SHOWN]
        ]
        return Table([Column("from"), Column("size", "size"), Column("to"), Column("")], rows, footer=self._footer())

    def _footer(self) -> list[Fact | str]:
        count = sum(row.fate == NEW for row in self.rows)
        verb = "copied" if self.done else "would copy"
        said: list[Fact | str] = [f"{verb} {humane.plural(count, 'object or file', 'objects or files')}"]
        said.append(Fact(humane.size(self.size), "size"))
        if self.there:
            said.append(f"{self.there:,} were there")
        said.append(f"{self.source} → {self.target}")
        return said

    def __repr__(self) -> str:
        return f"<Copied {len(self.rows)}, {self.there} were there>"

    def _items(self) -> Sequence[Row]:
        return self.rows

    def _shown(self) -> Table:
        return self.table()
