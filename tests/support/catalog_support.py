"""What a catalog answers, in short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import store_process

from runloop_jupyter.wire.browse import PageAsked, PageView, Query

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.catalogs import Catalog


def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until `condition` holds; processes that start on a busy machine take their time."""
    store_process.eventually(condition, seconds)


def names(here: Catalog, **query: object) -> list[str]:
    """All names that a query means, page by page."""
    found: list[str] = []
    page = rows(here, 0, None, query)
    as_of = page.as_of
    while page.rows:
        found += [row.object.name for row in page.rows if row is not None]
        page = rows(here, len(found), as_of, query)
    return found


def rows(here: Catalog, first: int, as_of: str | None, query: dict[str, object]) -> PageView:
    return here.page(PageAsked(query=Query(**query), first=first, n=500, as_of=as_of))  # type: ignore[arg-type]
