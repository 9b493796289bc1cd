"""Which codec takes a value, which reads a format, and how other packages bring theirs."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import zipfile
from importlib import metadata

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from IPython.display import SVG
from matplotlib.figure import Figure
from PIL import Image
from sklearn.linear_model import Ridge

from runloop_jupyter.errors import DecodeError, InputError, UnsafeValue, UnsupportedValue
from runloop_jupyter.values import registry
from runloop_jupyter.values.codec import Wish


class Fraction:
    """A value of a third party."""


class FractionCodec:
    format = "fraction"
    kind = "number"
    content_type = "text"
    suffix = ".frac"
    summary = "fractions"

    def accepts(self, value):
        return isinstance(value, (Fraction, dict))

    def encode(self, value, file, checkpoint):
        file.write(b"1/2")
        return {}

    def decode(self, file, facts, wish, checkpoint):
        return Fraction()

    def peek(self, file, facts):
        return None


class Usurper(FractionCodec):
    format = "json"


class Fragile(FractionCodec):
    format = "fragile"

    def accepts(self, value):
        raise RuntimeError("not today")


def zipped(name):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, b"x")
    return file.getvalue()


@pytest.fixture
def entry_points(monkeypatch):
    def forget():
        registry._codecs.cache_clear()
        registry._named.cache_clear()

    def install(*names):
        points = [metadata.EntryPoint(name.lower(), f"{__name__}:{name}", registry.GROUP) for name in names]
        monkeypatch.setattr(metadata, "entry_points", lambda group: points)
        monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
        forget()

    yield install
    monkeypatch.undo()
    forget()


@pytest.mark.parametrize(
    ("value", "format_"),
    [
        (pd.DataFrame(), "parquet"),
        (np.zeros(1), "npy"),
        (np.float64(1), "npy"),
        (1.0, "json"),
        ([], "json"),
        (None, "json"),
        ("x", "text"),
        (b"x", "bytes"),
        ({"a": np.zeros(1)}, "npz"),
        ({"a": np.float64(1)}, "npz"),
        ({"a": [np.zeros(1)]}, "json"),
        (xr.Dataset(), "netcdf"),
        (xr.DataArray(1), "netcdf"),
        (torch.zeros(1), "safetensors"),
        ({"a": torch.zeros(1)}, "safetensors"),
        (torch.nn.ReLU(), "safetensors"),
        (Ridge(), "skops"),
        (Image.new("L", (1, 1)), "png"),
        (Figure(), "png"),
        (SVG("<svg/>"), "svg"),
    ],
)
def test_each_value_has_its_codec(value, format_):
    assert registry.codec_for(value).format == format_


@pytest.mark.parametrize("value", [(1,), {1}, object(), print, pd.DataFrame, type("Text", (str,), {})("x")])
def test_a_value_without_a_stored_form_is_refused_with_what_to_do(value):
    with pytest.raises(UnsupportedValue, match=r"--pickle \(pickle=True\)"):
        registry.codec_for(value)


def test_a_format_that_does_not_take_the_value_names_the_one_that_does():
    with pytest.raises(UnsupportedValue, match="a dict can't be stored as parquet; it can as json"):
        registry.codec_for({}, format="parquet")


def test_an_unknown_format_names_those_there_are():
    with pytest.raises(InputError, match="netcdf, parquet, npy, npz"):
        registry.codec_for({}, format="xlsx")


def test_a_format_nobody_reads_is_a_decode_error():
    with pytest.raises(DecodeError, match="install the package"):
        registry.decode("xlsx", io.BytesIO(), {})


def test_pickle_is_by_flag_both_ways(store):
    stored = store({1, 2}, pickle=True)
    with pytest.raises(UnsafeValue, match="--allow-pickle"):
        stored.read()
    assert stored.read(allow_pickle=True) == {1, 2}
    with pytest.raises(InputError, match="--pickle"):
        registry.codec_for({1}, format="pickle")


def test_a_value_that_does_not_pickle_is_refused(store):
    with pytest.raises(UnsupportedValue, match="can't be pickled"):
        store(lambda: 1, pickle=True)


def test_a_damaged_pickle_is_a_decode_error():
    with pytest.raises(DecodeError, match=r"made with Python 3\.9"):
        registry.decode("pickle", io.BytesIO(b"\x80\x05oops"), {"python": "3.9"}, Wish(allow_pickle=True))


@pytest.mark.parametrize(
    ("head", "name", "format_"),
    [
        (b"PAR1\x15", "whatever.txt", "parquet"),
        (b"\x89PNG\r\n\x1a\n\0\0", "a.jpg", "png"),
        (b"\x89HDF\r\n\x1a\n\0", "a", "netcdf"),
        (b"CDF\x01\0\0", "a.nc", None),
        (zipped("a/b.npy"), "a", "npz"),
        (zipped("schema.json"), "a", "skops"),
        (zipped("1.npy"), "a.skops", "skops"),
        (zipped("word/document.xml"), "a.npz", None),
        (b'\x10\0\0\0\0\0\0\0{"a":', "a", "safetensors"),
        (b'\x10\0\0\0\0\0\0\x01{"a":', "a", None),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a --><svg/>", "a.txt", "svg"),
        (b"<html><svg></svg></html>", "a.svg", "text"),
        (b"\x93NUMPY\x01\x00", "x", "npy"),
        (b'{"a": 1}', "a.JSON", "json"),
        (b'{"a": 1}', "a", "text"),
        ("grüße".encode(), "a.md", "text"),
        ("grü".encode()[:-1], "a", "text"),
        (b"a,b\n1,2\n", "a.csv", "text"),
        (b"", "a.txt", "text"),
        (b"", "a.json", "text"),
        (b"\x80\x05K\x01.", "model.pkl", "pickle"),
        (b"\x80\x05K\x01.", "model", None),
        (b"\x1f\x8b\x08", "a.json", None),
        (b"ab\x00cd", "a.txt", None),
        (b"gr\xfc\xdfe", "a.txt", None),
    ],
)
def test_a_payload_is_known_by_its_bytes_before_its_name(head, name, format_):
    assert registry.sniff(head, name) == format_


def test_a_third_party_comes_before_the_built_in_codecs(entry_points):
    entry_points("FractionCodec")
    assert registry.codec_for({}).format == "fraction"
    assert registry.codec_for([]).format == "json"
    assert registry.codec_for({}, format="json").format == "json"
    assert ("fraction", "number", "fractions") in registry.formats()


@pytest.mark.parametrize(
    ("name", "fragment"),
    [("Usurper", "the format name 'json' is taken"), ("Missing", "can't be used"), ("Fraction", "can't be used")],
)
def test_a_broken_third_party_is_named_in_one_line_and_passed_over(entry_points, caplog, name, fragment):
    entry_points(name, "FractionCodec")
    with caplog.at_level(logging.WARNING):
        assert registry.codec_for([]).format == "json"
        assert registry.codec_for(Fraction()).format == "fraction"
        assert type(registry.codec_named("json")).__module__.startswith("runloop_jupyter")
    (line,) = [record.getMessage() for record in caplog.records]
    assert fragment in line
    assert "\n" not in line


def test_a_third_party_that_fails_to_look_is_passed_over(entry_points, caplog):
    entry_points("Fragile")
    with caplog.at_level(logging.WARNING):
        assert registry.codec_for({}).format == "json"
    assert "not today" in caplog.text


def test_looking_for_a_codec_imports_no_library():
    heavy = ["pandas", "pyarrow", "polars", "numpy", "xarray", "h5py", "torch", "sklearn", "skops", "PIL", "IPython"]
    code = (
        "import sys; from runloop_jupyter.values import registry; registry.codec_for({}); registry.formats();"
        f"registry.find(object()); print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("format", "name", "ending"),
    [
        ("text", "notes.md", ""),
        ("text", "notes", ".txt"),
        ("bytes", "run/7/log.gz", ""),
        ("bytes", "v1.2/blob", ".bin"),
        ("parquet", "penguins.v2", ".parquet"),
        ("nobody's", "x", ""),
        (None, "x", ""),
    ],
)
def test_a_file_of_text_or_bytes_ends_as_it_is_called_and_any_other_value_as_it_is_stored(format, name, ending):
    assert registry.suffix(format, name) == ending
