"""Browsing by a store's own index, against answers of all kinds."""

from __future__ import annotations

import json

import httpx
import pytest

from runloop_jupyter.api.browsing import Browsing
from runloop_jupyter.api.http import Service
from runloop_jupyter.errors import BadRequest, Forbidden, StoreError
from runloop_jupyter.secret import Secret
from runloop_jupyter.wire.browse import FacetsAsked, Freshness, PageAsked, PageView, Query, SuggestAsked

PAGE = {
    "rows": [None],
    "first": 0,
    "total": 1,
    "exact": True,
    "objects": 1,
    "size_bytes": None,
    "as_of": "1-2-3",
    "newer": False,
    "fresh": {"indexed": 7},
}


def far(status: int, body: object) -> tuple[Browsing, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def answered(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, json=body)

    service = Service("https://far.example", Secret("k"), label="far", transport=httpx.MockTransport(answered))
    return Browsing(service), asked


def test_a_page_is_asked_for_by_post_and_comes_back_as_it_was_sent() -> None:
    browsing, asked = far(200, PAGE)
    page = browsing.page(PageAsked(query=Query(search="a"), first=3))
    assert page == PageView(
        rows=[None],
        first=0,
        total=1,
        exact=True,
        objects=1,
        size_bytes=None,
        as_of="1-2-3",
        newer=False,
        fresh=Freshness(indexed=7),
    )
    assert (asked[0].method, asked[0].url.path) == ("POST", "/v1/objects/browse/page")
    assert json.loads(asked[0].content) == {"query": {"search": "a"}, "first": 3}


@pytest.mark.parametrize("status", [404, 405])
def test_a_store_that_does_not_offer_it_says_so_by_none(status: int) -> None:
    browsing, _ = far(status, {"message": "no such route"})
    assert browsing.page(PageAsked(query=Query())) is None
    assert browsing.facets(FacetsAsked(query=Query())) is None
    assert browsing.suggest(SuggestAsked(text="a")) is None


@pytest.mark.parametrize(("status", "kind"), [(400, BadRequest), (403, Forbidden), (418, StoreError)])
def test_any_other_refusal_is_an_error(status: int, kind: type[StoreError]) -> None:
    browsing, _ = far(status, {"message": "no"})
    with pytest.raises(kind):
        browsing.page(PageAsked(query=Query()))
