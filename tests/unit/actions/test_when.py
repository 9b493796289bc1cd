"""Times as people say them."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runloop_jupyter.actions.when import length_ms, moment_ms
from runloop_jupyter.errors import InputError

NOW = 1_795_000_000_000
DAY = 86_400_000
FIRST_OF_NOVEMBER = 1_793_491_200_000


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (None, None),
        ("30d", NOW - 30 * DAY),
        ("1w2d12h", NOW - 9 * DAY - DAY // 2),
        ("90S", NOW - 90_000),
        (timedelta(hours=12), NOW - DAY // 2),
        ("2026-11-01", FIRST_OF_NOVEMBER),
        ("2026-11", FIRST_OF_NOVEMBER),
        ("2026", 1_767_225_600_000),
        (" 2026-11-01T12:00 ", FIRST_OF_NOVEMBER + DAY // 2),
        ("2026-11-01 12:00:00.250", FIRST_OF_NOVEMBER + DAY // 2 + 250),
        ("2026-11-01T12:00Z", FIRST_OF_NOVEMBER + DAY // 2),
        ("2026-11-01T12:00+02:00", FIRST_OF_NOVEMBER + DAY // 2 - 7_200_000),
        (date(2026, 11, 1), FIRST_OF_NOVEMBER),
        (datetime(2026, 11, 1), FIRST_OF_NOVEMBER),  # noqa: DTZ001 - without a zone it is UTC
        (datetime(2026, 11, 1, 2, tzinfo=timezone(timedelta(hours=2))), FIRST_OF_NOVEMBER),
        (pd.Timestamp("2026-11-01"), FIRST_OF_NOVEMBER),
        (pd.Timedelta("12h"), NOW - DAY // 2),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-23))), 253_402_300_799_999 + 23 * 3_600_000),
    ],
)
def test_a_moment_is_ago_or_a_date_in_utc(when, expected):
    assert moment_ms(when, "since", NOW) == expected


@pytest.mark.parametrize("when", ["", "soon", "30", "-5d", "2026-13", "2026-02-30", "2026-11-01T25:00", 5, 5.0, pd.NaT])
def test_what_is_no_moment_is_one_line_that_names_the_option(when):
    with pytest.raises(InputError, match=r"^since"):
        moment_ms(when, "since x", NOW)


@given(st.datetimes(timezones=st.just(UTC)))
@example(datetime.min.replace(tzinfo=UTC))
def test_a_moment_that_was_written_is_read_back(moment):
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert moment_ms(moment.isoformat(), "since", NOW) == moment_ms(moment, "since", NOW) == expected


@given(st.text())
def test_any_text_is_a_moment_or_refused(text):
    with suppress(InputError):
        assert isinstance(moment_ms(text, "since", NOW), int)


@pytest.mark.parametrize(
    ("length", "expected"),
    [(None, None), ("7d", 7 * DAY), (timedelta(days=7), 7 * DAY), ("0s", 0), ("9" * 30 + "d", 10**18)],
)
def test_a_length_of_time(length, expected):
    assert length_ms(length, "expiring") == expected


@pytest.mark.parametrize("length", ["", "7", "2026-11-01", timedelta(days=-1), 7, pd.NaT])
def test_what_is_no_length_is_one_line_that_names_the_option(length):
    with pytest.raises(InputError, match=r"^expiring"):
        length_ms(length, "expiring x")
