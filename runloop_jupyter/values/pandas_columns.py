"""How one pandas column, index level or set of labels becomes Arrow and comes back: a rule for each dtype.

Each `Rule` has a ``spec``, plain JSON from which `rule_from` makes it again. Nothing is read from a spec but numbers
and names from fixed lists, for it arrives with the stored bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from runloop_jupyter.errors import DecodeError, UnsupportedValue
from runloop_jupyter.values import pandas_objects
from runloop_jupyter.values.codec import type_name
from runloop_jupyter.values.pandas_extensions import MASKED, ArrowRule, MaskedRule, StringRule, whole
from runloop_jupyter.values.pandas_filling import ArrayFilling, filled, without_nulls
from runloop_jupyter.values.parquet import BATCH_ROWS

if TYPE_CHECKING:
    from runloop_jupyter.values.codec import JSON, Checkpoint
    from runloop_jupyter.values.pandas_filling import Filling

_NUMPY: Final = frozenset(
    ["bool"]
    + [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
    + ["float16", "float32", "float64"]
)
_UNITS: Final = ("s", "ms", "us", "ns")
_PERIOD: Final = re.compile(r"period\[[-A-Za-z0-9]{1,20}\]")
_NAT: Final = np.iinfo(np.int64).min
_ADVICE: Final = {
    "complex": "split it into real and imaginary columns",
    "interval": "put its text (.astype(str)) or its .left and .right",
    "Sparse": "put .sparse.to_dense()",
}


class Rule(Protocol):
    """How the values of one dtype are stored. ``type`` is their Arrow type."""

    type: pa.DataType

    @property
    def spec(self) -> dict[str, JSON]:
        """What `rule_from` needs to make this rule again."""

    def to_arrow(self, part: Any) -> pa.Array:
        """Return a slice of the pandas array as Arrow."""

    def filling(self, rows: int) -> Filling:
        """Return what makes Arrow chunks of `rows` values in all into one pandas or NumPy array."""


def array_of(labelled: Any) -> Any:
    """Return the values of a Series or Index without its labels: a NumPy array, or pandas' own."""
    array = labelled.array
    return array.to_numpy() if isinstance(labelled.dtype, np.dtype) and labelled.dtype.kind not in "mM" else array


def rule_for(name: str, values: Any, checkpoint: Checkpoint) -> Rule:
    """Return the rule for a pandas column.

    Args:
        name: What to call the column in a refusal: ``column 'x'``.
        values: The whole of `array_of`; one of Python objects is looked through for what it holds.
        checkpoint: Called as it is.

    Raises:
        UnsupportedValue: Parquet would not give it back equal.
    """
    dtype = values.dtype
    rule: Rule
    if isinstance(dtype, np.dtype) and dtype.kind == "O":
        return pandas_objects.rule_for(name, values, checkpoint)
    if isinstance(dtype, np.dtype) and dtype.name in _NUMPY and dtype.isnative:
        rule = NumpyRule(dtype.name)
    elif isinstance(dtype, pd.DatetimeTZDtype) or (isinstance(dtype, np.dtype) and dtype.kind == "M"):
        kind: Any = pa.array(values[:0]).type
        rule = DatetimeRule(kind.unit, kind.tz)
    elif isinstance(dtype, np.dtype) and dtype.kind == "m":
        rule = TimedeltaRule(np.datetime_data(dtype)[0])
    elif isinstance(dtype, pd.PeriodDtype):
        rule = PeriodRule(str(dtype))
    elif type_name(dtype) == "geopandas.GeometryDtype":
        from runloop_jupyter.values import geometry

        return geometry.GeometryRule.plan(name, values, checkpoint)
    elif isinstance(dtype, pd.CategoricalDtype):
        return CategoryRule.plan(name, values, checkpoint)
    elif isinstance(dtype, pd.StringDtype):
        rule = StringRule(dtype.storage, "NA" if dtype.na_value is pd.NA else "nan")
    elif isinstance(dtype, pd.ArrowDtype):
        rule = ArrowRule(dtype.pyarrow_dtype)
    elif MASKED.fullmatch(str(dtype)):
        rule = MaskedRule(str(dtype))
    else:
        advice = next((text for start, text in _ADVICE.items() if str(dtype).startswith(start)), "cast it (.astype)")
        raise UnsupportedValue(f"{name} is {str(dtype)[:80]}, which Parquet can't give back equal; {advice}")
    if (back := rule.filling(0).array().dtype) != dtype:
        raise UnsupportedValue(
            f"{name} is {str(dtype)[:80]} and would come back as {str(back)[:80]}; cast it to that first (.astype)"
        )
    return rule


