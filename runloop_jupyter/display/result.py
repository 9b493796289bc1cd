"""What actions return: a value that shows itself, alone as its card or table, among others by its repr."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from runloop_jupyter.display.shown import Shown

T = TypeVar("T")


class Result(ABC):
    """Base of what actions return. A subclass says what shows it, and has a short ``__repr__`` of its own."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # IPython asks class by class, and takes a subclass's __repr__ before a base's _repr_pretty_.
        cls._repr_pretty_ = Result._repr_pretty_  # type: ignore[method-assign]

    @abstractmethod
    def _shown(self) -> Shown:
        """Return what shows it."""

    def _repr_html_(self) -> str:
        return self._shown().to_html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # Inside a list or a dict the short form reads better.
        printer.text(repr(self) if cycle or len(printer.stack) > 1 else self._shown().to_text())


class ResultList(Result, Sequence[T], Generic[T]):
    """A result that is a sequence. A subclass says of what."""

    @abstractmethod
    def _items(self) -> Sequence[T]:
        """Return what it holds."""

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._items()[index]

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[T]:
        return iter(self._items())
