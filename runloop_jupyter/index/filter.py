"""Which objects are meant, and the quickest way for SQLite to find them newest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runloop_jupyter.index.fold import fold, trigrams

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

# Up to this many candidates are fetched and sorted; more are met by walking in order and testing each.
_FEW: Final = 1000
# A longer text is narrowed by its first trigrams and then verified; FTS5's parser doesn't take any number of terms.
_TRIGRAMS: Final = 32


@dataclass(frozen=True)
class Filter:
    """Conditions that must all hold. The default is every object, in every state.

    Attributes:
        name: Part of the name, whatever the case.
        search: Part of the name, whatever the case, or the beginning of an id.
        content_type: Exactly this.
        state: Exactly this.
        metadata: For each key, the values of which the object must have one.
    """

    name: str | None = None
    search: str | None = None
    content_type: str | None = None
    state: str | None = None
    metadata: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A filter as SQL.

    Attributes:
        source: What follows FROM; the object table is in it as ``o``.
        key: The column of `source` that is the position and that can be walked in order.
        where: Conditions, to be joined by AND.
        values: Their parameters, in order.
    """

    source: str
    key: str
    where: tuple[str, ...]
    values: tuple[str | int, ...]


class _Conditions:
    def __init__(self) -> None:
        self.where: list[str] = []
        self.values: list[str | int] = []

    def add(self, condition: str, *values: str | int) -> None:
        self.where.append(condition)
        self.values.extend(values)


def plan(connection: sqlite3.Connection, wanted: Filter) -> Plan | None:
    """Return how to walk the objects that `wanted` means, newest first; None when there can't be any.

    One condition drives the walk (a rare metadata pair, else the text, else one metadata pair, else the state or type)
    and the others are tested on each object that it yields.
    """
    pairs = [_pairs(connection, key, values) for key, values in wanted.metadata.items()]
    if not all(pairs):
        return None
    pairs.sort(key=lambda each: sum(each.values()))
    name = fold(wanted.name or "")
    search = fold(wanted.search or "")
    ids = _ids(connection, wanted.search) if wanted.search else []

    conditions = _Conditions()
    source, position = "object AS o", "o.position"
    rarest = pairs[0] if pairs else {}
    text = name if len(name) >= 3 else search if len(search) >= 3 and len(ids) <= _FEW else ""
    if rarest and (sum(rarest.values()) <= _FEW or (len(rarest) == 1 and not text)):
        source, position = "object_meta AS m CROSS JOIN object AS o ON o.position = m.position", "m.position"
        conditions.add(f"m.pair IN ({_marks(rarest)})", *rarest)
        pairs = pairs[1:]
    elif text and (text == name or not ids):
        position = "object_name.rowid"
        source = f"object_name CROSS JOIN object AS o ON o.position = {position}"
        conditions.add("object_name MATCH ?", _match(text))
    elif text:
        conditions.add(
            "o.position IN (SELECT rowid FROM object_name WHERE object_name MATCH ?"  # noqa: S608 - only question marks
            f" UNION SELECT position FROM object WHERE id IN ({_marks(ids)}))",
            _match(text),
            *ids,
        )

    for each in pairs:
        conditions.add(
            f"EXISTS (SELECT 1 FROM object_meta AS x WHERE x.position = o.position AND x.pair IN ({_marks(each)}))",  # noqa: S608
            *each,
        )
    if name:
        conditions.add("instr(o.name_fold, ?) > 0", name)
    if wanted.search:
        if ids:
            conditions.add(
                "(instr(o.name_fold, ?) > 0 OR substr(o.id, 1, ?) = ?)", search, len(wanted.search), wanted.search
            )
        else:
            conditions.add("instr(o.name_fold, ?) > 0", search)
    if wanted.state is not None:
        conditions.add("o.state = ?", wanted.state)
    if wanted.content_type is not None:
        # With both, one index walks in order and the other must keep out (the unary plus).
        column = "+o.content_type" if wanted.state is not None else "o.content_type"
        conditions.add(f"{column} = ?", wanted.content_type)
    return Plan(source, position, tuple(conditions.where), tuple(conditions.values))


def kept_count(connection: sqlite3.Connection, wanted: Filter) -> int | None:
    """Return how many objects `wanted` means, where triggers keep that number; None where they must be counted."""
    if wanted.name or wanted.search:
        return None
    if not wanted.metadata:
        row = connection.execute(
            "SELECT ifnull(sum(n), 0) FROM tally WHERE state = ifnull(?, state)"
            " AND content_type = ifnull(?, content_type)",
            (wanted.state, wanted.content_type),
        ).fetchone()
        return int(row[0])
    if len(wanted.metadata) > 1 or wanted.state is not None or wanted.content_type is not None:
        return None
    ((key, values),) = wanted.metadata.items()
    return sum(_pairs(connection, key, values).values())


def _pairs(connection: sqlite3.Connection, key: str, values: Collection[str]) -> dict[int, int]:
    """Return the pairs of `key` with one of `values`, each with how many objects have it."""
    found: dict[int, int] = {}
    for value in dict.fromkeys(values):
        row = connection.execute("SELECT pair, n FROM meta_pair WHERE key = ? AND value = ?", (key, value)).fetchone()
        if row is not None:
            found[row[0]] = row[1]
    return found


def _ids(connection: sqlite3.Connection, prefix: str) -> list[str]:
    """Return the ids that begin with `prefix`, `_FEW` + 1 at most."""
    rows = connection.execute(
        "SELECT id FROM object WHERE id >= ? AND id < ? LIMIT ?", (prefix, prefix + "\U0010ffff", _FEW + 1)
    )
    return [each for (each,) in rows]


def _match(folded: str) -> str:
    return " AND ".join('"' + each.replace('"', '""') + '"' for each in trigrams(folded)[:_TRIGRAMS])


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
