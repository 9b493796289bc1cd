"""ls: objects by name, metadata and kind, newest first, and an honest word on how far the look went."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, overload

from runloop_jupyter import session as sessions
from runloop_jupyter.actions.forms import KINDS
from runloop_jupyter.actions.object import Object
from runloop_jupyter.actions.options import as_text
from runloop_jupyter.actions.resolve import is_alive, store_and_address
from runloop_jupyter.actions.running import ask
from runloop_jupyter.api.objects import LARGEST_PAGE, Filter
from runloop_jupyter.display import humane
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.table import Cell, Column, Table
from runloop_jupyter.errors import AddressError, InputError
from runloop_jupyter.index.fold import fold
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from runloop_jupyter.session import Session, Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

LOOK_AT_MOST: Final = 100_000
DEFAULT_LIMIT: Final = 20
METADATA_COLUMNS: Final = 4
SOON_MS: Final = 7 * 86_400_000
LONGEST_NUMBER: Final = 40
_GLOB: Final = re.compile(r"[*?\[]")
# A class ends at the first bracket after its first character, as fnmatch reads it.
_CLASS_OR_WILD: Final = re.compile(r"\[!?.[^\]]*\]|[*?\[]")


class ObjectTable(Sequence[Object]):
    """What `ls` found: the newest version of each name, newest first. A sequence of `Object`.

    Attributes:
        objects: The objects, a name each.
        versions: How many living versions there are under each name, as far as the look went.
        looked_at: How many objects were looked at, by the store or here; None where it was all and nobody counted.
        whole: Whether that was all there are.
        matching: How many names fit, of which `objects` may be the first.
        type: The type that was asked for; None for any.
    """

    def __init__(
        self,
        objects: Sequence[Object],
        versions: Mapping[str, int],
        looked_at: int | None,
        matching: int,
        *,
        whole: bool,
        type: str | None = None,  # noqa: A002 - the same word as --type
    ) -> None:
        self.objects = tuple(objects)
        self.versions = dict(versions)
        self.looked_at = looked_at
        self.matching = matching
        self.whole = whole
        self.type = type

    @overload
    def __getitem__(self, index: int) -> Object: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Object, ...]: ...

    def __getitem__(self, index: int | slice) -> Object | tuple[Object, ...]:
        return self.objects[index]

    def __len__(self) -> int:
        return len(self.objects)

    def __iter__(self) -> Iterator[Object]:
        return iter(self.objects)

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame`: a row an object, its metadata in columns ``metadata.KEY``.

        Raises:
            MissingLibrary: pandas isn't installed.
        """
        from runloop_jupyter.values.libraries import need

        rows = [
            {
                "name": thing.name,
                "version": thing.version.rpartition("@")[2],
                "kind": thing.kind,
                "shape": thing.shape,
                "size_bytes": thing.size,
                "created": thing.created,
                "expires": thing.expires,
                "id": thing.id,
                **{f"metadata.{key}": value for key, value in thing.metadata.items()},
            }
            for thing in self.objects
        ]
        return need("pandas").DataFrame(rows)

    def table(self) -> Table:
        """Return the table that shows it."""
        keys = [key for key, _ in Counter(key for each in self for key in each.metadata).most_common(METADATA_COLUMNS)]
        columns = [
            Column("name"),
            Column("size", "size"),
            Column("shape"),
            Column("put (UTC)", "time"),
            Column("expires (UTC)", "time"),
            *(Column(key, "number" if self._is_numeric(key) else "text") for key in keys),
        ]
        if not any(thing.shape for thing in self):
            columns[2] = Column("kind")
        if all(thing.view.delete_after_time_ms is None for thing in self):
            del columns[4]
        rows = [self._row(thing, columns, keys) for thing in self]
        return Table(columns, rows, footer=self._footer(), empty=self._empty())

    def _empty(self) -> str:
        if self.type is None or self.type in KINDS:
            return "no objects fit"
        return f"no objects of the type “{self.type}” fit. There are {', '.join(KINDS)}, formats and content types"

    def _row(self, thing: Object, columns: Sequence[Column], keys: Sequence[str]) -> list[Cell]:
        count = self.versions.get(thing.name, 1)
        ends = thing.view.delete_after_time_ms
        cells: dict[str, Cell] = {
            "name": [thing.name, Fact(f"×{count}", tone="quiet")] if count > 1 else thing.name,
            "size": humane.size(thing.size) if thing.size is not None else None,
            "shape": thing.shape or thing.kind,
            "kind": thing.kind,
            "put (UTC)": humane.utc_minute(thing.view.create_time_ms),
            "expires (UTC)": None if ends is None else Fact(humane.utc_minute(ends), "time", _tone(ends)),
        }
        ours = [cells[column.title] for column in columns[: len(columns) - len(keys)]]
        return [*ours, *(thing.metadata.get(key) for key in keys)]

    def _is_numeric(self, key: str) -> bool:
        values = [thing.metadata[key] for thing in self if key in thing.metadata]
        return all(_is_number(value) for value in values)

    def _footer(self) -> list[str]:
        shown, found = humane.count(len(self)), humane.plural(self.matching, "object")
        of = f"{shown} of {'' if self.whole else '≥ '}{found}"
        looked = "" if self.looked_at is None else f" {humane.count(self.looked_at)}"
        return [of, f"looked at all{looked}" if self.whole else f"looked at the newest{looked}"]

    def __repr__(self) -> str:
        return f"<ObjectTable {', '.join(self._footer())}>"

    def _repr_html_(self) -> str:
        return self.table().to_html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle or len(printer.stack) > 1 else self.table().to_text())


