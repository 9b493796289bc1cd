"""pandas DataFrames come back equal, or are refused in one line that names the column."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from frames import FRAMES, REFUSED, objects
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from runloop_jupyter.errors import DecodeError, UnsupportedValue
from runloop_jupyter.values import registry
from runloop_jupyter.values.codec import no_checkpoint
from runloop_jupyter.values.pandas_columns import CategoryRule
from runloop_jupyter.values.pandas_filling import filled


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_comes_back_equal(store, name):
    frame = FRAMES[name]
    back = store(frame).read()
    assert_frame_equal(back, frame, check_exact=True, check_freq=True)
    assert back.attrs == frame.attrs
    assert [type(value) for column in back for value in back[column]] == [
        type(value) for column in frame for value in frame[column]
    ]


@pytest.mark.parametrize("name", REFUSED)
def test_what_parquet_would_change_is_refused_by_name(store, name):
    value, fragment = REFUSED[name]
    with pytest.raises(UnsupportedValue) as refusal:
        store(value)
    assert fragment in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "last",
    [
        pytest.param("text", id="another type"),
        pytest.param([1, 2], id="a container"),
        pytest.param(2**80, id="too large"),
    ],
)
def test_a_bad_value_far_down_a_column_is_found(store, last):
    with pytest.raises(UnsupportedValue, match="column 'x'"):
        store(objects(*range(150_000), last))


def test_a_frame_of_several_row_groups_comes_back_equal(store, monkeypatch):
    monkeypatch.setattr("runloop_jupyter.values.parquet.ROW_GROUP_BYTES", 1 << 18)
    n = 150_000
    text = [f"k{i % 7}" for i in range(n)]
    frame = pd.DataFrame(
        {"i": np.arange(n), "s": text, "o": pd.Series(text, dtype=object), "c": pd.Categorical(text, ordered=True)}
    )
    stored = store(frame)
    assert pq.ParquetFile(stored.file).num_row_groups >= 3
    assert_frame_equal(stored.read(), frame)


@pytest.mark.parametrize("order", [list("abcde"), list("ab"), list("eb")])
def test_categories_keep_their_order_however_a_dictionary_has_them(order):
    values = pd.Categorical([order[0], order[1], None, order[0]], categories=list("abcde"))
    rule = CategoryRule.plan("c", values, no_checkpoint)
    stored = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0], pa.int32()), pa.array(order))
    assert filled(rule.filling(4), [stored]).equals(values)


def test_a_missing_value_far_down_is_missing_and_the_rest_is_not(store):
    n = 200_000  # several slices, the first of which lack nothing
    times = pd.date_range("2026", periods=n, freq="s")
    whole = pd.DataFrame(
        {
            "time": times,
            "zoned": times.tz_localize("Europe/Berlin", ambiguous="NaT", nonexistent="NaT"),
            "period": times.to_period("s"),
            "delta": times - times[0],
            "count": pd.array(range(n), dtype="Int64"),
            "ok": pd.array([True] * n, dtype="boolean"),
            "float": np.arange(n, dtype=float),
        }
    )
    holed = whole.copy()
    holed.iloc[150_000] = None
    for frame in (whole, holed):
        assert_frame_equal(store(frame).read(), frame)


def test_the_checkpoint_is_called_often_and_can_stop_both_ways(store):
    frame = pd.DataFrame({"a": np.arange(300_000), "b": "x"})
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1

    stored = store(frame, checkpoint=count)
    assert calls >= 10

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store(frame, checkpoint=stop)
    with pytest.raises(KeyboardInterrupt):
        stored.read(checkpoint=stop)


def test_other_readers_find_the_index_and_the_categories(store):
    frame = pd.DataFrame(
        {"v": [1.0, 2.0], "c": pd.Categorical(["a", "b"], ordered=True)}, index=pd.Index(["x", "y"], name="k")
    )
    assert_frame_equal(pd.read_parquet(store(frame).file), frame)


def test_facts_give_shape_and_short_schema(store):
    frame = pd.DataFrame({"species": ["Adelie"], "mass": [3750.0]}, index=pd.Index([7], name="id"))
    facts = store(frame).facts
    assert (facts["rows"], facts["columns"], facts["library"]) == (1, 2, "pandas")
    assert str(facts["schema"]).startswith("species:str, mass:float64")


def test_the_schema_of_a_wide_frame_stays_short(store):
    facts = store(pd.DataFrame(np.zeros((1, 500)))).facts
    assert len(facts["schema"]) <= 200
    assert facts["columns"] == 500


def test_a_note_that_names_unknown_things_is_a_decode_error(store):
    stored = store(pd.DataFrame({"a": [1]}))
    table = pq.ParquetFile(stored.file)
    note = json.loads(table.metadata.metadata[b"runloop"])
    note["rules"] = [{"kind": "numpy", "dtype": "object"}]
    file = io.BytesIO()
    with pq.ParquetWriter(file, table.schema_arrow) as writer:
        writer.write_table(table.read())
        writer.add_key_value_metadata({b"runloop": json.dumps(note).encode()})
    with pytest.raises(DecodeError):
        registry.decode("parquet", file, {"library": "pandas"})


@pytest.mark.parametrize("damage", [lambda data: data[:40], lambda data: b"PAR1" + data[40:], lambda data: b""])
def test_damaged_bytes_are_a_decode_error(store, damage):
    data = store(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})).file.getvalue()
    with pytest.raises(DecodeError, match="can't be read"):
        registry.decode("parquet", io.BytesIO(damage(data)), {"library": "pandas"})


@given(flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_flipped_bytes_raise_nothing_but_a_decode_error(store, flips):
    data = bytearray(store(pd.DataFrame({"a": [1, 2], "c": pd.Categorical(["x", "y"])})).file.getvalue())
    for place, bits in flips:
        data[place % len(data)] ^= bits
    with contextlib.suppress(DecodeError):
        registry.decode("parquet", io.BytesIO(bytes(data)), {"library": "pandas"})


text = st.text(st.characters(codec="utf-8"), max_size=8)
columns = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3),
    st.lists(st.floats(), min_size=3, max_size=3),
    st.lists(text, min_size=3, max_size=3),
    st.lists(st.booleans(), min_size=3, max_size=3),
    st.lists(st.datetimes(), min_size=3, max_size=3),
    st.lists(st.one_of(st.none(), st.dates()), min_size=3, max_size=3).map(lambda v: pd.Series(v, dtype=object)),
    st.lists(st.one_of(st.none(), st.binary(max_size=5)), min_size=3, max_size=3).map(
        lambda v: pd.Series(v, dtype=object)
    ),
    st.lists(st.lists(st.integers(0, 99), max_size=3), min_size=3, max_size=3),
    st.lists(text, min_size=3, max_size=3).map(pd.Categorical),
)


@given(columns=st.dictionaries(text, columns, max_size=4), index=st.lists(text, min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_small_frame_comes_back_equal(store, columns, index):
    frame = pd.DataFrame(columns, index=range(3)).set_axis(pd.Index(index, dtype="str"))
    assert_frame_equal(store(frame).read(), frame, check_exact=True)
