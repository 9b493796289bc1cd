"""polars DataFrames as Parquet and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import polars as pl
import pyarrow as pa

from runloop_jupyter.errors import DecodeError, UnsupportedValue
from runloop_jupyter.values import arrow_tables, parquet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runloop_jupyter.values.codec import Checkpoint

_TRIAL_ROWS = 500


def encode(frame: Any, file: BinaryIO, checkpoint: Checkpoint) -> None:
    """Write `frame`, a polars DataFrame.

    Raises:
        UnsupportedValue: It would not come back equal; the message names the column, its type and what to do.
    """
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
    parquet.write(file, schema, _batches(frame, schema, _rows_per_batch(frame)), checkpoint)


def decode(reader: parquet.Reader, checkpoint: Checkpoint) -> Any:
    """Return the table as a polars DataFrame."""
    return _from_batches(reader.batches(checkpoint), reader.schema)


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
