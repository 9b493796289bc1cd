"""Times as people say them: ``30d`` (ago, or from now), a date, a moment. Without a zone they are UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from runloop_jupyter.errors import InputError
from runloop_jupyter.options import duration_ms

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_YEAR_OR_MONTH: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?")


def moment_ms(when: object, option: str, now_ms: int) -> int | None:
    """Return a moment in milliseconds since 1970; None where none is given.

    Args:
        when: A length of time before now (``30d``, ``1w2d12h``, a `timedelta`), or a date or time (``2026``,
            ``2026-11``, ``2026-11-01``, ``2026-11-01T12:00+02:00``, a `date` or `datetime`), which begins at its first
            moment and is in UTC where it names no zone.
        option: What it is given as, for the error.
        now_ms: What "ago" counts from.

    Raises:
        InputError: It can't be read.

    Example:
        >>> moment_ms("1970-01-02T01:00+01:00", "since", 0), moment_ms("1d", "since", 86_400_500)
        (86400000, 500)
    """
    if when is None:
        return None
    if isinstance(when, timedelta):
        return now_ms - when // _MILLISECOND
    if isinstance(when, str):
        if (length := duration_ms(when)) is not None:
            return now_ms - round(length)
        when = _read(when.strip())
    if isinstance(when, date) and not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day, tzinfo=UTC)
    if not isinstance(when, datetime):
        raise InputError(
            f"{option} can't be read as a time. Write 30d or 12h (ago), 2026-11-01 or 2026-11-01T12:00 (UTC)"
        )
    # pandas' NaT is a datetime that no arithmetic works on.
    try:
        return int(((when.replace(tzinfo=UTC) if when.tzinfo is None else when) - _EPOCH) // _MILLISECOND)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{option} is no moment in time") from None


def span_ms(since: object, before: object, now_ms: int) -> tuple[int | None, int | None]:
    """Return two moments in milliseconds since 1970, each as `moment_ms` reads it; None where none is given.

    Raises:
        InputError: One can't be read, or nothing lies between them.
    """
    begins, ends = moment_ms(since, f"since {since}", now_ms), moment_ms(before, f"before {before}", now_ms)
    if begins is not None and ends is not None and begins >= ends:
        raise InputError(f"nothing is both since {since} and before {before}: that is no time at all")
    return begins, ends


def length_ms(length: object, option: str) -> int | None:
    """Return a length of time, ``7d`` or a `timedelta`, in milliseconds; None where none is given.

    Raises:
        InputError: It can't be read, or is negative.
    """
    if length is None:
        return None
    milliseconds: float | None = None
    if isinstance(length, timedelta):
        milliseconds = length // _MILLISECOND
    elif isinstance(length, str):
        milliseconds = duration_ms(length)
    if milliseconds is None or milliseconds < 0:
        raise InputError(f"{option} is not a length of time. Write 7d, 12h, 45m or 1w2d")
    return round(milliseconds)


def _read(text: str) -> datetime | None:
    if short := _YEAR_OR_MONTH.fullmatch(text):
        text = f"{short[1]}-{short[2] or '01'}-01"
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
