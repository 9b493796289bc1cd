"""How fast something grows, as a person wants to read it: neither stale nor nervous."""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW_S: Final = 4.0
LEAST_S: Final = 0.4  # less than this says nothing of a speed
_APART_S: Final = 0.1


class Speed:
    """The mean speed of the last seconds; it falls to nothing where the work stalls.

    Not thread-safe: whoever counts holds a lock already.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def restart(self) -> None:
        """Forget what was: other work begins."""
        self._samples.clear()

    def note(self, now: float, done: int) -> None:
        """Take in that `done` are done at second `now`; cheap, however often it is called."""
        samples = self._samples
        if samples and done < samples[-1][1]:  # it was begun again
            samples.clear()
        if samples and now - samples[-1][0] < _APART_S:
            return
        samples.append((now, done))
        # One sample older than the window stays: from there on it is measured.
        while len(samples) > 2 and now - samples[1][0] >= WINDOW_S:
            samples.popleft()

    def at(self, now: float, done: int) -> float | None:
        """Return how many a second at second `now`; None while too little was seen."""
        if not self._samples or done < self._samples[-1][1]:
            return None
        first = next((each for each in self._samples if now - each[0] <= WINDOW_S), None)
        if first is None:  # nothing came for as long as the window is
            return 0.0
        then, before = first
        return (done - before) / (now - then) if now - then >= LEAST_S else None
