"""Browsing a store, against a real process."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from many_objects import many, store_with
from store_process import KEY, open_store

from runloop_jupyter.api.browsing import Browsing
from runloop_jupyter.api.http import Service
from runloop_jupyter.conditions import Condition
from runloop_jupyter.errors import BadRequest, Unauthorized
from runloop_jupyter.secret import Secret
from runloop_jupyter.wire.browse import FacetsAsked, PageAsked, Query, Span, SuggestAsked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from store_process import Store

    from runloop_jupyter.wire.browse import PageView
    from runloop_jupyter.wire.objects import ObjectView

PATH = "/v1/objects/browse/"
NOW_MS = 4_000_000_000_000  # so late that none of it ends while the test runs
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "../../etc/passwd",
    "a\0b",
    "'; DROP TABLE object; --",
    '"',
    "\u202e.exe",
    "%",
    "é",
    "e\u0301",
    "x" * 900,
]


@pytest.fixture(scope="module")
def views() -> list[ObjectView]:
    return many(11_000, NOW_MS)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, views: list[ObjectView]) -> Iterator[Browsing]:
    """More objects than are looked at without a pause."""
    root = tmp_path_factory.mktemp("browse") / "store"
    store_with(root, views)
    opened = open_store(root)
    service = Service(opened.base_url, Secret(KEY), label="store")
    yield Browsing(service)
    service.close()
    opened.close()


def browsing(store: Store) -> Browsing:
    return Browsing(Service(store.base_url, Secret(KEY), label="store"))


def exact(browsing: Browsing, asked: PageAsked) -> PageView:
    """Return what somebody is told in the end who asks until it is exact."""
    while True:
        page = browsing.page(asked)
        assert page is not None
        if page.exact:
            return page


def names(page: PageView) -> list[str | None]:
    return [row and row.object.name for row in page.rows]


def newest_of_each(views: list[ObjectView]) -> list[ObjectView]:
    newest: dict[str, ObjectView] = {}
    for view in views:
        newest.setdefault(view.name, view)
    return list(newest.values())


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(folded=False, descending=False),
        Query(search="VIT", order="name", descending=False),
        Query(beneath="runs/03/", order="size"),
        Query(where={"model": ["vit", "mlp"]}, conditions=[Condition("epoch", ">=", ("100",))]),
        Query(size=Span(since=1 << 29), order="expires"),
    ],
    ids=repr,
)
def test_all_pages_together_are_what_fits(large: Browsing, views: list[ObjectView], query: Query) -> None:
    def fits(view: ObjectView) -> bool:
        has = view.metadata or {}
        return (
            view.state == "READ_ONLY"
            and query.search.lower() in view.name
            and view.name.startswith(query.beneath)
            and all(has[key] in values for key, values in query.where.items())
            and all(each.holds(has[each.key]) for each in query.conditions)
            and (query.size is None or (view.size_bytes or 0) >= (query.size.since or 0))
        )

    right = [view for view in views if fits(view)]
    objects = len(right)
    if query.folded:
        right = newest_of_each(right)
    if query.order == "put" and not query.descending:
        right.reverse()
    elif query.order == "name":
        right.sort(key=lambda view: view.name, reverse=query.descending)
    elif query.order == "size":
        right.sort(key=lambda view: view.size_bytes or 0, reverse=query.descending)
    elif query.order == "expires":
        ending = [view for view in right if view.delete_after_time_ms is not None]
        ending.sort(key=lambda view: view.delete_after_time_ms or 0, reverse=query.descending)
        right = ending + [view for view in right if view.delete_after_time_ms is None]
    first = exact(large, PageAsked(query=query, n=500))
    assert (first.total, first.objects) == (len(right), objects)
    rows = list(first.rows)
    while len(rows) < first.total:
        rows += exact(large, PageAsked(query=query, first=len(rows), n=500, as_of=first.as_of)).rows
    assert [row and row.object for row in rows] == right
    counts: dict[str, int] = {}
    for view in views:
        counts[view.name] = counts.get(view.name, 0) + (view.state == "READ_ONLY")
    assert [row and row.versions for row in rows] == [counts[view.name] for view in right]


def test_facets_become_complete(large: Browsing, views: list[ObjectView]) -> None:
    asked = FacetsAsked(query=Query(where={"model": ["vit"]}), keys=["model", "user"], sizes=[1 << 29])
    while True:
        found = large.facets(asked)
        assert found is not None
        if found.complete:
            break
    whole = [view for view in views if view.state == "READ_ONLY"]
    fitting = [view for view in whole if (view.metadata or {})["model"] == "vit"]
    assert found.objects == len(fitting)
    model, user = (dict(zip(each.values, each.counts, strict=True)) for each in found.keys)
    assert model["mlp"] == sum((view.metadata or {})["model"] == "mlp" for view in whole)
    assert user["ada"] == sum((view.metadata or {})["user"] == "ada" for view in fitting)
    assert found.sizes is not None
    assert found.sizes.counts[1] == sum((view.size_bytes or 0) >= 1 << 29 for view in fitting)
    assert found.folders is not None
    assert (found.folders.values, found.folders.counts) == (["runs"], [len(fitting)])


def test_suggestions_name_keys_values_and_objects(large: Browsing) -> None:
    def said(text: str) -> list[tuple[str, str]]:
        found = large.suggest(SuggestAsked(text=text))
        assert found is not None
        return [(each.sort, each.text) for each in found.suggestions]

    assert said("mod") == [("key", "model")]
    assert said("model=res") == [("value", "resnet50")]
    assert {sort for sort, _ in said("resnet50")} == {"name"}


def test_other_requests_are_answered_while_much_is_browsed(large: Browsing, views: list[ObjectView]) -> None:
    queries = [Query(order="metadata", key=key, descending=turn) for key in ("acc", "note") for turn in (True, False)]
    with ThreadPoolExecutor(4) as pool:
        pages = [pool.submit(exact, large, PageAsked(query=query)) for query in queries]
        found = [exact(large, PageAsked(query=Query(search=view.name))).total for view in views[:20]]
    assert all(each >= 1 for each in found)
    assert len({each.result().total for each in pages}) == 1


def test_an_object_shows_when_it_is_whole_and_its_row_is_empty_when_it_has_gone(store: Store) -> None:
    asks = browsing(store)
    query = Query(search="comes and goes")
    before = exact(asks, PageAsked(query=query))
    created = store.create("comes and goes")
    assert exact(asks, PageAsked(query=query)).rows == []
    store.upload(created, b"bytes")
    store.post(f"/v1/objects/{created['id']}/complete")
    assert exact(asks, PageAsked(query=query, as_of=before.as_of)).newer
    after = exact(asks, PageAsked(query=query))
    assert (names(after), after.objects, after.size_bytes, after.newer) == (["comes and goes"], 1, 5, False)
    store.delete(created["id"])
    gone = exact(asks, PageAsked(query=query, as_of=after.as_of))
    assert (gone.rows, gone.newer) == ([None], True)
    assert exact(asks, PageAsked(query=query)).total == 0


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_whatever_is_in_it(store: Store, name: str) -> None:
    asks = browsing(store)
    made = store.put(name, metadata={name[:50]: name[:50]})
    for query in (
        Query(search=name),
        Query(beneath=name),
        Query(where={name[:50]: [name[:50]]}),
        Query(conditions=[Condition(name[:50], "=", (name[:50],))]),
        Query(search=name, order="metadata", key=name[:50]),
    ):
        assert name in names(exact(asks, PageAsked(query=query)))
    found = asks.facets(FacetsAsked(query=Query(beneath=name), keys=[name[:50]]))
    assert found is not None
    assert name[:50] in found.keys[0].values
    assert asks.suggest(SuggestAsked(text=name)) is not None
    store.delete(made["id"])


@pytest.mark.parametrize("what", ["page", "facets", "suggest"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"query": 1}',
        b'{"query": {"state": "GONE"}, "text": 7}',
        b'{"query": {"order": "color"}, "text": null}',
        b'{"query": {"size": {"since": 1e40}}, "text": []}',
        b'{"query": {}, "n": 0, "limit": 0, "text": ""}',
        b'{"query": {}, "n": 501, "limit": 100000, "text": ""}',
        b'{"query": {"conditions": [{"key": "k", "sign": "~", "values": ["1"]}]}, "text": {}}',
        b'{"query": {"conditions": [{"key": "k", "sign": ">", "values": []}]}, "text": {}}',
        b"[" * 100_000,
    ],
)
def test_nonsense_is_refused_in_a_line(store: Store, what: str, body: bytes) -> None:
    answer = store.post(PATH + what, content=body)
    assert answer.status_code == 400
    assert "\n" not in json.loads(answer.text)["message"]


@pytest.mark.parametrize("what", ["page", "facets", "suggest"])
def test_nobody_browses_without_the_key(store: Store, what: str) -> None:
    assert store.http.post(PATH + what, json={"query": {}, "text": ""}).status_code == 401
    assert store.get(PATH + what).status_code == 405
    stranger = Browsing(Service(store.base_url, Secret("another"), label="store"))
    with pytest.raises(Unauthorized):
        stranger.page(PageAsked(query=Query()))


def test_what_cannot_be_meant_is_an_error_that_says_what_can(store: Store) -> None:
    with pytest.raises(BadRequest, match="state is one of"):
        browsing(store).page(PageAsked(query=Query(state="whole")))


def test_a_list_is_the_same_after_the_store_was_started_again(tmp_path: Path) -> None:
    root = tmp_path / "store"
    opened = open_store(root)
    for number in range(5):
        opened.put(f"n{number % 3}")
    page = exact(browsing(opened), PageAsked(query=Query()))
    opened.close()
    again = open_store(root)
    again.put("n0")
    later: Any = exact(browsing(again), PageAsked(query=Query(), as_of=page.as_of))
    assert [row.object.id for row in later.rows] == [row and row.object.id for row in page.rows]
    assert (later.total, later.newer) == (3, True)
    again.close()
