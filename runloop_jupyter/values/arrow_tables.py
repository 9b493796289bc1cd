"""Arrow tables, batches and streams as Parquet."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa

from runloop_jupyter.errors import CodecError, UnsupportedValue
from runloop_jupyter.values import parquet
from runloop_jupyter.values.codec import no_checkpoint, type_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runloop_jupyter.values.codec import Checkpoint

_TRIAL_ROWS = 500


def encode(value: Any, file: BinaryIO, checkpoint: Checkpoint) -> None:
    """Write a pyarrow Table, RecordBatch or RecordBatchReader (which is used up), or what ``__arrow_c_stream__`` gives.

    Raises:
        UnsupportedValue: It would not come back equal, or is no table.
    """
    schema, batches = _open(value)
    check_storable(schema)
    first = next(batches, None)
    if first is not None:
        head = first.slice(0, _TRIAL_ROWS)
        back = there_and_back(schema, [head])
        if pa.Table.from_batches(back, schema) != pa.Table.from_batches([head], schema):
            changed = [
                field.name
                for i, field in enumerate(schema)
                if not _same(head.column(i), [each.column(i) for each in back])
            ]
            raise UnsupportedValue(
                f"column {', '.join(map(repr, changed))} would not come back equal; cast it or leave it out"
            )
        batches = itertools.chain([first], batches)
    parquet.write(file, schema, _small(batches), checkpoint, keep_dictionaries=True)


def check_storable(schema: pa.Schema) -> None:
    """Refuse a schema that Parquet can't hold or would give back as another.

    Raises:
        UnsupportedValue: Names the column, its type and what to do.
    """
    parquet.check_names(schema.names)
    for field in schema:
        if _has_dictionary_of_others(field.type):
            raise UnsupportedValue(
                f"column {field.name!r} is {field.type}, and Parquet keeps dictionaries of text only; cast it to"
                f" {getattr(field.type, 'value_type', 'its values')}"
            )
    there_and_back(schema, [])


def there_and_back(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Store `batches` in memory and return what is read.

    Raises:
        UnsupportedValue: They can't be stored, or not be read.
    """
    spool = io.BytesIO()
    parquet.write(spool, schema, batches, no_checkpoint, keep_dictionaries=True)
    try:
        with parquet.reading():
            reader = parquet.Reader(spool)
            if not reader.schema.equals(schema, check_metadata=True):
                raise parquet.refuse_schema(schema, ValueError("its schema comes back as another"))
            return list(reader.batches(no_checkpoint))
    except CodecError as error:
        raise UnsupportedValue(f"this table would not come back from Parquet: {error}") from error


def _open(value: Any) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    if isinstance(value, pa.Table):
        return value.schema, iter(value.to_batches(max_chunksize=parquet.BATCH_ROWS))
    if isinstance(value, pa.RecordBatch):
        return value.schema, iter([value])
    try:
        reader = value if isinstance(value, pa.RecordBatchReader) else pa.RecordBatchReader.from_stream(value)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise UnsupportedValue(
            f"the Arrow stream of this {type_name(value)} is not a table ({error}); put a table"
        ) from error
    return reader.schema, iter(reader)


def _small(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Cut `batches` so that each is small in rows and in bytes."""
    for batch in batches:
        step = max(1, min(parquet.BATCH_ROWS, parquet.BATCH_BYTES * batch.num_rows // max(batch.nbytes, 1)))
        for start in range(0, batch.num_rows, step):
            yield batch.slice(start, step)


def _same(was: pa.Array, now: list[pa.Array]) -> bool:
    return bool(pa.chunked_array(now, was.type).equals(pa.chunked_array([was])))


def _has_dictionary_of_others(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return not (pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type))
    return any(_has_dictionary_of_others(kind.field(i).type) for i in range(kind.num_fields))
