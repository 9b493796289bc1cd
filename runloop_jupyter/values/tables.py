"""Tables as Parquet: pandas, polars, pyarrow, and whatever else speaks the Arrow C stream."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from runloop_jupyter.errors import InputError, MissingLibrary, UnsupportedValue
from runloop_jupyter.values.codec import JSON, Checkpoint, Preview, Wish, check_form, type_name, type_names
from runloop_jupyter.values.libraries import need

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runloop_jupyter.values import parquet

FORMS: Final = ("pandas", "polars", "arrow", "numpy")
_HEAD_ROWS: Final = 5
_CELL: Final = 80
_STREAM: Final = "__arrow_c_stream__"
_ADVICE: Final = {
    "pandas.Series": "put s.to_frame()",
    "pandas.DataFrame": "it is a subclass of DataFrame; put pandas.DataFrame(df), or save it with its own library and"
    " put the path",
    "polars.Series": "put s.to_frame()",
    "polars.LazyFrame": "put df.collect()",
    "polars.DataFrame": "it is a subclass of DataFrame; put polars.DataFrame(df)",
    "pyarrow.ChunkedArray": "put pyarrow.table({'name': array})",
    "pyarrow.Array": "put pyarrow.table({'name': array})",
}


class TableCodec:
    """DataFrames and Arrow tables as Parquet (zstd), written by row groups."""

    format = "parquet"
    kind = "table"
    content_type = "binary"
    suffix = ".parquet"
    summary = "pandas and polars DataFrames, Arrow tables"

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of this codec's types."""
        return not isinstance(value, type) and (hasattr(type(value), _STREAM) or _known(value) is not None)

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file`; see `Codec.encode`."""
        from runloop_jupyter.values import parquet

        library = type_name(value)
        if library == "pandas.DataFrame":
            from runloop_jupyter.values import pandas_frames

            pandas_frames.encode(value, file, checkpoint)  # type: ignore[arg-type]
        elif library == "polars.DataFrame":
            from runloop_jupyter.values import polars_frames

            polars_frames.encode(value, file, checkpoint)
        elif (known := _known(value)) in _ADVICE:
            raise UnsupportedValue(f"a {library} can't be stored as it is; {_ADVICE[known]}")
        else:
            from runloop_jupyter.values import arrow_tables

            arrow_tables.encode(value, file, checkpoint)
        reader = parquet.Reader(file)
        columns = _columns(reader)
        # a pandas index is in the file's columns, and rows without columns are not in its rows
        rows, width = value.shape if library == "pandas.DataFrame" else (reader.rows, len(columns))  # type: ignore[attr-defined]
        file.seek(0, io.SEEK_END)
        package = library.partition(".")[0]
        return {
            "rows": rows,
            "columns": width,
            "schema": parquet.short_schema(columns),
            "library": package if package in ("pandas", "polars") else "pyarrow",
        }

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Return the value in `file`; see `Codec.decode`."""
        from runloop_jupyter.values import parquet

        check_form(wish.form, self.format, FORMS)
        asked = wish.form if wish.form in FORMS else None
        library = asked or str(facts.get("library", ""))
        give = _GIVE.get(library, _give_arrow)
        if give is not _give_arrow:
            try:
                need(library, "or --as arrow")
            except MissingLibrary:
                if asked:
                    raise
                give = _give_arrow
        with parquet.reading():
            return give(parquet.Reader(file), checkpoint)

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return what shows without reading `file` whole; see `Codec.peek`."""
        from runloop_jupyter.values import parquet

        with parquet.reading():
            reader = parquet.Reader(file, buffered=True)
            columns = _columns(reader)
            batch = next(reader.batches(lambda: None, _HEAD_ROWS), None)
            cells = [] if batch is None else [column.slice(0, _HEAD_ROWS).to_pylist() for column in batch.columns]
            head = [[_cell(value) for value in row] for row in zip(*cells, strict=True)]
            return Preview(rows=reader.rows, columns=columns, head=head)


def _known(value: object) -> str | None:
    """Return the first of `value`'s classes that this codec has a word of advice on."""
    return next((name for name in map(_public, type_names(value)) if name in _ADVICE), None)


def _public(name: str) -> str:
    return "pyarrow.Array" if name == "pyarrow.lib.Array" else name


def _columns(reader: parquet.Reader) -> list[tuple[str, str]]:
    from runloop_jupyter.values import parquet

    return [(field.name, parquet.short_type(field.type)) for field in reader.schema]


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _give_arrow(reader: parquet.Reader, checkpoint: Checkpoint) -> object:
    import pyarrow as pa

    return pa.Table.from_batches(reader.batches(checkpoint), schema=reader.schema)


def _give_pandas(reader: parquet.Reader, checkpoint: Checkpoint) -> object:
    from runloop_jupyter.values import pandas_frames

    if pandas_frames.is_noted(reader.note):
        return pandas_frames.decode(reader, checkpoint)
    table: Any = _give_arrow(reader, checkpoint)
    return table.to_pandas(split_blocks=True)


def _give_polars(reader: parquet.Reader, checkpoint: Checkpoint) -> object:
    from runloop_jupyter.values import polars_frames

    return polars_frames.decode(reader, checkpoint)


def _give_numpy(reader: parquet.Reader, checkpoint: Checkpoint) -> object:
    """Return a rows × columns array, where all columns are numbers of one type without gaps."""
    import numpy as np
    import pyarrow as pa

    levels = 0 if reader.note is None else len(reader.note.get("rules", [])) - reader.note.get("width", 0)
    fields = list(reader.schema)[: len(reader.schema) - levels]
    kinds = {field.type for field in fields}
    numeric = all(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) for kind in kinds
    )
    if len(kinds) != 1 or not numeric:
        raise InputError(
            "only a table whose columns are all numbers of one type can be given as numpy;"
            " this one can as pandas, polars, arrow, bytes, path"
        )
    parts = []
    for batch in reader.batches(checkpoint):
        columns = [batch.column(i) for i in range(len(fields))]
        if any(column.null_count for column in columns) and not pa.types.is_floating(fields[0].type):
            raise InputError(
                "the table has missing values, which a numpy array of its type can't hold; take it as pandas"
            )
        parts.append(np.column_stack([column.to_numpy(zero_copy_only=False) for column in columns]))
    empty = np.empty((0, len(fields)), fields[0].type.to_pandas_dtype())
    return np.concatenate(parts) if parts else empty


_GIVE: Final[dict[str, Callable[[parquet.Reader, Checkpoint], object]]] = {
    "pandas": _give_pandas,
    "polars": _give_polars,
    "numpy": _give_numpy,
}
