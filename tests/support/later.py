"""Time that goes on when a test tells it to, and what is to be called by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """A clock, and the calls that wait for it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    def after(self, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        entry = (self.now + seconds, call)
        self.calls.append(entry)

        def prevent() -> None:
            self.calls = [each for each in self.calls if each is not entry]

        return prevent

    def go_on(self, seconds: float) -> None:
        """Let so much time go by, with all that was to be called in it."""
        until = self.now + seconds
        while due := [each for each in self.calls if each[0] <= until]:
            first = min(due, key=lambda each: each[0])
            self.calls.remove(first)
            self.now = max(self.now, first[0])
            first[1]()
        self.now = until
