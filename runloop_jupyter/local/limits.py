"""How large what describes an object may be. The bytes themselves have the disk for their limit.

The published document names no limits. These are far above what people and programs write, and low enough that a page
of a listing stays a page: ``name`` 4,096 bytes of UTF-8 (the longest path on Linux), ``metadata`` 256 pairs, a key
1,024 bytes, a value 65,536.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runloop_jupyter.local.refusal import bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME_BYTES: Final = 4096
PAIRS: Final = 256
KEY_BYTES: Final = 1024
VALUE_BYTES: Final = 65_536


def check(name: str, metadata: Mapping[str, str] | None) -> None:
    """Raise Refusal 400 where a name or metadata are larger than this store keeps."""
    if _size(name) > NAME_BYTES:
        raise bad_request(f"name is longer than {NAME_BYTES:,} bytes")
    pairs = metadata or {}
    if len(pairs) > PAIRS:
        raise bad_request(f"metadata has {len(pairs):,} pairs; an object takes {PAIRS}")
    for key, value in pairs.items():
        if _size(key) > KEY_BYTES:
            raise bad_request(f"a metadata key is longer than {KEY_BYTES:,} bytes: {key[:60]!r}…")
        if _size(value) > VALUE_BYTES:
            raise bad_request(f"the metadata value of {key[:60]!r} is longer than {VALUE_BYTES:,} bytes")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
