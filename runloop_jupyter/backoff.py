"""How long to wait before another try."""

from __future__ import annotations

import random
from typing import Final

# Not the module's own functions: a notebook that seeded those would get other numbers for every retry.
_chance: Final = random.Random()  # noqa: S311 - spread, not secrecy


def full_jitter(attempt: int, first_s: float, longest_s: float) -> float:
    """Return seconds between 0 and first·2ⁿ, at most `longest_s`, so that many who were refused at once come apart.

    Args:
        attempt: How many tries failed before this one, n.
        first_s: The longest wait after the first.
        longest_s: The longest wait after any.
    """
    return _chance.uniform(0, min(longest_s, first_s * 2**attempt))
