"""What a catalog that is open and up to date saves a walk through a hosted service; what it says is checked there."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import msgspec

from runloop_jupyter import catalogs
from runloop_jupyter.errors import NotFound, RunloopError
from runloop_jupyter.wire.browse import PageAsked, Query
from runloop_jupyter.wire.objects import ObjectListView, ObjectState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runloop_jupyter.api.objects import Filter
    from runloop_jupyter.catalogs import Catalog
    from runloop_jupyter.session import Store
    from runloop_jupyter.wire.objects import ObjectView

UP_TO_DATE_MS: Final = 10_000
MOST_CHECKED: Final = 50
_PAGE: Final = 500
_TOGETHER: Final = 8
_AGAIN_S: Final = 0.02


def up_to_date(store: Store) -> Catalog | None:
    """Return the catalog of a hosted store that somebody opened, if it knows all and has just looked; else None."""
    if store.profile.embedded:
        return None
    known = catalogs.opened(store)
    if known is None:
        return None
    try:
        fresh = known.fresh()
    except RunloopError:
        return None
    young = fresh.looked_ms is not None and time.time() * 1000 - fresh.looked_ms <= UP_TO_DATE_MS
    return known if fresh.whole and young and fresh.trouble is None else None


def pages(known: Catalog, wanted: Filter) -> Iterator[ObjectListView]:
    """Yield the whole objects that `wanted` means, newest first, as the store's own pages would have them.

    Raises:
        CatalogError: It can't be asked any more.
    """
    query = Query(
        search=wanted.name or "",
        where={key: [value] if isinstance(value, str) else list(value) for key, value in wanted.metadata.items()},
        folded=False,
    )
    first, as_of = 0, None
    while True:
        page = known.page(PageAsked(query=query, first=first, n=_PAGE, as_of=as_of))
        as_of = as_of or page.as_of
        if len(page.rows) < _PAGE and not page.exact:  # not found yet, further on
            time.sleep(_AGAIN_S)
            continue
        first += len(page.rows)
        has_more = len(page.rows) == _PAGE
        yield ObjectListView(objects=[row.object for row in page.rows if row is not None], has_more=has_more)
        if not has_more:
            return


def are_there(store: Store, views: Sequence[ObjectView]) -> bool:
    """Whether the store has all of these still. Of those that it hasn't its catalog is told."""

    def is_there(view: ObjectView) -> bool:
        try:
            now = store.objects.get(view.id)
        except NotFound:
            now = msgspec.structs.replace(view, state=ObjectState.DELETED)
        if now.state != ObjectState.READ_ONLY:
            store.objects.changed.send(now)
        return now.state == ObjectState.READ_ONLY

    with ThreadPoolExecutor(_TOGETHER, thread_name_prefix="rl-check") as threads:
        return all(list(threads.map(is_there, views)))
