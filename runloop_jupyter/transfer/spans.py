"""Which bytes of a file are there: spans ``[start, stop)``, disjoint, in order, as few as say it."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Spans:
    """A set of byte positions.

    Example:
        >>> there = Spans([(0, 4)])
        >>> there.add(6, 8)
        >>> there.add(4, 5)
        >>> list(there), there.prefix, there.total, list(there.gaps(10))
        ([(0, 5), (6, 8)], 5, 7, [(5, 6), (8, 10)])
    """

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._spans: list[tuple[int, int]] = []
        for start, stop in spans:
            self.add(start, stop)

    def add(self, start: int, stop: int) -> None:
        """Take in the bytes from `start` up to `stop`; those that are there already are no matter."""
        if start >= stop:
            return
        first = bisect_left(self._spans, start, key=lambda span: span[1])
        last = first
        while last < len(self._spans) and self._spans[last][0] <= stop:
            start, stop = min(start, self._spans[last][0]), max(stop, self._spans[last][1])
            last += 1
        self._spans[first:last] = [(start, stop)]

    def clear(self) -> None:
        """Nothing is there any more."""
        self._spans.clear()

    @property
    def prefix(self) -> int:
        """How many bytes are there from the beginning on without a gap."""
        return self._spans[0][1] if self._spans and self._spans[0][0] == 0 else 0

    @property
    def total(self) -> int:
        """How many bytes are there."""
        return sum(stop - start for start, stop in self._spans)

    def gaps(self, size: int) -> Iterator[tuple[int, int]]:
        """Yield what is missing below `size`, in order."""
        position = 0
        for start, stop in self._spans:
            if position >= size:
                return
            if position < start:
                yield position, min(start, size)
            position = stop
        if position < size:
            yield position, size

    def copy(self) -> Spans:
        """Return a set of its own with the same bytes."""
        other = Spans()
        other._spans = self._spans.copy()
        return other

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._spans)
