"""The columns that somebody asked for, held against those that are there."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LISTED: Final = 12
_NAME: Final = 60


def check_columns(asked: Sequence[str], there: Sequence[str]) -> None:
    """Return if each name of `asked` is one of `there`, once in both.

    Raises:
        InputError: Names the first that isn't, with those it may have meant.
    """
    known = set(there)
    for i, name in enumerate(asked):
        if name in asked[:i]:
            raise InputError(f"the column {name!r:.80} is asked for twice; name it once")
        if name not in known:
            raise InputError(f"the stored table has no column {name!r:.80}; {_meant(name, there)}")
        if there.count(name) > 1:
            raise InputError(f"the stored table has several columns {name!r:.80}; get it whole")


def _meant(name: str, there: Sequence[str]) -> str:
    lower = {each.lower(): each for each in there}
    close = [lower[each] for each in difflib.get_close_matches(name.lower(), lower, n=3)]
    if close:
        return f"did you mean {' or '.join(map(_short, close))}?"
    if not there:
        return "it has none"
    listed = ", ".join(map(_short, there[:_LISTED]))
    return f"it has {listed}" + (f" and {len(there) - _LISTED:,} more" if len(there) > _LISTED else "")


def _short(name: str) -> str:
    return name if len(name) <= _NAME and name.strip() == name != "" and "," not in name else f"{name!r:.{_NAME}}"
