"""What a person says to a browser in Python, as what it is asked: a place, a query, columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runloop_jupyter import profile as profiles
from runloop_jupyter.browser import protocol
from runloop_jupyter.conditions import conditions
from runloop_jupyter.errors import InputError
from runloop_jupyter.wire.browse import Query

if TYPE_CHECKING:
    from runloop_jupyter.conditions import Where
    from runloop_jupyter.profile import Profile

_SHOWN: Final = 200
_WORDS: Final = tuple(field.name for field in msgspec.structs.fields(Query))


def place_of(said: str | None) -> tuple[Profile | None, str]:
    """Return the profile and the folder that a place means: ``PROFILE:``, ``runs/``, ``PROFILE:runs/``, nothing.

    Raises:
        InputError: It is neither.
    """
    if said is None or said == "":
        return None, ""
    if not isinstance(said, str):
        raise InputError(f"{said!r} is no place. Give PROFILE:, or a folder with its slash, runs/")
    name, colon, rest = said.partition(":")
    known = bool(colon) and name in profiles.known()
    folder = rest if known else said
    if folder and not folder.endswith("/"):
        raise InputError(
            f"{said!r} is no place. A folder ends with a slash: {folder}/ · "
            f"a profile with a colon: {folder}: · what to look for is search= (after the browser has opened, its box)"
        )
    return (profiles.named(name) if known else None), folder


def query_of(said: object, *, beneath: str = "") -> Query:
    """Return what is asked for.

    Args:
        said: A `Query`; a text to search for; or a mapping of a query's words, of which ``where`` is as in `ls`:
            ``{"where": "acc>0.9", "search": "val"}``.
        beneath: The folder, where nothing else says one.

    Raises:
        InputError: It can't be meant.
    """
    if said is None or said == "":
        return Query(beneath=beneath)
    if isinstance(said, Query):
        return _meant(said)
    if isinstance(said, str):
        return _meant(Query(search=said, beneath=beneath))
    if not isinstance(said, Mapping):
        raise InputError(f"a query is a text to search for or a dict of {', '.join(_WORDS)}, not {_shown(said)}")
    if unknown := [str(word) for word in said if word not in _WORDS]:
        raise InputError(f"a query has no {', '.join(unknown)}. It has {', '.join(_WORDS)}")
    words: dict[str, Any] = {"beneath": beneath, **{str(word): value for word, value in said.items()}}
    wanted = words.pop("where", None)
    return _meant(with_where(_read(_plain(words)), wanted))


def with_where(query: Query, where: Where) -> Query:
    """Return a query of which, beside what it has, conditions on metadata must hold."""
    equal = dict(query.where)
    others = list(query.conditions)
    for each in conditions(where):
        if each.sign == "=":
            equal[each.key] = list(each.values)
        else:
            others.append(each)
    return msgspec.structs.replace(query, where=equal, conditions=others)


def columns_of(said: object) -> list[str]:
    """Return metadata columns.

    Raises:
        InputError: They are something else, or too many.
    """
    if isinstance(said, str):
        said = [each.strip() for each in said.split(",") if each.strip()]
    if not isinstance(said, Iterable):
        raise InputError(f"columns are a list of metadata keys, not {_shown(said)}")
    keys = list(dict.fromkeys(said))
    if not all(isinstance(key, str) and key for key in keys) or len(keys) > protocol.MOST_COLUMNS:
        raise InputError(
            f"columns are at most {protocol.MOST_COLUMNS} metadata keys, which are text; not {_shown(said)}"
        )
    return keys


def _plain(words: object) -> Any:
    try:
        return msgspec.to_builtins(words, builtin_types=(bytes, bytearray, memoryview))
    except (TypeError, ValueError, RecursionError):
        raise InputError(f"a query is plain data; {_shown(words)} isn't") from None


def _read(plain: object) -> Query:
    try:
        query = msgspec.convert(plain, Query)
        msgspec.json.encode(query)  # half a character is no text that any store takes
    except (msgspec.ValidationError, UnicodeError) as error:
        raise InputError(f"that query can't be meant: {error}") from None
    return query


def _meant(query: Query) -> Query:
    """Return a query that every store can be asked, whatever its fields were set to."""
    from runloop_jupyter.index.asking import check

    query = _read(_plain(query))
    protocol.check(query)
    check(query)
    return query


def _shown(said: object) -> str:
    text = repr(said)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
