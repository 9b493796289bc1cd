"""What the list is asked for: its pages, what it can be narrowed by, what may be meant by what was typed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.browser import protocol, rows
from runloop_jupyter.errors import InputError
from runloop_jupyter.wire.browse import FacetsAsked, PageAsked, SuggestAsked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runloop_jupyter.browser.place import Place
    from runloop_jupyter.widgets.asked import Asked
    from runloop_jupyter.wire import browse
    from runloop_jupyter.wire.browse import Query

FIRST_ROWS: Final = 100
SIZES: Final = (1 << 20, 100 << 20, 1 << 30)
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
AGES_MS: Final = (365 * _DAY_MS, 30 * _DAY_MS, 7 * _DAY_MS, _DAY_MS)
EXPIRIES_MS: Final = (2 * _DAY_MS, 7 * _DAY_MS)
_TYPED: Final = 1000


class Listing:
    """Answers for a place's list.

    Args:
        place: The store.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def operations(self) -> dict[str, Callable[[Asked], Any]]:
        """Return what it answers, by name, but for ``page``."""
        return {
            "facets": self.facets,
            "suggest": self.suggest,
            "keys": self.keys,
            "refresh": self.refresh,
        }

    def first(self, query: Query, columns: Sequence[str]) -> protocol.Page:
        """Return the first rows of a list as it is now."""
        return self._page(PageAsked(query=query, n=FIRST_ROWS), columns)

    def page(self, said: protocol.PageArgs) -> Any:
        """Return the answer to ``page``."""
        if said.first < 0 or not 0 < said.n <= protocol.LARGEST_PAGE:
            raise InputError(f"a page begins at 0 or later and has 1 to {protocol.LARGEST_PAGE} rows")
        wanted = PageAsked(query=said.query, first=said.first, n=said.n, as_of=said.as_of)
        return protocol.plain(self._page(wanted, said.columns))

    def facets(self, asked: Asked) -> Any:
        """Answer ``facets``: the kernel chooses where ranges end."""
        said = protocol.read(asked.args, protocol.FacetsArgs)
        # By the minute: who asks again, for counts that are whole by then, asks the same.
        now = time.time_ns() // 1_000_000 // _MINUTE_MS * _MINUTE_MS
        puts, expiries = [now - age for age in AGES_MS], [now + left for left in EXPIRIES_MS]
        found = self._place.catalog.facets(
            FacetsAsked(query=said.query, keys=said.keys, sizes=list(SIZES), puts=puts, expiries=expiries)
        )
        asked.checkpoint()
        return protocol.plain(
            protocol.Facets(
                keys=[rows.facet(each) for each in found.keys if len(each.key) <= rows.LONGEST],
                folders=rows.facet(found.folders) if found.folders and found.folders.values else None,
                states=rows.facet(found.states),
                sizes=_ranges(found.sizes, SIZES),
                puts=_ranges(found.puts, puts),
                expiries=_ranges(found.expiries, expiries),
                objects=found.objects,
                complete=found.complete,
            )
        )

    def suggest(self, asked: Asked) -> Any:
        """Answer ``suggest``."""
        said = protocol.read(asked.args, protocol.SuggestArgs)
        found = self._place.catalog.suggest(SuggestAsked(text=said.text[:_TYPED]))
        return {
            "suggestions": protocol.plain(
                [
                    protocol.Suggestion(sort=each.sort, text=each.text, key=each.key, n=each.n)
                    for each in found.suggestions
                    if len(each.text) <= rows.LONGEST
                ]
            )
        }

    def keys(self, asked: Asked) -> Any:
        """Answer ``keys``."""
        protocol.read(asked.args, protocol.Nothing)
        found = self._place.catalog.keys()
        return {
            "keys": [protocol.plain(protocol.KeyInUse(key=key, n=n)) for key, n in found if len(key) <= rows.LONGEST]
        }

    def refresh(self, asked: Asked) -> None:
        """Answer ``refresh``."""
        protocol.read(asked.args, protocol.Nothing)
        self._place.catalog.refresh()

    def _page(self, asked: PageAsked, columns: Sequence[str]) -> protocol.Page:
        found = self._place.catalog.page(asked)
        self._place.remember([each.object for each in found.rows if each is not None])
        return protocol.Page(
            rows=[None if each is None else rows.row(each, columns) for each in found.rows],
            first=found.first,
            total=found.total,
            exact=found.exact,
            objects=found.objects,
            size_bytes=found.size_bytes,
            as_of=found.as_of,
            newer=found.newer,
            fresh=rows.freshness(found.fresh),
        )


def _ranges(found: browse.Ranges | None, ends: Sequence[int]) -> protocol.Ranges:
    if found is None:  # whoever answers doesn't count these
        return protocol.Ranges(ends=[], counts=[0], without=0, complete=False)
    return protocol.Ranges(ends=list(ends), counts=found.counts, without=found.without, complete=found.complete)