def ls(
    pattern: str | None = None,
    *,
    where: Mapping[str, object] | None = None,
    type: str | None = None,  # noqa: A002 - the same word as --type
    limit: int = DEFAULT_LIMIT,
) -> ObjectTable:
    """Find objects; the newest version of each name, newest first.

    Args:
        pattern: A part of the name, whatever its case; with ``* ? [`` in it, a pattern for the whole name.
        where: Metadata that must hold: key to value (numbers as their text), or to a list of which one must.
        type: A kind (``table``, ``array``, ``folder``…), a format (``parquet``…) or a content type.
        limit: How many to show.

    Raises:
        InputError: A limit under one, or something that can't be meant.
        StoreError: The store refused.

    Example:
        >>> rl.ls("runs/*", where={"model": "resnet50"})  # doctest: +SKIP
    """
    _check_limit(limit)
    metadata = _metadata(where)
    session = sessions.current()

    def look(asking: Transfer) -> ObjectTable:
        store, part = _store_and_pattern(session, pattern)
        wanted = Filter(name=_literal_part(part), state=ObjectState.READ_ONLY, metadata=metadata)
        return _look(store, wanted, part, type, limit, asking)

    return ask("ls", look)


def _store_and_pattern(session: Session, pattern: str | None) -> tuple[Store, str | None]:
    if not pattern:
        return session.store, None
    try:
        store, place = store_and_address(session, pattern)
    except AddressError:  # a pattern need not be an address: it is looked for as it stands
        return session.store, pattern
    return store, place.text


def _check_limit(limit: object) -> None:
    if not isinstance(limit, int) or limit < 1:
        raise InputError(f"limit {limit!r} (--limit) shows nothing. Give 1 or more")


def _metadata(where: Mapping[str, object] | None) -> dict[str, str | tuple[str, ...]]:
    if not isinstance(where, Mapping | None):
        raise InputError(f"where is a dict of key to value, not a {type(where).__name__}")
    metadata: dict[str, str | tuple[str, ...]] = {}
    for key, wanted in (where or {}).items():
        one = as_text(wanted)
        several = tuple(map(as_text, wanted)) if one is None and isinstance(wanted, list | tuple | set) else ()
        texts = tuple(text for text in several if text is not None)
        if one is None and (not texts or len(texts) < len(several)):
            raise InputError(f"where[{key!r}] is {wanted!r}. Give text, a number or a list of them")
        metadata[key] = texts if one is None else one
    return metadata


def _look(
    store: Store, wanted: Filter, pattern: str | None, kind: str | None, limit: int, asking: Transfer
) -> ObjectTable:
    matches = _matcher(pattern)
    first: dict[str, Object] = {}
    versions: Counter[str] = Counter()
    seen, whole = 0, True
    for page in store.objects.pages(wanted, limit=LARGEST_PAGE):
        asking.checkpoint()
        seen += len(page.objects)
        for view in page.objects:
            if is_alive(view) and matches(view.name) and _is_of(view, kind):
                versions[view.name] += 1
                if view.name not in first:
                    first[view.name] = Object(view, store)
        if seen >= LOOK_AT_MOST:
            whole = not page.has_more
            break
    looked_at = _count(store) if whole else seen
    return ObjectTable(list(first.values())[:limit], versions, looked_at, len(first), whole=whole, type=kind)


def _count(store: Store) -> int | None:
    """Return how many objects there are; None for the hosted service, where a count may cost more than the look."""
    if not store.profile.embedded:
        return None
    return store.objects.list(Filter(state=ObjectState.READ_ONLY), limit=1, include_total_count=True).total_count


def _matcher(pattern: str | None) -> Any:
    if not pattern:
        return lambda name: True
    if _GLOB.search(pattern):
        return re.compile(fnmatch.translate(pattern)).match
    folded = fold(pattern)
    return lambda name: folded in fold(name)


def _literal_part(pattern: str | None) -> str | None:
    """Return the longest piece of a pattern that every fitting name holds, for the server to narrow by."""
    if not pattern:
        return None
    pieces = _CLASS_OR_WILD.split(pattern) if _GLOB.search(pattern) else [pattern]
    return max(pieces, key=len) or None


def _is_number(text: str) -> bool:
    if len(text) > LONGEST_NUMBER:  # metadata may be of any length; a number that is read at a glance is not
        return False
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True


def _is_of(view: ObjectView, kind: str | None) -> bool:
    if kind is None:
        return True
    metadata = view.metadata or {}
    return kind in {metadata.get("rl.kind"), metadata.get("rl.format"), view.content_type}


def _tone(ends_ms: int) -> Any:
    import time

    return "warn" if ends_ms - time.time() * 1000 < SOON_MS else None
