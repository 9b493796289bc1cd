"""NumPy arrays come back equal, dtype, order and all; npy bytes from elsewhere are not trusted."""

from __future__ import annotations

import contextlib
import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from runloop_jupyter.errors import DecodeError, InputError, UnsafeValue, UnsupportedValue
from runloop_jupyter.values import registry

ARRAYS = {
    "matrix": np.arange(6.0).reshape(2, 3),
    "Fortran order": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "with gaps": np.arange(24).reshape(2, 3, 4)[:, ::2],
    "0-d": np.array(5),
    "no rows": np.zeros((0, 3)),
    "records": np.array([(1, "a")], dtype=[("x", "i4"), ("y", "U3")]),
    "nested records": np.zeros(2, dtype=[("p", [("x", "f4"), ("y", "f4")]), ("v", "f8", (3,))]),
    "records with padding": np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "records with Greek names": np.array([(1,)], dtype=[("λ", "i8")]),
    "datetime64": np.array(["2020-01-01", "NaT"], dtype="M8[D]"),
    "big-endian": np.arange(3, dtype=">f4"),
    "complex": np.array([1j]),
    "half": np.array([1.5], "f2"),
    "booleans": np.array([True, False]),
    "text": np.array(["a", "bc"]),
    "bytes": np.array([b"a"]),
    "void": np.zeros(3, "V5"),
    "empty text": np.zeros(2, "U0"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_comes_back_equal(store, name):
    array = ARRAYS[name]
    stored = store(array)
    back = stored.read()
    assert (type(back), back.dtype, back.shape) == (np.ndarray, array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)
    assert back.flags.f_contiguous or not array.flags.f_contiguous
    assert back.flags.writeable
    stored.file.seek(0)
    np.testing.assert_array_equal(np.load(stored.file, allow_pickle=False), array)


@pytest.mark.parametrize("scalar", [np.float32(1.5), np.int8(-1), np.datetime64("2020"), np.str_("ab"), np.bool_(True)])
def test_a_numpy_scalar_comes_back_as_one(store, scalar):
    back = store(scalar).read()
    assert type(back) is type(scalar)
    assert back == scalar


@pytest.mark.parametrize(
    ("array", "fragment"),
    [
        pytest.param(np.array([object()]), "Python objects", id="objects"),
        pytest.param(np.zeros(1, dtype=[("a", "O")]), "Python objects", id="a field of objects"),
        pytest.param(np.ma.array([1], mask=[True]), "np.asarray(x) and its mask", id="masked"),
        pytest.param(np.rec.array([(1, 2)]), "numpy.recarray", id="recarray"),
        pytest.param(np.array(["a"], dtype=np.dtypes.StringDType()), "StringDType", id="StringDType"),
        pytest.param(np.zeros(1, np.dtype("f8", metadata={"a": 1})), "metadata", id="dtype with metadata"),
        pytest.param(np.str_("a\0"), "NUL", id="text that ends in NUL"),
    ],
)
def test_what_npy_would_change_is_refused(store, array, fragment):
    with pytest.raises(UnsupportedValue) as refusal:
        store(array)
    assert fragment in str(refusal.value)


def npy(header: str, body: bytes = b"", version: bytes = b"\x01\x00") -> io.BytesIO:
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(header))
    return io.BytesIO(b"\x93NUMPY" + version + length + header.encode("latin-1") + body)


def described(descr: str, shape: str, order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(npy(described("'<f8'", "(1000000000000,)")), id="huge shape"),
        pytest.param(npy(described("'<f8'", "(2,)"), b"12345678"), id="too short"),
        pytest.param(npy(described("'<f8'", "(1,)"), b"123456789"), id="too long"),
        pytest.param(npy(described("'<f8'", "(-1,)")), id="negative shape"),
        pytest.param(npy(described("'<f8'", "(0, 10**9)")), id="arithmetic in the header"),
        pytest.param(npy(described("'<f8'", "(0, 999999999999999999999)")), id="shape past any limit"),
        pytest.param(npy(described("'<f8'", "(0," + "1," * 80 + ")")), id="too many dimensions"),
        pytest.param(npy(described("'nonsense'", "(1,)")), id="unknown dtype"),
        pytest.param(npy(described("'<f8'", "(True,)"), b"12345678"), id="shape of booleans"),
        pytest.param(npy("(" * 5000), id="nesting"),
        pytest.param(npy("{}"), id="empty header"),
        pytest.param(npy("__import__('os').system('true')"), id="code"),
        pytest.param(io.BytesIO(b"\x93NUMPY\x02\x00\xff\xff\xff\xff"), id="endless header"),
        pytest.param(io.BytesIO(b"\x93NUMPY\x09\x00"), id="unknown version"),
        pytest.param(io.BytesIO(b"PAR1"), id="another format"),
        pytest.param(io.BytesIO(b""), id="nothing"),
    ],
)
def test_a_header_that_lies_is_a_decode_error(file):
    with pytest.raises(DecodeError):
        registry.decode("npy", file, {})


def test_an_array_of_pickles_is_unsafe():
    file = io.BytesIO()
    np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UnsafeValue, match="could run code"):
        registry.decode("npy", file, {})


def test_large_arrays_pass_checkpoints_both_ways(store):
    calls = []
    stored = store(np.zeros(4_000_000), checkpoint=lambda: calls.append("out"))
    stored.read(checkpoint=lambda: calls.append("in"))
    assert calls.count("out") >= 3
    assert calls.count("in") >= 3


def test_a_peek_shows_the_first_rows(store):
    shown = registry.codec_named("npy").peek(store(np.arange(20.0).reshape(10, 2)).file, {})
    assert shown is not None
    assert (shown.rows, shown.text, shown.head[1]) == (10, "float64 10 × 2", ["2.0", "3.0"])


def test_an_array_can_not_be_given_as_pandas(store):
    with pytest.raises(InputError, match="it can as numpy"):
        store(np.zeros(1)).read(form="pandas")


@given(
    npst.arrays(
        dtype=st.one_of(npst.scalar_dtypes(), npst.array_dtypes(max_size=3)),
        shape=npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
@settings(max_examples=100, deadline=None)
def test_any_array_comes_back_equal(store, array):
    back = store(array).read()
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@given(data=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_after_the_magic_raise_nothing_but_codec_errors(data):
    with contextlib.suppress(DecodeError, UnsafeValue):
        registry.decode("npy", io.BytesIO(b"\x93NUMPY\x01\x00" + data), {})
