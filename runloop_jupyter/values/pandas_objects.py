"""pandas columns of Python objects: stored where every value is of one kind, and comes back as that kind."""

from __future__ import annotations

import datetime
import decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from runloop_jupyter.errors import UnsupportedValue
from runloop_jupyter.values.codec import type_name
from runloop_jupyter.values.pandas_filling import ArrayFilling
from runloop_jupyter.values.parquet import BATCH_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runloop_jupyter.values.codec import JSON, Checkpoint
    from runloop_jupyter.values.pandas_filling import Filling

_SCALARS: Final[dict[type, tuple[str, pa.DataType]]] = {
    str: ("str", pa.string()),
    bytes: ("bytes", pa.binary()),
    bool: ("bool", pa.bool_()),
    int: ("int", pa.int64()),
    float: ("float", pa.float64()),
    datetime.date: ("date", pa.date32()),
    datetime.time: ("time", pa.time64("us")),
    datetime.datetime: ("datetime", pa.timestamp("us")),
    datetime.timedelta: ("timedelta", pa.duration("us")),
}
_INFERRED: Final[dict[type, str]] = {decimal.Decimal: "decimal", list: "list", dict: "dict"}
_KINDS: Final = frozenset([kind for kind, _ in _SCALARS.values()] + [*_INFERRED.values(), "ndarray", "nothing"])
_EXACT: Final = frozenset(["str", "bytes", "bool", "int", "float", "date", "timedelta", "nothing"])
"""Kinds that Arrow gives back as they were or refuses; the others are read back and compared as they are written."""
_MISSING: Final[dict[str, Any]] = {"None": None, "nan": float("nan"), "NA": pd.NA, "NaT": pd.NaT}
_ADVICE: Final = {
    "pandas.Timestamp": "use pd.to_datetime",
    "pandas.Timedelta": "use pd.to_timedelta",
    "tuple": "use lists (.map(list))",
    "set": "use lists (.map(sorted))",
}


class ObjectRule:
    """Python objects of one `kind`, with one sort of missing value."""

    def __init__(self, kind: str, missing: str | None, stored: pa.DataType, item: str | None = None) -> None:
        if kind not in _KINDS or (missing is not None and missing not in _MISSING):
            raise ValueError(kind)
        self.type = stored
        self._kind = kind
        self._missing = missing
        self._item = None if item is None else np.dtype(item)
        self._name = ""

    @classmethod
    def from_spec(cls, spec: Any, stored: pa.DataType) -> ObjectRule:
        """Return the rule that `spec` describes."""
        return cls(spec["of"], spec["missing"], stored, spec.get("item"))

    def named(self, name: str) -> ObjectRule:
        """Call the column `name` in refusals."""
        self._name = name
        return self

    @property
    def spec(self) -> dict[str, JSON]:
        """What `rule_from` needs to make this rule again."""
        spec: dict[str, JSON] = {"kind": "object", "of": self._kind, "missing": self._missing}
        if self._item is not None:
            spec["item"] = self._item.str
        return spec

    def to_arrow(self, part: Any) -> pa.Array:
        """Return a slice of the pandas array as Arrow."""
        values = np.asarray(part, dtype=object)
        mask = None if self._missing is None else np.fromiter(map(self._is_missing, values), bool, len(values))
        try:
            array = pa.array(values, self.type, mask=mask, from_pandas=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeError) as error:
            raise UnsupportedValue(
                f"{self._name} holds Python {self._kind} values that Parquet can't ({error}); put .astype(str)"
            ) from error
        if self._kind not in _EXACT:
            self._compare(values, array)
        return array

    def filling(self, rows: int) -> Filling:
        """Return what makes Arrow chunks into one array."""
        return ArrayFilling(rows, np.dtype(object), self._objects)

    def _is_missing(self, value: object) -> bool:
        if self._missing == "nan":
            return type(value) is float  # the column holds no other floats
        return value is _MISSING[self._missing or "None"]

    def _objects(self, part: pa.Array) -> Any:
        if self._kind in ("str", "bytes") and self._missing in (None, "None"):
            return part.to_numpy(zero_copy_only=False)
        out = np.empty(len(part), object)
        values = self._arrays(part) if self._kind == "ndarray" else part.to_pylist()
        marker = _MISSING[self._missing or "None"]
        for i, value in enumerate(values):
            out[i] = marker if value is None else value
        return out

    def _arrays(self, part: pa.Array) -> Iterator[Any]:
        for i in range(len(part)):
            cell = part[i]
            yield None if not cell.is_valid else np.array(cell.values.to_numpy(zero_copy_only=False), self._item)

    def _compare(self, values: Any, array: pa.Array) -> None:
        back = self._objects(array)
        for was, now in zip(values, back, strict=True):
            if not _same(was, now):
                raise UnsupportedValue(
                    f"{self._name} holds Python {self._kind} values that Parquet would change: {was!r:.60} would come"
                    f" back as {now!r:.60}; put .map(json.dumps) or .astype(str)"
                )


