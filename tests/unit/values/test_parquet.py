"""Parquet files by row groups: written on one thread while batches are made on another, read likewise."""

from __future__ import annotations

import errno
import io
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runloop_jupyter.values import parquet
from runloop_jupyter.values.codec import no_checkpoint

TABLE = pa.table({"i": np.arange(10_000), "s": [f"k{i % 7}" for i in range(10_000)]})


def batches(rows: int = 500) -> list[pa.RecordBatch]:
    return TABLE.to_batches(max_chunksize=rows)


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("rl-table")]


@pytest.fixture
def small_groups(monkeypatch):
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 1 << 14)


def written(**options) -> io.BytesIO:
    file = io.BytesIO()
    parquet.write(file, TABLE.schema, batches(), no_checkpoint, **options)
    return file


def test_a_row_group_has_so_many_bytes_and_so_many_rows(monkeypatch, small_groups):
    by_bytes = pq.ParquetFile(written()).metadata
    assert by_bytes.num_row_groups > 5
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 1 << 30)
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 3000)
    by_rows = pq.ParquetFile(written()).metadata
    assert [by_rows.row_group(i).num_rows for i in range(by_rows.num_row_groups)] == [3000, 3000, 3000, 1000]


def test_the_file_stays_open_and_stands_at_its_end():
    file = written()
    assert file.tell() == len(file.getvalue())
    assert pq.read_table(file) == TABLE


def test_a_batch_is_as_large_as_its_row_group_or_as_small_as_is_asked_for(small_groups):
    file = written()
    groups = pq.ParquetFile(file).metadata
    sizes = [groups.row_group(i).num_rows for i in range(groups.num_row_groups)]
    assert [batch.num_rows for batch in parquet.Reader(file).batches(no_checkpoint)] == sizes
    few = list(parquet.Reader(file).batches(no_checkpoint, 64))
    assert max(batch.num_rows for batch in few) == 64
    assert pa.Table.from_batches(few) == TABLE


@pytest.mark.parametrize(("limit", "least"), [("_READ_BYTES", 1), ("ROW_GROUP_ROWS", 1000)])
def test_a_row_group_that_is_too_large_for_one_batch_comes_in_several(monkeypatch, limit, least):
    file = io.BytesIO()
    pq.write_table(TABLE, file, row_group_size=6000)
    assert len(list(parquet.Reader(file).batches(no_checkpoint))) == 2
    monkeypatch.setattr(parquet, limit, least)
    monkeypatch.setattr(parquet, "_READ_ROWS", 1000)
    found = list(parquet.Reader(file).batches(no_checkpoint))
    assert {batch.num_rows for batch in found} == {1000}
    assert pa.Table.from_batches(found) == TABLE


def test_rows_without_columns_are_counted():
    file = io.BytesIO()
    schema = pa.schema([])
    empty = pa.RecordBatch.from_struct_array(pa.array([{}] * 7, pa.struct([])))
    parquet.write(file, schema, [empty], no_checkpoint)
    reader = parquet.Reader(file)
    assert sum(batch.num_rows for batch in reader.batches(no_checkpoint)) == reader.rows


def test_who_stops_reading_leaves_no_thread(small_groups):
    file = written()
    seen = []

    def stop() -> None:
        seen.append(len(threads()))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(parquet.Reader(file).batches(stop))
    assert seen == [1]  # there was one
    assert not threads()


def test_who_stops_writing_leaves_no_thread_and_an_open_file(small_groups):
    file, seen = io.BytesIO(), []

    def stop() -> None:
        seen.append(len(threads()))
        if len(seen) == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        parquet.write(file, TABLE.schema, batches(), stop)
    assert seen[-1] == 1
    assert not threads()
    assert not file.closed


class Full(io.BytesIO):
    """A file on a disk that has no room past so many bytes."""

    room = 10_000

    def write(self, data) -> int:  # type: ignore[override]
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_disk_that_is_full_is_said_to_be(small_groups):
    with pytest.raises(OSError, match="No space left") as error:
        parquet.write(Full(), TABLE.schema, batches(), no_checkpoint)
    assert error.value.errno == errno.ENOSPC
    assert not threads()


def test_a_small_table_needs_no_thread(monkeypatch):
    monkeypatch.setattr(parquet, "ahead", None)
    monkeypatch.setattr("runloop_jupyter.values.ahead._thread", None)
    assert pa.Table.from_batches(parquet.Reader(written()).batches(no_checkpoint)) == TABLE
