"""What a person names as the one end of a copy: objects of a store, or files of a filesystem."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.actions.object import Object
from runloop_jupyter.errors import InputError
from runloop_jupyter.filesystems import paths

if TYPE_CHECKING:
    from runloop_jupyter.session import Session, Store

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WILD: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class ObjectsAt:
    """Objects of a store.

    Attributes:
        store: Which.
        path: A name, ``name@version``, an id, a folder of names, a pattern; the empty one for all.
        profile: The profile that was named with it; None for the current one.
    """

    store: Store
    path: str
    profile: str | None = None

    def __str__(self) -> str:
        return paths.joined(self.profile, self.path)

    @property
    def fs(self) -> Any:
        """The filesystem that has them."""
        from runloop_jupyter.filesystems.objects import RunloopFileSystem

        return RunloopFileSystem(profile=self.profile, store=self.store)


@dataclass(frozen=True)
class FilesAt:
    """Files of a filesystem that fsspec knows, this machine's own among them.

    Attributes:
        fs: The filesystem.
        path: In its own words.
        said: As it was typed.
    """

    fs: Any
    path: str
    said: str

    def __str__(self) -> str:
        return self.said

    @property
    def local(self) -> bool:
        """Whether they are this machine's own."""
        return "file" in self.fs.protocol


Place = ObjectsAt | FilesAt


def place_of(session: Session, said: object) -> Place:
    """Return the place that was named: a local path, ``PROFILE:…``, ``runloop://…``, any URL of fsspec's, an `Object`.

    Raises:
        InputError: It is none.
        ProfileError: Its profile can't be had.
    """
    if isinstance(said, Object):
        return ObjectsAt(said.store, said.id)
    if isinstance(said, Path):
        return _local(str(said))
    if not isinstance(said, str) or not said:
        raise InputError(f"{said!r} is no place. Give a path, PROFILE:NAME, runloop://NAME or another URL")
    profile, path = paths.split(said)
    if profile is not None or said.startswith(f"{paths.SCHEME}://"):
        slash = "/" if path and said.endswith("/") else ""
        return ObjectsAt(session.store_named(profile), path + slash, profile)
    return _of_url(said) if _URL.match(said) else _local(said)


def is_pattern(path: str) -> bool:
    """Whether a path means all that it fits."""
    return _WILD.search(path) is not None


def _local(path: str) -> FilesAt:
    from fsspec.implementations.local import LocalFileSystem

    full = str(Path(path).expanduser().absolute())
    return FilesAt(LocalFileSystem(auto_mkdir=True), full + "/" * path.endswith("/"), path)


def _of_url(url: str) -> FilesAt:
    import fsspec

    try:
        fs, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:  # a library that isn't installed, a scheme that nobody knows
        raise InputError(f"{url.partition('://')[0]}:// can't be reached from here: {error}") from None
    return FilesAt(fs, path + "/" * url.endswith("/"), url)
