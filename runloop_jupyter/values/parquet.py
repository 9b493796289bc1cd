"""Parquet files as streams of record batches: written by row groups, read batch by batch."""

from __future__ import annotations

import base64
import binascii
import io
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from runloop_jupyter.errors import CodecError, DecodeError, UnsupportedValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runloop_jupyter.values.codec import JSON, Checkpoint

ROW_GROUP_BYTES: Final = 16 << 20
BATCH_BYTES: Final = 8 << 20
BATCH_ROWS: Final = 1 << 16
PAGE_BYTES: Final = 128 << 10
"""Of a page and of a dictionary: the first rows of a column are a page away. Against the default of 1 MiB a frame of
a million rows was written in half the time, came out 12 % smaller, and showed its head for a fifth of the bytes."""
_READ_ROWS: Final = 1 << 17
_NOTE: Final = b"runloop"
"""Key of the file's own metadata under which a frame's shape in its library is kept, as JSON."""


class Writer:
    """Writes record batches of one schema; a row group whenever there is enough for one."""

    def __init__(
        self, file: BinaryIO, schema: pa.Schema, checkpoint: Checkpoint, *, keep_dictionaries: bool = False
    ) -> None:
        self._checkpoint = checkpoint
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self.rows = 0
        self._coarsened = [field.name for field in schema if _is_coarsened(field.type)]
        large = keep_dictionaries and any(pa.types.is_dictionary(kind) for kind in schema.types)
        self._writer = pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            store_schema=True,
            # Past this a dictionary is given up, and with it the values it holds that no row uses. A high limit makes
            # every column of many values slow, so it is for those who have no other record of the values.
            dictionary_pagesize_limit=ROW_GROUP_BYTES if large else PAGE_BYTES,
            data_page_size=PAGE_BYTES,
        )

    def write(self, batch: pa.RecordBatch) -> None:
        """Take a batch, and write a row group where there is enough for one."""
        if self._coarsened:
            _check_exact(batch.select(self._coarsened))
        self.rows += batch.num_rows
        self._waiting.append(batch)
        self._waiting_bytes += batch.nbytes
        if self._waiting_bytes >= ROW_GROUP_BYTES:
            self._flush()
        self._checkpoint()

    def finish(self, note: dict[str, JSON] | None) -> None:
        """Write what is left and the footer, with `note` in it."""
        self._flush()
        if note is not None:
            self._writer.add_key_value_metadata({_NOTE: json.dumps(note, separators=(",", ":")).encode()})
        self._writer.close()

    def abandon(self) -> None:
        """Let go of the file, whatever state it is in."""
        self._waiting.clear()
        if self._writer.is_open:
            self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            table = pa.Table.from_batches(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
            self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
            self._checkpoint()


def write(
    file: BinaryIO,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    checkpoint: Checkpoint,
    note: dict[str, JSON] | None = None,
    *,
    keep_dictionaries: bool = False,
) -> int:
    """Write `batches` as one Parquet file and return the number of rows.

    Args:
        file: Where to.
        schema: Of every batch.
        batches: Small ones; they are gathered into row groups.
        checkpoint: Called for each batch and row group.
        note: For the footer; `Reader.note` gives it back.
        keep_dictionaries: Keep dictionary values that no row uses, whatever their size.

    Raises:
        UnsupportedValue: Parquet can't hold a column; the message names it.
    """
    try:
        writer = Writer(file, schema, checkpoint, keep_dictionaries=keep_dictionaries)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise refuse_schema(schema, error) from error
    try:
        for batch in batches:
            writer.write(batch)
        writer.finish(note)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise refuse_schema(schema, error) from error
    finally:
        writer.abandon()
    return writer.rows


def _is_coarsened(kind: pa.DataType) -> bool:
    """Whether Parquet stores values of `kind` in a type that holds less, and Arrow writes them without a look."""
    if pa.types.is_date64(kind) or (pa.types.is_timestamp(kind) and kind.unit == "s"):
        return True
    return any(_is_coarsened(kind.field(i).type) for i in range(kind.num_fields))


def _check_exact(batch: pa.RecordBatch) -> None:
    for name in batch.schema.names:
        table = pa.Table.from_batches([batch.select([name])])
        spool = io.BytesIO()
        try:
            pq.write_table(table, spool)
            exact = pq.read_table(spool).cast(table.schema).equals(table)
        except pa.ArrowInvalid:  # seconds that overflow as milliseconds
            exact = False
        if not exact:
            raise UnsupportedValue(
                f"column {name!r} is {str(table.schema.field(0).type)[:80]} and has values that Parquet would change;"
                " cast it to timestamp('us')"
            )


def refuse_schema(schema: pa.Schema, error: Exception) -> UnsupportedValue:
    """Return the refusal that names the first column of `schema` that Parquet can't hold."""
    for field in schema:
        try:
            pq.ParquetWriter(pa.BufferOutputStream(), pa.schema([field])).close()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return UnsupportedValue(
                f"column {field.name!r} is {str(field.type)[:80]}, which Parquet can't hold; cast it or leave it out"
            )
    return UnsupportedValue(f"Parquet can't hold this table: {error}; cast or leave out the column it names")


def check_names(names: list[str]) -> None:
    """Refuse column names that occur twice.

    Raises:
        UnsupportedValue: Names the first.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UnsupportedValue(f"the column name {name!r} occurs more than once; rename one of them")
        seen.add(name)


@contextmanager
def reading() -> Iterator[None]:
    """Turn what hostile or damaged bytes provoke in a reader into one `DecodeError`."""
    try:
        yield
    except CodecError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, OverflowError, AttributeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's; Arrow's own have no number
        raise DecodeError(
            f"the stored table can't be read ({type(error).__name__}: {error}); its bytes are damaged or of another"
            " format; take it as a path to look at it"
        ) from error


class Reader:
    """A Parquet file: what it says of itself, and its rows batch by batch in the types they were written from."""

    def __init__(self, file: BinaryIO, *, buffered: bool = False) -> None:
        """Read the footer only. `buffered` reads columns by small pieces: for a look at the first rows."""
        file.seek(0)
        self._file = pq.ParquetFile(file, pre_buffer=not buffered, buffer_size=1 << 16 if buffered else 0)
        found: dict[bytes, bytes] = self._file.metadata.metadata or {}
        self.rows: int = self._file.metadata.num_rows
        self.note = _read_note(found.get(_NOTE))
        self.schema = _written_schema(found.get(b"ARROW:schema"), self._file.schema_arrow)

    def batches(self, checkpoint: Checkpoint, rows: int = _READ_ROWS) -> Iterator[pa.RecordBatch]:
        """Yield all rows, at most `rows` in a batch."""
        for batch in self._file.iter_batches(batch_size=rows):
            yield _cast(batch, self.schema)
            checkpoint()


def _read_note(data: bytes | None) -> dict[str, Any] | None:
    if data is None:
        return None
    note = json.loads(data)
    return note if isinstance(note, dict) else None


def _written_schema(encoded: bytes | None, found: pa.Schema) -> pa.Schema:
    """Return the schema that the table had before Parquet's coarser types took it, where the file tells."""
    if encoded is not None:
        try:
            written = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(encoded)))
        except (pa.ArrowException, binascii.Error, OSError):
            return found
        if written.names == found.names:
            return written
    return found


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    if batch.schema.equals(schema, check_metadata=True):
        return batch
    columns = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


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
