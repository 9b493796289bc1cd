"""mounted: what is mounted on this computer, as a table."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runloop_jupyter.actions import mounting
from runloop_jupyter.actions.mounting import Mount
from runloop_jupyter.display import humane
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.result import ResultList
from runloop_jupyter.display.table import Cell, Column, Table
from runloop_jupyter.mounts import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runloop_jupyter.mounts.table import Record


@dataclass(frozen=True, eq=False, repr=False)
class MountTable(ResultList[Mount]):
    """What is mounted. A sequence of `Mount`: this kernel's.

    Attributes:
        mounts: What this kernel has mounted.
        others: What other kernels of this computer have.
    """

    mounts: Sequence[Mount]
    others: Sequence[Record]

    def _items(self) -> Sequence[Mount]:
        return self.mounts

    def table(self) -> Table:
        """Return the table that shows it."""
        columns = [
            Column("mode"),
            Column("what"),
            Column("where"),
            Column("size", "size"),
            Column("read", "size"),
            Column("fetched", "size"),
            Column(""),
        ]
        rows = [self._row(each) for each in self.mounts] + [_others_row(each) for each in self.others]
        footer: list[Fact | str] = [humane.plural(len(self.mounts), "mount")]
        if self.others:
            footer.append(f"{len(self.others):,} of other kernels")
        if not rows:
            footer.append("%rl_mount WHAT DIR mounts")
        return Table(columns, rows, footer=footer)

    def _row(self, mount: Mount) -> list[Cell]:
        counts = mount.counts
        note: Cell = "kept up to date" if mount.follows else mount.status
        if mount.trouble:
            note = Fact(mount.trouble, tone="warn")
        return [
            mount.mode,
            Fact(mount.what, "id"),
            Fact(_near(mount.path), "id"),
            _size(mount.size),
            _size(counts.read),
            _size(counts.fetched),
            note,
        ]

    def __repr__(self) -> str:
        return f"<MountTable {len(self.mounts)} mounts>"

    def _shown(self) -> Table:
        return self.table()


def mounted() -> MountTable:
    """Return what is mounted on this computer, and how much was read there.

    Example:
        >>> rl.mounted()  # doctest: +SKIP
    """
    mine = mounting.mine()
    here = {str(each.path) for each in mine}
    others = [each for each in table.everything() if each.where not in here and not each.abandoned]
    return MountTable(mine, others)


def _others_row(record: Record) -> list[Cell]:
    note = Fact(f"of another kernel (process {record.owner.pid})", tone="quiet")
    return [
        record.mode,
        Fact(record.what, "id"),
        Fact(_near(Path(record.where)), "id"),
        _size(record.size),
        "",
        "",
        note,
    ]


def _near(path: Path) -> str:
    """Return a path as it can be typed here, the shortest way: from this directory, from home, or as it is."""
    with suppress(ValueError, OSError):  # not beneath; that directory is gone
        return str(path.relative_to(Path.cwd()))
    with suppress(ValueError, RuntimeError):
        return f"~/{path.relative_to(Path.home())}"
    return str(path)


def _size(n_bytes: int | None) -> Cell:
    return "" if n_bytes is None else Fact(humane.size(n_bytes), "size")
