"""A word on a geometry in WKB, without a library for it."""

from __future__ import annotations

import math
import struct
from typing import Final

_NAMES: Final = (
    "POINT",
    "LINESTRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
)
_DIMENSIONS: Final = ("", " Z", " M", " ZM")


def shown(data: bytes) -> str:
    """Return ``POINT (1.5 2)``, or the type alone of what has more coordinates.

    Example:
        >>> shown(bytes.fromhex("0101000000000000000000f83f0000000000000040"))
        'POINT (1.5 2)'
    """
    try:
        order = "<" if data[0] else ">"
        (code,) = struct.unpack_from(f"{order}I", data, 1)
        thousands, kind = divmod(code, 1000)
        name = _NAMES[kind - 1] + _DIMENSIONS[thousands] if kind else "?"
        if kind != 1:
            return f"{name} …"
        point = struct.unpack_from(f"{order}{2 + (thousands > 0) + (thousands > 2)}d", data, 5)
    except (struct.error, IndexError):
        return "?"
    return f"{name} EMPTY" if all(map(math.isnan, point)) else f"{name} ({' '.join(f'{each:.12g}' for each in point)})"
