"""What a mount placed on disk, written down so that exactly that can be taken away again, by whichever process.

``<token>.tree``, beside the mount's record: lines of JSON, first where the mount is, then for each object a line that
names it and a line for each file and directory of its. A file is known by its inode, size and modification time. What
somebody wrote into the mount, or changed there, is none of these, and stays.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.atomic import atomic_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

KIND: Final = "tree"
"""What the file beside the record is called."""
_VERSION: Final = 1
_WORKSHOP: Final = re.compile(r"\..*\.[0-9a-f]{12}\.part", re.DOTALL)
"""As `temporary_beside` names things."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What isn't a directory: a file or a symbolic link.

    Attributes:
        path: From the mount's directory down.
        inode: Its inode.
        mtime_ns: When it was last modified, nanoseconds since the epoch.
        size: In bytes.
    """

    path: str
    inode: int
    mtime_ns: int
    size: int

    @classmethod
    def of(cls, path: str, there: os.stat_result) -> Leaf:
        """Return what is at a path."""
        return cls(path, there.st_ino, there.st_mtime_ns, there.st_size)


@dataclass(frozen=True)
class Thing:
    """All that shows one object.

    Attributes:
        id: The object's; empty for the directories that names make by their slashes.
        path: Where it is shown.
        leaves: Its files.
        folders: Its directories, each after the one that it is in.
    """

    id: str
    path: str
    leaves: list[Leaf] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    def moved(self, path: str) -> Thing:
        """Return it as it is at another path."""
        start = len(self.path)
        leaves = [replace(leaf, path=path + leaf.path[start:]) for leaf in self.leaves]
        return Thing(self.id, path, leaves, [path + each[start:] for each in self.folders])


@dataclass(frozen=True)
class Tree:
    """Where a mount is.

    Attributes:
        root: Its directory, all links followed.
        workshop: The directory in which what is shown is made; gone but for a moment.
    """

    root: str
    workshop: str


def slashes(paths: Iterable[str]) -> list[str]:
    """Return the directories that paths lead through, each after the one that it is in."""
    found: set[str] = set()
    for path in paths:
        while (path := path.rpartition("/")[0]) and path not in found:
            found.add(path)
    return sorted(found, key=lambda each: each.split("/"))


def write(path: Path, tree: Tree, things: Iterable[Thing]) -> None:
    """Write down what is placed, instead of what was written before.

    Raises:
        OSError: No room, no permission.
    """
    with atomic_writer(path, durable=False) as file:

        def line(*said: Any) -> None:
            file.write(json.dumps(said, separators=(",", ":")).encode() + b"\n")

        line(_VERSION, tree.root, tree.workshop)
        for thing in things:
            line("thing", thing.id, thing.path)
            for each in thing.folders:
                line("folder", each)
            for leaf in thing.leaves:
                line("leaf", leaf.path, leaf.inode, leaf.mtime_ns, leaf.size)


def where(path: Path) -> Tree | None:
    """Return where a mount is; None where nothing, or what this version can't read, was written down."""
    try:
        with path.open("rb") as file:
            version, root, workshop = json.loads(file.readline())
    except (OSError, ValueError, TypeError):
        return None
    return Tree(root, workshop) if version == _VERSION else None


def things(path: Path) -> Iterator[Thing]:
    """Yield what is placed, one object's at a time, however many there are."""
    with path.open("rb") as file:
        file.readline()
        thing = None
        for line in file:
            kind, *said = json.loads(line)
            if kind == "thing":
                if thing is not None:
                    yield thing
                thing = Thing(*said)
            elif thing is not None and kind == "folder":
                thing.folders.extend(said)
            elif thing is not None:
                thing.leaves.append(Leaf(*said))
        if thing is not None:
            yield thing


