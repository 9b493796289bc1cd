"""polars DataFrames and Series as Parquet and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

import polars as pl
import pyarrow as pa

from runloop_jupyter.errors import DecodeError, UnsupportedValue
from runloop_jupyter.values import arrow_tables, parquet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runloop_jupyter.values.codec import JSON, Checkpoint

_TRIAL_ROWS: Final = 500


_SERIES: Final[dict[str, JSON]] = {"library": "polars", "version": 1, "series": True}


def encode(value: Any, file: BinaryIO, checkpoint: Checkpoint) -> None:
    """Write `value`, a polars DataFrame or Series.

    Raises:
        UnsupportedValue: It would not come back equal; the message names the column, its type and what to do.
    """
    is_series = isinstance(value, pl.Series)
    frame: Any = value.to_frame() if is_series else value
    if frame.height and not frame.width:
        raise UnsupportedValue(f"a polars DataFrame of {frame.height:,} rows without columns can't be stored; add one")
    schema = pa.schema([_field(frame, name) for name in frame.columns])
    arrow_tables.check_storable(schema)
    head = frame.head(_TRIAL_ROWS)
    back = _from_batches(arrow_tables.there_and_back(schema, _batches(head, schema, 0)), schema)
    if not back.equals(head, null_equal=True) or back.schema != head.schema:
        changed = next((name for name in head.columns if not _same(head[name], back[name])), None)
        raise UnsupportedValue(
            f"column {changed!r} is {frame.schema.get(changed)}, which Parquet would change; cast it or leave it out"
        )
    batches = _batches(frame, schema, _rows_per_batch(frame))
    parquet.write(file, schema, batches, checkpoint, _SERIES if is_series else None)


def decode(
    reader: parquet.Reader, checkpoint: Checkpoint, *, columns: Sequence[str] | None = None, head: int | None = None
) -> Any:
    """Return the table, or part of it, as a polars DataFrame; a Series as a Series, if it has no index of pandas.

    Raises:
        InputError: A column isn't there.
        DecodeError: polars can't hold it, or it is not what it says.
    """
    reader.part(columns, head)
    frame = _from_batches(reader.batches(checkpoint), reader.schema)
    if not reader.is_series:
        return frame
    if reader.note == _SERIES and frame.width != 1:
        raise DecodeError("the stored table says it is a Series and has other columns; take it --as arrow")
    return frame.to_series() if frame.width == 1 else frame


def _from_batches(batches: Iterator[pa.RecordBatch] | list[pa.RecordBatch], schema: pa.Schema) -> Any:
    try:
        frames: list[Any] = [pl.from_arrow(pa.Table.from_batches([batch], schema=schema)) for batch in batches]
        return pl.concat(frames, rechunk=False) if frames else pl.from_arrow(schema.empty_table())
    except pl.exceptions.PolarsError as error:
        raise DecodeError(f"polars can't hold the stored table ({error}); take it --as arrow") from error


def _field(frame: Any, name: str) -> pa.Field:
    """Return the Arrow field of a column, with the marks by which polars knows its own types again."""
    try:
        return frame.clear()[[name]].to_arrow().schema.field(0)
    except (pa.ArrowException, pl.exceptions.PolarsError, ValueError, TypeError) as error:
        raise UnsupportedValue(
            f"column {name!r} is {frame.schema[name]}, which Parquet can't hold; cast it or leave it out"
        ) from error


def _batches(frame: Any, schema: pa.Schema, step: int) -> Iterator[pa.RecordBatch]:
    for part in frame.iter_slices(step or parquet.BATCH_ROWS):
        yield from part.to_arrow().cast(schema).to_batches()


def _rows_per_batch(frame: Any) -> int:
    size = frame.head(_TRIAL_ROWS).estimated_size()
    return int(max(1, min(parquet.BATCH_ROWS, parquet.BATCH_BYTES * _TRIAL_ROWS // max(size, 1))))


def _same(was: Any, now: Any) -> bool:
    return bool(was.dtype == now.dtype and was.equals(now, null_equal=True))