def rule_for(name: str, values: Any, checkpoint: Checkpoint) -> ObjectRule:
    """Return the rule for an array of Python objects, after a look at each.

    Raises:
        UnsupportedValue: They are of several kinds, or of one that Parquet can't give back.
    """
    found: set[type] = set()
    floats_are_nan = True
    for part in _slices(values):
        kinds = set(map(type, part))
        if float in kinds:
            floats = [value for value in part if type(value) is float]
            floats_are_nan = floats_are_nan and all(value != value for value in floats)
        found |= kinds
        checkpoint()
    missing = {
        label
        for label, kind in (("None", type(None)), ("NA", type(pd.NA)), ("NaT", type(pd.NaT)), ("nan", float))
        if kind in found and (label != "nan" or floats_are_nan)
    }
    kinds = found - {type(None), type(pd.NA), type(pd.NaT)}
    if "nan" in missing:
        if kinds == {float} and missing == {"nan"}:
            return ObjectRule("nothing", "nan", pa.null()).named(name)
        kinds -= {float}
    if len(missing) > 1:
        raise UnsupportedValue(
            f"{name} mixes {' and '.join(sorted(missing))} as missing values; make them one: s.where(s.notna(), None)"
        )
    marker = next(iter(missing), None)
    if not kinds:
        return ObjectRule("nothing", marker, pa.null()).named(name)
    if len(kinds) > 1:
        listed = ", ".join(sorted(kind.__name__ for kind in kinds)[:5])
        raise UnsupportedValue(f"{name} mixes Python types ({listed}); make them one: .astype(str)")
    (kind,) = kinds
    if kind in _SCALARS:
        of, stored = _SCALARS[kind]
        return ObjectRule(of, marker, stored).named(name)
    if kind is np.ndarray:
        return _rule_for_arrays(name, values, marker, checkpoint)
    if kind in _INFERRED:
        return ObjectRule(_INFERRED[kind], marker, _infer(name, values, checkpoint)).named(name)
    example = next(value for value in values if type(value) is kind)
    label = type_name(example)
    advice = _ADVICE.get(label, "use .infer_objects()" if isinstance(example, np.generic) else "put .astype(str)")
    raise UnsupportedValue(f"{name} holds Python objects of type {label}, which Parquet can't give back; {advice}")


def _rule_for_arrays(name: str, values: Any, marker: str | None, checkpoint: Checkpoint) -> ObjectRule:
    dtypes: set[np.dtype[Any]] = set()
    for part in _slices(values):
        arrays = [value for value in part if type(value) is np.ndarray]
        if any(array.ndim != 1 for array in arrays):
            raise UnsupportedValue(f"{name} holds arrays of several dimensions; flatten them (.map(np.ravel))")
        dtypes |= {array.dtype for array in arrays}
        checkpoint()
    if len(dtypes) > 1:
        raise UnsupportedValue(f"{name} holds arrays of several dtypes ({', '.join(map(str, dtypes))}); make them one")
    (item,) = dtypes
    if item.kind not in "biuf" or not item.isnative:
        raise UnsupportedValue(f"{name} holds arrays of {item}, which Parquet can't give back; put .map(list)")
    return ObjectRule("ndarray", marker, pa.list_(pa.from_numpy_dtype(item)), item.str).named(name)


def _infer(name: str, values: Any, checkpoint: Checkpoint) -> pa.DataType:
    schemas = []
    for part in _slices(values):
        try:
            array = pa.array(part, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeError) as error:
            raise UnsupportedValue(
                f"{name} holds Python values that Parquet can't ({error}); put .map(json.dumps) or .astype(str)"
            ) from error
        schemas.append(pa.schema([pa.field("x", array.type)]))
        checkpoint()
    try:
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException as error:
        raise UnsupportedValue(
            f"{name} holds Python values of several shapes ({error}); put .map(json.dumps) or .astype(str)"
        ) from error


def _slices(values: Any) -> Iterator[Any]:
    for start in range(0, len(values), BATCH_ROWS):
        yield np.asarray(values[start : start + BATCH_ROWS], dtype=object)


def _same(was: Any, now: Any) -> bool:
    """Whether two Python values are equal all the way down, types and all."""
    if type(was) is not type(now):
        return False
    if isinstance(was, list):
        return len(was) == len(now) and all(map(_same, was, now))
    if isinstance(was, dict):
        return list(was) == list(now) and all(_same(was[key], now[key]) for key in was)
    if isinstance(was, np.ndarray):
        return bool(was.dtype == now.dtype and np.array_equal(was, now, equal_nan=was.dtype.kind == "f"))
    return bool(was is now or was == now or (was != was and now != now))
