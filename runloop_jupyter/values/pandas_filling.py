"""Arrow chunks become one pandas or NumPy array as they come, so that a table is never in memory twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from runloop_jupyter.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pyarrow as pa


class Filling(Protocol):
    """One array in the making."""

    def add(self, chunk: pa.Array) -> None:
        """Take the next values."""

    def array(self) -> Any:
        """Return the array, after the last chunk.

        Raises:
            DecodeError: There were fewer values than were announced.
        """


class ArrayFilling:
    """Fills a NumPy array of a known length, and makes of it what it should be in the end."""

    def __init__(
        self,
        rows: int,
        dtype: Any,
        convert: Callable[[pa.Array], Any],
        finish: Callable[[Any], Any] = lambda values: values,
    ) -> None:
        # Its pages are taken from the system when they are written: a file that lies about its rows costs nothing.
        self._values = np.empty(rows, dtype)
        self._filled = 0
        self._convert = convert
        self._finish = finish

    def add(self, chunk: pa.Array) -> None:
        """Take the next values."""
        stop = self._filled + len(chunk)
        if stop > len(self._values):
            raise DecodeError("the stored table has more rows than it says; its bytes are damaged")
        np.copyto(self._values[self._filled : stop], self._convert(chunk), casting="same_kind")
        self._filled = stop

    def array(self) -> Any:
        """Return the array, after the last chunk."""
        if self._filled != len(self._values):
            raise DecodeError("the stored table has fewer rows than it says; its bytes are damaged")
        return self._finish(self._values)


class PartsFilling:
    """Puts pandas extension arrays one behind the other."""

    def __init__(self, dtype: Any, convert: Callable[[pa.Array], Any]) -> None:
        self._dtype = dtype
        self._convert = convert
        self._parts: list[Any] = []

    def add(self, chunk: pa.Array) -> None:
        """Take the next values."""
        self._parts.append(self._convert(chunk))

    def array(self) -> Any:
        """Return the array, after the last chunk."""
        if not self._parts:
            return pd.Series([], dtype=self._dtype).array
        if len(self._parts) == 1:
            return self._parts[0]
        return pd.concat([pd.Series(part) for part in self._parts], ignore_index=True).array


def filled(filling: Filling, chunks: Iterable[pa.Array]) -> Any:
    """Return the array that `chunks` make."""
    for chunk in chunks:
        filling.add(chunk)
    return filling.array()
