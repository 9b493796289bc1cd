"""A pandas Series comes back as the Series it was, and in other libraries as what is most like it."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from frames import SERIES
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal

from runloop_jupyter.errors import DecodeError, InputError, UnsupportedValue
from runloop_jupyter.values import registry


def assert_same(back: pd.Series, series: pd.Series) -> None:
    assert type(back) is pd.Series
    assert_series_equal(back, series, check_exact=True, check_freq=True)
    assert type(back.name) is type(series.name)
    assert back.attrs == series.attrs
    assert back.flags.allows_duplicate_labels == series.flags.allows_duplicate_labels


@pytest.mark.parametrize("case", SERIES)
def test_a_series_comes_back_equal(store, case):
    assert_same(store(SERIES[case]).read(), SERIES[case])


@pytest.mark.parametrize("case", SERIES)
@pytest.mark.parametrize("head", [0, 1, 2, 9])
def test_the_head_of_a_series_is_that_of_pandas(store, case, head):
    back = store(SERIES[case]).read(head=head)
    assert_series_equal(back, SERIES[case].head(head), check_exact=True, check_freq=False)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        pytest.param("polars", pl.Series("mass", [1.0, 2.0]), id="polars"),
        pytest.param("arrow", pa.table({"mass": [1.0, 2.0]}), id="arrow"),
        pytest.param("numpy", np.array([1.0, 2.0]), id="numpy"),
        pytest.param("pandas", pd.Series([1.0, 2.0], name="mass"), id="pandas"),
    ],
)
def test_a_series_of_pandas_or_polars_in_another_library(store, form, expected):
    for series in (pd.Series([1.0, 2.0], name="mass"), pl.Series("mass", [1.0, 2.0])):
        back = store(series).read(form=form)
        assert type(back) is type(expected)
        if form == "numpy":
            np.testing.assert_array_equal(back, expected)
            assert back.shape == (2,)
        else:
            assert back.equals(expected)
        if form in {"pandas", "polars"}:
            assert back.name == "mass"


def test_an_index_is_not_lost_where_a_series_has_none(store):
    counts = store(pd.Series([3, 1], index=pd.Index(["a", "b"], name="word"), name="count"))
    assert counts.read(form="polars").to_dict(as_series=False) == {"count": [3, 1], "word": ["a", "b"]}
    assert counts.read(form="arrow").column_names == ["count", "word"]


def test_the_facts_of_a_series_have_rows_and_no_columns(store):
    facts = store(pd.Series([1.5, 2.5], name="mass")).facts
    assert (facts["rows"], facts["schema"], facts["library"]) == (2, "mass:float64", "pandas")
    assert "columns" not in facts


def test_a_series_has_no_columns_to_choose_from(store):
    for series in (pd.Series([1], name="x"), pl.Series("x", [1])):
        for form in (None, "pandas", "polars", "arrow", "numpy"):
            with pytest.raises(InputError, match="a stored Series has no columns"):
                store(series).read(columns=("x",), form=form)


def test_other_readers_see_the_index_of_a_series(store):
    series = pd.Series([1, 2], index=pd.Index(["a", "b"], name="k"), name="v")
    assert_frame_equal(pd.read_parquet(store(series).file), series.to_frame())


def test_a_subclass_of_series_is_refused(store):
    with pytest.raises(UnsupportedValue, match=r"subclass of Series; put pandas.Series\(x\)"):
        store(type("Mine", (pd.Series,), {})([1]))


def relabelled(file: io.BytesIO, **lies: object) -> io.BytesIO:
    """Return the same table with another note."""
    table = pq.ParquetFile(file)
    note = json.loads(table.metadata.metadata[b"runloop"]) | lies
    copy = io.BytesIO()
    with pq.ParquetWriter(copy, table.schema_arrow) as writer:
        writer.write_table(table.read())
        writer.add_key_value_metadata({b"runloop": json.dumps(note).encode()})
    return copy


@pytest.mark.parametrize(
    "lie",
    [
        {"series": True},
        {"series": {"tuple": False, "of": []}},
        {"series": {"tuple": False, "of": [{"arrow": "?", "rule": {}}]}},
        {"series": 1, "width": 5},
        {"geo": {"active": "x"}},
        {"geo": {}},
        {"geo": 3},
        {"geo": []},
    ],
    ids=str,
)
def test_a_note_that_lies_about_what_was_stored_is_a_decode_error(store, lie):
    stored = store(pd.DataFrame({"a": [1], "b": ["x"]}))
    library = "geopandas" if "geo" in lie else "pandas"
    with pytest.raises(DecodeError) as caught:
        registry.decode("parquet", relabelled(stored.file, **lie), {"library": library})
    assert "\n" not in str(caught.value)


def test_a_polars_note_that_lies_is_a_decode_error(store):
    file = relabelled(store(pd.DataFrame({"a": [1], "b": ["x"]})).file, library="polars", version=1)
    table = pq.ParquetFile(file)
    copy = io.BytesIO()
    with pq.ParquetWriter(copy, table.schema_arrow) as writer:
        writer.write_table(table.read())
        writer.add_key_value_metadata({b"runloop": b'{"library":"polars","version":1,"series":true}'})
    with pytest.raises(DecodeError, match="says it is a Series and has other columns"):
        registry.decode("parquet", copy, {"library": "polars"})


names = st.one_of(
    st.none(),
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    st.tuples(st.text(st.characters(codec="utf-8"), max_size=3), st.integers(0, 9)),
)
values = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5).map(lambda v: pd.Series(v, dtype="int64")),
    st.lists(st.one_of(st.none(), st.integers(0, 255)), max_size=5).map(lambda v: pd.Series(v, dtype="UInt8")),
    st.lists(st.one_of(st.none(), st.booleans()), max_size=5).map(lambda v: pd.Series(v, dtype="boolean")),
    st.lists(st.floats(), max_size=5).map(lambda v: pd.Series(v, dtype="float64")),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=5).map(lambda v: pd.Series(v, dtype="str")),
    st.lists(st.one_of(st.none(), st.binary(max_size=5)), max_size=5).map(lambda v: pd.Series(v, dtype=object)),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=2), max_size=5).map(lambda v: pd.Series(pd.Categorical(v))),
)


@given(series=values, name=names, named=names, head=st.integers(0, 6))
@settings(max_examples=80, deadline=None)
def test_any_small_series_comes_back_equal_whole_and_in_part(store, series, name, named, head):
    index = pd.Index(range(len(series)), name=named if type(named) in (str, int) else None)
    series = series.set_axis(index if len(series) % 2 else index.astype(str))
    series.name = name
    stored = store(series)
    assert_same(stored.read(), series)
    assert_same(stored.read(head=head), series.head(head))
