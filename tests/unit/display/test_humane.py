"""Numbers as a person says them."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runloop_jupyter.display import humane

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")


@pytest.mark.parametrize(
    ("n_bytes", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (14_541, "14.2 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (int(1023.9 * 1024), "1023.9 KiB"),
        (-5, "-5 B"),
        (-1024, "-1.0 KiB"),
        (3 * 1024**5, "3.0 PiB"),
        (5 * 1024**9, "5120.0 YiB"),
    ],
)
def test_size_is_said_in_the_largest_unit_that_reaches_one(n_bytes: int, said: str) -> None:
    assert humane.size(n_bytes) == said


@given(st.integers(0, 1024**9 - 1))
@example(1024**2 - 52)
def test_size_never_shows_1024_of_a_unit_that_has_a_next(n_bytes: int) -> None:
    number, unit = humane.size(n_bytes).split()
    assert float(number) < 1024 or unit == "YiB"


@given(st.integers(0, 2**63))
def test_size_is_right_to_the_digit_it_shows(n_bytes: int) -> None:
    number, unit = humane.size(n_bytes).split()
    one = 1024 ** UNITS.index(unit)
    assert abs(float(number) * one - n_bytes) <= one * 0.0500001


@pytest.mark.parametrize(
    ("done", "total", "said"),
    [
        (2_040_109_466, 4_402_341_478, "1.9 of 4.1 GiB"),
        (0, 0, "0 of 0 B"),
        (12, 512, "12 of 512 B"),
        (1, 1024**3, "0.0 of 1.0 GiB"),
    ],
)
def test_part_and_whole_are_said_in_the_unit_of_the_whole(done: int, total: int, said: str) -> None:
    assert humane.size_of(done, total) == said


def test_count_marks_thousands() -> None:
    assert (humane.count(48_000), humane.count(0), humane.count(-1_234)) == ("48,000", "0", "-1,234")


def test_plural_agrees_with_its_number() -> None:
    said = [humane.plural(n, "object") for n in (0, 1, 2, 8_214)]
    assert said == ["0 objects", "1 object", "2 objects", "8,214 objects"]
    assert humane.plural(3, "entry", "entries") == "3 entries"


def test_a_time_is_utc_to_the_minute_whatever_the_zone_of_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert humane.utc(1_795_442_700_999) == "2026-11-23 14:05 UTC"
    assert humane.utc_minute(1_795_442_700_999) == "2026-11-23 14:05"


@given(st.integers())
def test_any_integer_for_a_time_gives_a_date_or_says_there_is_none(time_ms: int) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC|no such date", humane.utc(time_ms))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (7_199, "119 min"),
        (31 * 3600 + 5, "31 h"),
        (6 * 86_400, "6 d"),
        (729 * 86_400, "729 d"),
        (3 * 365 * 86_400, "3 y"),
    ],
)
def test_duration_is_one_number_rounded_down(seconds: float, said: str) -> None:
    assert humane.duration(seconds) == said


@pytest.mark.parametrize(
    ("speed", "said"),
    [
        (-1, "0 B/s"),
        (12, "12 B/s"),
        (999.6, "1.0 kB/s"),
        (9_960, "10 kB/s"),
        (231e6, "231 MB/s"),
        (1.24e9, "1.2 GB/s"),
        (5e15, "5,000 TB/s"),
    ],
)
def test_rate_is_said_in_decimal_units(speed: float, said: str) -> None:
    assert humane.rate(speed) == said
