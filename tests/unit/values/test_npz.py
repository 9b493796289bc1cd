"""Dicts of arrays come back equal and in order; zips from elsewhere are not trusted."""

from __future__ import annotations

import contextlib
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from runloop_jupyter.errors import DecodeError, InputError, NotEnoughMemory, UnsafeValue, UnsupportedValue
from runloop_jupyter.values import memory, registry

ARRAYS = {
    "z": np.arange(6.0).reshape(2, 3),
    "a": np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3)),
    "Dense_0/kernel": np.zeros((0, 3), "f4"),
    "файл 🐧": np.array(["2020-01-01", "NaT"], dtype="M8[D]"),
    "0-d": np.array(5),
}


def packed(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file


def npy(array: np.ndarray, **options: bool) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def test_arrays_come_back_equal_in_their_order(store):
    back = store(ARRAYS).read()
    assert list(back) == list(ARRAYS)
    for key, array in ARRAYS.items():
        assert (type(back[key]), back[key].dtype, back[key].shape) == (np.ndarray, array.dtype, array.shape)
        np.testing.assert_array_equal(back[key], array)
    assert back["a"].flags.f_contiguous
    assert back["z"].flags.writeable


def test_plain_numpy_reads_the_file(store):
    with np.load(io.BytesIO(store(ARRAYS).file.getvalue()), allow_pickle=False) as loaded:
        assert loaded.files == list(ARRAYS)
        np.testing.assert_array_equal(loaded["Dense_0/kernel"], ARRAYS["Dense_0/kernel"])


def test_scalars_come_back_as_scalars_beside_arrays_of_no_dimension(store):
    back = store({"loss": np.float32(0.5), "array": np.array(0.5, "f4")}).read()
    assert type(back["loss"]) is np.float32
    assert type(back["array"]) is np.ndarray


def test_the_same_arrays_are_the_same_bytes(store):
    assert store(ARRAYS).file.getvalue() == store(dict(ARRAYS)).file.getvalue()


@pytest.mark.parametrize(
    ("value", "fragment"),
    [
        ({"a": np.zeros(1), "b": "text"}, "['b'] is a str beside"),
        ({"a": np.zeros(1), "b": np.array([object()])}, "['b']: an array of Python objects"),
        ({1: np.zeros(1)}, "the key 1 is a int"),
        ({"": np.zeros(1)}, "is empty"),
        ({"../a": np.zeros(1)}, "leads elsewhere"),
        ({"/a": np.zeros(1)}, "leads elsewhere"),
        ({"a\\b": np.zeros(1)}, "backslash"),
        ({"a\0": np.zeros(1)}, "NUL"),
        ({"\ud800": np.zeros(1)}, "lone surrogate"),
        ({"a.npy": np.zeros(1)}, "ends in .npy"),
        ({"a" * 70_000: np.zeros(1)}, "too long"),
    ],
)
def test_what_npz_would_change_is_refused_by_its_place(store, value, fragment):
    with pytest.raises(UnsupportedValue) as refusal:
        store(value)
    assert fragment in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_of_savez_compressed_is_read():
    file = io.BytesIO()
    np.savez_compressed(file, a=np.zeros(1_000_000), b=np.arange(3))
    back = registry.decode("npz", file, {})
    assert (back["a"].shape, list(back["b"])) == ((1_000_000,), [0, 1, 2])


def test_pickled_objects_in_a_member_are_unsafe():
    with pytest.raises(UnsafeValue, match="'b'"):
        registry.decode("npz", packed({"a.npy": npy(np.zeros(1)), "b.npy": npy(np.array([{}]), allow_pickle=True)}), {})


def twice() -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", npy(np.zeros(1)))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.npy", npy(np.ones(1)))
    return file


def patched(old: bytes, new: bytes, file: io.BytesIO, count: int = -1) -> io.BytesIO:
    data = file.getvalue()
    assert old in data
    return io.BytesIO(data.replace(old, new, count))


def encrypted() -> io.BytesIO:
    data = bytearray(packed({"a.npy": npy(np.zeros(1))}).getvalue())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return io.BytesIO(bytes(data))


def lying(by: int) -> io.BytesIO:
    """A deflated member whose directory entry declares `by` times its size."""
    file = packed({"a.npy": npy(np.zeros(100))}, zipfile.ZIP_DEFLATED)
    size = len(npy(np.zeros(100)))
    return patched(size.to_bytes(4, "little"), (size * by).to_bytes(4, "little"), file)


