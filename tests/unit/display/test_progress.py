"""What a transfer shows while it runs."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from runloop_jupyter.display.progress import (
    Left,
    LiveProgress,
    ProgressSnapshot,
    TerminalSurface,
    find_surface,
    progress_html,
    progress_text,
    progress_words,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SCANS = ProgressSnapshot("scans", "sending", 2_040_109_466, 4_402_341_478, started=100.0)


class Recorder:
    """A surface that remembers what it was asked for."""

    def __init__(self) -> None:
        self.shown: list[tuple[ProgressSnapshot, float | None]] = []  # with the seconds that are left
        self.cleared = 0

    def show(self, snapshot: ProgressSnapshot, left_s: float | None) -> None:
        self.shown.append((snapshot, left_s))

    def clear(self) -> None:
        self.cleared += 1


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def run(work: Callable[[float], ProgressSnapshot], seconds: float, step: float = 0.01) -> Recorder:
    """Tick from second 100 on, and close."""
    clock, surface = Clock(100.0), Recorder()
    with LiveProgress(lambda: work(clock.now), clock=clock, surface=surface) as live:
        while clock.now < 100.0 + seconds:
            live.tick()
            clock.now += step
    return surface


def steadily(now: float) -> ProgressSnapshot:
    return replace(SCANS, done=int(1e6 * (now - 100)))


def test_words_say_phase_bytes_speed_and_time_left() -> None:
    assert progress_words(replace(SCANS, rate=231e6), 11) == "sending · 1.9 of 4.1 GiB · 231 MB/s · 11 s left"


def test_of_many_files_the_words_say_how_many_are_through() -> None:
    many = replace(SCANS, rate=80e6, files=3, of_files=1000)
    assert progress_words(many, 40) == "sending · 3 of 1,000 files · 1.9 of 4.1 GiB · 80 MB/s · 40 s left"


def test_words_leave_out_what_is_not_known() -> None:
    assert progress_words(replace(SCANS, total=None)) == "sending · 1.9 GiB"
    assert progress_words(replace(SCANS, total=None, rate=231e6)) == "sending · 1.9 GiB · 231 MB/s"
    assert progress_words(replace(SCANS, rate=None), 11) == "sending · 1.9 of 4.1 GiB"


def test_the_bar_is_as_full_as_the_work_is_done() -> None:
    assert "width:46.3%" in progress_html(SCANS)
    assert progress_text(SCANS).startswith("scans  ━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌  sending")


@pytest.mark.parametrize(("done", "total", "width"), [(0, 0, "100.0"), (7, 5, "100.0"), (-1, 5, "0.0")])
def test_the_bar_stays_a_bar_whatever_the_numbers(done: int, total: int, width: str) -> None:
    assert f"width:{width}%" in progress_html(replace(SCANS, done=done, total=total))


def test_without_a_total_there_is_no_bar() -> None:
    unknown = replace(SCANS, total=None)
    assert "progressbar" not in progress_html(unknown)
    assert "╌" not in progress_text(unknown)


def test_a_label_from_elsewhere_stays_text() -> None:
    html = progress_html(replace(SCANS, label='"><img src=x>\x1b'))
    assert "<img" not in html
    assert "␛" in html


def test_a_terminal_line_keeps_to_the_terminal() -> None:
    assert len(progress_text(replace(SCANS, label="x" * 200, rate=231e6), 11, width=60)) == 60


def test_work_under_half_a_second_shows_nothing() -> None:
    surface = run(steadily, seconds=0.49)
    assert surface.shown == []
    assert surface.cleared == 0


def test_long_work_is_shown_at_most_ten_times_a_second_and_taken_away_once() -> None:
    surface = run(steadily, seconds=3.5)
    assert 25 <= len(surface.shown) <= 31
    assert surface.cleared == 1


def test_the_delay_counts_from_the_start_of_the_work_not_of_the_looking() -> None:
    surface = run(lambda now: replace(SCANS, started=90.0), seconds=0.02)
    assert len(surface.shown) == 1


def test_work_that_has_ended_is_not_shown() -> None:
    surface = run(lambda now: replace(steadily(now), state="done" if now > 100.3 else "running"), seconds=2)
    assert surface.shown == []


def nervously(now: float) -> ProgressSnapshot:
    """1 GB in all; as fast as ever in the mean, and half or one and a half times that from moment to moment."""
    rate = 10e6 if int(now * 5) % 2 else 5e6
    return replace(SCANS, total=1_000_000_000, done=int(7.5e6 * (now - 100)), rate=rate)


def test_the_time_left_runs_down_and_does_not_jump_with_the_speed() -> None:
    lefts = [left for _, left in run(nervously, seconds=60).shown]
    jumps = [after - before for before, after in pairwise(lefts)]
    assert max(jumps) <= 0
    assert min(jumps) >= -60  # it is said to the minute where it is far off
    assert lefts[-1] < lefts[0]


def test_the_time_left_gives_in_to_a_speed_that_has_changed() -> None:
    def slows_down(now: float) -> ProgressSnapshot:
        rate = 10e6 if now < 110 else 1e6
        return replace(SCANS, total=1_000_000_000, done=100_000_000, rate=rate)

    shown = run(slows_down, seconds=30).shown
    assert shown[20][1] == pytest.approx(90, abs=5)
    assert shown[-1][1] == pytest.approx(900, abs=60)


def test_the_time_left_is_said_to_the_second_near_the_end_only() -> None:
    def fixed(left: float) -> float | None:
        return Left().at(100.0, replace(SCANS, total=SCANS.done + int(left * 1e6), rate=1e6))

    assert [fixed(left) for left in (3.2, 42.0, 130.0)] == [4, 45, 180]


@pytest.mark.parametrize("change", [{"total": None}, {"rate": None}, {"rate": 0.0}, {"done": 4_402_341_478}], ids=str)
def test_where_nobody_knows_nothing_is_said_to_be_left(change: dict[str, Any]) -> None:
    assert Left().at(100.0, replace(SCANS, **{"rate": 1e6, **change})) is None


def test_the_bar_is_taken_away_when_the_work_fails() -> None:
    clock, surface = Clock(101.0), Recorder()
    live = LiveProgress(lambda: SCANS, clock=clock, surface=surface)

    def work() -> None:
        with live:
            live.tick()
            raise OSError("gone")

    with pytest.raises(OSError):
        work()
    assert (len(surface.shown), surface.cleared) == (1, 1)


def test_a_terminal_line_is_written_over_and_erased_at_the_end() -> None:
    stream = io.StringIO()
    surface = TerminalSurface(stream)
    surface.show(SCANS, None)
    surface.show(SCANS, 11)
    surface.clear()
    assert "\n" not in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[2K")


def test_nothing_is_shown_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert find_surface() is None
    LiveProgress(lambda: SCANS, clock=Clock(200.0)).tick()
    assert capsys.readouterr() == ("", "")


def test_what_is_counted_may_be_other_than_bytes() -> None:
    looking = ProgressSnapshot("ls", "looking", 15_000, None, started=100.0, unit="objects")
    assert progress_words(looking) == "looking · 15,000 objects"
    assert progress_words(replace(looking, rate=7_000.0), 4) == "looking · 15,000 objects"
    assert progress_words(replace(looking, total=40_000)) == "looking · 15,000 of 40,000 objects"
