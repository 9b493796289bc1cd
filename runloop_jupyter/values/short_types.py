"""Arrow types and schemas as a person reads them, short enough for a card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORT: Final = {
    "double": "float64",
    "float": "float32",
    "halffloat": "float16",
    "string": "str",
    "large_string": "str",
}


def short_type(kind: pa.DataType) -> str:
    """Return the name of an Arrow type as a person reads it."""
    if pa.types.is_dictionary(kind):
        return "category"
    if isinstance(kind, pa.BaseExtensionType):
        return str(kind.extension_name)
    text = str(kind)
    return _SHORT.get(text, text.replace("large_", "").replace("string_view", "str").replace(": ", ":"))


def short_schema(columns: Iterable[tuple[str, str]], limit: int = 200) -> str:
    """Return ``species:str, year:int64, …`` in at most `limit` characters."""
    parts: list[str] = []
    length = 0
    for name, kind in columns:
        part = f"{name[:40]}:{kind[:40]}"
        length += len(part) + 2
        if length > limit - 3:
            return ", ".join([*parts, "…"])
        parts.append(part)
    return ", ".join(parts)