def look(root: Path, thing_id: str, path: str) -> Thing:
    """Return all that is at a path beneath `root`, as the parts of one thing."""
    at = root / path if path else root
    there = at.lstat()
    if not stat.S_ISDIR(there.st_mode):
        return Thing(thing_id, path, [Leaf.of(path, there)])
    thing = Thing(thing_id, path, folders=[path] if path else [])
    for above, folders, files in os.walk(at):
        inner = os.path.relpath(above, root)
        start = "" if inner == "." else f"{inner}/"
        for name in sorted([*folders, *files]):
            there = os.lstat(os.path.join(above, name))  # noqa: PTH118 - many, and Path is slow
            if stat.S_ISDIR(there.st_mode):
                thing.folders.append(start + name)
            else:
                thing.leaves.append(Leaf.of(start + name, there))
    return thing


def is_untouched(root: Path, thing: Thing) -> bool:
    """Whether what shows an object is as it was placed: nothing is missing, changed or added."""
    try:
        now = look(root, thing.id, thing.path)
    except OSError:
        return False
    return set(now.leaves) == set(thing.leaves) and set(now.folders) == set(thing.folders)


def present(root: Path, of: Iterable[Thing]) -> list[Thing]:
    """Return those of which anything is where it was placed: what there is after a change that broke off."""
    return [thing for thing in of if any(_is_there(root, leaf) for leaf in thing.leaves) or not thing.leaves]


def remove(root: Path, of: Iterable[Thing], checkpoint: Callable[[], None] = lambda: None) -> None:
    """Take away what was placed, as far as it still is that; directories only where nothing else is in them.

    Args:
        root: The mount's directory.
        of: What was placed.
        checkpoint: Called for each file; may raise to stop, and what is gone by then is gone.

    Raises:
        OSError: The system refuses it.
    """
    slashes: list[str] = []
    for thing in of:
        safe = _Above(root)
        for leaf in thing.leaves:
            checkpoint()
            if safe.holds(leaf.path):
                _unlink(root, leaf)
        if thing.id:
            _rmdirs(root, thing.folders)
        else:
            slashes += thing.folders
    _rmdirs(root, slashes)


@contextmanager
def workshop(path: Path) -> Iterator[Path]:
    """Make a directory that nobody else looks into, and that goes with the block.

    Raises:
        OSError: It can't be made.
    """
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        clear(str(path))


def clear(workshop: str) -> None:
    """Remove a workshop and all that is in it; harmless where it is gone."""
    path = Path(workshop)
    # What a file in the cache says is removed only if it is a name that is given here.
    if _WORKSHOP.fullmatch(path.name) and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)


def left(root: Path) -> list[str]:
    """Return what is in a directory, files and empty directories, by their paths in it."""
    found = []
    for above, folders, files in os.walk(root):
        inner = Path(above).relative_to(root)
        links = [name for name in folders if Path(above, name).is_symlink()]
        found += [str(inner / name) for name in (*files, *links)]
        if not folders and not files and inner != Path():
            found.append(str(inner))
    return sorted(found)


class _Above:
    """Tells whether a path leads through directories alone, and not through a link that somebody put there."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, bool] = {"": True}

    def holds(self, path: str) -> bool:
        above = path.rpartition("/")[0]
        if above not in self._known:
            self._known[above] = self.holds(above) and not os.path.islink(self._root / above)  # noqa: PTH114
        return self._known[above]


def _unlink(root: Path, leaf: Leaf) -> None:
    if _is_there(root, leaf):
        with suppress(FileNotFoundError):
            (root / leaf.path).unlink()


def _is_there(root: Path, leaf: Leaf) -> bool:
    try:
        return Leaf.of(leaf.path, (root / leaf.path).lstat()) == leaf
    except (FileNotFoundError, NotADirectoryError):
        return False


def _rmdirs(root: Path, folders: list[str]) -> None:
    for each in sorted(folders, key=lambda path: path.count("/"), reverse=True):
        with suppress(OSError):  # something else is in it, or it is gone
            (root / each).rmdir()