def rule_from(spec: Any, kind: pa.DataType, *, plain: bool = False) -> Rule:
    """Return the rule that `spec` describes, for values stored as Arrow type `kind`.

    Args:
        spec: Of a rule.
        kind: What the values are stored as.
        plain: Geometries stay the bytes that they are stored as, which needs no other library.

    Raises:
        DecodeError: It describes none.
    """
    try:
        if plain and spec["kind"] == "geometry":
            return pandas_objects.ObjectRule("bytes", "None", kind)
        made: Rule = _RULES[spec["kind"]](spec, kind)
    except (KeyError, TypeError, ValueError) as error:
        raise DecodeError(f"the stored table describes a column in a way that is unknown here ({error!r})") from error
    return made


def is_geometry(rule: Rule) -> bool:
    """Whether `rule` is for geometries."""
    return rule.spec["kind"] == "geometry"


class NumpyRule:
    """Booleans and numbers. NaN is stored as null, as pandas itself does, and comes back as NaN."""

    def __init__(self, name: str) -> None:
        if name not in _NUMPY:
            raise ValueError(name)
        self._dtype = np.dtype(name)
        self.type = pa.from_numpy_dtype(self._dtype)

    @property
    def spec(self) -> dict[str, JSON]:
        """What `rule_from` needs to make this rule again."""
        return {"kind": "numpy", "dtype": self._dtype.name}

    def to_arrow(self, part: Any) -> pa.Array:
        """Return a slice of the pandas array as Arrow."""
        return pa.array(np.asarray(part), self.type, from_pandas=True)

    def filling(self, rows: int) -> Filling:
        """Return what makes Arrow chunks into one array."""
        return ArrayFilling(rows, self._dtype, lambda chunk: chunk.to_numpy(zero_copy_only=False))


class _TimeRule:
    """64-bit counts of a unit, NaT as null."""

    def __init__(self, unit: str, kind: pa.DataType) -> None:
        if unit not in _UNITS:
            raise ValueError(unit)
        self._unit = unit
        self._kind = kind
        # Parquet has no timestamp in seconds; a cast that can overflow is better seen here than in the writer.
        self.type = pa.timestamp("ms", kind.tz) if pa.types.is_timestamp(kind) and unit == "s" else kind

    def to_arrow(self, part: Any) -> pa.Array:
        """Return a slice of the pandas array as Arrow."""
        counts = np.asarray(part.view("i8"))
        array = pa.array(counts, mask=counts == _NAT).view(self._kind)
        return array if self.type == self._kind else array.cast(self.type)

    def filling(self, rows: int) -> Filling:
        """Return what makes Arrow chunks into one array."""

        def counts(chunk: pa.Array) -> Any:
            return without_nulls(chunk.cast(self._kind).view(pa.int64()), _NAT)

        return ArrayFilling(rows, np.dtype("i8"), counts, self._from_counts)

    def _from_counts(self, counts: Any) -> Any:
        raise NotImplementedError


