"""Dicts of NumPy arrays as npz: a zip of npy files, without pickle in either direction."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter.errors import DecodeError, RunloopError, UnsafeValue, UnsupportedValue
from runloop_jupyter.values import zipped
from runloop_jupyter.values.arrays import Header, read_items, write_npy
from runloop_jupyter.values.codec import JSON, Checkpoint, Preview, Wish, check_form, type_name, type_names
from runloop_jupyter.values.libraries import need

if TYPE_CHECKING:
    from collections.abc import Mapping

_MEMBER: Final = ".npy"
_SCALAR: Final = b"numpy scalar"
"""Comment of a member that was a scalar and not a 0-d array: numpy's own reader passes over it."""
_LONGEST_KEY: Final = 60_000  # bytes; a zip's names end at 65,535
_LOOKED_INTO: Final = 8
_WHAT: Final = "the stored set of arrays"


class NpzCodec:
    """``dict`` of ``str`` to ``numpy.ndarray`` (or NumPy scalars), in its order, uncompressed as `numpy.savez` does.

    Arrays come back by themselves: two views of one memory are two arrays. A ``/`` may be in a key.
    """

    format = "npz"
    kind = "array"
    content_type = "binary"
    suffix = ".npz"
    summary = "dicts of numpy arrays"

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of this codec's types."""
        return type(value) is dict and any(_is_numpy(each) for each in value.values())

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file`; see `Codec.encode`."""
        if not isinstance(value, dict):
            raise UnsupportedValue(f"a {type_name(value)} is not a dict of arrays")
        for key, each in value.items():
            _check_key(key)
            if not _is_numpy(each):
                raise UnsupportedValue(
                    f"[{key!r:.60}] is a {type_name(each)} beside numpy's: npz holds those alone, and JSON none;"
                    " put them apart, or use .tolist() of the arrays"
                )
        shapes = []
        with zipfile.ZipFile(file, "w") as archive:
            for key, each in value.items():
                member = zipfile.ZipInfo(key + _MEMBER)  # of 1980, so that the same arrays are the same bytes
                try:
                    with archive.open(member, "w", force_zip64=True) as into:
                        array = write_npy(each, into, checkpoint)
                except UnsupportedValue as error:
                    raise UnsupportedValue(f"[{key!r:.60}]: {error}") from None
                if array is not each:
                    member.comment = _SCALAR
                shapes.append(f"{key[:40]}:{array.dtype!s:.40}{list(array.shape)}")
        return {"arrays": len(value), "schema": _short(shapes), "library": "numpy"}

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Return the value in `file`; see `Codec.decode`."""
        check_form(wish.form, self.format, ("numpy",))
        need("numpy")
        archive, infos = zipped.members(file, _WHAT)
        keys = [_key_of(info) for info in infos]  # all of them before the first is read
        arrays: dict[str, object] = {}
        with archive:
            for key, info in zip(keys, infos, strict=True):
                try:
                    with zipped.reading("it"), archive.open(info) as member:
                        header = Header.read(member, info.file_size)
                        array = read_items(header, member, checkpoint)
                        if member.read(1):
                            raise DecodeError("it is longer than it says")
                except (DecodeError, UnsafeValue) as error:
                    raise _of(key, error) from error
                arrays[key] = array[()] if info.comment == _SCALAR and array.shape == () else array
                checkpoint()
        return arrays

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return what shows without reading `file` whole; see `Codec.peek`."""
        try:
            need("numpy")
        except RunloopError:
            return None
        archive, infos = zipped.members(file, _WHAT)
        shown = []
        with archive:
            for info in infos[:_LOOKED_INTO]:
                key = _key_of(info)
                with zipped.reading(f"the stored array {key!r:.60}"), archive.open(info) as member:
                    header = Header.read(member, info.file_size)
                shown.append((key, " ".join([str(header.dtype), " × ".join(f"{n:,}" for n in header.shape)]).strip()))
        more = f", the first {len(shown)} shown" if len(infos) > len(shown) else ""
        return Preview(columns=shown, text=f"{len(infos):,} array{'' if len(infos) == 1 else 's'}{more}")

    def memory(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish) -> int | None:
        """Return how many bytes the arrays take, by what the zip's directory says."""
        return zipped.unpacked_size(file, _WHAT)


def _is_numpy(value: object) -> bool:
    names = type_names(value)
    return "numpy.ndarray" in names or "numpy.generic" in names


def _check_key(key: object) -> None:
    """Refuse a key that isn't the same as the name of a zip's member.

    Raises:
        UnsupportedValue: Says what is wrong with it.
    """
    if type(key) is not str:
        raise UnsupportedValue(f"the key {key!r:.60} is a {type_name(key)}, and npz keys are str; make it a str")
    if trouble := _trouble(key):
        raise UnsupportedValue(f"the key {key!r:.60} {trouble}, which a member of an npz can't; rename it")


def _trouble(key: str) -> str | None:
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        return "has a lone surrogate"
    if not key:
        return "is empty"
    if length > _LONGEST_KEY:
        return "is too long"
    if "\0" in key or "\\" in key:
        return "has a NUL or a backslash"
    if any(part in ("", ".", "..") for part in key.split("/")):
        return "reads like a path that leads elsewhere"
    if key.endswith(_MEMBER):
        return f"ends in {_MEMBER}"
    return None


def _key_of(info: zipfile.ZipInfo) -> str:
    name = info.filename
    if not name.endswith(_MEMBER) or _trouble(name.removesuffix(_MEMBER)):
        raise DecodeError(f"{_WHAT} has a member {name!r:.60}, which is no array of one; take it as a path")
    return name.removesuffix(_MEMBER)


def _of(key: str, error: DecodeError | UnsafeValue) -> DecodeError | UnsafeValue:
    return type(error)(f"[{key!r:.60}] of {_WHAT}: {error}")


def _short(parts: list[str], limit: int = 200) -> str:
    """Return as many of `parts` as fit."""
    shown: list[str] = []
    for part in parts:
        if sum(map(len, shown)) + 2 * len(shown) + len(part) > limit - 3:
            return ", ".join([*shown, "…"])
        shown.append(part)
    return ", ".join(shown)
