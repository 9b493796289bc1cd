"""Ids: a place in the order of creation, then chance.

``obj_`` + 11 characters of position + 16 random ones (80 bits), in Crockford's base 32. Ids of one store sort by
creation; the random part can't be guessed and keeps two stores from ever giving the same id.
"""

from __future__ import annotations

import secrets
from typing import Final

_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final = {digit: value for value, digit in enumerate(_DIGITS)}
PREFIX: Final = "obj_"
_POSITION: Final = 11
_RANDOM: Final = 16
# Positions within one millisecond, before they run ahead of the clock.
_PER_MILLISECOND: Final = 1 << 12


def next_position(newest: int | None, now_ms: int) -> int:
    """Return a position after `newest`, near the time where the clock allows (it may have been set back)."""
    return max(now_ms * _PER_MILLISECOND, -1 if newest is None else newest + 1)


def make_id(position: int) -> str:
    """Return a new id for the object at `position`."""
    digits = [_DIGITS[position >> (5 * place) & 31] for place in reversed(range(_POSITION))]
    chance = secrets.randbits(5 * _RANDOM)
    return PREFIX + "".join(digits) + "".join(_DIGITS[chance >> (5 * place) & 31] for place in range(_RANDOM))


def position_of(object_id: str) -> int | None:
    """Return the position an id was made for, also when its object is long gone; None when it is no id of ours."""
    digits = object_id[len(PREFIX) :]
    if not object_id.startswith(PREFIX) or len(digits) != _POSITION + _RANDOM or not _VALUES.keys() >= set(digits):
        return None
    position = 0
    for digit in digits[:_POSITION]:
        position = position << 5 | _VALUES[digit]
    return position
