"""Rules for pandas' extension dtypes: nullable numbers, text, and whatever Arrow has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from runloop_jupyter.values.pandas_filling import ArrayFilling, PartsFilling, without_nulls

if TYPE_CHECKING:
    from runloop_jupyter.values.codec import JSON, Checkpoint
    from runloop_jupyter.values.pandas_filling import Filling

MASKED: Final = re.compile(r"(U?Int(8|16|32|64)|Float(32|64)|boolean)")
"""Names of the dtypes that keep a mask beside their values."""


def whole(array: Any) -> pa.Array:
    """Return an Arrow array in one piece."""
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


class _ExtensionRule:
    """A pandas extension dtype that speaks Arrow by itself."""

    type: pa.DataType
    _dtype: Any

    def to_arrow(self, part: Any) -> pa.Array:
        """Return a slice of the pandas array as Arrow."""
        return whole(pa.array(part))

    def filling(self, rows: int) -> Filling:
        """Return what makes Arrow chunks into one array."""
        return PartsFilling(self._dtype, lambda chunk: self._dtype.__from_arrow__(chunk.cast(self.type)))


class MaskedRule(_ExtensionRule):
    """``Int64``, ``Float32``, ``boolean`` and their like. NaN and NA stay apart."""

    def __init__(self, name: str) -> None:
        if not MASKED.fullmatch(name):
            raise ValueError(name)
        self._dtype: Any = pd.api.types.pandas_dtype(name)
        self.type = pa.array(pd.Series([], dtype=self._dtype).array).type

    @property
    def spec(self) -> dict[str, JSON]:
        """What `rule_from` needs to make this rule again."""
        return {"kind": "masked", "dtype": str(self._dtype)}

    def filling(self, rows: int) -> Filling:
        """Return what makes Arrow chunks into one array."""
        return _MaskedFilling(self._dtype, self.type, rows)


class _MaskedFilling:
    """Values and a mask, each filled by itself."""

    def __init__(self, dtype: Any, kind: pa.DataType, rows: int) -> None:
        self._dtype = dtype
        self._kind = kind
        empty = pa.scalar(0).cast(kind)
        self._values = ArrayFilling(rows, dtype.numpy_dtype, lambda chunk: without_nulls(chunk, empty))
        self._mask = ArrayFilling(rows, np.dtype(bool), _mask)

    def add(self, chunk: pa.Array, checkpoint: Checkpoint) -> None:
        chunk = chunk.cast(self._kind)
        self._values.add(chunk, checkpoint)
        self._mask.add(chunk, checkpoint)

    def array(self) -> Any:
        return self._dtype.construct_array_type()(self._values.array(), self._mask.array())


def _mask(chunk: pa.Array) -> Any:
    return chunk.is_null().to_numpy(zero_copy_only=False) if chunk.null_count else False


class StringRule(_ExtensionRule):
    """``str`` and ``string``, held by Arrow or by Python."""

    def __init__(self, storage: str, missing: str) -> None:
        if storage not in ("python", "pyarrow") or missing not in ("NA", "nan"):
            raise ValueError(storage)
        self._storage = storage
        self._missing = missing
        self._dtype: Any = pd.StringDtype(storage, na_value=pd.NA if missing == "NA" else np.nan)
        self.type = whole(pa.array(pd.Series([], dtype=self._dtype).array)).type

    @property
    def spec(self) -> dict[str, JSON]:
        """What `rule_from` needs to make this rule again."""
        return {"kind": "string", "storage": self._storage, "missing": self._missing}


class ArrowRule(_ExtensionRule):
    """`pandas.ArrowDtype` of any type that Parquet holds."""

    def __init__(self, kind: pa.DataType) -> None:
        self._dtype = pd.ArrowDtype(kind)
        self.type = kind

    @property
    def spec(self) -> dict[str, JSON]:
        """What `rule_from` needs to make this rule again."""
        return {"kind": "arrow"}

    def filling(self, rows: int) -> Filling:
        """Return what makes Arrow chunks into one array."""
        return _ArrowFilling(self.type)


class _ArrowFilling:
    """Chunks stay what they are."""

    def __init__(self, kind: pa.DataType) -> None:
        self._kind = kind
        self._chunks: list[pa.Array] = []

    def add(self, chunk: pa.Array, checkpoint: Checkpoint) -> None:
        checkpoint()
        self._chunks.append(chunk)

    def array(self) -> Any:
        return pd.arrays.ArrowExtensionArray(pa.chunked_array(self._chunks, self._kind))
