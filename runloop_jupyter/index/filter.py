"""Which objects are meant, and the quickest way for SQLite to find them newest first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from runloop_jupyter.index.fold import fold
from runloop_jupyter.index.pairs import Together, find_pairs
from runloop_jupyter.index.text import exact, match
from runloop_jupyter.index.words import about

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

    from runloop_jupyter.index.pairs import Pairs

# So many objects are walked without a pause, and sorted where no index has them in order.
FEW: Final = 2000
# Up to so many objects with metadata in other states are looked at one by one.
_OTHERS: Final = 20_000
# As many ids may begin with what is searched for; more are met by walking and testing each.
_IDS: Final = 1000


@dataclass(frozen=True)
class Filter:
    """Conditions that must all hold. The default is every object, in every state.

    Attributes:
        name: Part of the name, whatever the case.
        search: Part of the name, whatever the case, or the beginning of an id.
        beneath: What the name begins with, exactly.
        content_type: Exactly this.
        state: Exactly this.
        metadata: For each key, the values of which the object must have one.
    """

    name: str | None = None
    search: str | None = None
    beneath: str | None = None
    content_type: str | None = None
    state: str | None = None
    metadata: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A filter as SQL: one part of it is walked newest first, the others are tested on each object it yields.

    Attributes:
        source: What follows FROM; the object table is in it as ``o`` where `on_object`.
        key: The column of `source` that is the position and is walked in order.
        where: Conditions, to be joined by AND.
        joined: Parameters in `source`.
        values: Parameters of `where`.
        few: Whether the walk yields `FEW` objects at most.
        on_object: Whether a condition reads the object's row.
        not_in: States whose objects are left out, where that is told from the few with metadata in them.
        words: The index of words that is walked, and the query put to it.
    """

    source: str
    key: str
    where: tuple[str, ...] = ()
    joined: tuple[str | int, ...] = ()
    values: tuple[str | int, ...] = ()
    few: bool = False
    on_object: bool = False
    not_in: tuple[str, ...] = ()
    words: tuple[str, str] | None = None

    def with_object(self) -> Plan:
        """Return the same walk with the object table in it."""
        if self.on_object:
            return self
        return replace(self, source=f"{self.source} CROSS JOIN object AS o ON o.position = {self.key}", on_object=True)

    def joining(self, table: str, *values: str | int, how: str = "CROSS") -> Plan:
        """Return the same walk, each object joined to `table`; ``{at}`` in it stands for the object's position."""
        source = f"{self.source} {how} JOIN {table.format(at=self.key)}"
        return replace(self, source=source, joined=(*self.joined, *values))

    def followed_by(self, join: str) -> Plan:
        """Return the same walk with one more join, which has no parameters."""
        return replace(self, source=self.source + join)

    def testing(self, condition: str, *values: str | int) -> Plan:
        """Return the same walk with one more condition on what it yields."""
        return replace(self, where=(*self.where, condition), values=(*self.values, *values))

    def between(self, since: int | None, before: int | None) -> Plan:
        """Return the part of the walk at positions of at least `since` and under `before`."""
        limits = [(">=", since), ("<", before)]
        bounds = [(f" {sign} ?", limit) for sign, limit in limits if limit is not None]
        way = self
        for bound, limit in bounds:
            way = way.testing(self.key + bound, limit)
        if self.not_in:
            # A window's worth of a small index, in place of the row of every object.
            inside = "".join(f" AND position{bound}" for bound, _ in bounds)
            way = way.testing(
                f"{self.key} NOT IN (SELECT position FROM object INDEXED BY object_tagged"  # noqa: S608
                f" WHERE tagged AND state IN ({_marks(self.not_in)}){inside})",
                *self.not_in,
                *(limit for _, limit in bounds),
            )
        return way

    def all(self) -> Plan:
        """Return the whole walk."""
        return self.between(None, None)

    def select(self, columns: str, rest: str = "") -> tuple[str, tuple[str | int, ...]]:
        """Return the statement that reads `columns`, and its parameters; those in `rest` follow them."""
        where = " WHERE " + " AND ".join(self.where) if self.where else ""
        return f"SELECT {columns} FROM {self.source}{where}{rest}", (*self.joined, *self.values)  # noqa: S608


