"""What is put from a generator or a file-like: the pieces it gives, brought into one file."""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.errors import InputError, RunloopError, UnsupportedValue
from runloop_jupyter.values.codec import type_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_CHUNK: Final = 1 << 20
_END: Final = object()
_READS: Final = ("readable", "readinto", "readline")
_SIZES: Final = frozenset(["amt", "chunk_size", "length", "n", "nbytes", "num_bytes", "size"])


class StreamFailed(Exception):
    """A generator or a file-like raised; ``error`` is what, for its maker to see as it is."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def spool(stream: Any, file: BinaryIO, checkpoint: Callable[[], None]) -> None:
    """Write all pieces of `stream` to `file`: bytes as they are, text as UTF-8, line ends as they come.

    It is read once, from where it stands. A generator is closed when it isn't read to its end; a file-like stays open.

    Raises:
        StreamFailed: The stream raised.
        InputError: A piece is neither bytes nor text, or not of the sort of the first.
        UnsupportedValue: Text that UTF-8 can't hold.
    """
    first: type | None = None
    pieces = _read(stream) if _is_file(stream) else stream
    try:
        while (piece := _next(pieces)) is not _END:
            sort = str if isinstance(piece, str) else bytes
            if not isinstance(piece, str | bytes | bytearray | memoryview) or first not in (None, sort):
                raise InputError(
                    f"the {type_name(stream)} gave a {type_name(piece)}"
                    + (f" after {first.__name__}" if first else "")
                    + "; what gives pieces of bytes, or of text, can be put"
                )
            first = sort
            _write(piece, file, checkpoint)
    except BaseException:
        if callable(close := getattr(pieces, "close", None)):
            with suppress(Exception):  # the first error is the one that counts
                close()
        raise


def is_stream(value: object) -> bool:
    """Whether `value` gives its content piece by piece: an iterator, or a file-like whose ``read`` takes a size."""
    return not isinstance(value, type) and (_is_file(value) or isinstance(value, Iterator))


def name_of_stream(stream: object) -> str | None:
    """Return the last part of an open file's name; None for a stream without one.

    Example:
        >>> name_of_stream(io.BytesIO()) is None
        True
    """
    name = getattr(stream, "name", None) if _is_file(stream) else None
    if not isinstance(name, str) or name.startswith("<"):  # a descriptor's number, <stdin>
        return None
    return PurePath(name).name or None


def _is_file(value: object) -> bool:
    if isinstance(value, io.IOBase):
        return True
    read = getattr(value, "read", None)
    if not callable(read) or isinstance(value, type):
        return False
    if any(callable(getattr(value, name, None)) for name in _READS):
        return True
    try:
        first = next(iter(inspect.signature(read).parameters.values()), None)
    except (TypeError, ValueError):
        return False
    return first is not None and (first.name in _SIZES or first.default in (None, -1))


def _read(stream: Any) -> Iterator[Any]:
    """Yield the pieces of a file-like, of a size that text and bytes alike count."""
    try:
        readable = not callable(getattr(stream, "readable", None)) or stream.readable()
    except ValueError as error:
        raise InputError(f"the {type_name(stream)} can't be read: {error}") from error
    if not readable:
        raise InputError(f"the {type_name(stream)} isn't open for reading; open it again")
    while True:
        piece = stream.read(_CHUNK)
        if piece is None:
            raise InputError(f"the {type_name(stream)} doesn't wait for its content; put one that does")
        if isinstance(piece, str | bytes | bytearray | memoryview) and not len(piece):
            return
        yield piece


def _next(pieces: Any) -> Any:
    try:
        return next(pieces, _END)
    except RunloopError:
        raise
    except Exception as error:
        raise StreamFailed(error) from error


def _write(piece: str | bytes | bytearray | memoryview, file: BinaryIO, checkpoint: Callable[[], None]) -> None:
    if isinstance(piece, str):
        try:
            piece = piece.encode()
        except UnicodeEncodeError as error:
            raise UnsupportedValue(
                f"the text has a lone surrogate ({piece[error.start]!r}), which UTF-8 can't hold; mend it"
            ) from error
    elif isinstance(piece, memoryview):
        piece = piece.tobytes()
    for start in range(0, len(piece), _CHUNK):
        file.write(piece[start : start + _CHUNK])
        checkpoint()
    checkpoint()
