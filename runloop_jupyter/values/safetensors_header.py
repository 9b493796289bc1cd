"""The header of a safetensors file, https://github.com/huggingface/safetensors#format, written and looked at here.

The format's own library writes only what is whole in memory, and reads without looking at the order; the tensors
themselves are read by it.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from runloop_jupyter.errors import DecodeError, UnsupportedValue

if TYPE_CHECKING:
    from collections.abc import Mapping

DTYPES: Final = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "complex64": "C64",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
}
"""torch's dtypes by the format's words. The rarer float8 are left out: releases of the library disagree on them."""
_KEY: Final = "runloop"
_LIMIT: Final = 100_000_000
"""Bytes of a header that the format's own reader takes."""
_TROUBLE: Final = "the stored bytes are not safetensors ({}); take them as bytes, or as a path"


@dataclass(frozen=True)
class Note:
    """What the format has no place for, kept as JSON under its ``__metadata__``.

    Attributes:
        alone: Whether it is one tensor and no dict.
        container: ``OrderedDict``, or None for ``dict``.
        order: The names in their order; None where it is that of their bytes.
        parameters: Names of what is a ``torch.nn.Parameter``.
        grad: Names of what has ``requires_grad``.
        tied: Names of what shares another one's memory, and that one.
        versions: ``_metadata`` of a module's ``state_dict()``.
    """

    alone: bool = False
    container: str | None = None
    order: list[str] | None = None
    parameters: list[str] = field(default_factory=list)
    grad: list[str] = field(default_factory=list)
    tied: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Any] | None = None

    @classmethod
    def read(cls, text: object, names: list[str]) -> Note:
        """Return what a header's note says, as far as it makes sense: any file may have one of any sort."""
        try:
            said = json.loads(text) if isinstance(text, str) else {}
        except (ValueError, RecursionError):
            said = {}
        if not isinstance(said, dict):
            said = {}
        known = set(names)
        order, tied, versions = said.get("order"), said.get("tied"), said.get("versions")

        def listed(key: str) -> list[str]:
            given = said.get(key)
            return (
                [name for name in given if isinstance(name, str) and name in known] if isinstance(given, list) else []
            )

        def is_order(given: object) -> bool:
            return (
                isinstance(given, list)
                and all(isinstance(name, str) for name in given)
                and sorted(given) == sorted(names)
            )

        return cls(
            alone=said.get("alone") is True,
            container="OrderedDict" if said.get("container") == "OrderedDict" else None,
            order=order if is_order(order) else None,
            parameters=listed("parameters"),
            grad=listed("grad"),
            tied={
                name: first
                for name, first in (tied.items() if isinstance(tied, dict) else ())
                if name in known and isinstance(first, str) and first in known
            },
            versions=versions if isinstance(versions, dict) else None,
        )


@dataclass(frozen=True)
class Header:
    """What lies in a file.

    Attributes:
        tensors: Of each name the dtype, in the format's words, and the shape; in the order of their bytes.
        note: What the format has no place for.
    """

    tensors: dict[str, tuple[str, list[int]]]
    note: Note

    @property
    def names(self) -> list[str]:
        """All names, in the order of their bytes."""
        return list(self.tensors)

    @classmethod
    def of(cls, tensors: Mapping[str, tuple[str, list[int]]], note: Note) -> Header:
        """Lay tensors out, those of wide items first, so that each is aligned as its readers need it."""
        names = sorted(tensors, key=lambda name: -_item_size(tensors[name][0]))
        order = None if names == list(tensors) else list(tensors)
        return cls({name: tensors[name] for name in names}, Note(**{**vars(note), "order": order}))

    def packed(self) -> bytes:
        """Return the file up to the first tensor's first byte.

        Raises:
            UnsupportedValue: It is longer than readers take.
        """
        said = {key: value for key, value in asdict(self.note).items() if value}
        metadata = {"format": "pt", **({_KEY: json.dumps(said, ensure_ascii=False)} if said else {})}
        entries: dict[str, Any] = {"__metadata__": metadata}
        begin = 0
        for name, (kind, shape) in self.tensors.items():
            end = begin + prod(shape) * _item_size(kind)
            entries[name] = {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}
            begin = end
        data = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
        data += b" " * (-len(data) % 8)
        if len(data) > _LIMIT:
            raise UnsupportedValue("these are more names than a safetensors file can list; put them in several dicts")
        return struct.pack("<Q", len(data)) + data


def read_header(file: BinaryIO) -> Header:
    """Return the header of `file`.

    The format's own reader checks it again, offsets, holes and all, before it gives out a tensor.

    Raises:
        DecodeError: It has none.
    """
    size = file.seek(0, 2)
    file.seek(0)
    try:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > min(_LIMIT, size):
            raise ValueError("its header is cut off")
        entries = json.loads(file.read(length))
        metadata = entries.pop("__metadata__", None) or {}
        begins = {name: (entry["data_offsets"][0], entry["data_offsets"][1]) for name, entry in entries.items()}
        names = sorted(entries, key=lambda name: begins[name])
        tensors = {name: (str(entries[name]["dtype"]), [int(n) for n in entries[name]["shape"]]) for name in names}
        note = Note.read(metadata.get(_KEY), names)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, struct.error) as error:
        raise DecodeError(_TROUBLE.format(error)) from error
    return Header(tensors, note)


def _item_size(kind: str) -> int:
    """Return the bytes of an item, by the bits at the end of its dtype's first word: ``BF16``, ``F8_E4M3``."""
    return 1 if kind == "BOOL" else int(kind.partition("_")[0].lstrip("BFCIU")) // 8
