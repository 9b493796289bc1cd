"""What must be done to a directory of links so that it shows something else."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runloop_jupyter.archive.names import shown
from runloop_jupyter.mounts import placed
from runloop_jupyter.mounts.bringing import make_folder
from runloop_jupyter.mounts.placed import Thing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runloop_jupyter.mounts.layout import Layout, Shown


@dataclass
class Change:
    """The way from what a mount shows to what it is to show.

    Attributes:
        root: The mount's directory.
        before: What is placed.
        new: What isn't there yet, and must be brought.
        kept: What stays where it is.
        moved: What is there under another path.
        gone: What goes; what comes in the place of some of it is among `new`.
        made: Directories that names make by their slashes: those the mount made, and still needs.
        missing: Those that it must make.
        unneeded: Those that it made, and needs no more.
        notes: What their user should know of how it went, a line each.
    """

    root: Path
    before: list[Thing]
    new: list[Shown] = field(default_factory=list)
    kept: list[Thing] = field(default_factory=list)
    moved: list[tuple[Thing, Thing]] = field(default_factory=list)
    gone: dict[str, Thing] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unneeded: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_none(self) -> bool:
        """Whether nothing is to be done."""
        return not (self.new or self.moved or self.gone)

    @property
    def meanwhile(self) -> list[Thing]:
        """What may be placed at some moment of it, beside what is brought."""
        return [*self.before, *(there for _, there in self.moved), _slashes(self.missing)]

    def carry_out(self, workshop: Path, brought: Sequence[Thing]) -> list[Thing]:
        """Do it, and return what is placed then.

        Args:
            workshop: A private directory on the same disk; what is new is in ``tree`` there.
            brought: What is new.
        """
        aside = workshop / "old"
        aside.mkdir()
        coming = [*((workshop / "tree" / thing.path, thing) for thing in brought)]
        for before, there in self.moved:
            away = aside / f"moved-{len(coming)}"
            (self.root / before.path).rename(away)
            coming.append((away, there))
        paths = {thing.path for _, thing in coming}
        for path, thing in self.gone.items():
            if path not in paths:
                self._take(thing, aside)
        for each in sorted(self.unneeded, key=lambda path: path.count("/"), reverse=True):
            _rmdir(self.root / each)
        for each in self.missing:
            if not os.path.lexists(self.root / each):
                make_folder(self.root / each)
        now = [*self.kept]
        for source, thing in sorted(coming, key=lambda each: each[1].path):
            now += self._place(source, thing, aside)
        return [_slashes([*self.made, *self.missing]), *now]

    def _take(self, thing: Thing, aside: Path) -> bool:
        """Take away what goes, at one stroke where nobody touched it; return whether its path is free."""
        path = self.root / thing.path
        if thing.path and placed.is_untouched(self.root, thing):
            path.rename(aside / f"gone-{len(os.listdir(aside))}")  # noqa: PTH208
            return True
        placed.remove(self.root, [thing])
        if not os.path.lexists(path) or not thing.path:
            return True
        self.notes.append(f"{shown(thing.path)} stays: it is no more what the mount placed there")
        return False

    def _place(self, source: Path, thing: Thing, aside: Path) -> list[Thing]:
        """Put one thing where it is shown; return what of it is there."""
        gone = self.gone.get(thing.path)
        if not thing.path:
            return self._place_within(source, thing, gone, aside)
        target = self.root / thing.path
        is_swap = gone is not None and _is_file(gone) and _is_file(thing) and placed.is_untouched(self.root, gone)
        if gone is not None and not is_swap and not self._take(gone, aside):
            return []
        if not is_swap and (os.path.lexists(target) or not _is_real(self.root, thing.path)):
            self.notes.append(f"{shown(thing.path)} isn't shown: something that the mount didn't place is in its way")
            return []
        os.replace(source, target)  # noqa: PTH105 - who reads the old file goes on reading that
        return [thing]

    def _place_within(self, source: Path, thing: Thing, gone: Thing | None, aside: Path) -> list[Thing]:
        """Put what is in a directory into that of the mount itself."""
        if gone is not None:
            self._take(gone, aside)
        there = set()
        for name in os.listdir(source):  # noqa: PTH208
            if os.path.lexists(self.root / name):
                self.notes.append(f"{shown(name)} isn't shown: something that the mount didn't place is in its way")
                continue
            (source / name).rename(self.root / name)
            there.add(name)
        leaves = [leaf for leaf in thing.leaves if leaf.path.partition("/")[0] in there]
        return [Thing(thing.id, "", leaves, [each for each in thing.folders if each.partition("/")[0] in there])]


def between(root: Path, before: list[Thing], layout: Layout) -> Change:
    """Return what must be done to show a layout.

    Args:
        root: The mount's directory.
        before: What is placed.
        layout: What is to be shown.
    """
    change = Change(root, before)
    there = {thing.id: thing for thing in before if thing.id}
    for each in layout.shown:
        thing = there.get(each.view.id)
        if thing is None:
            change.new.append(each)
        elif thing.path == each.path:
            change.kept.append(there.pop(thing.id))
        elif thing.path and each.path and placed.is_untouched(root, thing):
            change.moved.append((there.pop(thing.id), thing.moved(each.path)))
        else:
            change.new.append(each)
    change.gone = {thing.path: thing for thing in there.values()}
    made = {each for thing in before if not thing.id for each in thing.folders}
    needed = placed.slashes(each.path for each in layout.shown)
    change.made = [each for each in needed if each in made]
    change.missing = [each for each in needed if each not in made and not (root / each).is_dir()]
    change.unneeded = list(made - set(needed))
    return change


def _slashes(folders: list[str]) -> Thing:
    return Thing("", "", folders=folders)


def _is_file(thing: Thing) -> bool:
    return not thing.folders and [leaf.path for leaf in thing.leaves] == [thing.path]


def _is_real(root: Path, path: str) -> bool:
    """Whether the directories above a path are there, and none of them is a link."""
    return all((root / each).is_dir() and not (root / each).is_symlink() for each in placed.slashes([path]))


def _rmdir(path: Path) -> None:
    try:
        path.rmdir()
    except OSError:  # something else is in it
        return
