"""What browsers ask of the embedded store: pages of lists, counts, suggestions. The published API has none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runloop_jupyter.wire.browse import BrowseFacetsView, PageView, SuggestView

if TYPE_CHECKING:
    from runloop_jupyter.api.http import Service
    from runloop_jupyter.wire.browse import FacetsAsked, PageAsked, SuggestAsked

_PATH = "/v1/objects/browse"


class Browsing:
    """Browsing one embedded store. Every method raises `StoreError` or `Unreachable` as `Service.call` does."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def page(self, asked: PageAsked) -> PageView:
        """Return rows of a list."""
        return self._service.call("POST", f"{_PATH}/page", PageView, body=asked)

    def facets(self, asked: FacetsAsked) -> BrowseFacetsView:
        """Return counts of what a list may be narrowed by."""
        return self._service.call("POST", f"{_PATH}/facets", BrowseFacetsView, body=asked)

    def suggest(self, asked: SuggestAsked) -> SuggestView:
        """Return what may be meant by what was typed so far."""
        return self._service.call("POST", f"{_PATH}/suggest", SuggestView, body=asked)
