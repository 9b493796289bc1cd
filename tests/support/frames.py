"""Frames and Series that come back equal, and those that are refused with a fragment of the line that says why."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa

NOON = dt.datetime.fromisoformat("2020-01-01T12:00")  # no zone, on purpose
ZONES = (None, "Europe/Berlin", "UTC", dt.timezone(dt.timedelta(hours=2)))


def objects(*values: object) -> pd.DataFrame:
    return pd.DataFrame({"x": pd.Series(list(values), dtype=object)})


def arrow(kind: pa.DataType, value: object) -> pd.DataFrame:
    return pd.DataFrame({"x": pd.array([value, None], dtype=pd.ArrowDtype(kind))})


def with_attrs(attrs: dict) -> pd.DataFrame:
    frame = pd.DataFrame({"x": [1]})
    frame.attrs = attrs
    return frame


FRAMES = {
    "numbers, gaps, text and booleans": pd.DataFrame(
        {"a": [1, 2], "b": [1.5, np.nan], "c": ["x", None], "d": [True, False]}
    ),
    "every numpy number": pd.DataFrame(
        {
            kind: np.array([0, 1], kind)
            for kind in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "?"]
        }
    ),
    "extreme numbers": pd.DataFrame(
        {"i": [-(2**63), 2**63 - 1], "f": [-0.0, np.inf], "u": np.array([0, 2**64 - 1], "u8")}
    ),
    "MultiIndex of rows": pd.DataFrame(
        {"a": range(4)}, index=pd.MultiIndex.from_product([["x", "y"], [1, 2]], names=["k", None])
    ),
    "MultiIndex with gaps, categories and times": pd.DataFrame(
        {"a": [1, 2]},
        index=pd.MultiIndex.from_arrays(
            [pd.Categorical(["b", None]), pd.array([1, None], dtype="Int64"), pd.to_datetime(["2020-01-01", None])]
        ),
    ),
    "named index": pd.DataFrame({"a": [1]}, index=pd.Index(["z"], name="k")),
    "index with the name of a column": pd.DataFrame({"k": [1]}, index=pd.Index([3], name="k")),
    "RangeIndex with a step": pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(5, 9, 2, name="r")),
    "index of floats with a gap": pd.DataFrame({"a": [1, 2]}, index=[1.5, np.nan]),
    "index of booleans": pd.DataFrame({"a": [1, 2]}, index=[True, False]),
    "index of objects": pd.DataFrame({"a": [1]}, index=pd.Index(["q"], dtype=object)),
    "index of categories": pd.DataFrame({"a": [1, 2]}, index=pd.CategoricalIndex(["x", "y"])),
    "index of periods": pd.DataFrame({"a": [1, 2]}, index=pd.period_range("2020", periods=2, freq="M")),
    "index of times with a frequency": pd.DataFrame(
        {"a": range(3)}, index=pd.date_range("2020", periods=3, freq="2h", tz="Europe/Berlin", name="t")
    ),
    "index of time steps with a frequency": pd.DataFrame(
        {"a": range(3)}, index=pd.timedelta_range("1h", periods=3, freq="30min")
    ),
    "ordered and unused categories": pd.DataFrame(
        {"a": pd.Categorical(["b", "a", None], categories=["c", "b", "a"], ordered=True)}
    ),
    "categories of numbers": pd.DataFrame({"a": pd.Categorical([3, 1, 3], categories=[9, 3, 1])}),
    "categories of times": pd.DataFrame({"a": pd.Categorical(pd.to_datetime(["2021", "2020", "2021"]))}),
    "categories, all missing": pd.DataFrame({"a": pd.Categorical([None, None], categories=["x"])}),
    "no categories": pd.DataFrame({"a": pd.Categorical([], categories=[])}),
    "times in every unit and zone": pd.DataFrame(
        {
            f"{unit} {zone}": pd.Series(pd.to_datetime(["2020-01-01 12:00", None]))
            .dt.as_unit(unit)
            .dt.tz_localize(zone)
            for unit in ("s", "ms", "us", "ns")
            for zone in ZONES
        }
    ),
    "nanoseconds": pd.DataFrame({"a": pd.to_datetime(["2020-01-01 00:00:00.123456789"])}),
    "durations in every unit": pd.DataFrame(
        {unit: pd.Series(pd.to_timedelta(["1D", None])).dt.as_unit(unit) for unit in ("s", "ms", "us", "ns")}
    ),
    "periods": pd.DataFrame(
        {
            "m": pd.PeriodIndex(["2020-01", None], freq="M"),
            "q": pd.PeriodIndex(["2020Q1", None], freq="Q-NOV"),
            "h": pd.PeriodIndex(["2020-01-01 05:00", None], freq="2h"),
        }
    ),
    "nullable dtypes": pd.DataFrame(
        {
            "i": pd.array([1, None], "Int64"),
            "u": pd.array([1, None], "UInt8"),
            "b": pd.array([True, None], "boolean"),
            "f": pd.array([1.5, None], "Float32"),
            "s": pd.array(["x", None], "string"),
            "p": pd.array(["x", None], pd.StringDtype("python")),
            "n": pd.array(["x", None], pd.StringDtype("python", na_value=np.nan)),
        }
    ),
    "arrow text": arrow(pa.string(), "x"),
    "arrow lists": arrow(pa.list_(pa.int8()), [1]),
    "arrow structs": arrow(pa.struct([("a", pa.int8())]), {"a": 1}),
    "arrow decimals": arrow(pa.decimal128(5, 2), Decimal("1.10")),
    "arrow times in seconds": arrow(pa.timestamp("s"), NOON),
    "arrow time of day": arrow(pa.time32("s"), dt.time(1)),
    "objects: text and None": objects("a", None),
    "objects: text and nan": objects("a", np.nan),
    "objects: text and NA": objects("a", pd.NA),
    "objects: int": objects(1, None, 2**62),
    "objects: bool": objects(True, None),
    "objects: float with nan and None": objects(1.5, np.nan, None),
    "objects: Decimal": objects(Decimal("1.10"), Decimal("10.25"), None),
    "objects: bytes": objects(b"a\0", None),
    "objects: date": objects(dt.date(2020, 1, 1), None),
    "objects: time": objects(dt.time(1, 2, 3, 4), None),
    "objects: datetime and NaT": objects(NOON, pd.NaT),
    "objects: timedelta": objects(dt.timedelta(1), None),
    "objects: lists": objects([1, 2], [], None),
    "objects: dicts": objects({"a": 1, "b": ["x"]}, {"a": 2, "b": []}),
    "objects: arrays": objects(np.arange(3, dtype="f4"), np.arange(2, dtype="f4")),
    "objects: only None": objects(None, None),
    "objects: only nan": objects(np.nan, np.nan),
    "no rows": pd.DataFrame({"a": pd.Series([], dtype="int64"), "o": pd.Series([], dtype=object)}),
    "no columns": pd.DataFrame(index=pd.RangeIndex(3)),
    "no columns, named rows": pd.DataFrame(index=pd.Index(["a", "b"])),
    "nothing": pd.DataFrame(),
    "numbered columns": pd.DataFrame(np.zeros((2, 3))),
    "int column names": pd.DataFrame({5: [1], 2: [3]}),
    "time column names": pd.DataFrame(np.zeros((1, 2)), columns=pd.date_range("2020", periods=2)),
    "category column names": pd.DataFrame(np.zeros((1, 2)), columns=pd.CategoricalIndex(["a", "b"])),
    "object column names": pd.DataFrame([[1]], columns=pd.Index(["q"], dtype=object)),
    "MultiIndex of columns": pd.DataFrame(
        np.zeros((2, 2)), columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", "y"])
    ),
    "dotted names beside structs": pd.DataFrame({"a.b": [1], "a": [{"b": 2}]}),
    "attrs": with_attrs({"unit": {"mass": ["kg"]}}),
    "no duplicate labels allowed": pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
}

SERIES = {
    "without a name": pd.Series([1, 2]),
    "text as a name": pd.Series([1.5, np.nan], name="mass"),
    "empty text as a name": pd.Series([1], name=""),
    "number as a name": pd.Series([1], name=5),
    "number of numpy as a name": pd.Series([1], name=np.int64(5)),
    "float as a name": pd.Series([1], name=0.5),
    "nan as a name": pd.Series([1], name=np.nan),
    "time as a name": pd.Series([1], name=pd.Timestamp("2020", tz="Europe/Berlin")),
    "date as a name": pd.Series([1], name=dt.date(2020, 1, 1)),
    "tuple as a name": pd.Series([1], name=("mass", 1, None)),
    "name of its index": pd.Series([1], name="k", index=pd.Index(["a"], name="k")),
    "index called as an unnamed Series is": pd.Series([1], index=pd.Index(["a"], name="value")),
    "MultiIndex": pd.Series(range(4), index=pd.MultiIndex.from_product([["x", "y"], [1, 2]], names=["k", None])),
    "RangeIndex with a step": pd.Series([1, 2], index=pd.RangeIndex(5, 9, 2, name="r")),
    "times with a frequency": pd.Series(
        range(3), index=pd.date_range("2020", periods=3, freq="2h", tz="Europe/Berlin", name="t"), name="v"
    ),
    "counts of values": pd.Series(["a", "b", "a"], dtype=object, name="s").value_counts(),
    "ordered and unused categories": pd.Series(
        pd.Categorical(["b", "a", None], categories=["c", "b", "a"], ordered=True), name="c"
    ),
    "nullable numbers": pd.Series([1, None], dtype="Int64", name="i"),
    "nullable floats, nan and NA apart": pd.Series(
        pd.arrays.FloatingArray(np.array([1.5, np.nan, 0.0]), np.array([False, False, True])), name="f"
    ),
    "text with gaps": pd.Series(["a", None], name="s"),
    "objects": pd.Series([[1, 2], None], dtype=object, name="o"),
    "periods": pd.Series(pd.period_range("2020", periods=2, freq="M"), name="p"),
    "no rows": pd.Series([], dtype="M8[s]", name="t"),
    "no duplicate labels allowed": pd.Series([1], name="x").set_flags(allows_duplicate_labels=False),
}
SERIES["attrs"] = pd.Series([1], name="x")
SERIES["attrs"].attrs = {"unit": "kg"}

REFUSED = {
    "duplicate names": (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' occurs more than once"),
    "mixed objects": (objects(1, "a"), "column 'x' mixes Python types (int, str)"),
    "two sorts of missing": (objects("a", None, np.nan), "column 'x' mixes None and nan"),
    "intervals": (pd.DataFrame({"x": pd.arrays.IntervalArray.from_breaks([0, 1, 2])}), "column 'x' is interval[int64"),
    "categories of intervals": (pd.DataFrame({"x": pd.cut([1, 2], 2)}), "category set of column 'x'"),
    "sparse": (pd.DataFrame({"x": pd.arrays.SparseArray([0, 1])}), ".sparse.to_dense()"),
    "complex": (pd.DataFrame({"x": [1j]}), "column 'x' is complex128"),
    "big-endian": (pd.DataFrame({"x": np.array([1], ">i4")}), "column 'x' is >i4"),
    "tuples": (objects((1, 2)), "tuple, which Parquet can't give back; use lists"),
    "tuples in lists": (objects([(1,)]), "would come back as [[1]]"),
    "sets": (objects({1}), "type set"),
    "Timestamps": (objects(pd.Timestamp("2020")), "use pd.to_datetime"),
    "numpy scalars": (objects(np.int64(1)), "infer_objects()"),
    "any object": (objects(object()), "Python objects of type object"),
    "dicts of several shapes": (objects({"a": 1}, {"b": 1}), "would come back as {'a': 1, 'b': None}"),
    "empty dicts": (objects({}), "column 'x' is struct<>"),
    "lists of several types": (objects([1], ["a"]), "column 'x' holds Python values"),
    "lists of int and float": (objects([1], [1.5]), "would come back as [1.0]"),
    "arrays of several dtypes": (objects(np.zeros(1, "f4"), np.zeros(1, "f8")), "arrays of several dtypes"),
    "arrays of two dimensions": (objects(np.zeros((2, 2))), "several dimensions"),
    "large integers": (objects(2**70), "column 'x' holds Python int values"),
    "Decimal NaN": (objects(Decimal("NaN")), "column 'x' holds Python"),
    "zoned datetimes as objects": (objects(NOON.replace(tzinfo=dt.UTC)), "datetime"),
    "lone surrogates": (objects("\ud800"), "column 'x' holds Python str values"),
    "column names of two types": (pd.DataFrame([[1, 2]], columns=["a", 1]), "the set of column names mixes"),
    "tuple as index name": (pd.DataFrame({"x": [1]}, index=pd.Index([1], name=("a", 1))), "('a', 1)"),
    "attrs that JSON changes": (with_attrs({"a": (1,)}), "df.attrs.a is a tuple"),
    "frequency without a name": (
        pd.DataFrame(
            {"a": [1]},
            index=pd.DatetimeIndex(["2020-01-02"], freq=pd.offsets.CustomBusinessDay(holidays=["2020-01-01"])),
        ),
        "set df.index.freq = None",
    ),
    "Series of mixed objects": (pd.Series([1, "a"], name="x", dtype=object), "column 'x' mixes Python types"),
    "Series with a name that can't be kept": (pd.Series([1], name=(1, frozenset())), "make it a str"),
    "Index": (pd.Index([1]), "put index.to_frame(index=False)"),
    "subclass": (type("Mine", (pd.DataFrame,), {})({"a": [1]}), "subclass of DataFrame"),
}
