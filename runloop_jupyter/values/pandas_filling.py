"""Arrow chunks become one pandas or NumPy array as they come, so that a table is never in memory twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from runloop_jupyter.errors import DecodeError
from runloop_jupyter.values.codec import no_checkpoint
from runloop_jupyter.values.parquet import BATCH_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pyarrow as pa

    from runloop_jupyter.values.codec import Checkpoint


class Filling(Protocol):
    """One array in the making."""

    def add(self, chunk: pa.Array, checkpoint: Checkpoint) -> None:
        """Take the next values; call `checkpoint` now and then."""

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

    def add(self, chunk: pa.Array, checkpoint: Checkpoint) -> None:
        """Take the next values, so few at a time that what is made on the way stays in the processor's cache."""
        if self._filled + len(chunk) > len(self._values):
            raise DecodeError("the stored table has more rows than it says; its bytes are damaged")
        for start in range(0, len(chunk), BATCH_ROWS):
            part = chunk.slice(start, BATCH_ROWS)
            stop = self._filled + len(part)
            np.copyto(self._values[self._filled : stop], self._convert(part), casting="same_kind")
            self._filled = stop
            checkpoint()

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

    def add(self, chunk: pa.Array, checkpoint: Checkpoint) -> None:
        """Take the next values."""
        checkpoint()
        self._parts.append(self._convert(chunk))

    def array(self) -> Any:
        """Return the array, after the last chunk."""
        if not self._parts:
            return pd.Series([], dtype=self._dtype).array
        if len(self._parts) == 1:
            return self._parts[0]
        return pd.concat([pd.Series(part) for part in self._parts], ignore_index=True).array


def without_nulls(chunk: pa.Array, instead: object) -> Any:
    """Return a chunk as a NumPy array, with `instead` for what is missing; without a copy where nothing is."""
    # Asked for, Arrow's fill_null copies also where there is nothing to fill.
    return (chunk.fill_null(instead) if chunk.null_count else chunk).to_numpy(zero_copy_only=False)


def filled(filling: Filling, chunks: Iterable[pa.Array]) -> Any:
    """Return the array that `chunks` make."""
    for chunk in chunks:
        filling.add(chunk, no_checkpoint)
    return filling.array()