class DatetimeRule(_TimeRule):
    """``datetime64`` of any unit, with or without a time zone."""

    def __init__(self, unit: str, zone: str | None) -> None:
        super().__init__(unit, pa.timestamp(unit, zone))
        self._zone = zone

    @property
    def spec(self) -> dict[str, JSON]:
        """What `rule_from` needs to make this rule again."""
        return {"kind": "datetime", "unit": self._unit, "zone": self._zone}

    def _from_counts(self, counts: Any) -> Any:
        times = pd.DatetimeIndex(counts.view(f"M8[{self._unit}]"), copy=False)
        return (times if self._zone is None else times.tz_localize("UTC").tz_convert(_zone(self._zone))).array


class TimedeltaRule(_TimeRule):
    """``timedelta64`` of any unit."""

    def __init__(self, unit: str) -> None:
        super().__init__(unit, pa.duration(unit))

    @property
    def spec(self) -> dict[str, JSON]:
        """What `rule_from` needs to make this rule again."""
        return {"kind": "timedelta", "unit": self._unit}

    def _from_counts(self, counts: Any) -> Any:
        return pd.TimedeltaIndex(counts.view(f"m8[{self._unit}]"), copy=False).array


class PeriodRule:
    """Periods, as pandas' own Arrow extension type: ordinals and a frequency."""

    def __init__(self, name: str) -> None:
        if not _PERIOD.fullmatch(name):
            raise ValueError(name)
        self._dtype: Any = pd.api.types.pandas_dtype(name)
        self.type = pa.array(pd.Series([], dtype=self._dtype).array).type

    @property
    def spec(self) -> dict[str, JSON]:
        """What `rule_from` needs to make this rule again."""
        return {"kind": "period", "dtype": str(self._dtype)}

    def to_arrow(self, part: Any) -> pa.Array:
        """Return a slice of the pandas array as Arrow."""
        return pa.array(part)

    def filling(self, rows: int) -> Filling:
        """Return what makes Arrow chunks into one array."""

        def ordinals(chunk: pa.Array) -> Any:
            plain = chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk
            return without_nulls(plain.cast(pa.int64()), _NAT)

        return ArrayFilling(
            rows, np.dtype("i8"), ordinals, lambda values: pd.arrays.PeriodArray(values, dtype=self._dtype)
        )


class CategoryRule:
    """Categoricals: the values in the rows, and all categories in their order in the spec.

    Text is written as an Arrow dictionary, so that other readers see categories too; other values as they are.
    """

    def __init__(self, categories: dict[str, JSON], ordered: bool, kind: pa.DataType) -> None:
        if not isinstance(ordered, bool):
            raise TypeError(ordered)
        self._packed = categories
        self._stored, index = unpack_labels(categories)
        self._dtype = pd.CategoricalDtype(pd.Index(index), ordered=ordered)
        self.type = kind

    @classmethod
    def plan(cls, name: str, values: Any, checkpoint: Checkpoint) -> CategoryRule:
        """Return the rule for a categorical; raises UnsupportedValue as `rule_for` does."""
        categories = values.categories
        packed = pack_labels(f"the category set of {name}", array_of(categories), checkpoint)
        rule = cls(packed, bool(values.ordered), pa.null())
        stored = rule._stored
        if stored is None:
            raise UnsupportedValue(f"the category set of {name} is {categories.dtype}; put .astype(str)")
        is_text = pa.types.is_string(stored.type) or pa.types.is_large_string(stored.type)
        rule.type = pa.dictionary(pa.int32(), stored.type, ordered=bool(values.ordered)) if is_text else stored.type
        if rule._dtype.categories.dtype != categories.dtype:
            raise UnsupportedValue(
                f"the category set of {name} is {categories.dtype}, which would change; put .astype(str)"
            )
        return rule

    @property
    def spec(self) -> dict[str, JSON]:
        """What `rule_from` needs to make this rule again."""
        return {"kind": "category", "ordered": bool(self._dtype.ordered), "categories": self._packed}

    def to_arrow(self, part: Any) -> pa.Array:
        """Return a slice of the pandas array as Arrow."""
        codes = np.asarray(part.codes)
        indices = pa.array(codes, pa.int32(), mask=codes < 0)
        if pa.types.is_dictionary(self.type):
            return pa.DictionaryArray.from_arrays(indices, self._stored, ordered=self.type.ordered)
        return self._stored.take(indices)

    def filling(self, rows: int) -> Filling:
        """Return what makes Arrow chunks into one array."""
        known = _comparable(self._stored)

        def codes(chunk: pa.Array) -> Any:
            if pa.types.is_dictionary(chunk.type):
                found = pc.index_in(_comparable(chunk.dictionary).cast(known.type), value_set=known)
                same = found.equals(pa.array(np.arange(len(found)), found.type))
                found = chunk.indices.cast(found.type) if same else found.take(chunk.indices)
            else:
                found = pc.index_in(_comparable(chunk).cast(known.type), value_set=known)
            if found.null_count != chunk.null_count:
                raise DecodeError("the stored table has a category column with values that are not its categories")
            return without_nulls(found, -1)

        # pandas' own width of codes, or they would all be copied into it
        width = pd.Categorical.from_codes([], dtype=self._dtype).codes.dtype
        return ArrayFilling(
            rows,
            width,
            codes,
            lambda values: pd.Categorical.from_codes(values, dtype=self._dtype),
        )


