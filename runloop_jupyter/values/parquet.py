"""Parquet files as streams of record batches: written by row groups, read batch by batch."""

from __future__ import annotations

import base64
import binascii
import io
import json
import struct
import zlib
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from runloop_jupyter.errors import CodecError, DecodeError, UnsupportedValue, one_line
from runloop_jupyter.values.ahead import Behind, ahead
from runloop_jupyter.values.parts import check_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from runloop_jupyter.values.codec import JSON, Checkpoint

ROW_GROUP_BYTES: Final = 16 << 20
ROW_GROUP_ROWS: Final = 1 << 20
BATCH_BYTES: Final = 8 << 20
BATCH_ROWS: Final = 1 << 16
PAGE_BYTES: Final = 128 << 10
"""Of a page and of a dictionary: the first rows of a column are a page away. Against the default of 1 MiB a frame of
a million rows was written in half the time, came out 12 % smaller, and showed its head for a fifth of the bytes."""
_READ_ROWS: Final = 1 << 17
"""In a batch of a row group too large to be decoded at once: over four times what is written here."""
_READ_BYTES: Final = 4 * ROW_GROUP_BYTES
_PIECE: Final = 1 << 16
_NOTE: Final = b"runloop"
"""Key of the file's own metadata under which a frame's shape in its library is kept, as JSON."""
_SIZES: Final = b"runloop.bytes"
"""Key of the bytes that each column took in memory as Arrow; what Parquet knows is their size as dictionaries."""
_TAIL: Final = struct.Struct("<I4s")
"""Of every Parquet file: the length of its footer, and a magic."""


