"""Browsing by the store's own index, where it has one to ask: an extension of the embedded store's."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from runloop_jupyter.errors import NotFound, StoreError
from runloop_jupyter.wire.browse import (
    BrowseFacetsView,
    FacetsAsked,
    PageAsked,
    PageView,
    SuggestAsked,
    SuggestView,
)

if TYPE_CHECKING:
    from runloop_jupyter.api.http import Service

T = TypeVar("T")

_METHOD_NOT_ALLOWED = 405


class Browsing:
    """What a browser asks. Every method returns None where the store doesn't offer it, and raises as `Service.call`.

    A query that can't be meant is a `BadRequest`.
    """

    def __init__(self, service: Service) -> None:
        self.service = service

    def page(self, asked: PageAsked) -> PageView | None:
        """Return some rows of a list."""
        return self._ask("page", asked, PageView)

    def facets(self, asked: FacetsAsked) -> BrowseFacetsView | None:
        """Return how many objects there are of each value."""
        return self._ask("facets", asked, BrowseFacetsView)

    def suggest(self, asked: SuggestAsked) -> SuggestView | None:
        """Return what may be meant by what was typed so far."""
        return self._ask("suggest", asked, SuggestView)

    def _ask(self, what: str, asked: object, answer: type[T]) -> T | None:
        try:
            return self.service.call("POST", f"/v1/objects/browse/{what}", answer, body=asked)
        except NotFound:
            return None
        except StoreError as error:
            if error.status == _METHOD_NOT_ALLOWED:  # the path is another's, who takes no POST
                return None
            raise
