"""Tables of polars, pyarrow and anything that speaks the Arrow C stream; and the forms a table can be given in."""

from __future__ import annotations

import datetime as dt
import io
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal as assert_pandas_equal
from polars.testing import assert_frame_equal

from runloop_jupyter.errors import InputError, MissingLibrary, UnsupportedValue
from runloop_jupyter.values import registry
from runloop_jupyter.values.codec import Preview, Wish

NOON = dt.datetime.fromisoformat("2020-01-01T12:00")  # no zone, on purpose

POLARS = {
    "text": pl.Series(["a", None]),
    "categories": pl.Series(["b", "a", None], dtype=pl.Categorical),
    "enum": pl.Series(["a", None], dtype=pl.Enum(["b", "a", "unused"])),
    "nulls": pl.Series([None, None]),
    "decimals": pl.Series([Decimal("1.10"), None]),
    "zoned times": pl.Series([NOON]).dt.replace_time_zone("Europe/Berlin"),
    "milliseconds": pl.Series([NOON], dtype=pl.Datetime("ms")),
    "nanoseconds": pl.Series([NOON], dtype=pl.Datetime("ns")),
    "durations": pl.Series([dt.timedelta(1)], dtype=pl.Duration("ms")),
    "time of day": pl.Series([dt.time(1, 2, 3, 4)]),
    "dates": pl.Series([dt.date(2020, 1, 1)]),
    "lists": pl.Series([[1, 2], [], None]),
    "arrays": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int8, 2)),
    "structs": pl.Series([{"a": 1, "b": [{"c": "x"}]}]),
    "lists of categories": pl.Series([["a"], ["b"]], dtype=pl.List(pl.Categorical)),
    "bytes": pl.Series([b"a"]),
    "booleans": pl.Series([True, None]),
    "nan and null": pl.Series([float("nan"), None]),
    "small integers": pl.Series([1], dtype=pl.Int8),
}


def arrow_table() -> pa.Table:
    table = pa.table(
        {
            "category": pa.array(["a", "b"]).dictionary_encode(),
            "seconds": pa.array([1, 2], pa.timestamp("s")),
            "date64": pa.array([0, 86_400_000], pa.date64()),
            "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int8())),
            "null": pa.nulls(2),
        }
    ).replace_schema_metadata({b"k": b"v"})
    field = pa.field("marked", pa.int8(), nullable=False, metadata={b"a": b"b"})
    return table.append_column(field, pa.array([1, 2], pa.int8()))


class Streamed:
    """A table of a library nobody has heard of."""

    def __init__(self, data: pa.Table | pa.ChunkedArray) -> None:
        self._data = data

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._data.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("name", POLARS)
def test_a_polars_frame_comes_back_equal(store, name):
    frame = pl.DataFrame({"x": POLARS[name], "y": range(len(POLARS[name]))})
    for each in (frame, frame.clear()):
        back = store(each).read()
        assert_frame_equal(back, each)
        assert back.schema == each.schema


def test_polars_categories_survive_several_row_groups(store, monkeypatch):
    monkeypatch.setattr("runloop_jupyter.values.parquet.ROW_GROUP_BYTES", 1 << 17)
    frame = pl.DataFrame({"x": pl.Series([f"k{i % 1000}" for i in range(150_000)], dtype=pl.Categorical)})
    assert_frame_equal(store(frame).read(), frame)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda table: table, id="Table"),
        pytest.param(lambda table: table.slice(0, 0), id="empty Table"),
        pytest.param(lambda table: table.to_batches()[0], id="RecordBatch"),
        pytest.param(lambda table: pa.RecordBatchReader.from_batches(table.schema, table.to_batches()), id="Reader"),
        pytest.param(Streamed, id="Arrow C stream"),
    ],
)
def test_arrow_comes_back_as_an_equal_table_with_its_metadata(store, make):
    value = make(arrow_table())
    expected = arrow_table().slice(0, 0) if isinstance(value, pa.Table) and not len(value) else arrow_table()
    back = store(value).read()
    assert type(back) is pa.Table
    assert back.equals(expected, check_metadata=True)


def test_values_of_a_dictionary_that_no_row_uses_are_kept(store):
    array = pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.int8()), pa.array(["z", "a", "unused"]))
    back = store(pa.table({"x": array})).read()
    assert back["x"].chunk(0).dictionary.to_pylist() == ["z", "a", "unused"]