class _Text:
    """A part of the name, or the beginning of an id where `wanted` is a search."""

    def __init__(self, connection: sqlite3.Connection, text: str, ids: list[str]) -> None:
        self._connection = connection
        self._text = text
        self._folded = fold(text)
        self._ids = ids
        self._match = match(connection, self._folded) if len(ids) <= _IDS else None
        self.nobody = self._match == "" and not ids
        self.can_walk = self._match is not None and not ids

    @cached_property
    def n(self) -> int | None:
        """About how many names `walk` yields, exactly where that is `FEW` or less; None when nobody can say."""
        if self._match is None:
            return None
        return about(self._connection, "object_name", self._match, FEW + 1) if self._match else 0

    def few(self) -> Plan | None:
        """Return the walk when it yields few."""
        if self.n is None or self.n > FEW:
            return None
        if not self._ids:
            return replace(self.walk(), few=True)
        named = "SELECT rowid FROM object_name WHERE object_name MATCH ? UNION " if self._match else ""
        return Plan(
            "object AS o",
            "o.position",
            (f"o.position IN ({named}SELECT position FROM object WHERE id IN ({_marks(self._ids)}))",),  # noqa: S608
            values=(*([self._match] if self._match else []), *self._ids),
            few=True,
            on_object=True,
        )

    def walk(self) -> Plan:
        """Return the walk over what may be meant."""
        return _walk_words("object_name", self._match or "")

    def test(self, way: Plan, *, walked: bool) -> Plan:
        """Return `way` with only those objects that have the text; `walked` when `way` is this text's own walk."""
        if walked and not self._ids and exact(self._folded):
            return way
        if self._ids:
            return way.with_object().testing(
                "(instr(o.name_fold, ?) > 0 OR substr(o.id, 1, ?) = ?)", self._folded, len(self._text), self._text
            )
        return way.with_object().testing("instr(o.name_fold, ?) > 0", self._folded)


class _Beneath:
    """What the name begins with: a range of the index of names."""

    def __init__(self, connection: sqlite3.Connection, prefix: str) -> None:
        self._limits = (prefix, *after(prefix))
        self._range = " AND ".join(f"{{name}} {sign} ?" for sign, _ in zip((">=", "<"), self._limits, strict=False))
        (self.n,) = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM object INDEXED BY object_by_name"  # noqa: S608
            f" WHERE {self._range.format(name='name')} LIMIT ?)",
            (*self._limits, FEW + 1),
        ).fetchone()

    def walk(self) -> Plan:
        """Return the walk over those objects, which are few."""
        where = self._range.format(name="o.name")
        return Plan(
            "object AS o INDEXED BY object_by_name",
            "o.position",
            (where,),
            values=self._limits,
            few=True,
            on_object=True,
        )

    def test(self, way: Plan) -> Plan:
        """Return `way` with only those objects."""
        return way.with_object().testing(self._range.format(name="+o.name"), *self._limits)


def after(prefix: str) -> tuple[str, ...]:
    """Return the least text that is greater than all that begin with `prefix`; nothing where there is none."""
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return ()
    following = ord(kept[-1]) + 1
    return (kept[:-1] + chr(0xE000 if following == 0xD800 else following),)  # between them are no characters


def plan(connection: sqlite3.Connection, wanted: Filter) -> Plan | None:
    """Return how to walk the objects that `wanted` means, newest first; None when there can't be any.

    The part that the fewest objects fulfil is walked, as far as that is known: of one pair, state and type it is; texts
    and pairs together are asked when none of them is rare.
    """
    pairs = find_pairs(connection, wanted.metadata)
    if pairs is None:
        return None
    texts = [_Text(connection, wanted.name, [])] if wanted.name else []
    if wanted.search:
        texts.append(_Text(connection, wanted.search, _ids(connection, wanted.search)))
    if any(each.nobody for each in texts):
        return None
    kind = _kind(connection, wanted)
    if kind == 0:
        return None
    beneath = _Beneath(connection, wanted.beneath) if wanted.beneath else None
    if beneath is not None and beneath.n == 0:
        return None

    way: Plan | None = None
    driver: Together | _Text | _Beneath | None = None
    together = Together(connection, pairs, few=FEW) if pairs else None
    if together and kind is not None and together.asked[0].n > kind:
        together = None
    known = together.asked[0].n if together else kind
    if known is None or known > FEW:
        rare = next(((few, text) for text in texts if (few := text.few()) is not None), None)
        if rare is not None:
            way, driver = rare
        elif beneath is not None and beneath.n <= FEW:
            way, driver = beneath.walk(), beneath
        else:
            known = together.n if together else kind
            if known == 0:
                return None
            for text in texts:
                if text.can_walk and text.n is not None and (known is None or text.n < known):
                    way, driver, known = text.walk(), text, text.n
    if way is None and together is not None:
        way, driver = _walk_pairs(together), together
    by_kind = way is None
    if way is None:
        way = _walk_kind(wanted) if kind is not None else Plan("object AS o", "o.position", on_object=True)
        way = replace(way, few=kind is not None and kind <= FEW)

    asked = driver.asked if isinstance(driver, Together) else []
    for number, each in enumerate(pairs):
        if each not in asked:
            way = _test_pairs(each, way, f"x{number}")
    for text in texts:
        way = text.test(way, walked=text is driver)
    if beneath is not None and driver is not beneath:
        way = beneath.test(way)
    if not (by_kind and kind is not None):
        # The unary plus keeps the columns' indexes out: the walk is chosen.
        if wanted.state is not None:
            others = other_states(connection, wanted.state) if pairs and not (way.few or way.on_object) else None
            if others is None:
                way = way.with_object().testing("+o.state = ?", wanted.state)
            else:
                way = replace(way, not_in=tuple(others))
        if wanted.content_type is not None:
            way = way.with_object().testing("+o.content_type = ?", wanted.content_type)
    return way


