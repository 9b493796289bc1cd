"""Rows of stored things, under titles."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from runloop_jupyter.display.fact import Fact, Varies, as_facts, facts_html, facts_text
from runloop_jupyter.display.markup import Html, element, join
from runloop_jupyter.display.plain import cell_width, fold, pad, visible
from runloop_jupyter.display.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Sequence

Align: TypeAlias = Literal["left", "right"]
Kind: TypeAlias = Literal["text", "number", "size", "time", "id"]
Cell: TypeAlias = "str | Fact | Sequence[Fact | str] | None"
"""What stands in a cell: text, a fact, several facts beside each other, or nothing."""

_VARIES: Final[dict[Kind, Varies]] = {"size": "size", "time": "time", "id": "id"}
# Sizes differ by a few bytes from run to run; a column as wide as the widest size keeps saved text comparable.
_LEAST_WIDTH: Final[dict[Kind, int]] = {"size": len("1023.9 KiB")}
_WIDEST_CELL: Final = 72
_NARROWEST_CELL: Final = 12
_NARROWEST_NAME: Final = 32
_GAP: Final = "  "
_WIDTH_OF_SAVED_TEXT: Final = 120


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: Its heading; may be a metadata key, and so come from elsewhere.
        kind: What its cells are. Numbers and sizes stand at the right; times, ids and sizes are marked as varying
            from run to run.
        align: Where its cells stand, if not as their kind does.
        widest: How many terminal cells one of them takes at most; what is folded away is its title in HTML.
    """

    title: str
    kind: Kind = "text"
    align: Align | None = None
    widest: int = _WIDEST_CELL

    @property
    def is_right(self) -> bool:
        """Whether its cells stand at the right."""
        return (self.align or ("right" if self.kind in {"number", "size"} else "left")) == "right"


@dataclass(frozen=True, slots=True, repr=False)
class Table(Shown):
    """Rows under titles, and a line below that says how much was looked at.

    Attributes:
        columns: The columns, the one that names a row first.
        rows: As many cells each as there are columns.
        footer: ``3 of 3 objects``, ``looked at all 8,214``.
        empty: What to say in place of a table without rows.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    footer: Sequence[Fact | str] = ()
    empty: str = "nothing here"

    def to_text(self, width: int | None = None) -> str:
        """Return aligned lines.

        Args:
            width: Terminal cells to keep to; the terminal's own, or 120 where there is none. Long cells are folded
                first; columns that still find no room are left out from the right, and named below.
        """
        footer = facts_text(self.footer)
        if not self.rows:
            return "\n".join(filter(None, [visible(self.empty), footer]))
        cells = [
            [_cell_text(cell, column.widest) for column, cell in zip(self.columns, row, strict=True)]
            for row in self.rows
        ]
        titles = [fold(visible(column.title), column.widest) for column in self.columns]
        widths = [
            max(cell_width(title), _LEAST_WIDTH.get(column.kind, 0), *(cell_width(row[at]) for row in cells))
            for at, (column, title) in enumerate(zip(self.columns, titles, strict=True))
        ]
        widths = _fit(widths, self._least_widths(widths), width or _terminal_width())
        lines = [self._text_line(titles, widths), self._text_line(["─" * each for each in widths], widths)]
        lines += [self._text_line(row, widths) for row in cells]
        if len(widths) < len(titles):
            lines.append(f"no room for: {', '.join(titles[len(widths) :])}")
        return "\n".join([*lines, *filter(None, [footer])])

    def body(self) -> Html:
        """Return the table as HTML."""
        parts = []
        if self.rows:
            head = element("tr", *(self._title_html(column) for column in self.columns))
            rows = [self._row_html(row) for row in self.rows]
            table = element("table", element("thead", head), element("tbody", *rows), cls="rl-table")
            parts.append(element("div", table, cls="rl-scroll"))
        else:
            parts.append(element("div", visible(self.empty), cls="rl-q"))
        if self.footer:
            parts.append(element("div", facts_html(self.footer), cls="rl-foot"))
        return join("", parts)

    def _least_widths(self, widths: Sequence[int]) -> list[int]:
        least = [
            _NARROWEST_CELL if column.kind == "text" else width
            for column, width in zip(self.columns, widths, strict=True)
        ]
        least[0] = _NARROWEST_NAME
        return [min(pair) for pair in zip(least, widths, strict=True)]

    def _text_line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        columns = zip(self.columns, cells, widths, strict=False)
        return _GAP.join(pad(fold(cell, width), width, right=each.is_right) for each, cell, width in columns).rstrip()

    def _title_html(self, column: Column) -> Html:
        title = Fact(column.title).to_html(column.widest)
        return element("th", title, cls="rl-r" if column.is_right else "", scope="col")

    def _row_html(self, row: Sequence[Cell]) -> Html:
        return element("tr", *(self._cell_html(column, cell) for column, cell in zip(self.columns, row, strict=True)))

    def _cell_html(self, column: Column, cell: Cell) -> Html:
        varies = _VARIES.get(column.kind)
        facts = [Fact(each.text, each.varies or varies, each.tone) for each in _cell_facts(cell)]
        return element("td", facts_html(facts, " ", column.widest), cls="rl-r" if column.is_right else "")


def _cell_facts(cell: Cell) -> list[Fact]:
    if cell is None:
        return []
    return as_facts([cell] if isinstance(cell, str | Fact) else cell)


def _cell_text(cell: Cell, widest: int) -> str:
    return facts_text(_cell_facts(cell), " ", widest)


def _terminal_width() -> int:
    # Text that is saved in a notebook must not depend on the window it was made in.
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _WIDTH_OF_SAVED_TEXT
    except (OSError, ValueError, AttributeError):
        return _WIDTH_OF_SAVED_TEXT


def _fit(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return the widths of the first columns that find `room`, none below its `least`."""
    for shown in range(len(widths), 0, -1):
        gaps = len(_GAP) * (shown - 1)
        if sum(least[:shown]) + gaps <= room:
            return _narrow(widths[:shown], least, room - gaps)
    return [max(1, room)]


def _narrow(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return `widths` that add up to at most `room`, the widest that may give way narrowed first."""
    widths = list(widths)
    while (excess := sum(widths) - room) > 0:
        foldable = [at for at, width in enumerate(widths) if width > least[at]]
        widest = max(foldable, key=lambda at: widths[at])
        others = [widths[at] for at in foldable if widths[at] < widths[widest]]
        widths[widest] = max([least[widest], widths[widest] - excess, *others])
    return widths
