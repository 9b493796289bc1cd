"""Which codec stores a value, and which one reads a format: the built-in ones and those other packages bring."""

from __future__ import annotations

import codecs
import logging
import re
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter.errors import DecodeError, InputError, NotEnoughMemory, UnsafeValue, UnsupportedValue
from runloop_jupyter.values import memory
from runloop_jupyter.values.advice import refusal
from runloop_jupyter.values.arrays import ArrayCodec
from runloop_jupyter.values.codec import (
    JSON,
    Checkpoint,
    Codec,
    Wish,
    memory_for,
    no_checkpoint,
    parts_of,
    type_name,
)
from runloop_jupyter.values.estimators import SCHEMA, SkopsCodec
from runloop_jupyter.values.images import PngCodec
from runloop_jupyter.values.jsontext import JsonCodec
from runloop_jupyter.values.netcdf import NetcdfCodec
from runloop_jupyter.values.npz import NpzCodec
from runloop_jupyter.values.pickled import PickleCodec
from runloop_jupyter.values.rich import PNG_MAGIC
from runloop_jupyter.values.svg import SvgCodec
from runloop_jupyter.values.svg_text import is_svg
from runloop_jupyter.values.tables import TableCodec
from runloop_jupyter.values.tensors import SafetensorsCodec
from runloop_jupyter.values.text import BytesCodec, TextCodec

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

GROUP: Final = "runloop_jupyter.codecs"
_PLAIN: Final = frozenset([TextCodec.kind, BytesCodec.kind])
"""The entry point group for codecs of other packages."""

_BUILT_IN: Final[tuple[Codec, ...]] = (
    NetcdfCodec(),  # before tables: a DataArray speaks the Arrow C stream, and comes back without its coordinates
    TableCodec(),
    ArrayCodec(),  # before JSON: a numpy.float64 is a float
    NpzCodec(),  # before JSON, too: dicts
    SafetensorsCodec(),
    SkopsCodec(),
    TextCodec(),
    BytesCodec(),
    JsonCodec(),
    SvgCodec(),  # last, for they ask what nobody else took for its picture
    PngCodec(),
    PickleCodec(),
)
_WORDS: Final = ("format", "kind", "content_type", "suffix", "summary")
_METHODS: Final = ("accepts", "encode", "decode", "peek")
_PICKLE_SUFFIXES: Final = (".pkl", ".pickle")
_MAGICS: Final = {
    b"PAR1": TableCodec.format,
    b"\x93NUMPY": ArrayCodec.format,
    b"\x89HDF\r\n\x1a\n": NetcdfCodec.format,
    PNG_MAGIC: PngCodec.format,
}
_ZIP: Final = b"PK\x03\x04"
_ZIP_NAME: Final = 30
_SAFETENSORS: Final = re.compile(rb'.{4}\0{4}\{\s*"', re.DOTALL)
"""The length of its header, under 4 GB, and JSON."""
_CONTROLS: Final = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1b")


def decode(
    format: str,
    file: BinaryIO,
    facts: Mapping[str, JSON],
    wish: Wish = Wish(),  # noqa: B008 - frozen
    checkpoint: Checkpoint = no_checkpoint,
) -> object:
    """Return the value in `file`.

    Args:
        format: A codec's name, or what `sniff` said.
        file: Seekable; read from its start.
        facts: What its codec's `encode` said; empty for a file that came another way.
        wish: How it is wanted, in this call only.
        checkpoint: Called several times a second; raises to stop.

    Raises:
        InputError: The format can't be given in that form, or not in part.
        DecodeError: The bytes are not of that format, or nothing here reads it.
        UnsafeValue: Reading it could run code, and the wish doesn't allow that.
        NotEnoughMemory: It would not fit into the memory there is.
        MissingLibrary: The form needs a library that isn't installed.
    """
    codec = codec_named(format)
    check_parts(codec, wish)
    if codec.format == PickleCodec.format and not wish.allow_pickle:
        raise UnsafeValue(
            "a pickle runs code when it is read; if you trust its maker, add --allow-pickle (allow_pickle=True),"
            " or take it as a path"
        )
    memory.check(
        memory_for(codec, file, facts, wish),
        parts_of(codec),
        lambda head: memory_for(codec, file, facts, replace(wish, head=head)),
    )
    try:
        return codec.decode(file, facts, wish, checkpoint)
    except MemoryError as error:
        raise NotEnoughMemory("memory ran out while it was read; get part of it, or the file with --as path") from error


def check_parts(codec: Codec, wish: Wish) -> None:
    """Refuse a wish for part of what `codec` gives whole.

    Raises:
        InputError: It can't be given in that part.
    """
    if lacking := wish.parts - parts_of(codec):
        raise InputError(
            f"a stored {codec.format} can't be given in part by {' and '.join(sorted(lacking))}; get it whole"
        )