def kind_count(connection: sqlite3.Connection, wanted: Filter) -> int:
    """Return how many objects are of the state and content type that `wanted` names."""
    row = connection.execute(
        "SELECT ifnull(sum(n), 0) FROM tally WHERE state = ifnull(?, state) AND content_type = ifnull(?, content_type)",
        (wanted.state, wanted.content_type),
    ).fetchone()
    return int(row[0])


def other_states(connection: sqlite3.Connection, state: str) -> list[str] | None:
    """Return the states but `state` in which objects are; None when too many of those have metadata."""
    rows = connection.execute("SELECT DISTINCT state FROM tally WHERE n > 0 AND state != ?", (state,))
    others = [each for (each,) in rows]
    if not others:
        return []
    (n,) = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM object INDEXED BY object_tagged"  # noqa: S608 - only question marks
        f" WHERE tagged AND state IN ({_marks(others)}) LIMIT ?)",
        (*others, _OTHERS + 1),
    ).fetchone()
    return others if n <= _OTHERS else None


def _kind(connection: sqlite3.Connection, wanted: Filter) -> int | None:
    """Return how many objects are of the wanted state and type; None when nothing is gained by walking only those."""
    if wanted.state is None and wanted.content_type is None:
        return None
    n = kind_count(connection, wanted)
    return n if n <= kind_count(connection, Filter()) // 2 else None


def _walk_kind(wanted: Filter) -> Plan:
    if wanted.content_type is None:
        index, where = "object_by_state", {"o.state = ?": wanted.state}
        if wanted.metadata:
            index, where = "object_tagged", {"o.tagged AND o.state = ?": wanted.state}
    elif wanted.state is None:
        index, where = "object_by_content_type", {"o.content_type = ?": wanted.content_type}
    else:
        index, where = "object_by_both", {"o.state = ?": wanted.state, "o.content_type = ?": wanted.content_type}
    return Plan(
        f"object AS o INDEXED BY {index}",
        "o.position",
        tuple(where),
        values=tuple(value for value in where.values() if value is not None),
        on_object=True,
    )


def _walk_pairs(together: Together) -> Plan:
    return replace(_walk_words("object_pair", together.query), few=together.n <= FEW)


def _test_pairs(pairs: Pairs, way: Plan, alias: str) -> Plan:
    """Return `way` with only those objects that have one of `pairs`. A join: what a subquery opens it opens anew."""
    return way.joining(
        f"object_meta AS {alias} ON {alias}.key = ? AND {alias}.position = {{at}}"
        f" AND {alias}.pair IN ({_marks(pairs.pairs)})",
        pairs.key,
        *pairs.pairs,
    )


def _walk_words(table: str, query: str) -> Plan:
    return Plan(table, f"{table}.rowid", (f"{table} MATCH ?",), values=(query,), words=(table, query))


def _ids(connection: sqlite3.Connection, prefix: str) -> list[str]:
    """Return the ids that begin with `prefix`, one more than `_IDS` at most."""
    rows = connection.execute(
        "SELECT id FROM object WHERE id >= ? AND id < ? LIMIT ?", (prefix, prefix + "\U0010ffff", _IDS + 1)
    )
    return [each for (each,) in rows]


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
