"""What a transfer shows while it runs: a bar in a notebook, a line in a terminal, nothing once it is over.

The words and the bar are pure functions of a `ProgressSnapshot`; `LiveProgress` decides when they are shown.
"""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

from runloop_jupyter.display import humane
from runloop_jupyter.display.fact import SEPARATOR, Fact
from runloop_jupyter.display.host import in_notebook
from runloop_jupyter.display.markup import Html, element, root
from runloop_jupyter.display.plain import fold, visible

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

ProgressState: TypeAlias = Literal["running", "done", "failed", "cancelled"]

_BAR_CELLS: Final = 20
_LONGEST_LABEL: Final = 48
_GIVES_IN_S: Final = 2.0
# What is left is said to the second only near the end.
_STEPS: Final = ((10.0, 1.0), (120.0, 5.0), (float("inf"), 60.0))
_ERASE_LINE: Final = "\r\x1b[2K"


@dataclass(frozen=True, slots=True)
class ProgressSnapshot:
    """How far a piece of work is.

    Attributes:
        label: What is worked on: a name.
        phase: What is being done to it: ``packing``, ``sending``, ``verifying``.
        done: Bytes done, or so many of `unit`.
        total: The same in all; None while that isn't known.
        started: When the work began, in seconds of `time.monotonic`.
        state: ``running``, or how it ended.
        unit: What is counted, in the plural, where it isn't bytes: ``objects``.
        rate: Bytes a second; None where it isn't known, which leaves out the speed and the time left.
        files: Of many files that move together, how many are through.
        of_files: How many there are; None where it is one.
    """

    label: str
    phase: str
    done: int
    total: int | None
    started: float
    state: ProgressState = "running"
    unit: str = ""
    rate: float | None = None
    files: int = 0
    of_files: int | None = None


def progress_words(snapshot: ProgressSnapshot, left_s: float | None = None) -> str:
    """Return ``sending · 3 of 1,000 files · 1.9 of 4.1 GiB · 231 MB/s · 10 s left``.

    Args:
        snapshot: How far it is.
        left_s: Seconds that are left; None where nobody knows.
    """
    words = [snapshot.phase]
    if snapshot.of_files is not None:
        words.append(f"{humane.count(snapshot.files)} of {humane.plural(snapshot.of_files, 'file')}")
    if snapshot.unit:
        of = "" if snapshot.total is None else f" of {humane.count(snapshot.total)}"
        words.append(f"{humane.count(snapshot.done)}{of} {snapshot.unit}")
    elif snapshot.total is None:
        words.append(humane.size(snapshot.done))
    else:
        words.append(humane.size_of(snapshot.done, snapshot.total))
    if snapshot.rate and not snapshot.unit:  # of things that differ in size a speed says little
        words.append(humane.rate(snapshot.rate))
        if left_s is not None:
            words.append(f"{humane.duration(ceil(left_s))} left")
    return SEPARATOR.join(map(visible, words))


def progress_text(snapshot: ProgressSnapshot, left_s: float | None = None, width: int = 80) -> str:
    """Return the line for a terminal of `width` cells."""
    bar = ""
    if (share := _share(snapshot)) is not None:
        full = int(share * _BAR_CELLS)
        bar = f"  {'━' * full}{'╌' * (_BAR_CELLS - full)}"
    return fold(f"{Fact(snapshot.label).to_text(_LONGEST_LABEL)}{bar}  {progress_words(snapshot, left_s)}", width)


def progress_html(snapshot: ProgressSnapshot, left_s: float | None = None) -> Html:
    """Return the bar for a notebook; without a known total, the words alone."""
    parts = [element("span", Fact(snapshot.label).to_html(_LONGEST_LABEL))]
    if (share := _share(snapshot)) is not None:
        percent = f"{share * 100:.1f}"
        fill = element("i", style=f"width:{percent}%")
        parts.append(
            element(
                "div",
                fill,
                cls="rl-track",
                role="progressbar",
                aria_label=visible(snapshot.label),
                aria_valuemin="0",
                aria_valuemax="100",
                aria_valuenow=percent,
            )
        )
    parts.append(element("span", progress_words(snapshot, left_s), cls="rl-q"))
    return root(element("div", *parts, cls="rl-bar"))


class Surface(Protocol):
    """Where progress is shown."""

    def show(self, snapshot: ProgressSnapshot, left_s: float | None) -> None:
        """Show this in place of what was shown before."""

    def clear(self) -> None:
        """Take away what was shown."""


