"""xarray objects come back identical, or are refused by the place that NetCDF would change."""

from __future__ import annotations

import io
import sys

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from runloop_jupyter.errors import DecodeError, InputError, MissingLibrary, UnsupportedValue
from runloop_jupyter.values import registry
from runloop_jupyter.values.codec import Wish

TIMES = pd.date_range("2020", periods=2)

DATASETS = {
    "numbers of every sort": xr.Dataset(
        {
            kind: ("x", np.array([0, 1], kind))
            for kind in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "?", "c8", "c16"]
        }
    ),
    "gaps and extremes": xr.Dataset({"a": ("x", [np.nan, -0.0, np.inf]), "b": ("y", np.array([2**64 - 1], "u8"))}),
    "times of pandas": xr.Dataset({"a": ("t", [1.0, 2.0])}, {"t": TIMES}),
    "times to the nanosecond": xr.Dataset({"t": ("x", np.array(["NaT", "2020-01-01T00:00:00.123456789"], "M8[ns]"))}),
    "times before nanoseconds begin": xr.Dataset(coords={"t": np.array(["1066-10-14"], "M8[s]")}),
    "durations": xr.Dataset({"a": ("x", np.array([1, "NaT"], "m8[ms]")), "b": ("x", np.array([1, 2], "m8[ns]"))}),
    "text": xr.Dataset({"a": ("x", ["", "ü🐧"]), "b": ("x", np.array([b"a", b"bc"]))}, {"x": ["p", "q"]}),
    "text of Python": xr.Dataset({"a": ("x", np.array(["a", "bc"], object))}),
    "a frame of pandas": pd.DataFrame({"n": [1, 2]}, pd.Index(["x", "y"], name="k")).to_xarray(),
    "coordinates without an index": xr.Dataset(
        {"a": (("y", "x"), np.zeros((2, 3)))}, {"lat": (("y", "x"), np.ones((2, 3))), "run": 7}
    ),
    "attributes": xr.Dataset(
        {"a": ("x", [1.0], {"units": "days", "n": 5, "f": 1.5})},
        attrs={"title": "ü", "empty": "", "list": [1, 2], "array": np.array([1.5, 2]), "texts": ["a", "b"]},
    ),
    "no rows": xr.Dataset({"a": (("x", "y"), np.zeros((0, 3)))}),
    "nothing": xr.Dataset(),
}
ARRAYS = {
    "named": xr.DataArray(np.zeros((2, 3)), dims=("a", "b"), name="n", attrs={"units": "m"}),
    "without a name": xr.DataArray([1, 2], {"t": TIMES}, "t"),
    "named as its coordinate": xr.DataArray([1, 2], {"q": [3, 4]}, "q", name="q"),
    "without dimensions": xr.DataArray(5.0),
    "text of Python": xr.DataArray(np.array(["a", "bc"], object), dims="x"),
}


@pytest.mark.parametrize("case", [*DATASETS, *(f"array {case}" for case in ARRAYS)])
def test_a_dataset_comes_back_identical(store, case):
    value = DATASETS[case] if case in DATASETS else ARRAYS[case.removeprefix("array ")]
    back = store(value).read()
    assert type(back) is type(value)
    xr.testing.assert_identical(back, value)
    for name in value.coords:
        assert back[name].dtype == value[name].dtype


@pytest.mark.parametrize("case", DATASETS)
def test_the_dtypes_are_those_that_went_in(store, case):
    back = store(DATASETS[case]).read()
    assert {n: v.dtype for n, v in back.variables.items()} == {n: v.dtype for n, v in DATASETS[case].variables.items()}


def test_a_packed_dataset_keeps_what_was_changed_since(store):
    value = xr.Dataset({"a": ("x", [1.23456, 2.0])})
    value.a.encoding = {"dtype": "int16", "scale_factor": 0.1, "_FillValue": 20, "zlib": True, "chunksizes": (100,)}
    back = store(value).read()
    xr.testing.assert_identical(back, value)
    assert back.a.encoding["zlib"]
    assert value.a.encoding["scale_factor"] == 0.1


def stacked():
    return xr.Dataset({"a": (("x", "y"), np.zeros((2, 2)))}).stack(z=("x", "y"))


def ds(value, **attrs):
    return xr.Dataset({"a": ("x", value, attrs)})