def overlapping() -> io.BytesIO:
    """Two entries of the directory that share one member's bytes."""
    file = packed({"a.npy": npy(np.zeros(1000)), "b.npy": npy(np.zeros(1000))})
    data = bytearray(file.getvalue())
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = (0).to_bytes(4, "little")
    first_end = data.index(b"PK\x03\x04", 10)
    directory = data.index(b"PK\x01\x02")
    cut = directory - first_end
    del data[first_end:directory]
    end = data.rindex(b"PK\x05\x06")
    data[end + 16 : end + 20] = (directory - cut).to_bytes(4, "little")
    return io.BytesIO(bytes(data))


HOSTILE = {
    "no zip": lambda: io.BytesIO(b"PK\x03\x04 and no more"),
    "nothing": io.BytesIO,
    "cut off": lambda: io.BytesIO(packed({"a.npy": npy(np.zeros(100))}).getvalue()[:-60]),
    "a name twice": twice,
    "no array": lambda: packed({"a.txt": b"hello"}),
    "bytes called an array": lambda: packed({"a.npy": b"hello"}),
    "a path upwards": lambda: packed({"../../a.npy": npy(np.zeros(1))}),
    "an absolute path": lambda: packed({"/etc/passwd.npy": npy(np.zeros(1))}),
    "encrypted": encrypted,
    "more than deflate can hold": lambda: lying(2000),
    "a size that is not its own": lambda: lying(2),
    "members on top of each other": overlapping,
    "wrong checksum": lambda: patched(
        np.float64(7.25).tobytes(), np.float64(7.5).tobytes(), packed({"a.npy": npy(np.array([7.25]))})
    ),
    "an unusual packing": lambda: packed({"a.npy": npy(np.zeros(1))}, zipfile.ZIP_BZIP2),
    "a header that lies": lambda: packed({"a.npy": npy(np.zeros(2))[:-8]}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_zip_that_lies_is_a_decode_error(case):
    with pytest.raises(DecodeError) as caught:
        registry.decode("npz", HOSTILE[case](), {})
    assert "\n" not in str(caught.value)


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 256 << 20)
    file = io.BytesIO()
    np.savez_compressed(file, **{f"a{i}": np.zeros(8 << 20) for i in range(4)})
    assert len(file.getvalue()) < 1 << 20
    with pytest.raises(NotEnoughMemory):
        registry.decode("npz", file, {})


def test_large_arrays_pass_checkpoints_both_ways(store):
    calls = []
    stored = store({"a": np.zeros(4_000_000)}, checkpoint=lambda: calls.append("out"))
    stored.read(checkpoint=lambda: calls.append("in"))
    assert calls.count("out") >= 3
    assert calls.count("in") >= 3


def test_a_peek_names_the_arrays(store):
    shown = registry.codec_named("npz").peek(store({f"a{i}": np.zeros((2, i)) for i in range(12)}).file, {})
    assert shown.columns[3] == ("a3", "float64 2 × 3")
    assert shown.text == "12 arrays, the first 8 shown"


def test_the_facts_stay_short(store):
    assert len(str(store({f"{'a' * 50}{i}": np.zeros(1) for i in range(1000)}).facts)) < 400


def test_arrays_can_be_given_as_numpy_and_not_as_pandas(store):
    assert list(store(ARRAYS).read(form="numpy")) == list(ARRAYS)
    with pytest.raises(InputError, match="it can as numpy"):
        store(ARRAYS).read(form="pandas")


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\\/."), min_size=1, max_size=8),
        npst.arrays(npst.scalar_dtypes(), npst.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3)),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=60, deadline=None)
def test_any_arrays_come_back_equal(store, arrays):
    back = store(arrays).read()
    assert list(back) == list(arrays)
    for key, array in arrays.items():
        assert (back[key].dtype, back[key].tobytes()) == (array.dtype, array.tobytes())


@given(st.binary(max_size=120), st.integers(0, 300))
@settings(max_examples=150, deadline=None)
def test_any_bytes_raise_nothing_but_codec_errors(data, at):
    whole = bytearray(packed({"a.npy": npy(np.zeros(3))}).getvalue())
    whole[at : at + len(data)] = data
    with contextlib.suppress(DecodeError, UnsafeValue):
        registry.decode("npz", io.BytesIO(bytes(whole)), {})
