"""What local files are called: nothing that a store says leads out of the cache, or is mistaken by a filesystem."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_LONGEST_NAME: Final = 150  # bytes; filesystems take 255, and a temporary name is longer
# What some system takes for a path, a drive or a pattern; what turns text around; halves of characters.
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff/\\:*?"<>|]')
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


def file_name(name: str, suffix: str = "") -> str:
    """Return a name for a local file: the last part of an object's name, without what a filesystem might mistake.

    Example:
        >>> file_name("runs/2026-11/val metrics", ".parquet"), file_name("../.."), file_name("a/b.csv")
        ('val metrics.parquet', 'object', 'b.csv')
    """
    last = _UNSAFE.sub("_", unicodedata.normalize("NFC", name).rstrip("/").rpartition("/")[2]).strip(" .")
    if not last.strip("_"):
        last = "object"
    if suffix and not last.lower().endswith(suffix):
        last += suffix
    while len(last.encode()) > _LONGEST_NAME:
        stem, dot, ending = last.rpartition(".")
        last = f"{stem[:-1]}{dot}{ending}" if stem and len(ending) < 20 else last[:-1]
    return last.rstrip(" .")  # a cut may come just after one


def part(said: str) -> str:
    """Return one part of a path for an id: itself where it is plain, else what is plain of it and a hash.

    Example:
        >>> part("obj_31aZ"), part("..")
        ('obj_31aZ', '__-5ec1f7e7')
    """
    # A store may call an object anything, ".." and "" too; and what differs must not meet.
    if _PLAIN.fullmatch(said):
        return said
    import hashlib

    mark = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_-]', '_', said)[:60]}-{mark}"
