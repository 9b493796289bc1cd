"""A store's objects as plain files that can be read without this package: a BagIt bag (RFC 8493).

::

    bagit.txt  bag-info.txt  manifest-sha256.txt  tagmanifest-sha256.txt
    data/4k/obj_…4k         the bytes of one object, as they were put
    data/4k/obj_…4k.json    what the store knew of it: a `Description`

Files are named by id, for names are anybody's text: the name is in the JSON. ``sha256sum -c manifest-sha256.txt``
checks a bag, and so does every BagIt tool. The same objects give the same files, whenever they are written.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from runloop_jupyter.errors import EmbeddedStoreError
from runloop_jupyter.local.ids import position_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedReader
    from pathlib import Path

    from runloop_jupyter.wire.objects import ObjectView

CHUNK: Final = 1 << 20
_DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_TAG_FILES: Final = ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")
_PAYLOAD: Final = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?data/([0-9a-z]{2})/(obj_[0-9a-z]{27})(\.json)?")
_MAX_LINE: Final = 4096
# Metadata may have 256 pairs of 66 kB, but a request that creates them may have one megabyte.
MAX_DESCRIPTION: Final = 8 << 20


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON beside an object's bytes.

    Attributes:
        id: As in the store that it comes from.
        name: Any text.
        content_type: A `ContentType`.
        create_time_ms: Milliseconds since 1970-01-01 UTC.
        size_bytes: Of the bytes beside it.
        sha256: Of the bytes beside it, in hex.
        delete_after_time_ms: When the store deletes it by itself; None for never.
        metadata: What its maker attached.
    """

    id: str
    name: str
    content_type: str
    create_time_ms: int
    size_bytes: int
    sha256: str
    delete_after_time_ms: int | None = None
    metadata: dict[str, str] | None = None


