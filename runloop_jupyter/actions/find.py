"""ls: objects by name, metadata and kind, newest first, and an honest word on how far the look went."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter import session as sessions
from runloop_jupyter.actions.object import Object
from runloop_jupyter.actions.object_table import ObjectTable
from runloop_jupyter.actions.options import as_text
from runloop_jupyter.actions.resolve import is_alive, store_and_address
from runloop_jupyter.actions.running import ask
from runloop_jupyter.api.objects import LARGEST_PAGE, Filter
from runloop_jupyter.errors import AddressError, InputError
from runloop_jupyter.index.fold import fold
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from runloop_jupyter.session import Session, Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

LOOK_AT_MOST: Final = 100_000
DEFAULT_LIMIT: Final = 20
_GLOB: Final = re.compile(r"[*?\[]")
# A class ends at the first bracket after its first character, as fnmatch reads it.
_CLASS_OR_WILD: Final = re.compile(r"\[!?.[^\]]*\]|[*?\[]")


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
        # Of a full page, whatever is left of it here: a store that passes over a filter hands out all it has.
        seen += LARGEST_PAGE if page.has_more else len(page.objects)
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


def _is_of(view: ObjectView, kind: str | None) -> bool:
    if kind is None:
        return True
    metadata = view.metadata or {}
    return kind in {metadata.get("rl.kind"), metadata.get("rl.format"), view.content_type}
