"""What may be meant by a few letters: metadata keys, values of a key, names."""

from __future__ import annotations

import heapq
import time
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import InputError
from runloop_jupyter.index import choosing
from runloop_jupyter.index.deadline import TimeUp, cut_off
from runloop_jupyter.index.filter import Filter, after, plan
from runloop_jupyter.index.fold import fold
from runloop_jupyter.wire.browse import Suggestion, SuggestView
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from runloop_jupyter.wire.browse import SuggestAsked

_LONGEST_TEXT: Final = 1000
_MOST: Final = 100
# Up to so many values of a key, or names, are looked through.
_VALUES: Final = 3000
_NAMES: Final = 500
_WITHIN_SECONDS: Final = 0.012


def check_suggest(asked: SuggestAsked) -> None:
    """Raise `InputError` where it asks for what can't be."""
    if not 1 <= asked.limit <= _MOST:
        raise InputError(f"limit is how many of each sort, from 1 to {_MOST}")
    if len(asked.text) > _LONGEST_TEXT:
        raise InputError(f"text has up to {_LONGEST_TEXT:,} characters")
    try:
        asked.text.encode()
    except UnicodeEncodeError:
        raise InputError("text isn't text: it has half of a character in it") from None


def suggest(connection: sqlite3.Connection, asked: SuggestAsked, now_ms: int) -> Iterator[SuggestView | None]:
    """Yield what may be meant, after a None wherever others may have their turn; in a few milliseconds, or with less.

    Of a key's values those that begin with what was typed come before those that have it elsewhere, then those that
    more objects have before others; of keys likewise. Names are those of the newest objects.
    """
    until = time.monotonic() + _WITHIN_SECONDS
    found: list[Suggestion] = []
    key, sign, part = asked.text.partition("=")
    if sign:
        found += _values(connection, key, part, asked.limit, until)
    else:
        found += _keys(connection, asked.text, asked.limit)
    yield None
    if asked.text:
        found += _names(connection, asked.text, asked.limit, now_ms, until)
    yield SuggestView(suggestions=found)


def _keys(connection: sqlite3.Connection, text: str, limit: int) -> list[Suggestion]:
    wanted = fold(text)
    fitting = [
        (not fold(key).startswith(wanted), -n, key) for key, n, _ in choosing.keys(connection) if wanted in fold(key)
    ]
    return [Suggestion(sort="key", text=key, n=-n) for _, n, key in heapq.nsmallest(limit, fitting)]


def _values(connection: sqlite3.Connection, key: str, part: str, limit: int, until: float) -> list[Suggestion]:
    row = connection.execute("SELECT key FROM meta_key WHERE text = ?", (key,)).fetchone()
    if row is None:
        return []
    wanted = fold(part)
    found: dict[str, int] = {}
    bound = " AND value < ?" if after(part) else ""
    looked = [
        # What is written just so, what most objects have, and then what there is.
        (f" WHERE key = ? AND value >= ?{bound} LIMIT ?", (part, *after(part))),
        (" INDEXED BY meta_pair_by_n WHERE key = ? AND n > 1 ORDER BY n DESC LIMIT ?", ()),
        (" WHERE key = ? LIMIT ?", ()),
    ]
    try:
        for which, values in looked:
            with cut_off(connection, until):
                rows = connection.execute(f"SELECT value, n FROM meta_pair{which}", (row[0], *values, _VALUES))  # noqa: S608
                found.update({value: n for value, n in rows if wanted in fold(value)})
    except TimeUp:
        pass  # those before it are found
    fitting = [(not fold(value).startswith(wanted), -n, value) for value, n in found.items()]
    return [Suggestion(sort="value", key=key, text=value, n=-n) for _, n, value in heapq.nsmallest(limit, fitting)]


def _names(connection: sqlite3.Connection, text: str, limit: int, now_ms: int, until: float) -> list[Suggestion]:
    names: dict[str, int] = {}
    try:
        with cut_off(connection, until):
            way = plan(connection, Filter(name=text, state=ObjectState.READ_ONLY))
            if way is None:
                return []
            way = way.with_object().testing(
                "NOT o.part AND (+o.delete_after_time_ms IS NULL OR +o.delete_after_time_ms > ?)", now_ms
            )
            statement, values = way.all().select("o.name, o.named", f" ORDER BY {way.key} DESC LIMIT ?")
            for name, named in connection.execute(statement, (*values, _NAMES)):
                names.setdefault(name, named)
                if len(names) == limit:
                    break
    except TimeUp:
        pass  # those before it are found
    found = []
    for name, named in names.items():
        row = connection.execute("SELECT living FROM name WHERE number = ?", (named,)).fetchone()
        found.append(Suggestion(sort="name", text=name, n=None if row is None else max(row[0], 1)))
    return found