class NotebookSurface:
    """A place in the output of the running cell.

    It is made empty and left empty, without any MIME type: what is saved of it is the same whether the work was
    quick or slow, and a test of the notebook compares nothing.
    """

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, snapshot: ProgressSnapshot, left_s: float | None) -> None:
        """Show the bar."""
        if self._handle is None:
            from IPython.display import display

            self._handle = display(  # type: ignore[no-untyped-call]
                {}, raw=True, display_id=True
            )
        data = {"text/html": progress_html(snapshot, left_s), "text/plain": progress_text(snapshot, left_s)}
        self._handle.update(data, raw=True)

    def clear(self) -> None:
        """Take the bar away."""
        if self._handle is not None:
            self._handle.update({}, raw=True)


class TerminalSurface:
    """The last line of a terminal.

    Args:
        stream: Where the terminal is written to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def show(self, snapshot: ProgressSnapshot, left_s: float | None) -> None:
        """Write the line over the one before."""
        width = shutil.get_terminal_size().columns - 1
        self._write(_ERASE_LINE + progress_text(snapshot, left_s, width))

    def clear(self) -> None:
        """Erase the line."""
        self._write(_ERASE_LINE)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def find_surface() -> Surface | None:
    """Return the notebook's running cell, the terminal behind stderr, or None where nobody looks."""
    if in_notebook():
        return NotebookSurface()
    return TerminalSurface(sys.stderr) if sys.stderr and sys.stderr.isatty() else None


class LiveProgress:
    """Shows the progress of one piece of work, if it takes long enough to wonder.

    `tick` and `close` are called from the thread that runs the cell: what another thread displays lands in whatever
    cell runs next. `tick` may be called as often as is convenient.

    Args:
        snapshot: Says how far the work is, None while there is nothing to say; called at each update.
        display_after: Seconds of work before anything is shown.
        interval: Least seconds between two updates.
        clock: Seconds, as `ProgressSnapshot.started` counts them.
        surface: Where to show it; by default where the user looks, and nowhere if nobody does.

    Example:
        with LiveProgress(transfer.progress) as live:
            while not finished.wait(0.05):
                live.tick()
    """

    def __init__(
        self,
        snapshot: Callable[[], ProgressSnapshot | None],
        *,
        display_after: float = 0.5,
        interval: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
        surface: Surface | None = None,
    ) -> None:
        self._snapshot = snapshot
        self._display_after = display_after
        self._interval = interval
        self._clock = clock
        self._surface = surface or find_surface()
        self._next = -1.0
        self._is_shown = False
        self._left = Left()

    def __enter__(self) -> LiveProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def tick(self) -> None:
        """Update what is shown, if it is time to."""
        now = self._clock()
        if self._surface is None or now < self._next:
            return
        self._next = now + self._interval
        snapshot = self._snapshot()
        if snapshot is None:
            return
        left_s = self._left.at(now, snapshot)
        if snapshot.state == "running" and now - snapshot.started >= self._display_after:
            self._is_shown = True
            self._surface.show(snapshot, left_s)

    def close(self) -> None:
        """Take away what is shown. Harmless twice."""
        if self._is_shown and self._surface is not None:
            self._is_shown = False
            self._surface.clear()


class Left:
    """The time that is left, as a clock that runs down: it gives in to what is measured little by little.

    A speed goes up and down; what divides by it jumps. So the moment of the end is kept, and moved a share of the way
    to where the speed of now would put it; the longer it is until then, the coarser it is said.
    """

    def __init__(self) -> None:
        self._work: tuple[str, str, int | None] | None = None
        self._ends = 0.0
        self._looked = 0.0
        self._said = float("inf")

    def at(self, now: float, snapshot: ProgressSnapshot) -> float | None:
        """Return the seconds that are left at second `now`, to be said; None where nobody knows."""
        if not snapshot.rate or snapshot.total is None or snapshot.done >= snapshot.total:
            return None
        ends = now + (snapshot.total - snapshot.done) / snapshot.rate
        work = (snapshot.label, snapshot.phase, snapshot.total)
        if work != self._work:
            self._work, self._ends, self._said = work, ends, float("inf")
        else:
            self._ends += (ends - self._ends) * min(1.0, (now - self._looked) / _GIVES_IN_S)
        self._looked = now
        left = max(0.0, self._ends - now)
        step = next(step for most, step in _STEPS if left < most)
        said = ceil(left / step) * step
        # It goes back up only where it is a whole step more than was said.
        if said < self._said or left >= self._said + step:
            self._said = said
        return self._said


def _share(snapshot: ProgressSnapshot) -> float | None:
    if snapshot.total is None:
        return None
    return min(1.0, max(0.0, snapshot.done / snapshot.total)) if snapshot.total > 0 else 1.0
