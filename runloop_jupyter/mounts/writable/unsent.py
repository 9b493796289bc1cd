"""What of writable folders was not sent yet when their kernels died: most loads find none."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runloop_jupyter.address import quoted
from runloop_jupyter.display import humane
from runloop_jupyter.mounts import table
from runloop_jupyter.mounts.writable import record as records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runloop_jupyter.mounts.writable.record import Record

HASHED: Final = 64 << 20
"""Bytes up to which it is made sure that what looks changed is."""


@dataclass(frozen=True)
class Unsent:
    """A folder with something to send that no kernel has mounted.

    Attributes:
        record: Which.
        files: How many of its files are changed since they were sent, or were never.
        bytes: Of those.
    """

    record: Record
    files: int
    bytes: int

    def __str__(self) -> str:
        one = self.record
        were = "was" if self.files == 1 else "were"
        return (
            f"{humane.plural(self.files, 'file')} in {one.where} ({humane.size(self.bytes)}) {were} not sent yet to "
            f"“{one.name}” ({one.place}): %rl_mount --write {quoted(one.name)} {quoted(one.where)} goes on"
        )


def unsent() -> list[str]:
    """Return a line for each folder with something to send that no kernel has mounted."""
    return [str(each) for each in abandoned()]


def abandoned() -> Iterator[Unsent]:
    """Yield the folders with something to send whose kernels are gone. A look at one directory where there are none.

    A folder that has nothing to send after all isn't looked at again, and that it was mounted is struck out.
    """
    for mount in table.abandoned():
        if mount.mode == "write":
            mount.remove()
    for record in records.everything():
        if record.finished or record.is_held or not Path(record.where).is_dir():
            continue
        try:
            found = _look(record)
            if found.files:
                yield found
            else:
                replace(record, finished=True).save()
        except Exception:  # noqa: S112 - another version's, no rights: the mount will say it
            continue


def _look(record: Record) -> Unsent:
    # Only here: most loads find nothing.
    from runloop_jupyter.mounts.writable.scanning import Scanner
    from runloop_jupyter.mounts.writable.state import read

    known = read(record.directory / "known.jsonl")
    files = Scanner(record.where, f"{record.name}/").look().files
    changed = {path: looks for path, looks in files.items() if path not in known or known[path].looks != looks}
    budget = HASHED
    for path, looks in list(changed.items()):
        there = known.get(path)
        if there is not None and looks[0] <= budget:
            budget -= looks[0]
            if _digest(f"{record.where}/{path}") == there.digest:
                del changed[path]
    return Unsent(record, len(changed), sum(looks[0] for looks in changed.values()))


def _digest(path: str) -> str | None:
    from runloop_jupyter.transfer import digest

    try:
        return digest.of_file(Path(os.path.realpath(path)), lambda _: None)
    except OSError:
        return None