class BagWriter:
    """Writes a bag into an empty directory, one object at a time; it is one once `close` has been called."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        (directory / "data").mkdir(mode=0o700)
        self._manifest = _create(directory / "manifest-sha256.txt")
        self._files = 0
        self._bytes = 0

    def add(self, view: ObjectView, chunks: Iterable[bytes]) -> int:
        """Write one object, its bytes as they come, and return how many there were. Raises OSError."""
        parent = self._directory / "data" / view.id[-2:]
        parent.mkdir(mode=0o700, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with _create(parent / view.id) as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        described = (
            json.dumps(
                {
                    "id": view.id,
                    "name": view.name,
                    "content_type": view.content_type,
                    "create_time": datetime.fromtimestamp(view.create_time_ms / 1000, UTC).isoformat(),
                    "create_time_ms": view.create_time_ms,
                    "delete_after_time_ms": view.delete_after_time_ms,
                    "size_bytes": size,
                    "sha256": digest.hexdigest(),
                    "metadata": view.metadata,
                },
                ensure_ascii=False,
                indent=2,
            ).encode()
            + b"\n"
        )
        with _create(parent / f"{view.id}.json") as file:
            file.write(described)
        self._list(digest.hexdigest(), f"data/{view.id[-2:]}/{view.id}", size)
        self._list(hashlib.sha256(described).hexdigest(), f"data/{view.id[-2:]}/{view.id}.json", len(described))
        return size

    def close(self, store_id: str, software: str) -> None:
        """Write what makes a bag of it. Raises OSError."""
        self._manifest.close()
        information = {
            "Bag-Software-Agent": software,
            "Bagging-Date": datetime.now(UTC).date().isoformat(),
            "External-Identifier": store_id,
            "Payload-Oxum": f"{self._bytes}.{self._files}",
        }
        with _create(self._directory / "bag-info.txt") as file:
            file.writelines(f"{label}: {value}\n".encode() for label, value in information.items())
        with _create(self._directory / "bagit.txt") as file:
            file.write(_DECLARATION)
        with _create(self._directory / "tagmanifest-sha256.txt") as tags:
            for name in _TAG_FILES:
                with (self._directory / name).open("rb") as file:
                    tags.write(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n".encode())

    def abandon(self) -> None:
        """Close the file that is open. What was written is no bag."""
        self._manifest.close()

    def _list(self, digest: str, path: str, size: int) -> None:
        self._manifest.write(f"{digest}  {path}\n".encode())
        self._files += 1
        self._bytes += size


class BagReader:
    """Reads a bag that may come from anybody: nothing outside of it is opened, and nothing whole in memory.

    Raises:
        EmbeddedStoreError: The directory is no bag, or not one of a store.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            with _open_regular(directory, "bagit.txt") as file:
                if not file.read(_MAX_LINE).startswith(b"BagIt-Version: "):
                    raise EmbeddedStoreError(f"{directory} is no BagIt bag: its bagit.txt says something else")
            with _open_regular(directory, "manifest-sha256.txt") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise EmbeddedStoreError(
                f"{directory} is no export of a store: bagit.txt and manifest-sha256.txt can't be read"
                f" ({error.strerror or error})"
            ) from None
        if self._listed_digest("manifest-sha256.txt") not in (None, digest):
            raise EmbeddedStoreError(f"{directory / 'manifest-sha256.txt'} isn't whole, or was changed: copy it again")
        if (directory / "fetch.txt").exists():
            raise EmbeddedStoreError(f"{directory} is a bag with files to be fetched (fetch.txt): fetch them first")

    def _listed_digest(self, name: str) -> str | None:
        """Return the SHA-256 that the bag says one of its tag files has; None where it says nothing, as it may."""
        try:
            with _open_regular(self._directory, "tagmanifest-sha256.txt") as file:
                while line := file.readline(_MAX_LINE):
                    digest, _, path = line.decode("utf-8", "replace").strip().partition(" ")
                    if path.strip() == name:
                        return digest.lower()
        except OSError:
            pass
        return None

    def ids(self) -> Iterator[tuple[str, str]]:
        """Yield each object's id, and the SHA-256 of its description, in the manifest's order.

        Raises:
            EmbeddedStoreError: A line names a file that is no object's, or an object has no description.
        """
        contents, descriptions = 0, 0
        with _open_regular(self._directory, "manifest-sha256.txt") as manifest:
            while line := manifest.readline(_MAX_LINE):
                text = line.decode("utf-8", "replace").strip()
                if not text:
                    continue
                match = _PAYLOAD.fullmatch(text)
                if match is None or match[3][-2:] != match[2] or position_of(match[3]) is None:
                    raise EmbeddedStoreError(
                        f"the manifest lists what is no object of a store: {text[64:160].strip()!r}"
                    )
                if match[4]:
                    descriptions += 1
                    yield match[3], match[1].lower()
                else:
                    contents += 1
        if contents != descriptions:
            raise EmbeddedStoreError(
                f"the manifest lists {contents:,} objects and {descriptions:,} descriptions: the bag isn't whole"
            )

    def description(self, object_id: str, digest: str) -> bytes:
        """Return an object's description, as it is in the bag.

        Raises:
            EmbeddedStoreError: It isn't there, is too long, or isn't what the manifest says.
        """
        try:
            with _open_regular(self._directory, "data", object_id[-2:], f"{object_id}.json") as file:
                data = file.read(MAX_DESCRIPTION + 1)
        except OSError as error:
            raise EmbeddedStoreError(f"{object_id}.json can't be read: {error.strerror or error}") from None
        if len(data) > MAX_DESCRIPTION or hashlib.sha256(data).hexdigest() != digest:
            raise EmbeddedStoreError(f"{object_id}.json isn't what the manifest says: the bag is damaged")
        return data

    @contextmanager
    def content(self, object_id: str) -> Iterator[tuple[BinaryIO, int]]:
        """Open an object's bytes, and say how many there are. Raises EmbeddedStoreError where they can't be read."""
        try:
            file = _open_regular(self._directory, "data", object_id[-2:], object_id)
        except OSError as error:
            raise EmbeddedStoreError(f"the bytes of {object_id} can't be read: {error.strerror or error}") from None
        with file:
            yield file, os.fstat(file.fileno()).st_size


def _create(path: Path) -> BinaryIO:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return open(fd, "wb", buffering=CHUNK)  # noqa: PTH123 - a descriptor, not a path


def _open_regular(directory: Path, *parts: str) -> BufferedReader:
    """Open a file step by step, following no link: a bag could name somebody's key. Raises OSError."""
    at = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = inner
        fd = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(None, "not a regular file")
    return open(fd, "rb")  # noqa: PTH123 - a descriptor, not a path
