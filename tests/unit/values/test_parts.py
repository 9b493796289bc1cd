"""Part of a stored value: columns and rows as they would be of the whole, for little more than their bytes."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from frames import FRAMES
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from runloop_jupyter.errors import DecodeError, InputError, NotEnoughMemory
from runloop_jupyter.values import registry
from runloop_jupyter.values.codec import Wish
from runloop_jupyter.values.parts import check_columns


class Counting(io.BytesIO):
    """A file that counts what is read of it."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


@pytest.mark.parametrize(
    ("asked", "there", "said"),
    [
        pytest.param(["mas"], ["species", "mass", "year"], "no column 'mas'; did you mean mass?", id="close"),
        pytest.param(["MASS"], ["species", "mass"], "did you mean mass?", id="case"),
        pytest.param(["zz"], ["a", "b"], "it has a, b", id="listed"),
        pytest.param(["zz"], [f"c{i}" for i in range(40)], "c11 and 28 more", id="many"),
        pytest.param(["zz"], ["a,b", " c"], "it has 'a,b', ' c'", id="names to be quoted"),
        pytest.param(["a"], [], "it has none", id="none"),
        pytest.param(["a", "b", "a"], ["a", "b"], "'a' is asked for twice", id="twice"),
        pytest.param(["a"], ["a", "a"], "several columns 'a'", id="ambiguous"),
    ],
)
def test_a_column_that_cannot_be_meant_says_what_can(asked, there, said):
    with pytest.raises(InputError) as caught:
        check_columns(asked, there)
    assert said in str(caught.value)


def test_a_long_name_keeps_the_line_short():
    with pytest.raises(InputError) as caught:
        check_columns(["x" * 5000], ["y" * 5000])
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("head", [None, 0, 1, 99])
def test_columns_and_head_of_a_frame_are_those_of_pandas(store, name, head):
    frame = FRAMES[name]
    stored = store(frame)
    labels = [label for label in reversed(frame.columns) if list(map(str, frame.columns)).count(str(label)) == 1][:2]
    if labels:
        back = stored.read(columns=tuple(map(str, labels)), head=head)
        places = [list(frame.columns).index(label) for label in labels]
        assert_frame_equal(
            back, frame.iloc[: len(frame) if head is None else head, places], check_exact=True, check_freq=False
        )
    back = stored.read(head=head)
    assert_frame_equal(back, frame.head(len(frame) if head is None else head), check_exact=True, check_freq=False)
    assert back.attrs == frame.attrs


@pytest.mark.parametrize("name", [name for name in FRAMES if FRAMES[name].shape[1]])
@pytest.mark.parametrize("form", ["arrow", "polars"])
def test_columns_and_head_are_the_same_as_of_the_whole_in_other_libraries(store, name, form):
    stored = store(FRAMES[name])
    try:
        whole = stored.read(form=form)
    except DecodeError:  # polars has no such type
        return
    names = list(whole.column_names if form == "arrow" else whole.columns)[::-1][:2]
    part = stored.read(form=form, columns=tuple(names), head=1)
    assert part.equals(whole.select(names)[:1])


def test_names_with_dots_beside_structs_are_told_apart(store):
    frame = pd.DataFrame({"a": [{"b": 2, "c": 3}], "a.b": [1], "": [4]})
    stored = store(frame)
    for names in (("a.b",), ("a",), ("",), ("", "a.b", "a")):
        assert_frame_equal(stored.read(columns=names), frame[list(names)])


def test_the_index_comes_along_with_pandas_and_only_with_it(store):
    stored = store(pd.DataFrame({"a": [1], "b": [2]}, index=pd.Index(["x"], name="id")))
    assert stored.read(columns=("b",)).index.tolist() == ["x"]
    assert stored.read(columns=("b",), form="arrow").column_names == ["b"]
    assert stored.read(columns=("id", "b"), form="polars").columns == ["id", "b"]
    assert stored.read(columns=("b",), form="numpy").tolist() == [[2]]
    with pytest.raises(InputError, match="'id' is of the table's index, which comes along by itself"):
        stored.read(columns=("id", "b"))


def test_numpy_needs_only_the_chosen_columns_to_be_numbers(store):
    stored = store(pd.DataFrame({"s": ["x", "y"], "a": [1.5, 2.5], "b": [3.5, 4.5]}))
    np.testing.assert_array_equal(stored.read(form="numpy", columns=("b", "a")), [[3.5, 1.5], [4.5, 2.5]])
    np.testing.assert_array_equal(stored.read(form="numpy", columns=("a",), head=1), [[1.5]])


def test_columns_of_several_levels_are_named_by_their_tuple(store):
    frame = pd.DataFrame(np.eye(2), columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))
    stored = store(frame)
    assert_frame_equal(stored.read(columns=("('b', 2)",)), frame[[("b", 2)]])
    with pytest.raises(InputError, match=r"it has .*\('a', 1\)"):
        stored.read(columns=("zzz",))


@pytest.mark.parametrize("form", [None, "pandas", "polars", "arrow", "numpy"])
@pytest.mark.parametrize("value", [pd.DataFrame({"mass": [1]}), pl.DataFrame({"mass": [1]}), pa.table({"mass": [1]})])
def test_a_column_that_is_not_there_is_an_input_error_in_every_form(store, form, value):
    stored = store(value)
    with pytest.raises(InputError, match="did you mean mass"):
        stored.read(form=form, columns=("mas",))
    with pytest.raises(InputError, match="asked for twice"):
        stored.read(form=form, columns=("mass", "mass"))


