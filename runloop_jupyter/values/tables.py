"""Tables as Parquet: pandas, polars, geopandas, pyarrow, and whatever else speaks the Arrow C stream."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from runloop_jupyter.errors import DecodeError, InputError, MissingLibrary, UnsupportedValue
from runloop_jupyter.values import wkb
from runloop_jupyter.values.codec import JSON, Checkpoint, Preview, Wish, check_form, type_name, type_names
from runloop_jupyter.values.libraries import need

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runloop_jupyter.values import parquet

FORMS: Final = ("pandas", "polars", "arrow", "numpy", "geopandas")
_HEAD_ROWS: Final = 5
_CELL: Final = 80
_NUMPY_ROWS: Final = 1 << 16
_GEOMETRY: Final = "geometry"
_STREAM: Final = "__arrow_c_stream__"
_OWN: Final = frozenset(
    f"{library}.{kind}"
    for library, kinds in {
        "pandas": ("DataFrame", "Series"),
        "polars": ("DataFrame", "Series"),
        "geopandas": ("GeoDataFrame", "GeoSeries"),
    }.items()
    for kind in kinds
)
_ADVICE: Final = {
    **{name: f"it is a subclass of {name.partition('.')[2]}; put {name}(x)" for name in _OWN},
    "pandas.Index": "put index.to_frame(index=False), or index.to_series()",
    "polars.LazyFrame": "put df.collect()",
    "pyarrow.ChunkedArray": "put pyarrow.table({'name': array})",
    "pyarrow.Array": "put pyarrow.table({'name': array})",
}


class TableCodec:
    """DataFrames, Series and Arrow tables as Parquet (zstd), written by row groups."""

    format = "parquet"
    kind = "table"
    content_type = "binary"
    suffix = ".parquet"
    summary = "pandas, polars and geopandas DataFrames and Series, Arrow tables"
    parts = frozenset(["columns", "head"])

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of this codec's types."""
        return not isinstance(value, type) and (hasattr(type(value), _STREAM) or _known(value) is not None)

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file`; see `Codec.encode`."""
        from runloop_jupyter.values import parquet, short_types

        name = type_name(value)
        library = name.partition(".")[0]
        if name not in _OWN and (known := _known(value)) in _ADVICE:
            raise UnsupportedValue(f"a {name} can't be stored as it is; {_ADVICE[known]}")
        if name in _OWN and library == "polars":
            from runloop_jupyter.values import polars_frames

            polars_frames.encode(value, file, checkpoint)
        elif name in _OWN:
            from runloop_jupyter.values import pandas_frames

            pandas_frames.encode(value, file, checkpoint)
        else:
            from runloop_jupyter.values import arrow_tables

            arrow_tables.encode(value, file, checkpoint)
            library = "pyarrow"
        reader = parquet.Reader(file)
        columns = _columns(reader)
        facts: dict[str, JSON] = {
            "rows": reader.rows,
            "columns": len(columns),
            "schema": short_types.short_schema(columns),
            "library": "geopandas" if any(kind == _GEOMETRY for _, kind in columns) else library,
            "footer": parquet.footer_check(file),
        }
        if name in _OWN and library != "polars":
            # a pandas index is in the file's columns, and rows without columns are not in its rows
            facts["rows"], facts["columns"] = len(value), value.shape[-1]  # type: ignore[arg-type,attr-defined]
        if name.endswith("Series"):
            del facts["columns"]
        file.seek(0, io.SEEK_END)
        return facts

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Return the value in `file`; see `Codec.decode`."""
        from runloop_jupyter.values import parquet

        check_form(wish.form, self.format, FORMS)
        give = _giver(wish, facts)
        with parquet.reading():
            check_footer(file, facts)
            reader = parquet.Reader(file)
            if reader.is_series and wish.columns is not None:
                raise InputError("a stored Series has no columns to choose from; get it whole, or its --head")
            return give(reader, wish, checkpoint)

    def memory(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish) -> int | None:
        """Return about how many bytes `decode` takes at its peak; see `memory_for`."""
        from runloop_jupyter.values import parquet, table_memory

        check_form(wish.form, self.format, FORMS)
        with parquet.reading():
            check_footer(file, facts)
            return table_memory.estimate(parquet.Reader(file), _library(wish, facts), wish)

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return what shows without reading `file` whole; see `Codec.peek`."""
        from runloop_jupyter.values import parquet

        with parquet.reading():
            reader = parquet.Reader(file, buffered=True)
            columns = _columns(reader)
            batch = next(reader.batches(lambda: None, _HEAD_ROWS), None)
            cells = [] if batch is None else [column.slice(0, _HEAD_ROWS).to_pylist() for column in batch.columns]
            for i, (_, kind) in enumerate(columns[: len(cells)]):
                if kind == _GEOMETRY:
                    cells[i] = [wkb.shown(value) if isinstance(value, bytes) else value for value in cells[i]]
            head = [[_cell(value) for value in row] for row in zip(*cells, strict=True)]
            return Preview(rows=reader.rows, columns=columns, head=head)


def _known(value: object) -> str | None:
    """Return the first of `value`'s classes that this codec has a word of advice on."""
    return next((name for name in map(_public, type_names(value)) if name in _ADVICE), None)


def _public(name: str) -> str:
    return "pyarrow.Array" if name == "pyarrow.lib.Array" else name


def check_footer(file: BinaryIO, facts: Mapping[str, JSON]) -> None:
    """Compare the footer of `file` with what was noted when it was put.

    Raises:
        DecodeError: It is another.
    """
    from runloop_jupyter.values import parquet

    noted = facts.get("footer")
    if isinstance(noted, str) and parquet.footer_check(file) != noted:
        raise DecodeError("the stored table's footer is damaged (its checksum differs); nothing was read")


def _columns(reader: parquet.Reader) -> list[tuple[str, str]]:
    from runloop_jupyter.values import short_types

    shapes = _geometry_names(reader)
    return [
        (field.name, _GEOMETRY if field.name in shapes else short_types.short_type(field.type))
        for field in reader.schema
    ]


def _geometry_names(reader: parquet.Reader) -> set[str]:
    """Return the names of geometry columns, as far as the file's word on them can be read."""
    try:
        named = json.loads(reader.metadata.get(b"geo", b"{}")).get("columns", {})
    except (ValueError, AttributeError, RecursionError):
        return set()
    return set(named) if isinstance(named, dict) else set()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _library(wish: Wish, facts: Mapping[str, JSON]) -> str:
    """Return the library of which the value is to be: the one asked for, or it came from, if it is installed.

    Raises:
        MissingLibrary: It was asked for.
    """
    asked = wish.form if wish.form in FORMS else None
    library = asked or str(facts.get("library", ""))
    if library not in _GIVE:
        return "arrow"
    try:
        need(library, "or --as pandas, with geometries as WKB" if library == "geopandas" else "or --as arrow")
    except MissingLibrary:
        if asked:
            raise
        return "arrow"
    return library


def _giver(wish: Wish, facts: Mapping[str, JSON]) -> Callable[[parquet.Reader, Wish, Checkpoint], object]:
    return _GIVE.get(_library(wish, facts), _give_arrow)


def _give_arrow(reader: parquet.Reader, wish: Wish, checkpoint: Checkpoint) -> Any:
    import pyarrow as pa

    reader.part(wish.columns, wish.head)
    return pa.Table.from_batches(reader.batches(checkpoint), schema=reader.schema)


def _give_pandas(reader: parquet.Reader, wish: Wish, checkpoint: Checkpoint) -> Any:
    from runloop_jupyter.values import pandas_frames

    if pandas_frames.is_noted(reader.note):
        return pandas_frames.decode(reader, checkpoint, columns=wish.columns, head=wish.head, plain=True)
    return pandas_frames.from_elsewhere(reader, _give_arrow, wish, checkpoint)


def _give_geopandas(reader: parquet.Reader, wish: Wish, checkpoint: Checkpoint) -> Any:
    from runloop_jupyter.values import geometry, pandas_dress, pandas_frames

    if pandas_frames.is_noted(reader.note):
        value = pandas_frames.decode(reader, checkpoint, columns=wish.columns, head=wish.head)
        return pandas_dress.with_geometry(value) if wish.form == "geopandas" else value
    rules, primary = geometry.geo_columns(reader.metadata)
    frame = _give_pandas(reader, wish, checkpoint)
    return geometry.dressed(frame, rules, primary)


def _give_polars(reader: parquet.Reader, wish: Wish, checkpoint: Checkpoint) -> Any:
    from runloop_jupyter.values import polars_frames

    return polars_frames.decode(reader, checkpoint, columns=wish.columns, head=wish.head)


def _give_numpy(reader: parquet.Reader, wish: Wish, checkpoint: Checkpoint) -> Any:
    """Return a rows × columns array, where all columns are numbers of one type without gaps; a row of a Series."""
    import numpy as np
    import pyarrow as pa

    note = reader.note or {}
    names = list(reader.schema.names)[: note.get("width", len(reader.schema))]
    reader.part(wish.columns if wish.columns is not None else names, wish.head)
    kinds = set(reader.schema.types)
    numeric = all(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) for kind in kinds
    )
    if len(kinds) != 1 or not numeric:
        raise InputError(
            "only a table whose columns are all numbers of one type can be given as numpy; choose some with --columns,"
            " or get it as pandas, polars, arrow, bytes, path"
        )
    (kind,) = kinds
    array = np.empty((reader.rows, len(reader.schema)), kind.to_pandas_dtype())
    start = 0
    for batch in reader.batches(checkpoint, _NUMPY_ROWS):
        if any(column.null_count for column in batch.columns) and not pa.types.is_floating(kind):
            raise InputError(
                "the table has missing values, which a numpy array of its type can't hold; take it as pandas"
            )
        for i, column in enumerate(batch.columns):
            array[start : start + batch.num_rows, i] = column.to_numpy(zero_copy_only=False)
        start += batch.num_rows
    if start != reader.rows:
        raise DecodeError("the stored table has fewer rows than it says; its bytes are damaged")
    return array[:, 0] if reader.is_series else array


_GIVE: Final[dict[str, Callable[[parquet.Reader, Wish, Checkpoint], Any]]] = {
    "pandas": _give_pandas,
    "polars": _give_polars,
    "numpy": _give_numpy,
    "geopandas": _give_geopandas,
}