@pytest.mark.parametrize(
    ("value", "fragment"),
    [
        pytest.param(pl.LazyFrame({"a": [1]}), "put df.collect()", id="LazyFrame"),
        pytest.param(pl.DataFrame({"x": [object()]}), "column 'x' is Object", id="polars objects"),
        pytest.param(pl.DataFrame({"x": pl.Series([1], dtype=pl.Int128)}), "column 'x' is Int128", id="Int128"),
        pytest.param(pl.DataFrame(height=3), "without columns", id="rows without columns"),
        pytest.param(pa.array([1]), "put pyarrow.table", id="Arrow array"),
        pytest.param(pa.table([[1], [2]], names=["a", "a"]), "'a' occurs more than once", id="duplicate names"),
        pytest.param(
            pa.table({"x": pa.array([1]).dictionary_encode()}), "cast it to int64", id="dictionary of numbers"
        ),
        pytest.param(
            pa.table({"x": pa.nulls(1, pa.month_day_nano_interval())}),
            "column 'x' is month_day_nano",
            id="no such type",
        ),
        pytest.param(Streamed(pa.chunked_array([[1]])), "is not a table", id="stream of an array"),
    ],
)
def test_what_is_no_table_or_would_change_is_refused(store, value, fragment):
    with pytest.raises(UnsupportedValue) as refusal:
        store(value)
    assert fragment in str(refusal.value)


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(pa.array([0] * 1000 + [1], pa.date64()), id="part of a day"),
        pytest.param(pa.array([[0]] * 1000 + [[1]], pa.list_(pa.date64())), id="part of a day in a list"),
        pytest.param(pa.array([0] * 1000 + [2**60], pa.timestamp("s")), id="seconds past all milliseconds"),
    ],
)
def test_a_value_that_parquet_would_round_is_found_wherever_it_stands(store, array):
    with pytest.raises(UnsupportedValue, match="x"):
        store(pa.table({"x": array}))
    with pytest.raises(UnsupportedValue, match="x"):
        store(pd.DataFrame({"x": pd.arrays.ArrowExtensionArray(pa.chunked_array([array]))}))


@pytest.fixture(scope="module")
def numbers(store):
    return store(pd.DataFrame({"a": [1, 2], "b": [3, 4]}, index=["x", "y"]))


def test_a_table_is_given_as_the_library_that_is_asked_for(numbers):
    assert type(numbers.read(form="arrow")) is pa.Table
    assert numbers.read(form="polars").columns == ["a", "b", "__index_level_0__"]
    assert numbers.read(form="pandas").index.tolist() == ["x", "y"]
    assert numbers.read(form="parquet").equals(numbers.read())


def test_a_table_of_one_type_is_given_as_a_numpy_array_without_its_index(numbers):
    np.testing.assert_array_equal(numbers.read(form="numpy"), [[1, 3], [2, 4]])


def test_a_mixed_table_as_numpy_names_the_forms_there_are(store):
    with pytest.raises(InputError, match="pandas, polars, arrow"):
        store(pd.DataFrame({"a": ["x"], "b": [1]})).read(form="numpy")


def test_a_form_that_tables_have_not_names_those_they_have(numbers):
    with pytest.raises(InputError, match="can't be given as 'text'; it can as pandas, polars, arrow, numpy"):
        numbers.read(form="text")


def test_a_file_from_elsewhere_is_read_as_asked(tmp_path):
    pd.DataFrame({"a": [1]}, index=pd.Index(["k"], name="i")).to_parquet(tmp_path / "t.parquet")
    file = io.BytesIO((tmp_path / "t.parquet").read_bytes())
    assert type(registry.decode("parquet", file, {})) is pa.Table
    assert_pandas_equal(
        registry.decode("parquet", file, {}, Wish(form="pandas")), pd.read_parquet(tmp_path / "t.parquet")
    )


def test_a_missing_library_falls_back_to_arrow_unless_it_was_asked_for(numbers, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert type(numbers.read()) is pa.Table
    with pytest.raises(MissingLibrary, match="pip install pandas"):
        numbers.read(form="pandas")


def test_a_peek_shows_schema_and_first_rows_and_reads_little(store):
    class Counting(io.BytesIO):
        count = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            self.count += len(data)
            return data

    file = Counting()
    frame = pd.DataFrame({"a": np.random.default_rng(0).random(1_000_000), "s": "word"})
    store(frame, file=file)
    file.count = 0
    shown = registry.codec_named("parquet").peek(file, {})
    assert isinstance(shown, Preview)
    assert (shown.rows, shown.columns, len(shown.head)) == (1_000_000, [("a", "float64"), ("s", "str")], 5)
    assert shown.head[0] == [str(frame["a"][0]), "word"]
    assert file.count < len(file.getvalue()) / 4
