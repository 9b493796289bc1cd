"""keys: by which metadata objects can be found: the keys in use, or the values of one of them."""

from __future__ import annotations

import difflib
import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter import session as sessions
from runloop_jupyter.actions.running import ask
from runloop_jupyter.conditions import in_order, number
from runloop_jupyter.display import humane
from runloop_jupyter.display.result import ResultList
from runloop_jupyter.display.table import Column, Table
from runloop_jupyter.errors import BadRequest, InputError, NotFound
from runloop_jupyter.options import RESERVED, check_limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runloop_jupyter.api.objects import Counted
    from runloop_jupyter.session import Session

DEFAULT_LIMIT: Final = 50


@dataclass(frozen=True, eq=False, repr=False)
class KeyTable(ResultList[str]):
    """What `keys` found: a sequence of metadata keys, or of the values of one key.

    Attributes:
        texts: Those that are shown.
        counts: How many objects have each of them; None where the store doesn't count.
        found: How many there are in all.
        key: Whose values they are; None where they are keys.
    """

    texts: Sequence[str]
    counts: Mapping[str, int] | None
    found: int
    key: str | None = field(default=None)

    def _items(self) -> Sequence[str]:
        return self.texts

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame`: a column ``key`` or ``value``, and ``objects`` where the store counts.

        Raises:
            MissingLibrary: pandas isn't installed.
        """
        from runloop_jupyter.values.libraries import need

        columns: dict[str, list[Any]] = {self._one: list(self.texts)}
        if self.counts is not None:
            columns["objects"] = [self.counts[text] for text in self.texts]
        return need("pandas").DataFrame(columns)

    def table(self) -> Table:
        """Return the table that shows it."""
        numeric = self.key is not None and all(number(text) is not None for text in self.texts)
        columns = [Column(self.key or self._one, "number" if numeric else "text")]
        if self.counts is None:
            return Table(
                columns, [[text] for text in self.texts], footer=[self._words()], empty="no metadata is in use"
            )
        rows = [[text, humane.count(self.counts[text])] for text in self.texts]
        columns.append(Column("objects", "number"))
        return Table(columns, rows, footer=[self._words()], empty="no metadata is in use")

    @property
    def _one(self) -> str:
        return "key" if self.key is None else "value"

    def _words(self) -> str:
        return f"{humane.count(len(self))} of {humane.plural(self.found, self._one)}"

    def __repr__(self) -> str:
        return f"<KeyTable {self._words()}{'' if self.key is None else f' of {self.key!r}'}>"

    def _shown(self) -> Table:
        return self.table()


def keys(key: str | None = None, *, limit: int = DEFAULT_LIMIT) -> KeyTable:
    """Return the metadata keys in use, or the values of one.

    Where the store counts (the embedded one does) those that most objects have come first; else they are in order,
    numbers as numbers.

    Args:
        key: The key whose values are asked for; None for the keys, without this extension's own.
        limit: How many to show.

    Raises:
        InputError: No object has that key, or a limit under one.
        StoreError: The store refused.

    Example:
        >>> rl.keys("model")  # doctest: +SKIP
    """
    check_limit(limit)
    _check_key(key)
    session = sessions.current()
    return ask("keys", lambda asking: _keys(session, limit) if key is None else _values(session, key, limit))


def _check_key(key: object) -> None:
    if key is not None and (not isinstance(key, str) or not key):
        raise InputError(f"{key!r} is no metadata key. Give one as text, or none for the keys in use")


def _keys(session: Session, limit: int) -> KeyTable:
    return _first(session.store.objects.metadata_keys(), limit, None)


def _values(session: Session, key: str, limit: int) -> KeyTable:
    objects = session.store.objects
    try:
        found = _first(objects.metadata_values(key), limit, key)
    except (NotFound, BadRequest):  # a store may say so of a key that it doesn't know
        found = KeyTable((), None, 0, key)
    if found.found:
        return found
    known = _first(objects.metadata_keys(), 1_000, None)
    close = difflib.get_close_matches(key, known, n=3)
    near = f"Close: {', '.join(close)}" if close else "There are " + (", ".join(known[:10]) or "none at all")
    raise InputError(f"no object has the metadata key “{key}”. {near}")


def _first(counted: Counted, limit: int, key: str | None) -> KeyTable:
    """Return the `limit` that come first, without sorting a million for fifty."""
    texts = [text for text in counted.texts if key is not None or not text.startswith(RESERVED)]
    if counted.counts is None:
        return KeyTable(tuple(heapq.nsmallest(limit, texts, key=in_order)), None, len(texts), key)
    # What only unfinished objects have is in use, and yet nothing can be found by it.
    counts = {text: n for text, n in zip(counted.texts, counted.counts, strict=True) if n > 0}
    texts = [text for text in texts if text in counts]
    shown = tuple(heapq.nsmallest(limit, texts, key=lambda text: (-counts[text], in_order(text))))
    return KeyTable(shown, {text: counts[text] for text in shown}, len(texts), key)
