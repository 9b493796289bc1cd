"""What a query asks for, checked, and as a walk over the index that tests each object."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from runloop_jupyter.errors import InputError
from runloop_jupyter.index.filter import Filter, Plan, plan
from runloop_jupyter.index.parts import asks_for_parts
from runloop_jupyter.wire import json
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Sequence

    from runloop_jupyter.conditions import Condition
    from runloop_jupyter.index.remembered import Remembered
    from runloop_jupyter.wire.browse import Query, Span

_LONGEST_TEXT: Final = 4096
_MOST_KEYS: Final = 50
_MOST_VALUES: Final = 1000
_ORDERS: Final = (">", ">=", "<", "<=")
# So many values that a condition leaves are asked of the index of pairs; more are tested object by object.
_ASKED: Final = 100
_SLICE: Final = 5000
_INT64: Final = 1 << 63


@dataclass(frozen=True)
class Mask:
    """The values that an object may have under a key, by the number of the pair; None is any."""

    key: int
    allowed: bytearray | None


@dataclass(frozen=True)
class Sieve:
    """Which objects fit, as of one moment.

    Attributes:
        way: How they are walked newest first, the object's row in it as ``o``; None where none fits.
        masks: What is still to be tested: of each the pair stands in a column after those that `select` was asked for.
    """

    way: Plan | None
    masks: tuple[Mask, ...] = ()

    def rows(
        self, connection: sqlite3.Connection, columns: str, since: int | None, before: int | None
    ) -> Sequence[tuple[int, ...]]:
        """Return `columns` of what fits between two positions, newest first; more columns may follow them."""
        assert self.way is not None  # noqa: S101 - nothing is walked where nothing fits
        more = "".join(f", m{number}.pair" for number, mask in enumerate(self.masks) if mask.allowed is not None)
        part = self.way.between(since, before)
        rows: list[tuple[int, ...]] = connection.execute(
            *part.select(columns + more, f" ORDER BY {part.key} DESC")
        ).fetchall()
        tested = [mask.allowed for mask in self.masks if mask.allowed is not None]
        for place, allowed in enumerate(tested, start=-len(tested)):
            n = len(allowed)  # a pair may have come since
            rows = [row for row in rows if row[place] < n and allowed[row[place]]]
        return rows

    def read(
        self,
        connection: sqlite3.Connection,
        columns: str,
        keys: Sequence[int],
        since: int | None,
        before: int | None,
    ) -> Sequence[tuple[Any, ...]]:
        """Return what `rows` does, ``v{key}.pair`` among the columns for each of `keys`: the pair under it, or null."""
        assert self.way is not None  # noqa: S101 - nothing is walked where nothing fits
        way, fits = self.way, self
        if self.masks:
            # Most of what is walked may be left out by them: only of what is left the pairs are read.
            some = json.encode([row[0] for row in self.rows(connection, "o.position", since, before)]).decode()
            fits = Sieve(_AMONG)
            way, since, before = replace(_AMONG, joined=(some,)), None, None
        for key in keys:
            way = way.joining(f"object_meta AS v{key} ON v{key}.key = ? AND v{key}.position = {{at}}", key, how="LEFT")
        return replace(fits, way=way).rows(connection, columns, since, before)


_AMONG: Final = Plan("json_each(?) AS b CROSS JOIN object AS o ON o.position = b.value", "o.position", on_object=True)


Masks: TypeAlias = "Remembered[Mask | list[str]]"
"""What conditions leave of a key's values: to look through hundreds of thousands takes longer than a list."""


def check(query: Query) -> None:
    """Raise `InputError` where a query can't be meant."""
    if query.state not in set(ObjectState):
        raise InputError(f"state is one of {', '.join(ObjectState)}")
    for what, text in (("search", query.search), ("beneath", query.beneath), ("key", query.key)):
        _check_text(what, text)
    if query.order == "metadata" and not query.key:
        raise InputError("order by metadata goes by a key: say which")
    if len(query.where) > _MOST_KEYS or len(query.conditions) > _MOST_KEYS:
        raise InputError(f"where and conditions name up to {_MOST_KEYS} keys each")
    for key, values in query.where.items():
        _check_values(key, values)
    for each in query.conditions:
        _check_condition(each)
    for what, span in (("size", query.size), ("put", query.put), ("expires", query.expires)):
        for limit in () if span is None else (span.since, span.before):
            check_number(what, limit)


def check_number(what: str, number: int | None) -> None:
    """Raise `InputError` where a number is larger than the index can hold."""
    if number is not None and not -_INT64 <= number < _INT64:
        raise InputError(f"{what} has a number of more than 64 bits")


def _check_text(what: str, text: str) -> None:
    if len(text) > _LONGEST_TEXT:
        raise InputError(f"{what} has up to {_LONGEST_TEXT:,} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{what} isn't text: it has half of a character in it") from None


def _check_values(key: str, values: Collection[str]) -> None:
    _check_text("a metadata key", key)
    if len(values) > _MOST_VALUES:
        raise InputError(f"of one metadata key up to {_MOST_VALUES:,} values can be asked for")
    for value in values:
        _check_text("a metadata value", value)


def _check_condition(condition: Condition) -> None:
    _check_values(condition.key, condition.values)
    n = len(condition.values)
    if not condition.key:
        raise InputError("a condition has no key")
    if condition.sign not in {"", "=", "!=", *_ORDERS}:
        raise InputError(f"a condition's sign is = != > >= < <= or none, not {condition.sign[:10]!r}")
    if (condition.sign in _ORDERS and n != 1) or (condition.sign in {"=", "!="} and n == 0):
        raise InputError(f"the condition on {condition.key[:100]!r} has {n or 'no'} values to compare with")


