"""Numbers as a person says them: sizes, counts, times, durations, rates. Pure functions, no locale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_BINARY: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_DECIMAL: Final = ("B/s", "kB/s", "MB/s", "GB/s", "TB/s")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_YEAR: Final = 365 * _DAY


def size(n_bytes: int) -> str:
    """Return a number of bytes in binary units.

    Example:
        >>> size(14_541), size(0), size(1_048_575)
        ('14.2 KiB', '0 B', '1.0 MiB')
    """
    number, unit = _in_unit(n_bytes, _power(n_bytes))
    return f"{number} {unit}"


def size_of(done: int, total: int) -> str:
    """Return how many of how many bytes, both in the unit of `total`.

    Example:
        >>> size_of(2_040_109_466, 4_402_341_478)
        '1.9 of 4.1 GiB'
    """
    power = _power(total)
    return f"{_in_unit(done, power)[0]} of {' '.join(_in_unit(total, power))}"


def count(n: int) -> str:
    """Return a whole number with its thousands marked: ``48,000``."""
    return f"{n:,}"


def plural(n: int, one: str, many: str | None = None) -> str:
    """Return a count and its noun; `many` where an s won't do.

    Example:
        >>> plural(1, "object"), plural(8_214, "object"), plural(0, "entry", "entries")
        ('1 object', '8,214 objects', '0 entries')
    """
    return f"{count(n)} {one if n == 1 else many or one + 's'}"


def utc(time_ms: int) -> str:
    """Return milliseconds since 1970 as ``2026-11-23 14:05 UTC``."""
    minute = utc_minute(time_ms)
    return minute if minute == _NO_DATE else f"{minute} UTC"


def utc_minute(time_ms: int) -> str:
    """Return milliseconds since 1970 as ``2026-11-23 14:05``, for a column whose title says UTC."""
    # A store may answer with any integer; a listing must not fail over it.
    try:
        moment = _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        return _NO_DATE
    return f"{moment.year:04d}-{moment:%m-%d %H:%M}"  # strftime's %Y doesn't pad on Linux


def duration(seconds: float) -> str:
    """Return a length of time in whole units, rounded down: ``10 s``, ``34 min``, ``31 h``, ``6 d``, ``3 y``.

    The unit changes where two of the next are reached (years: at two), so that one number says enough.
    A negative length is none.
    """
    whole = max(0, int(seconds))
    if whole < 2 * _MINUTE:
        return f"{whole} s"
    if whole < 2 * _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h"
    if whole < 2 * _YEAR:
        return f"{whole // _DAY} d"
    return f"{count(whole // _YEAR)} y"


def rate(bytes_per_second: float) -> str:
    """Return a speed in the decimal units networks are sold in: ``231 MB/s``, ``1.2 GB/s``."""
    value, power = max(0.0, bytes_per_second), 0
    while round(value) >= 1000 and power < len(_DECIMAL) - 1:
        value, power = value / 1000, power + 1
    digits = f"{value:.1f}" if power and round(value, 1) < 10 else f"{value:,.0f}"
    return f"{digits} {_DECIMAL[power]}"


_NO_DATE: Final = "no such date"


def _power(n_bytes: int) -> int:
    power, value = 0, abs(n_bytes)
    # Compared as it will be printed: 1023.96 KiB would round to 1024.0 KiB.
    while power < len(_BINARY) - 1 and (value >= 1024 if power == 0 else round(value / 1024**power, 1) >= 1024):
        power += 1
    return power


def _in_unit(n_bytes: int, power: int) -> tuple[str, str]:
    return (f"{n_bytes}" if power == 0 else f"{n_bytes / 1024**power:.1f}"), _BINARY[power]