REFUSED = {
    "mixed objects": (ds(np.array(["a", np.nan], object)), "'a' is object"),
    "objects": (ds(np.array([{}, {}], object)), "can't hold this"),
    "MultiIndex": (stacked(), "reset_index"),
    "categories": (ds(pd.Categorical(["a"])), "a dtype of pandas"),
    "zoned times": (xr.Dataset(coords={"t": pd.date_range("2020", periods=2, tz="UTC")}), "a dtype of pandas"),
    "times of two resolutions": (
        xr.Dataset({"a": ("x", np.array([1], "M8[s]")), "b": ("x", np.array([1], "M8[ms]"))}),
        "several resolutions: s ('a'), ms ('b')",
    ),
    "big-endian": (ds(np.array([1], ">i4")), "'a' is >i4"),
    "attribute of bool": (ds([1], flag=True), "'flag' of 'a' is True"),
    "attribute of None": (xr.Dataset(attrs={"x": None}), "'x' is None"),
    "attribute of dict": (xr.Dataset(attrs={"x": {}}), "'x' is {}"),
    "attribute of one in a list": (xr.Dataset(attrs={"x": [1]}), "'x' is [1] and would come back as"),
    "attribute that fills": (ds([1.0, 2.0], _FillValue=1.0), "'_FillValue' of 'a'"),
    "attribute that scales": (ds([1.0], scale_factor=2.0), "'scale_factor' of 'a'"),
    "attribute that reads as a time's": (ds([1.0], units="days since 2000-01-01"), "leave out its attribute 'units'"),
    "attribute that names a dtype": (ds([1], dtype="bool"), "'a' is int64 and would come back as bool"),
    "slash in a name": (xr.Dataset({"a/b": 1}), "slashes"),
    "space in a coordinate's name": (xr.Dataset(coords={"b c": ("x", [1])}), "'b c' would change sides"),
    "number as a name": (xr.Dataset({1: ("x", [1])}), "Invalid name 1"),
    "NUL in text": (ds(["a\0b", "c"]), "NULL"),
    "coordinate whose index was dropped": (xr.Dataset(coords={"x": [5]}).drop_indexes("x"), "has no index"),
    "Variable": (xr.Variable("x", [1]), "xarray.DataArray(variable)"),
    "DataTree": (xr.DataTree(), ".to_dataset()"),
    "subclass": (type("Mine", (xr.Dataset,), {"__slots__": ()})(), "a subclass"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_netcdf_would_change_is_refused(store, case):
    value, fragment = REFUSED[case]
    with pytest.raises(UnsupportedValue) as refusal:
        store(value, format="netcdf")
    assert fragment in str(refusal.value)
    assert "\n" not in refusal.value._render_traceback_()[0]


@pytest.fixture
def on_disk(store, tmp_path):
    def write(value):
        path = tmp_path / "stored.nc"
        with path.open("w+b") as file:
            facts = store(value, file=file).facts
        return path, facts

    return write


def test_values_are_read_only_when_they_are_used(on_disk):
    path, facts = on_disk(xr.Dataset({"a": ("x", np.arange(1000.0))}))
    with path.open("rb") as file:
        back = registry.decode("netcdf", file, facts)
    assert not back.a.variable._in_memory
    assert float(back.a[5]) == 5.0
    back.close()


class Stopped(Exception):
    pass


def test_a_stop_while_it_is_written_reaches_its_user_and_not_hdf5(store):
    calls = []

    def checkpoint():
        calls.append(1)
        if len(calls) == 5:
            raise Stopped

    with pytest.raises(Stopped):
        store(xr.Dataset({f"v{i}": ("x", np.zeros(4_000_000)) for i in range(3)}), checkpoint=checkpoint)
    xr.testing.assert_identical(store(ARRAYS["named"]).read(), ARRAYS["named"])


class Full(io.BytesIO):
    def write(self, data):
        if self.tell() > 100_000:
            raise OSError(28, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_said_as_it_is(store):
    with pytest.raises(OSError, match="No space left"):
        store(xr.Dataset({f"v{i}": ("x", np.zeros(100_000)) for i in range(3)}), file=Full())


def test_a_large_array_is_written_in_pieces(store):
    calls = []
    store(xr.Dataset({"a": ("x", np.zeros(5_000_000))}), checkpoint=lambda: calls.append(1))
    assert len(calls) >= 5


def hdf5(fill):
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        fill(opened)
    return file


def virtual(opened):
    layout = h5py.VirtualLayout((1,), "u1")
    layout[:] = h5py.VirtualSource("/etc/hosts.h5", "x", (1,))
    opened.create_virtual_dataset("x", layout)


HOSTILE = {
    "nothing": io.BytesIO,
    "magic and noise": lambda: io.BytesIO(b"\x89HDF\r\n\x1a\n" + b"\xff" * 5000),
    "cut off": lambda: io.BytesIO(hdf5(lambda file: file.create_dataset("a", data=np.zeros(10_000))).getvalue()[:3000]),
    "a dataset in another file": lambda: hdf5(
        lambda file: file.create_dataset("x", (4,), "u1", external=[("/etc/hosts", 0, 4)])
    ),
    "a link to another file": lambda: hdf5(lambda file: file.__setitem__("x", h5py.ExternalLink("/tmp/x.h5", "/x"))),
    "a view of another file": lambda: hdf5(virtual),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_netcdf_or_leads_elsewhere_is_a_decode_error(case):
    with pytest.raises(DecodeError) as caught:
        registry.decode("netcdf", HOSTILE[case](), {})
    assert "\n" not in caught.value._render_traceback_()[0]


@pytest.mark.parametrize("facts", [{"time_unit": "fortnight"}, {"texts": "a"}, {"texts": [[1]]}, {"type": 5}])
def test_facts_from_elsewhere_are_not_trusted(store, facts):
    file = store(xr.Dataset({"a": ("x", [1])})).file
    assert registry.decode("netcdf", file, facts).a.dtype == "int64"


@pytest.mark.parametrize("library", ["xarray", "h5netcdf", "h5py"])
def test_a_missing_library_is_named_with_what_to_install(store, monkeypatch, library):
    stored = store(ARRAYS["named"])
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingLibrary, match=f"%pip install {library} or --as path"):
        stored.read()


def test_a_peek_shows_variables_and_dimensions(store):
    shown = registry.codec_named("netcdf").peek(store(DATASETS["times of pandas"]).file, {})
    assert dict(shown.columns)["a"] == "float64 t"
    assert shown.text == "t 2"


def test_a_dataset_can_not_be_given_as_pandas(store):
    with pytest.raises(InputError, match="it can as xarray"):
        store(ARRAYS["named"]).read(form="pandas")


def test_a_file_of_somebody_else_is_read_without_facts():
    file = io.BytesIO()
    DATASETS["times to the nanosecond"].to_netcdf(file, engine="h5netcdf")
    xr.testing.assert_identical(
        registry.decode("netcdf", file, {}, Wish("xarray")), DATASETS["times to the nanosecond"]
    )
