"""What users give beside the thing itself, checked: metadata and time to live."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from numbers import Real
from typing import Any, Final

from runloop_jupyter.errors import InputError, MetadataError

RESERVED: Final = "rl."
_UNITS_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?[smhdw])+", re.IGNORECASE)
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw])", re.IGNORECASE)
_LONGEST_MS: Final = 1e18  # beyond every calendar; more is no other answer
_LONGEST_TTL: Final = timedelta(days=36_500)


def duration_ms(text: str) -> float | None:
    """Return a length of time such as ``30d`` or ``1w2d12h`` in milliseconds; None where it is none.

    Example:
        >>> duration_ms("1.5h"), duration_ms("soon")
        (5400000.0, None)
    """
    if not _DURATION.fullmatch(text.strip()):
        return None
    return min(sum(float(number) * _UNITS_MS[unit.lower()] for number, unit in _PART.findall(text)), _LONGEST_MS)


def check_limit(limit: object) -> None:
    """Raise InputError unless `limit` is how many of something can be shown."""
    if not isinstance(limit, int) or limit < 1:
        raise InputError(f"limit {limit!r} (--limit) shows nothing. Give 1 or more")


def ttl_ms(ttl: object) -> int | None:
    """Return a time to live in milliseconds; None for ever.

    Args:
        ttl: ``30d``, ``12h``, ``1w2d``, ``45m``, ``90s``, ``never``, or a `timedelta`.

    Raises:
        InputError: It can't be read, or isn't in the future.

    Example:
        >>> ttl_ms("1d12h")
        129600000
    """
    if ttl is None or (isinstance(ttl, str) and ttl.strip().lower() == "never"):
        return None
    return length_ms(ttl, "ttl", longest=_LONGEST_TTL, instead=". For ever is never, or no ttl at all")


def length_ms(said: object, option: str, *, longest: timedelta, instead: str = "") -> int:
    """Return a length of time in milliseconds.

    Args:
        said: ``30d``, ``12h``, ``1w2d``, ``45m``, ``90s``, or a `timedelta`.
        option: What it was given as, for the error.
        longest: The most there is.
        instead: What can be said in place of one that is out of range, for the error.

    Raises:
        InputError: It can't be read, is under a second, or longer than `longest`.
    """
    if isinstance(said, timedelta):
        milliseconds = said.total_seconds() * 1000
    elif isinstance(said, str) and (length := duration_ms(said)) is not None:
        milliseconds = length
    else:
        raise InputError(f"{option}={said!r} is not a length of time. Write 30d, 12h, 45m, 90s or 1w2d")
    # Under a second it would be over before anybody has read of it.
    if not 1000 <= milliseconds <= longest.total_seconds() * 1000:
        raise InputError(f"{option}={said!r} is out of range: from 1s to {longest.days}d{instead}")
    return round(milliseconds)


def as_text(value: object) -> str | None:
    """Return text, a number or a boolean as metadata holds it, ``0.913``, ``true``; None for anything else."""
    if isinstance(value, bool) or type(value).__name__ in {"bool_", "bool"}:  # numpy's is no Real
        return str(value).lower()
    return str(value) if isinstance(value, str | Real) else None


def user_metadata(metadata: Mapping[Any, object] | None) -> dict[str, str]:
    """Return metadata as it will be stored: text keys to text values.

    Numbers and booleans become their text, ``0.913``, ``true``.

    Raises:
        MetadataError: A key or value that can't be stored, or a key of ours.
    """
    if not isinstance(metadata, Mapping | None):
        raise MetadataError(f"metadata is a dict of text to text, not a {type(metadata).__name__}")
    checked = {}
    for key, value in (metadata or {}).items():
        if not isinstance(key, str) or not key or key != key.strip() or re.search(r"[\[\]=\x00-\x1f\x7f]", key):
            raise MetadataError(f"{key!r} can't be a metadata key: text without = [ ] and line breaks")
        if key.startswith(RESERVED):
            raise MetadataError(f"metadata keys that begin with “{RESERVED}” are this extension's own. Rename {key!r}")
        text = as_text(value)
        if text is None:
            raise MetadataError(f"the metadata value of {key!r} is a {type(value).__name__}. Give text or a number")
        try:
            text.encode()
            key.encode()
        except UnicodeEncodeError:
            raise MetadataError(f"the metadata of {key!a} is not valid Unicode") from None
        checked[key] = text
    return checked
