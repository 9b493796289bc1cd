"""Pictures that a page may show: told by their own first bytes, and measured before anything decodes them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

MOST_BYTES: Final = 4 << 20
"""Of a picture that is sent to a page as it is."""
MOST_PIXELS: Final = 40_000_000
"""A page decodes each into four bytes."""
HEAD: Final = 256 << 10
"""Bytes in which a picture says how large it is, unless it carries another one before that."""
_NO_SIZE: Final = frozenset([0xC4, 0xC8, 0xCC])  # JPEG markers among those that say a size, and don't


@dataclass(frozen=True)
class Picture:
    """What a picture says of itself.

    Attributes:
        type: Its media type.
        width: In pixels.
        height: In pixels.
    """

    type: str
    width: int
    height: int


def measured(head: bytes) -> Picture | None:
    """Return what the first bytes of a picture say: PNG, JPEG, GIF or WebP. None for all else, SVG too.

    Args:
        head: The first bytes, `HEAD` of them where there are as many.
    """
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
            return Picture("image/png", *struct.unpack(">II", head[16:24]))
        if head[:6] in {b"GIF87a", b"GIF89a"}:
            return Picture("image/gif", *struct.unpack("<HH", head[6:10]))
        if head[:2] == b"\xff\xd8":
            return _jpeg(head)
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp(head)
    except (struct.error, IndexError):  # cut short
        return None
    return None


def _jpeg(head: bytes) -> Picture | None:
    at = 2
    while at + 9 < len(head):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return Picture("image/jpeg", width, height)
        at += 2 + int(struct.unpack(">H", head[at + 2 : at + 4])[0])
    return None


def _webp(head: bytes) -> Picture | None:
    form = head[12:16]
    if form == b"VP8X":
        width, height = (1 + int.from_bytes(head[at : at + 3], "little") for at in (24, 27))
    elif form == b"VP8L":
        bits = int(struct.unpack("<I", head[21:25])[0])
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif form == b"VP8 ":
        width, height = (each & 0x3FFF for each in struct.unpack("<HH", head[26:30]))
    else:
        return None
    return Picture("image/webp", width, height)
