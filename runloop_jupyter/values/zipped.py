"""Zip files from anywhere, looked over before anything in them is read."""

from __future__ import annotations

import struct
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

_INFLATES_TO: Final = 1032
"""Bytes that a deflated byte can become at most (zlib's technical details)."""
_SLACK: Final = 64
_ENCRYPTED: Final = 1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever a damaged or forged zip makes its reader raise into one line that begins with `what`.

    Raises:
        DecodeError: It is not a zip, or not a whole one.
    """
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        IndexError,
        KeyError,
        NotImplementedError,
        OverflowError,
        RecursionError,
        RuntimeError,
        ValueError,
    ) as error:
        raise DecodeError(f"{what} can't be read ({error}); take it as bytes, or as a path") from error


def members(file: BinaryIO, what: str) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """Open a zip and return its members in the order they are listed, none of them read yet.

    Raises:
        DecodeError: It is no zip, or lies about itself: a name twice, members on top of each other, more bytes inside
            than their compressed form can hold, an encrypted one.
    """
    size = file.seek(0, 2)
    file.seek(0)
    with reading(what):
        archive = zipfile.ZipFile(file)
    infos = archive.infolist()
    for info in infos:
        name = info.filename[:60]
        if info.flag_bits & _ENCRYPTED:
            raise DecodeError(f"{what} has an encrypted member, {name!r}; take it as a path")
        if info.compress_type not in _METHODS:
            raise DecodeError(f"{what} has a member packed in an unusual way, {name!r}; take it as a path")
        most = info.compress_size * (_INFLATES_TO if info.compress_type == zipfile.ZIP_DEFLATED else 1)
        if info.file_size > most + (_SLACK if most else 0):
            raise DecodeError(
                f"{what} says that {info.compress_size:,} bytes hold {info.file_size:,} ({name!r}), which they can't"
            )
    if len({info.filename for info in infos}) != len(infos):
        raise DecodeError(f"{what} holds two members of one name; take it as a path")
    if sum(info.compress_size for info in infos) > size:
        raise DecodeError(f"{what} has members that lie on top of each other; take it as a path")
    return archive, infos


def unpacked_size(file: BinaryIO, what: str) -> int:
    """Return how many bytes the members hold by what they say; no reader takes more out of them.

    Raises:
        DecodeError: See `members`.
    """
    return sum(info.file_size for info in members(file, what)[1])