def of_filters(query: Query) -> Query:
    """Return `query` without what says nothing of which objects fit."""
    return msgspec.structs.replace(query, order="put", key="", descending=True)


def is_plain(query: Query) -> bool:
    """Whether all objects in a state are meant."""
    return not (
        query.search
        or query.beneath
        or query.where
        or query.conditions
        or query.size
        or query.put
        or query.expires
        or query.lasting is not None
    )


def sieve(
    connection: sqlite3.Connection, query: Query, now_ms: int, known: Masks | None = None
) -> Iterator[Sieve | None]:
    """Yield what tells which objects fit, after a None wherever others may have their turn.

    Args:
        connection: Where the index is.
        query: Which objects; its order says nothing here.
        now_ms: The time of day: what is past its time by then has gone, whether or not anybody has deleted it yet.
        known: Remembers what conditions leave.
    """
    metadata: dict[str, Collection[str]] = dict(query.where)
    masks: list[Mask] = []
    for key in dict.fromkeys(each.key for each in query.conditions):
        wanted = tuple(each for each in query.conditions if each.key == key)
        what = (wanted, None if key not in metadata else tuple(metadata[key]))
        found, changes = (None, 0) if known is None else (known.get(what), known.changes())
        if found is None:
            for found in _allowed(connection, key, wanted, metadata):
                if found is None:
                    yield None
            if known is not None and found is not None:
                known.put(what, found, changes)
        if isinstance(found, Mask):
            masks.append(found)
        else:
            metadata[key] = found or []
    meant = Filter(search=query.search or None, beneath=query.beneath or None, state=query.state, metadata=metadata)
    way = plan(connection, meant)
    if way is None:
        yield Sieve(None)
        return
    way = _by_key(connection, way, masks)
    for number, mask in enumerate(masks):
        way = way.joining(f"object_meta AS m{number} ON m{number}.key = ? AND m{number}.position = {{at}}", mask.key)
    yield Sieve(_tested(way.with_object(), query, now_ms), tuple(masks))


def _by_key(connection: sqlite3.Connection, way: Plan, masks: Sequence[Mask]) -> Plan:
    """Return `way`, or the walk over the objects that have a key where that is shorter than all of them."""
    if way.source != "object AS o" or not masks:
        return way
    objects = connection.execute("SELECT ifnull(sum(n), 0) FROM tally").fetchone()[0]
    n, key = min(
        connection.execute("SELECT n, key FROM meta_key WHERE key = ?", (mask.key,)).fetchone() or (0, mask.key)
        for mask in masks
    )
    if n > objects // 2:
        return way
    source = "object_meta AS d CROSS JOIN object AS o ON o.position = d.position"
    walk = Plan(source, "d.position", ("d.key = ?",), values=(key,), on_object=True)
    return replace(walk, where=(*walk.where, *way.where), values=(*walk.values, *way.values))


def _allowed(
    connection: sqlite3.Connection, key: str, wanted: Sequence[Condition], where: dict[str, Collection[str]]
) -> Iterator[Mask | list[str] | None]:
    """Yield which values all conditions on `key` leave: a list of few, else a mask; Nones before that."""
    if key in where:
        yield [value for value in where[key] if all(each.holds(value) for each in wanted)]
        return
    equal = next((each for each in wanted if each.sign == "="), None)
    if equal is not None:
        yield [value for value in equal.values if all(each.holds(value) for each in wanted)]
        return
    row = connection.execute("SELECT key FROM meta_key WHERE text = ?", (key,)).fetchone()
    if row is None:
        yield []
        return
    number = row[0]
    if not any(each.sign for each in wanted):
        yield Mask(number, None)
        return
    (most,) = connection.execute("SELECT max(pair) FROM meta_pair").fetchone()
    allowed, few = bytearray((most or 0) + 1), list[str]()
    # The first value may be the empty one; after that each slice begins after the last.
    condition, last = "", tuple[str, ...]()
    while True:
        rows = connection.execute(
            f"SELECT value, pair FROM meta_pair WHERE key = ?{condition} ORDER BY value LIMIT ?",  # noqa: S608
            (number, *last, _SLICE),
        ).fetchall()
        for value, pair in rows:
            if all(each.holds(value) for each in wanted):
                if pair < len(allowed):
                    allowed[pair] = 1
                if len(few) <= _ASKED:
                    few.append(value)
        if len(rows) < _SLICE:
            break
        condition, last = " AND value > ?", (rows[-1][0],)
        yield None
    yield few if len(few) <= _ASKED else Mask(number, allowed)


def _tested(way: Plan, query: Query, now_ms: int) -> Plan:
    """Return `way` with only what isn't hidden and lies in the spans."""
    if not asks_for_parts(query):
        way = way.testing("NOT o.part")
    if query.state != ObjectState.DELETED:
        way = way.testing("(+o.delete_after_time_ms IS NULL OR +o.delete_after_time_ms > ?)", now_ms)
    for column, span in (
        ("size_bytes", query.size),
        ("create_time_ms", query.put),
        ("delete_after_time_ms", query.expires),
    ):
        way = _in_span(way, column, span)
    if query.lasting is not None:
        way = way.testing(f"+o.delete_after_time_ms IS {'' if query.lasting else 'NOT '}NULL")
    return way


def _in_span(way: Plan, column: str, span: Span | None) -> Plan:
    if span is None:
        return way
    # The unary plus keeps the column's index out: the walk is chosen.
    if span.since is not None:
        way = way.testing(f"+o.{column} >= ?", span.since)
    if span.before is not None:
        way = way.testing(f"+o.{column} < ?", span.before)
    return way if span.since is not None or span.before is not None else way.testing(f"+o.{column} IS NOT NULL")
