"""What comes of many at once: Batch, the objects of a `put_all`; Fetched, the files of a `get_all`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runloop_jupyter.actions.object import Object
from runloop_jupyter.display import humane
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.result import ResultList
from runloop_jupyter.display.table import Cell, Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SHOWN: Final = 20


class Batch(ResultList[Object]):
    """What `put_all` stored: a sequence of `Object`, in the order of their names.

    Attributes:
        objects: The objects; ``outcome`` of each says whether it was sent.
        left_out: Files that may hold secrets and were left out.
    """

    def __init__(self, objects: Sequence[Object], left_out: Sequence[str]) -> None:
        self.objects = tuple(objects)
        self.left_out = tuple(left_out)

    def _items(self) -> Sequence[Object]:
        return self.objects

    def table(self) -> Table:
        """Return the table that shows it."""
        rows: list[list[Cell]] = [
            [thing.name, humane.size(thing.size or 0), thing.kind, _fate(thing)] for thing in self.objects[:SHOWN]
        ]
        columns = [Column("name"), Column("size", "size"), Column("kind"), Column("")]
        return Table(columns, rows, footer=self._footer())

    def _footer(self) -> list[Fact | str]:
        sent = [thing for thing in self if thing.outcome and thing.outcome.sent]
        said: list[Fact | str] = [humane.plural(len(self), "object")]
        if len(self) > SHOWN:
            said[0] = f"{SHOWN} of {said[0]}"
        said.append(Fact(f"{humane.size(sum(thing.size or 0 for thing in sent))} sent", "size"))
        if len(sent) < len(self):
            said.append(f"{len(self) - len(sent):,} unchanged")
        said.append(self[0].store.identity.label)
        if self.left_out:
            named = ", ".join(self.left_out[:4])
            said.append(Fact(f"left out as they may hold secrets: {named}", tone="warn"))
        return said

    def __repr__(self) -> str:
        return f"<Batch {humane.plural(len(self), 'object')}>"

    def _shown(self) -> Table:
        return self.table()


class Fetched(ResultList["Path"]):
    """What `get_all` wrote: a sequence of local paths, in the order of the names.

    Args:
        rows: A name, its object, its local path, and whether it came just now or was there already.
        directory: What they are beneath.
    """

    def __init__(self, rows: Sequence[tuple[str, Object, Path, bool]], directory: Path) -> None:
        self.directory = directory
        self._rows = tuple(rows)

    def _items(self) -> Sequence[Path]:
        return [path for _, _, path, _ in self._rows]

    def table(self) -> Table:
        """Return the table that shows it."""
        rows: list[list[Cell]] = [
            [
                name,
                humane.size(thing.size or 0),
                str(path.relative_to(self.directory)),
                "new" if new else Fact("was there", tone="quiet"),
            ]
            for name, thing, path, new in self._rows[:SHOWN]
        ]
        columns = [Column("name"), Column("size", "size"), Column("file"), Column("")]
        return Table(columns, rows, footer=self._footer())

    def _footer(self) -> list[Fact | str]:
        came = [thing for _, thing, _, new in self._rows if new]
        said: list[Fact | str] = [humane.plural(len(self), "object")]
        if len(self) > SHOWN:
            said[0] = f"{SHOWN} of {said[0]}"
        said.append(Fact(f"{humane.size(sum(thing.size or 0 for thing in came))} came", "size"))
        if len(came) < len(self):
            said.append(f"{len(self) - len(came):,} were there")
        said.append(str(self.directory))
        return said

    def __repr__(self) -> str:
        return f"<Fetched {humane.plural(len(self), 'file')}>"

    def _shown(self) -> Table:
        return self.table()


def _fate(thing: Object) -> Cell:
    outcome = thing.outcome
    if outcome is None or not outcome.sent:
        return Fact("unchanged", tone="quiet")
    if outcome.notes:
        return Fact(outcome.notes[0], tone="warn")
    return Fact("new version", tone="quiet") if outcome.superseded else "new"
