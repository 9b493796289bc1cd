"""Files from one place to another, at least one of which is no store: by two filesystems, one file at a time each."""

from __future__ import annotations

import posixpath
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.actions.copied import NEW, Row
from runloop_jupyter.actions.places import FilesAt, ObjectsAt, is_pattern
from runloop_jupyter.atomic import atomic_writer
from runloop_jupyter.errors import InputError, ObjectNotFound
from runloop_jupyter.paths import cache_dir, private_dir
from runloop_jupyter.transfer import digest
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.transfer import Phase

if TYPE_CHECKING:
    from runloop_jupyter.actions.places import Place
    from runloop_jupyter.transfer.transfer import Transfer

_THERE: Final = "was there"
_CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class _File:
    """One file: where it is, how large, where it goes."""

    source: str
    entry: dict[str, Any]
    target: str


class FileCopying:
    """What is to be copied, by the path that it will have.

    Args:
        source: Where from: a file, a folder with all that is in it, or a pattern.
        target: Where to: a folder where the source is a pattern or the path ends with ``/`` or is one; else the name.
        whole: Its `cancel` stops the looking.

    Attributes:
        files: What there is, by target path.

    Raises:
        ObjectNotFound: There is nothing.
        InputError: Several can't have one name.
    """

    def __init__(self, source: Place, target: Place, whole: Transfer) -> None:
        self._source = source
        self._target = target
        self._from = source.fs
        self._to = target.fs
        whole.begin(Phase.LOOKING)
        self.files = {file.target: file for file in self._plan(whole)}
        if not self.files:
            raise ObjectNotFound(f"there is no file at {source}")

    def sizes(self) -> dict[str, int]:
        """Return how many bytes each file has."""
        return {path: file.entry.get("size") or 0 for path, file in self.files.items()}

    def copy(self, path: str, part: Transfer) -> list[Row]:
        """Copy the file that goes to `path`.

        Raises:
            InputError: Another is there already.
            TransferError: It couldn't be.
        """
        file = self.files[path]
        fate = _THERE if self._is_there(file, part) else NEW
        if fate == NEW:
            self._move(file, part)
        return [Row(_shown(self._source, file.source), file.entry.get("size"), _shown(self._target, path), fate)]

    def rows(self) -> list[Row]:
        """Return what would be copied."""
        return [
            Row(_shown(self._source, file.source), file.entry.get("size"), _shown(self._target, path), NEW)
            for path, file in self.files.items()
        ]

    def _plan(self, whole: Transfer) -> list[_File]:
        path = self._source.path
        if is_pattern(path):
            found = {at: entry for at, entry in self._from.glob(path, detail=True).items() if entry["type"] == "file"}
            fixed = path[: next(i for i, letter in enumerate(path) if letter in "*?[")]
            return self._beneath(found, fixed.rpartition("/")[0], self._target.path.rstrip("/"))
        whole.checkpoint()
        bare = path.rstrip("/")
        if bare and self._from.isfile(bare):
            return [_File(bare, self._from.info(bare), self._name_of_one(bare))]
        found = self._from.find(bare, detail=True)
        into = self._target.path.rstrip("/")
        if not path.endswith("/") and bare and self._is_folder(self._target):
            into = _join(into, posixpath.basename(bare))
        return self._beneath(found, bare, into)

    def _beneath(self, found: dict[str, dict[str, Any]], base: str, into: str) -> list[_File]:
        cut = len(base) + 1 if base else 0
        return [_File(at, entry, _join(into, _inside(at[cut:]))) for at, entry in found.items()]

    def _name_of_one(self, source: str) -> str:
        target = self._target.path
        if not target or target.endswith("/") or self._is_folder(self._target):
            return _join(target.rstrip("/"), posixpath.basename(source))
        return target

    def _is_folder(self, place: Place) -> bool:
        return place.path == "" or place.path.endswith("/") or bool(self._to.isdir(place.path))

    def _is_there(self, file: _File, part: Transfer) -> bool:
        """Whether the same is there already, by its digest.

        Raises:
            InputError: Something else is, where nothing may be replaced.
        """
        said = file.entry.get("digest")
        if isinstance(self._target, ObjectsAt):
            return self._is_stored(file, part)
        if not self._to.exists(file.target):
            return False
        if self._target.local and isinstance(said, str):
            at = Path(file.target)
            if at.is_file() and at.stat().st_size == file.entry.get("size"):
                part.begin(Phase.HASHING, file.entry["size"])
                if digest.of_file(at, part.advance, said.partition(":")[0]) == said:
                    return True
        raise InputError(f"{_shown(self._target, file.target)} exists already. Remove it, or give another place")

    def _is_stored(self, file: _File, part: Transfer) -> bool:
        """Whether the newest version under the name has the same bytes."""
        if not (isinstance(self._source, FilesAt) and self._source.local):
            return False
        try:
            there = self._to.info(file.target)
        except FileNotFoundError:
            return False
        said = there.get("digest")
        if there.get("size") != file.entry.get("size") or not isinstance(said, str):
            return False
        part.begin(Phase.HASHING, file.entry["size"])
        return digest.of_file(Path(file.source), part.advance, said.partition(":")[0]) == said

    def _move(self, file: _File, part: Transfer) -> None:
        part.begin(Phase.SENDING, file.entry.get("size"))
        if isinstance(self._source, ObjectsAt) and isinstance(self._target, FilesAt) and self._target.local:
            self._from.get_file(file.source, file.target, transfer=part)
        elif isinstance(self._target, ObjectsAt) and isinstance(self._source, FilesAt) and self._source.local:
            self._to.put_file(file.source, file.target, transfer=part)
        elif isinstance(self._target, ObjectsAt):
            with (
                self._from.open(file.source, "rb") as source,
                self._to.open(file.target, "wb", transfer=part) as target,
            ):
                _pour(source, target, part)
        elif self._target.local:
            Path(file.target).parent.mkdir(parents=True, exist_ok=True)
            with self._from.open(file.source, "rb") as source, atomic_writer(Path(file.target), mode=0o666) as target:
                _pour(source, target, part)
        else:
            self._through_scratch(file, part)

    def _through_scratch(self, file: _File, part: Transfer) -> None:
        """Bring a file here first: of what breaks off elsewhere half a file would be left."""
        spool = private_dir(cache_dir() / "spool") / f"{part.id}.copy"
        try:
            with (
                room(spool.parent, file.entry.get("size"), file.source),
                self._from.open(file.source, "rb") as source,
                spool.open("xb") as target,
            ):
                _pour(source, target, part)
            self._to.makedirs(posixpath.dirname(file.target), exist_ok=True)
            self._to.put_file(str(spool), file.target)
        finally:
            spool.unlink(missing_ok=True)


def _pour(source: Any, target: Any, part: Transfer) -> None:
    class Counted:
        def write(self, data: bytes) -> int:
            part.advance(len(data))
            return int(target.write(data))

    shutil.copyfileobj(source, Counted(), _CHUNK)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _inside(path: str) -> str:
    """Return a path beneath a folder, if it stays there: whatever names it may be somebody else."""
    if any(part in {"", ".", ".."} for part in path.split("/")):
        raise InputError(f"“{path}” is a name for no file beneath a folder. Copy it by itself")
    return path


def _shown(place: Place, path: str) -> str:
    if isinstance(place, ObjectsAt):
        return path
    if not place.local:
        return str(place.fs.unstrip_protocol(path))
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path