def _geometry_rule(spec: Any, kind: pa.DataType) -> Rule:
    from runloop_jupyter.values import geometry

    return geometry.GeometryRule.from_spec(spec, kind)


_RULES: Final[dict[str, Any]] = {
    "numpy": lambda spec, kind: NumpyRule(spec["dtype"]),
    "datetime": lambda spec, kind: DatetimeRule(spec["unit"], spec["zone"]),
    "timedelta": lambda spec, kind: TimedeltaRule(spec["unit"]),
    "period": lambda spec, kind: PeriodRule(spec["dtype"]),
    "masked": lambda spec, kind: MaskedRule(spec["dtype"]),
    "string": lambda spec, kind: StringRule(spec["storage"], spec["missing"]),
    "arrow": lambda spec, kind: ArrowRule(kind),
    "category": lambda spec, kind: CategoryRule(spec["categories"], spec["ordered"], kind),
    "geometry": _geometry_rule,
    "object": lambda spec, kind: pandas_objects.ObjectRule.from_spec(spec, kind),
}


_LABELS_LIMIT: Final = 16 << 20


def pack_labels(name: str, values: Any, checkpoint: Checkpoint) -> dict[str, JSON]:
    """Return a pandas array as JSON: its rule and its values as a compressed Arrow stream.

    Raises:
        UnsupportedValue: It would not come back equal, or is too long for a file's footer.
    """
    import base64

    rule = rule_for(name, values, checkpoint)
    parts = [rule.to_arrow(values[i : i + BATCH_ROWS]) for i in range(0, max(len(values), 1), BATCH_ROWS)]
    schema = pa.schema([pa.field("labels", rule.type)])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        for part in parts:
            stream.write_batch(pa.RecordBatch.from_arrays([part], schema=schema))
            checkpoint()
    data = sink.getvalue()
    if data.size > _LABELS_LIMIT:
        raise UnsupportedValue(f"{name} is too long to keep ({len(values):,}); put plain values (.astype(object))")
    return {"rule": rule.spec, "arrow": base64.b64encode(data).decode()}


def unpack_labels(packed: Any) -> tuple[pa.Array, Any]:
    """Return what `pack_labels` made: the labels as Arrow, and as a pandas or NumPy array."""
    import base64

    with pa.ipc.open_stream(pa.py_buffer(base64.b64decode(packed["arrow"]))) as stream:
        table = stream.read_all()
    stored = table.column(0)
    array = filled(rule_from(packed["rule"], stored.type).filling(len(stored)), stored.chunks)
    return whole(stored), array


def _comparable(array: pa.Array) -> pa.Array:
    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _zone(name: str) -> Any:
    """Return the time zone pandas makes of an Arrow zone name."""
    return pd.DatetimeTZDtype("ns", name).tz