def codec_for(value: object, *, format: str | None = None, pickle: bool = False) -> Codec:
    """Return the codec that stores `value`: of another package first, then the built-in ones.

    Args:
        value: What to store.
        format: A format by name; None for the first codec that accepts the value.
        pickle: The pickle codec, whatever the value is.

    Raises:
        UnsupportedValue: No codec takes it, or not that one; the message says what to do.
        InputError: `format` is not a format, or contradicts `pickle`.
    """
    if pickle:
        if format not in (None, PickleCodec.format):
            raise InputError(f"--pickle and the format {format!r} exclude each other; leave one out")
        return codec_named(PickleCodec.format)
    if format == PickleCodec.format:
        raise InputError("a pickle is made by --pickle (pickle=True) only")
    if format is not None:
        codec = _named().get(format)
        if codec is None:
            raise InputError(f"{format!r} is not a format; there are {', '.join(_named())}")
        if _accepts(codec, value):
            return codec
    taking = find(value)
    if format is not None:
        instead = f"; it can as {taking.format}" if taking else ""
        raise UnsupportedValue(f"a {type_name(value)} can't be stored as {format}{instead}")
    if taking is None:
        raise UnsupportedValue(refusal(value))
    return taking


def find(value: object) -> Codec | None:
    """Return the first codec that accepts `value`, to store or to refuse it; None where none does."""
    return next((codec for codec in _codecs() if _accepts(codec, value)), None)


def codec_named(format: str) -> Codec:
    """Return the codec of a stored format.

    Raises:
        DecodeError: Nothing here reads it.
    """
    codec = known(format)
    if codec is None:
        raise DecodeError(
            f"nothing here reads the format {format!r:.60}; install the package that does, or take it as a path"
        )
    return codec


def known(format: str | None) -> Codec | None:
    """Return the codec of a stored format; None where nothing here reads it."""
    return _named().get(format) if format is not None else None


def suffix(format: str | None, name: str) -> str:
    """Return what the name of a file that holds a stored value ends with; empty where it should end as it is called.

    Text and bytes are whatever their name says, where that has an ending: ``notes.md``.
    """
    codec = known(format)
    if codec is None or (codec.kind in _PLAIN and PurePosixPath(name).suffix):
        return ""
    return codec.suffix


def formats() -> list[tuple[str, str, str]]:
    """Return format, kind and what goes in, of each codec, for help."""
    return [(codec.format, codec.kind, codec.summary) for codec in _codecs()]


def sniff(head: bytes, name: str) -> str | None:
    """Return the format of a payload, by its bytes first and its name second.

    Args:
        head: Its first bytes; a few kilobytes do.
        name: Of its file or object; only the suffix counts.

    Returns:
        A format that `decode` knows, or None where it is just bytes.
    """
    lower = name.lower()
    for magic, format_ in _MAGICS.items():
        if head.startswith(magic):
            return format_
    if head.startswith(_ZIP):
        return _in_zip(head, lower)
    if _SAFETENSORS.match(head):
        return SafetensorsCodec.format
    if head[:1] == b"\x80" and lower.endswith(_PICKLE_SUFFIXES):
        return PickleCodec.format
    if not _is_text(head):
        return None
    if is_svg(head):
        return SvgCodec.format
    if lower.endswith(JsonCodec.suffix) and head.strip():
        return JsonCodec.format
    return TextCodec.format


def _in_zip(head: bytes, name: str) -> str | None:
    """Return the format of a zip by its first member; skops's own writer puts an array there, as npz has."""
    first = head[_ZIP_NAME : _ZIP_NAME + int.from_bytes(head[26:28], "little")]
    if first == SCHEMA.encode() or name.endswith(SkopsCodec.suffix):
        return SkopsCodec.format
    return NpzCodec.format if first.endswith(ArrayCodec.suffix.encode()) else None


def _is_text(head: bytes) -> bool:
    """Whether `head` is UTF-8 without control characters; it may end within a character."""
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(head)
    except UnicodeDecodeError:
        return False
    return _CONTROLS.isdisjoint(head)


def _accepts(codec: Codec, value: object) -> bool:
    try:
        return bool(codec.accepts(value))
    except Exception as error:
        log.warning(
            "the codec %r failed to look at a %s and was passed over: %s", codec.format, type_name(value), error
        )
        return False


@cache
def _codecs() -> tuple[Codec, ...]:
    """Return all codecs, in the order in which they are asked. Loads entry points, once."""
    return (*_third_party(), *_BUILT_IN)


@cache
def _named() -> dict[str, Codec]:
    return {codec.format: codec for codec in _codecs()}


def _third_party() -> list[Codec]:
    taken = {codec.format for codec in _BUILT_IN}
    found: list[Codec] = []
    for point in sorted(metadata.entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        try:
            loaded = point.load()
            codec: Codec = loaded() if isinstance(loaded, type) else loaded
            complete = all(
                isinstance(getattr(codec, name), str) for name in ("format", "kind", "content_type", "suffix")
            )
            if not complete or not all(callable(getattr(codec, name)) for name in _METHODS):
                raise TypeError("it is not a codec")
        except Exception as error:
            log.warning("the codec %r (%s) can't be used: %s", point.name, point.value, error)
            continue
        if codec.format in taken:
            log.warning(
                "the codec %r (%s) can't be used: the format name %r is taken", point.name, point.value, codec.format
            )
            continue
        taken.add(codec.format)
        found.append(codec)
    return found
