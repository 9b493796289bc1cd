"""About how much memory a stored table takes in a library, told from the file's footer.

What Parquet calls the uncompressed size of a column is that of its dictionary and indices: a thousandth of what words
that come again and again take in memory. So the writer notes what each column took as Arrow, and only a file from
elsewhere is judged by its statistics. Held against the measured peak of frames of 0.1 to 1 GB (numbers, text of both
sorts, categories, lists and dicts, nullable numbers, geometries), the estimate was 1.1 to 1.7 times that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa

from runloop_jupyter.values.parquet import ROW_GROUP_BYTES
from runloop_jupyter.values.parts import check_columns

if TYPE_CHECKING:
    from runloop_jupyter.values.codec import Wish
    from runloop_jupyter.values.parquet import Reader

_GROUPS: Final = 16
"""Row groups looked at, of a file from elsewhere."""
_SLACK: Final = 1.25
"""What allocators take beyond what they give: numbers came to 1.07 times their size."""
_TEXT_SLACK: Final = 1.4
"""The same of Arrow text, beside that: it came to 1.65 times its size."""
_ARROW_TEXT: Final = 3
"""The first pandas whose text is Arrow's by default."""
_POINTER: Final = 8
_TEXT: Final = 57
"""Of a Python str or bytes beside its characters, rounded to what is allocated."""
_SCALAR: Final = 32
_CONTAINER: Final = 120
_UNKNOWN_TEXT: Final = 24


class _Column(NamedTuple):
    """What is known of one column: its Arrow type, the bytes it takes as Arrow, its rule for pandas."""

    kind: pa.DataType
    arrow: float
    rule: dict[str, Any] | None


def estimate(reader: Reader, library: str, wish: Wish) -> int:
    """Return about how many bytes `wish` takes at its peak, in `library`.

    Raises:
        InputError: A column isn't there.
    """
    rows = reader.rows if wish.head is None else min(reader.rows, wish.head)
    columns = _columns(reader, wish, rows)
    arrow = sum(column.arrow for column in columns)
    if library in ("pandas", "geopandas"):
        noted = reader.note is not None and reader.note.get("library") == "pandas"
        needed = sum(_in_pandas(column, rows) for column in columns)
        if not noted:  # a table first, which goes column by column
            needed = max(needed, arrow) + max((min(column.arrow, arrow) for column in columns), default=0)
    elif library == "polars":
        needed = sum(column.arrow + (rows * 16 if _is_text(column.kind) else 0) for column in columns)
    elif library == "numpy":
        needed = sum(column.arrow for column in columns)
    else:
        needed = arrow
    return int(needed * _SLACK + min(_working(reader, len(columns)), arrow))


def _working(reader: Reader, columns: int) -> float:
    """Return the bytes for the largest row group, of so many columns: stored, unpacked, as Arrow, let go of late."""
    groups = range(reader.footer.num_row_groups)
    largest = max((reader.footer.row_group(i).total_byte_size for i in groups), default=0)
    return 5 * max(largest, ROW_GROUP_BYTES) * min(columns / max(len(reader.schema), 1), 1)


def _columns(reader: Reader, wish: Wish, rows: int) -> list[_Column]:
    names = list(reader.schema.names)
    rules = (reader.note or {}).get("rules")
    if not isinstance(rules, list) or len(rules) != len(names):
        rules = [None] * len(names)
    chosen = list(range(len(names)))
    if wish.columns is not None and not reader.is_series:
        check_columns(wish.columns, names)
        width = (reader.note or {}).get("width", len(names))
        chosen = [*map(names.index, wish.columns), *range(width, len(names))]
    share = rows / max(reader.footer.num_rows, 1)
    sizes = reader.sizes
    judged = _judged(reader) if sizes is None else {}
    found = []
    for i in chosen:
        kind = reader.schema.field(i).type
        fixed = _width(kind) * rows
        said = (sizes[i] if sizes is not None else 0 if fixed else judged.get(names[i], 0)) * share
        rule = rules[i] if isinstance(rules[i], dict) else None
        found.append(_Column(kind, max(said, fixed) * (_TEXT_SLACK if _is_text(kind) else 1), rule))
    return found


def _judged(reader: Reader) -> dict[str, float]:
    """Return the bytes of each column as Arrow, by what a file from elsewhere tells: sizes, first and last text."""
    groups = range(min(reader.footer.num_row_groups, _GROUPS))
    judged: dict[str, float] = {}
    rows = 0
    for group in map(reader.footer.row_group, groups):
        rows += group.num_rows
        for chunk in map(group.column, range(group.num_columns)):
            length = 8.0
            if chunk.physical_type == "BYTE_ARRAY":
                stats = chunk.statistics if chunk.is_stats_set else None
                ends = [stats.min, stats.max] if stats is not None and stats.has_min_max else []
                lengths = [len(end) for end in ends if isinstance(end, (str, bytes))]
                length = (sum(lengths) / len(lengths) if lengths else _UNKNOWN_TEXT) + 8
            path = chunk.path_in_schema
            bytes_ = max(chunk.total_uncompressed_size, chunk.num_values * length)
            # a name may have dots of its own
            for name in {path, path.partition(".")[0]}:
                judged[name] = judged.get(name, 0) + bytes_
    return {name: size * reader.footer.num_rows / max(rows, 1) for name, size in judged.items()}


def _in_pandas(column: _Column, rows: int) -> float:
    """Return the bytes of a column as its rule makes it; by its type where it has none."""
    rule = column.rule or {}
    kind, of = rule.get("kind"), rule.get("of")
    if kind is None:
        import pandas as pd

        stays = not _is_text(column.kind) or int(pd.__version__.partition(".")[0]) >= _ARROW_TEXT
        return column.arrow if stays else rows * (_POINTER + _TEXT) + column.arrow
    if kind == "string" and rule.get("storage") == "python":
        return 2 * rows * (_POINTER + _TEXT) + column.arrow  # put together from parts
    if kind == "category":
        return rows * 2.0
    if kind == "geometry":  # GEOS keeps a sequence and a cache beside the coordinates
        return rows * 200.0 + column.arrow * 2
    if kind != "object":
        return column.arrow
    if of in ("str", "bytes"):
        # values that come again within a batch may be one object; nobody knows
        return rows * (_POINTER + _TEXT) + max(column.arrow / _TEXT_SLACK - 4 * rows, 0)
    if of in ("list", "dict"):
        return rows * (_POINTER + _CONTAINER + (_CONTAINER if of == "dict" else 0)) + column.arrow * 6
    if of == "ndarray":
        return rows * (_POINTER + _CONTAINER) + column.arrow
    return rows * (_POINTER + (104 if of == "decimal" else _SCALAR + 16))


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary_view(kind)
    )


def _width(kind: pa.DataType) -> float:
    """Return the bytes of one value as Arrow; 0 where values have several lengths."""
    if pa.types.is_dictionary(kind):
        return float(kind.index_type.bit_width / 8)
    if isinstance(kind, pa.BaseExtensionType):
        return _width(kind.storage_type)
    try:
        return float(kind.bit_width / 8)
    except ValueError:
        return 0.0