class Writer:
    """Writes record batches of one schema; a row group whenever there is enough for one, while others are made."""

    def __init__(
        self, file: BinaryIO, schema: pa.Schema, checkpoint: Checkpoint, *, keep_dictionaries: bool = False
    ) -> None:
        self._checkpoint = checkpoint
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = self._waiting_rows = 0
        self._behind = Behind()
        self.rows = 0
        self._sizes = [0] * len(schema)
        self._coarsened = [field.name for field in schema if _is_coarsened(field.type)]
        large = keep_dictionaries and any(pa.types.is_dictionary(kind) for kind in schema.types)
        self._sink = _Sink(file)
        self._writer = pq.ParquetWriter(
            self._sink,
            schema,
            compression="zstd",
            store_schema=True,
            # Past this a dictionary is given up, and with it the values it holds that no row uses. A high limit makes
            # every column of many values slow, so it is for those who have no other record of the values.
            dictionary_pagesize_limit=ROW_GROUP_BYTES if large else PAGE_BYTES,
            data_page_size=PAGE_BYTES,
            # Who reads part of the file can't compare a digest of the whole. The cost is below what can be measured.
            write_page_checksum=True,
        )

    def write(self, batch: pa.RecordBatch) -> None:
        """Take a batch, and write a row group where there is enough for one."""
        if self._coarsened:
            _check_exact(batch.select(self._coarsened))
        self.rows += batch.num_rows
        for i, column in enumerate(batch.columns):
            # a dictionary is in every batch and is kept once
            self._sizes[i] += (column.indices if isinstance(column, pa.DictionaryArray) else column).nbytes
        self._waiting.append(batch)
        self._waiting_bytes += batch.nbytes
        self._waiting_rows += batch.num_rows
        if self._waiting_bytes >= ROW_GROUP_BYTES or self._waiting_rows >= ROW_GROUP_ROWS:
            self._behind.do(self._encoding())
        self._checkpoint()

    def finish(self, note: dict[str, JSON] | None) -> None:
        """Write what is left and the footer, with `note` in it."""
        self._behind.wait()
        if self._waiting:
            self._encoding()()  # here: a small table takes less time than a thread does to begin
            self._checkpoint()
        said = {_SIZES: json.dumps(self._sizes, separators=(",", ":")).encode()}
        if note is not None:
            said[_NOTE] = json.dumps(note, separators=(",", ":")).encode()
        self._writer.add_key_value_metadata(said)
        self._writer.close()

    def abandon(self) -> None:
        """Let go of the file, whatever state it is in."""
        self._waiting.clear()
        self._behind.end()
        if self._writer.is_open:
            self._sink.let_go()
            with suppress(pa.ArrowException, OSError, ValueError):
                self._writer.close()

    def _encoding(self) -> Callable[[], None]:
        """Return what writes the batches that wait, as a row group."""
        table = pa.Table.from_batches(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = self._waiting_rows = 0
        return partial(self._writer.write_table, table, row_group_size=max(table.num_rows, 1))


class _Sink(io.RawIOBase):
    """A file as Arrow's writer sees it, until it is let go of.

    A writer that isn't closed closes itself when it is collected as garbage, whatever Python does just then, and where
    its file can't be written to that ends Python.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file: BinaryIO | None = file

    def let_go(self) -> None:
        """Take what is written from now on for written."""
        self._file = None

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write `data`."""
        return len(data) if self._file is None else self._file.write(data)

    def tell(self) -> int:
        """Return where the file stands."""
        return 0 if self._file is None else self._file.tell()


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
    except (CodecError, MemoryError):  # Arrow's own word for no memory is both a MemoryError and one of those below
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, OverflowError, AttributeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's; Arrow's own have no number
        reason = one_line(f"{type(error).__name__}: {error}", 300)
        raise DecodeError(
            f"the stored table can't be read ({reason}); its bytes are damaged or of another format; take it as a path"
            " to look at it"
        ) from error


def footer_check(file: BinaryIO) -> str:
    """Return the CRC-32 of the footer in hexadecimal. The checksums of pages leave it out.

    Raises:
        DecodeError: The file ends like no Parquet file.
    """
    end = file.seek(0, io.SEEK_END)
    file.seek(max(end - _TAIL.size, 0))
    tail = file.read(_TAIL.size)
    length, magic = _TAIL.unpack(tail) if len(tail) == _TAIL.size else (0, b"")
    if magic != b"PAR1" or length > end - _TAIL.size:
        raise DecodeError("the stored table can't be read (it has no footer); take it as a path to look at it")
    file.seek(end - _TAIL.size - length)
    return f"{zlib.crc32(file.read(length)):08x}"


class Reader:
    """A Parquet file: what it says of itself, and its rows batch by batch in the types they were written from.

    Attributes:
        rows: How many `batches` yields.
        schema: Of what it yields.
        note: What `write` was given; None in a file from elsewhere.
        metadata: Of the file: key to value, both bytes.
        footer: What the file says of its row groups.
    """

    def __init__(self, file: BinaryIO, *, buffered: bool = False) -> None:
        """Read the footer only. `buffered` reads columns by small pieces: for a look at the first rows."""
        self._source = file
        self._buffered = buffered
        self._open = self._opened(buffered=buffered)
        self.footer: pq.FileMetaData = self._open.metadata
        self.metadata: dict[bytes, bytes] = self.footer.metadata or {}
        self.rows: int = self.footer.num_rows
        self.note = _read_note(self.metadata.get(_NOTE))
        self.schema = _written_schema(self.metadata.get(b"ARROW:schema"), self._open.schema_arrow)
        self._columns: list[str] | None = None

    def part(self, columns: Sequence[str] | None = None, head: int | None = None) -> None:
        """Have `batches` yield these columns only, in this order, and so many rows from the beginning.

        Raises:
            InputError: A column isn't there, is asked for twice or could be either of two.
        """
        if columns is not None:
            check_columns(columns, self.schema.names)
            self._columns = list(columns)
            self.schema = pa.schema([self.schema.field(name) for name in columns], self.schema.metadata)
        if head is not None:
            self.rows = min(self.rows, head)

    def batches(self, checkpoint: Checkpoint, rows: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows, at most `rows` in a batch; as they are decoded where nothing is said.

        One row group after the other, the next one decoded while the last is used. Read in one go, Arrow would keep
        the bytes of all until the end.
        """
        decoded = self._decoded(rows or _READ_ROWS)
        if self.footer.num_row_groups > 1 and not self._buffered:
            decoded = ahead(decoded)
        for batch in decoded:
            for start in range(0, batch.num_rows, rows or max(batch.num_rows, 1)):
                yield batch.slice(start, rows)
                checkpoint()

    def _decoded(self, rows: int) -> Iterator[pa.RecordBatch]:
        left = self.rows
        for group in range(self.footer.num_row_groups):
            if left <= 0:
                return
            for batch in self._of_group(group, left, min(rows, left)):
                yield _cast(self._chosen(batch).slice(0, left), self.schema)
                left -= batch.num_rows
                if left <= 0:
                    break

    def _of_group(self, group: int, wanted: int, rows: int) -> Iterator[pa.RecordBatch]:
        """Yield a row group's batches: by `rows` if only so many are wanted of it, or it is too large for one."""
        about = self.footer.row_group(group)
        opened = self._open
        if wanted < about.num_rows and not self._buffered:
            opened = self._opened(buffered=True)  # the first pages do
        elif not self._buffered and about.num_rows <= ROW_GROUP_ROWS and about.total_byte_size <= _READ_BYTES:
            # A sixth quicker than by batches, each of which is decoded on as many threads.
            yield from opened.read_row_group(group, self._columns).to_batches()
            return
        yield from opened.iter_batches(rows, row_groups=[group], columns=self._columns)

    @property
    def is_series(self) -> bool:
        """Whether what was stored says of itself that it was a Series."""
        return self.note is not None and self.note.get("series") is not None

    @property
    def sizes(self) -> list[int] | None:
        """The bytes that each column of the file took in memory as Arrow; None in a file from elsewhere."""
        try:
            sizes = json.loads(self.metadata.get(_SIZES, b""))
        except ValueError:
            return None
        fits = isinstance(sizes, list) and len(sizes) == len(self._open.schema_arrow)
        return sizes if fits and all(type(size) is int and size >= 0 for size in sizes) else None

    def _opened(self, *, buffered: bool) -> pq.ParquetFile:
        self._source.seek(0)
        return pq.ParquetFile(
            self._source,
            metadata=getattr(self, "footer", None),
            pre_buffer=not buffered,
            buffer_size=_PIECE if buffered else 0,
            page_checksum_verification=True,
        )

    def _chosen(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        # For "a.b" Arrow also gives the field b of a column a.
        return batch if self._columns is None else batch.select(self._columns)


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