def test_a_file_from_elsewhere_keeps_its_index_in_part():
    for index in (pd.RangeIndex(10, 40, 3, name="r"), pd.Index(list("abcdefghij"), name="k")):
        frame = pd.DataFrame({"a": range(10), "b": range(10)}, index=index)
        file = io.BytesIO()
        frame.to_parquet(file)
        back = registry.decode("parquet", file, {}, Wish("pandas", columns=("b",), head=4))
        assert_frame_equal(back, frame[["b"]].head(4))


def test_two_of_fifty_columns_and_the_first_rows_read_little(store):
    file = Counting()
    frame = pd.DataFrame(np.random.default_rng(0).random((100_000, 50))).add_prefix("c")
    stored = store(frame, file=file)
    whole = len(file.getvalue())
    for wish, most in (
        ({"columns": ("c40", "c3")}, 0.08),
        ({"head": 10}, 0.3),  # 64 KiB of each column are a sixth of it here
        ({"head": 10, "columns": ("c7",)}, 0.02),
    ):
        file.count = 0
        stored.read(**wish)
        assert file.count < whole * most, wish


def test_a_head_stops_within_a_row_group_and_crosses_them(store, monkeypatch):
    monkeypatch.setattr("runloop_jupyter.values.parquet.ROW_GROUP_BYTES", 1 << 18)
    frame = pd.DataFrame({"i": np.arange(150_000), "s": [f"k{i % 7}" for i in range(150_000)]})
    stored = store(frame)
    groups = pq.ParquetFile(stored.file)
    edge = groups.metadata.row_group(0).num_rows
    assert groups.num_row_groups > 2
    for head in (1, edge - 1, edge, edge + 1, 2 * edge + 7, 150_000, 150_001):
        assert_frame_equal(stored.read(head=head), frame.head(head))


def test_any_byte_that_is_flipped_is_found_in_a_part_too(store):
    frame = pd.DataFrame(
        {"a": np.arange(50), "s": [f"w{i % 7}" for i in range(50)], "c": pd.Categorical(["x", "y"] * 25)},
        index=pd.Index(range(50, 100), name="k"),
    )
    stored = store(frame)
    data, expected = stored.file.getvalue(), frame[["s", "a"]].head(20)
    said = []
    for place in range(0, len(data), 3):
        rotten = bytearray(data)
        rotten[place] ^= 0x81
        try:
            back = registry.decode("parquet", io.BytesIO(rotten), stored.facts, Wish(columns=("s", "a"), head=20))
        except (DecodeError, NotEnoughMemory) as error:
            said.append(str(error))
        else:  # a byte of the column that isn't read
            assert_frame_equal(back, expected)
    assert len(said) > len(data) / 3 / 2
    assert not any("\n" in line for line in said)


def test_a_rotten_page_is_named_as_damage(store):
    stored = store(pd.DataFrame({"a": np.random.default_rng(0).random(5000)}))
    data = bytearray(stored.file.getvalue())
    data[len(data) // 3] ^= 1
    with pytest.raises(DecodeError, match=r"can't be read .*CRC"):
        registry.decode("parquet", io.BytesIO(data), stored.facts, Wish(head=100))


def test_a_footer_of_another_file_is_found(store):
    stored = store(pd.DataFrame({"a": [1]}))
    other = store(pd.DataFrame({"b": [1]}))
    with pytest.raises(DecodeError, match="footer is damaged"):
        registry.decode("parquet", other.file, stored.facts, Wish(columns=("b",)))


@pytest.mark.parametrize(("rows", "head"), [(0, 2), (1, 0), (5, 2), (5, 5), (5, 9)])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2)], ids=str)
def test_the_first_items_of_an_array(store, rows, head, shape):
    array = np.arange(rows * int(np.prod(shape))).reshape(rows, *shape)
    file = Counting()
    stored = store(array, file=file)
    file.count = 0
    back = stored.read(head=head)
    np.testing.assert_array_equal(back, array[:head])
    assert back.dtype == array.dtype
    assert file.count <= 300 + back.nbytes  # the header, for the memory and for the items


def test_what_has_no_first_items_says_so(store):
    with pytest.raises(InputError, match="Fortran order"):
        store(np.asfortranarray(np.eye(3))).read(head=1)
    with pytest.raises(InputError, match="single number"):
        store(np.float64(1)).read(head=1)
    with pytest.raises(InputError, match="can't be given in part by columns"):
        store(np.eye(3)).read(columns=("0",))
    with pytest.raises(InputError, match="can't be given in part by head"):
        store([1, 2]).read(head=1)
    with pytest.raises(InputError, match="can't be given in part by head"):
        store(b"abc").read(head=1)


@given(text=st.text(st.sampled_from("a\n\r🐧é"), max_size=30), head=st.integers(0, 12))
@settings(max_examples=100, deadline=None)
def test_the_first_lines_of_a_text_with_their_ends(store, text, head):
    assert (
        store(text).read(head=head)
        == "".join(line + "\n" for line in text.split("\n"))[:-1][
            : len("".join(f"{line}\n" for line in text.split("\n")[:head]))
        ]
    )


def test_the_first_lines_of_a_long_text_read_little(store):
    file = Counting()
    stored = store("".join(f"line {i}\n" for i in range(500_000)), file=file)
    file.count = 0
    assert stored.read(head=3) == "line 0\nline 1\nline 2\n"
    assert file.count <= 128 << 10
    assert stored.read(head=200_000).count("\n") == 200_000


def test_bad_utf8_past_the_lines_asked_for_is_none_of_their_business(store):
    file = io.BytesIO(b"good\n\xff\n")
    assert registry.decode("text", file, {}, Wish(head=1)) == "good\n"
    with pytest.raises(DecodeError, match="byte 5"):
        registry.decode("text", file, {}, Wish(head=2))
