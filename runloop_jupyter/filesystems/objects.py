"""``runloop://``: a store's objects as an fsspec filesystem.

    pd.read_parquet("runloop://penguins", columns=["mass"])

A path is a name, and means its newest version; ``name@version`` and an id mean one for ever. Objects don't change: to
write a path is to put a new version under its name, and to remove it is to delete the newest one; what came before is
still there under its version, and the path is not.
"""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from fsspec import AbstractFileSystem
from fsspec.core import has_magic
from fsspec.utils import stringify_path, tokenize

from runloop_jupyter import options
from runloop_jupyter import profile as profiles
from runloop_jupyter import session as sessions
from runloop_jupyter.address import check_name
from runloop_jupyter.atomic import atomic_writer
from runloop_jupyter.errors import InputError
from runloop_jupyter.filesystems import entries, paths, within
from runloop_jupyter.filesystems.deleting import delete_object
from runloop_jupyter.filesystems.reading import cached, open_object
from runloop_jupyter.filesystems.several import at_once
from runloop_jupyter.filesystems.tree import Tree
from runloop_jupyter.filesystems.writing import ObjectWriter, TextWriter, send
from runloop_jupyter.transfer import journal
from runloop_jupyter.transfer import manifest as sets
from runloop_jupyter.transfer.fetching import Parts
from runloop_jupyter.transfer.parts import download
from runloop_jupyter.transfer.transfer import Phase, Transfer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from runloop_jupyter.filesystems.entries import Entry
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Snapshot
    from runloop_jupyter.wire.objects import ObjectView


class RunloopFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no published types
    """The objects of one store, the one that it was made with. Thread-safe.

    Pickled it names its store and carries no key: whoever loads it must be able to reach that very store.

    Args:
        profile: Whose store; the current one's by default.
        metadata: What is attached to what is written: text to text.
        ttl: How long that lives, ``30d``; for ever by default.
        store: That very store, where it is open already.

    Raises:
        ProfileError: There is no such profile.
        InputError: Metadata or a ttl that can't be meant.
    """

    protocol = paths.SCHEME
    root_marker = ""
    # Each is of one store, and which that is may change with %rl_use: an instance must not be handed to another.
    cachable = False

    def __init__(
        self,
        *,
        profile: str | None = None,
        metadata: dict[str, object] | None = None,
        ttl: str | None = None,
        store: Store | None = None,
        **storage_options: Any,
    ) -> None:
        super().__init__(**storage_options)
        session = sessions.current()
        # The profile as it is now: %rl_use changes what comes next.
        self._profile = session.profile if profile is None else profiles.named(profile)
        self._named_profile = profile
        self._opened = store
        self._metadata = options.user_metadata(metadata)
        self._ttl_ms = options.ttl_ms(ttl)

    @property
    def storage_options(self) -> dict[str, Any]:
        """What it was made with, as text; it names its profile, for whoever makes it again from that."""
        said = {key: value for key, value in self._said.items() if key != "store"}
        return {**said, "profile": self._profile.name}

    @storage_options.setter
    def storage_options(self, said: dict[str, Any]) -> None:
        self._said = said

    @property
    def store(self) -> Store:
        """The store; the embedded one is started if it must be."""
        if self._opened is None:
            self._opened = sessions.current().open(self._profile)
        return self._opened

    @property
    def fsid(self) -> str:
        """The store's identity."""
        return f"{paths.SCHEME}-{self.store.identity.id}"

    @property
    def _fs_token(self) -> str:
        # What dask and fsspec's own caches tell filesystems apart by: two stores must never share a name.
        return cast("str", tokenize(type(self), self.store.identity.id, self._metadata, self._ttl_ms))

    def __reduce__(self) -> tuple[object, tuple[Store, dict[str, str], int | None]]:
        return _again, (self.store, self._metadata, self._ttl_ms)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        return paths.split(stringify_path(path))[1]

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, str]:
        profile, _ = paths.split(path)
        return {} if profile is None else {"profile": profile}

    def unstrip_protocol(self, name: str) -> str:
        """Return the URL of a path."""
        return paths.joined(self._named_profile, self._strip_protocol(name))

    @property
    def _tree(self) -> Tree:
        return Tree(self.store)

    def view(self, path: str) -> ObjectView:
        """Return the object that a path names.

        Raises:
            FileNotFoundError: There is none, or its newest version is gone; the message says which is there.
        """
        return self._tree.object(self._strip_protocol(path))

    def info(self, path: str, **_: Any) -> Entry:
        """Return what there is of a path: see `entries.file_entry`.

        Raises:
            FileNotFoundError: Nothing.
        """
        return self._tree.entry(self._strip_protocol(path))

    def exists(self, path: str, **_: Any) -> bool:
        """Whether there is anything at a path. A store that can't be asked is an error, not a no."""
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """Return what is right in a folder, as entries or as paths; of a file, the file.

        Raises:
            FileNotFoundError: There is neither.
        """
        found = self._tree.children(self._strip_protocol(path))
        return found if detail else [entry["name"] for entry in found]

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **_: Any
    ) -> list[str] | dict[str, Entry]:
        """Return all files beneath a path, by one walk through the store's list."""
        if maxdepth is not None and maxdepth < 1:
            raise ValueError("maxdepth must be at least 1")
        path = self._strip_protocol(path)
        found = self._tree.files(path)
        if withdirs:
            folders = entries.folders(path, (each for each in found if each != path))  # a file has none beneath it
            found = dict(sorted({**found, **{each: entries.folder_entry(each) for each in folders}}.items()))
        if maxdepth is not None:
            base = path.count("/") + 1 if path else 0
            found = {at: entry for at, entry in found.items() if at.count("/") + 1 - base <= maxdepth}
        return found if detail else list(found)

    def created(self, path: str) -> datetime:
        """Return when the object at a path was put (UTC)."""
        return cast("datetime", self.info(path)["created"])

    def modified(self, path: str) -> datetime:
        """Return when the object at a path was put (UTC): objects don't change."""
        return self.created(path)

    def ukey(self, path: str) -> str:
        """Return what the object at a path has alone: its id."""
        return cast("str", self.info(path)["id"])

    def checksum(self, path: str) -> int:
        """Return a number that is another once the path means another object."""
        return int(tokenize(self.ukey(path)), 16)

    def sign(self, path: str, expiration: float = 100, **_: Any) -> str:
        """Return a presigned URL, which is a key to that object for `expiration` seconds."""
        return self.store.objects.download_url(self.view(path).id, duration_seconds=int(expiration)).reveal()

    def open(self, path: str, mode: str = "rb", *args: Any, **kwargs: Any) -> Any:
        """Open a path; see `fsspec.AbstractFileSystem.open`.

        Written text, too, becomes an object only where the ``with`` that it is written in ends well.
        """
        file = super().open(path, mode, *args, **kwargs)
        if isinstance(file, io.TextIOWrapper) and isinstance(file.buffer, ObjectWriter):
            encoding, errors = file.encoding, file.errors
            return TextWriter(file.detach(), encoding=encoding, errors=errors, newline=kwargs.get("newline"))
        return file

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **more: Any,
    ) -> Any:
        del block_size, cache_options  # how it is read ahead is decided by how it is read
        if mode == "rb":
            return open_object(self.store, *self._tree.file(path))
        if mode not in {"wb", "xb"}:
            raise NotImplementedError(f"mode {mode!r}: an object doesn't change. Write all of it ('wb')")
        if mode == "xb" and self._is_taken(path):
            raise FileExistsError(f"“{path}” is there already")
        name, metadata, ttl_ms = self._wanted(path, **more)
        transfer = partial(self._begun, name, "up", more.get("transfer"))
        return ObjectWriter(self.store, name, metadata, ttl_ms, transfer, autocommit=autocommit)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """Return an object's bytes, or those from `start` to `end`, counted from the end where negative."""
        held, entry = self._tree.file(self._strip_protocol(path))
        if (
            held is None
            or isinstance(held, within.Pieces)
            or sets.is_head(held)
            or (start, end) == (None, None)
            or cached(self.store, held)
        ):
            with open_object(self.store, held, entry) as file:
                first, last, _step = slice(start, end).indices(file.size)
                file.seek(first)
                return file.read(max(0, last - first))
        first, last, _step = slice(start, end).indices(held.size_bytes or 0)
        buffer = bytearray(max(0, last - first))
        if buffer:
            Parts(self.store.objects, held, lambda: None).fetch(first, memoryview(buffer))
        return bytes(buffer)

    def cat_ranges(
        self,
        paths: list[str],
        starts: int | list[int],
        ends: int | list[int],
        max_gap: int | None = None,
        on_error: str = "return",
        **_: Any,
    ) -> list[Any]:
        """Return ranges of objects, several at a time; arguments as fsspec's. `max_gap` is a hint that isn't needed."""
        del max_gap
        if not isinstance(paths, list):
            raise TypeError("paths is a list")
        first = starts if isinstance(starts, list) else [starts] * len(paths)
        last = ends if isinstance(ends, list) else [ends] * len(paths)
        if not len(first) == len(last) == len(paths):
            raise ValueError("paths, starts and ends are of one length")
        return at_once(list(map(partial, [self.cat_file] * len(paths), paths, first, last)), on_error)

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **more: Any) -> None:
        """Put bytes; in mode ``create`` only where nothing is.

        Raises:
            FileExistsError: Something is.
        """
        with self.open(path, "xb" if mode == "create" else "wb", **more) as file:
            file.write(value)

    def touch(self, path: str, truncate: bool = True, **more: Any) -> None:
        """Put an empty object; without `truncate` only where there is none, for one that is there doesn't change."""
        if truncate or not self.exists(path):
            self.pipe_file(path, b"", **more)

    def get_file(
        self, rpath: str, lpath: Any, callback: Any = None, outfile: BinaryIO | None = None, **more: Any
    ) -> None:
        """Bring an object into a file, verified; a folder becomes a directory. The file is whole or not there."""
        path = self._strip_protocol(rpath)
        if outfile is not None or not isinstance(lpath, str | os.PathLike):
            super().get_file(rpath, lpath, **({} if callback is None else {"callback": callback}), outfile=outfile)
            return
        target = Path(lpath)
        if self.isdir(path):
            target.mkdir(parents=True, exist_ok=True)
            return
        held, entry = self._tree.file(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            self._transfer(path, "down", callback, more.get("transfer")) as transfer,
            atomic_writer(target, mode=0o666) as file,
        ):
            if isinstance(held, within.Pieces):
                within.write_pieces(self.store, held, file, transfer)
            elif held is not None:
                said = entry["digest"]
                download(self.store.objects, held, file, transfer, said if isinstance(said, str) else None)

    def put_file(self, lpath: Any, rpath: str, callback: Any = None, mode: str = "overwrite", **more: Any) -> None:
        """Put a file as it is, without copying it first; a directory is nothing by itself."""
        source = Path(lpath)
        if source.is_dir():
            return
        path = self._strip_protocol(rpath)
        if mode == "create" and self._is_taken(path):
            raise FileExistsError(f"“{path}” is there already")
        name, metadata, ttl_ms = self._wanted(path, **more)
        store = self.store
        with self._transfer(name, "up", callback, more.get("transfer")) as transfer:
            intent = journal.begin(store.identity.id, store.identity.label, name, None, id=transfer.id)
            send(store, source.absolute(), name, metadata, ttl_ms, transfer, intent)

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        """Copy an object, with its metadata and its time to live; no store copies by itself, so its bytes move."""
        source, target = self._strip_protocol(path1), self._strip_protocol(path2)
        if self.isdir(source):
            return
        held, details = self._tree.file(source)
        own = {key: value for key, value in details["metadata"].items() if not key.startswith(options.RESERVED)}
        with (
            open_object(self.store, held, details) as reader,
            self._open(target, "wb", metadata={**self._metadata, **own}, ttl=entries.left(details)) as writer,
        ):
            while piece := reader.read(1 << 20):
                writer.write(piece)

    def _rm(self, path: str) -> None:
        try:
            view = self.view(path)
        except FileNotFoundError:
            if within.find(self.store, self._strip_protocol(path)) is None:
                raise
            raise NotImplementedError(f"“{path}” is a file in a folder. Put the folder again without it") from None
        delete_object(self.store, view, Transfer(view.name, "down", self.store.identity.label))

    def rm_file(self, path: str) -> None:
        """Delete the newest version at a path."""
        self._rm(path)

    def rm(self, path: str | list[str], recursive: bool = False, maxdepth: int | None = None) -> None:
        """Delete the newest version at a path, or with `recursive` of each file beneath it; several at a time."""
        if maxdepth is not None:
            files = [each for each in self.expand_path(path, recursive, maxdepth) if not self.isdir(each)]
        else:
            files = [file for each in self._named(path) for file in self._to_remove(each, recursive=recursive)]
        at_once([partial(self._rm, each) for each in dict.fromkeys(files)], "raise")

    def _named(self, path: str | list[str]) -> list[str]:
        """Return paths, with those in place of a pattern that it fits."""
        given = [self._strip_protocol(each) for each in (path if isinstance(path, list) else [path])]
        if any(has_magic(each) for each in given):
            return cast("list[str]", self.expand_path(given))
        return given

    def _to_remove(self, path: str, *, recursive: bool) -> list[str]:
        if not recursive:
            return [path]
        # One walk tells of all, where asking for each would be some requests each. A folder that is kept as files is
        # one object.
        return list(entries.beneath(self.store, path)) or [path]

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Do nothing: a folder is there as long as something is in it."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Do nothing, as `mkdir` does."""

    def rmdir(self, path: str) -> None:
        """Do nothing, as `mkdir` does.

        Raises:
            FileNotFoundError: Nothing is there.
            OSError: Something is in it.
        """
        if self.info(path)["type"] == "file":
            raise NotADirectoryError(f"“{path}” is a file")
        raise OSError(f"“{path}” is not empty")

    def _is_taken(self, path: str) -> bool:
        try:
            self.view(path)
        except FileNotFoundError:
            return False
        return True

    def _wanted(
        self, path: str, metadata: dict[str, object] | None = None, ttl: object = None, **_: Any
    ) -> tuple[str, dict[str, str], int | None]:
        name = check_name(path)
        if not paths.is_path(name):
            raise InputError(f"“{path}” is no path: between two slashes there is a name")
        of_user = self._metadata if metadata is None else options.user_metadata(metadata)
        return name, of_user, self._ttl_ms if ttl is None else options.ttl_ms(ttl)

    def _begun(self, name: str, direction: Any, given: Transfer | None) -> Transfer:
        return given or sessions.current().transfers.new(name, direction, self.store.identity.label)

    @contextmanager
    def _transfer(self, name: str, direction: Any, callback: Any, given: Transfer | None) -> Iterator[Transfer]:
        """Give what is told how far it is, and end it; one that was given is ended by whoever gave it."""
        transfer = self._begun(name, direction, given)
        stop = transfer.changed.listen(lambda now: _tell(callback, now)) if callback is not None else lambda: None
        try:
            yield transfer
            if given is None:
                transfer.finish()
        except BaseException as error:
            if given is None:
                transfer.fail(error)
            raise
        finally:
            stop()


def _again(store: Store, metadata: dict[str, object], ttl_ms: int | None) -> RunloopFileSystem:
    """Return the filesystem that was pickled; that its store can be reached was seen to when `store` was loaded."""
    again = RunloopFileSystem(profile=store.profile.name, metadata=metadata, store=store)
    again._ttl_ms = ttl_ms
    return again


def _tell(callback: Any, now: Snapshot) -> None:
    if now.total is not None and now.phase in {Phase.SENDING, Phase.RECEIVING}:
        callback.set_size(now.total)
        callback.absolute_update(now.done)
