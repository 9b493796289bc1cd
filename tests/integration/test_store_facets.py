"""Facets and long lists of values, against a real process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from many_objects import many, store_with
from store_process import KEY, open_store

from runloop_jupyter.api.http import Service
from runloop_jupyter.api.objects import Filter, Objects
from runloop_jupyter.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from store_process import Store

    from runloop_jupyter.wire.objects import ObjectView

FACETS = "/v1/objects/metadata/facets"
NOW_MS = 4_000_000_000_000  # so late that none of it ends while the test runs


@pytest.fixture(scope="module")
def views() -> list[ObjectView]:
    return many(11_000, NOW_MS)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, views: list[ObjectView]) -> Iterator[Store]:
    """More objects than are looked at, or values than are read, without a pause."""
    root = tmp_path_factory.mktemp("facets") / "store"
    store_with(root, views)
    opened = open_store(root)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def objects(store: Store) -> Iterator[Objects]:
    service = Service(store.base_url, Secret(KEY), label="store")
    yield Objects(service)
    service.close()


def counted(views: list[ObjectView], key: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for view in views:
        if key in (view.metadata or {}):
            counts[view.metadata[key]] = counts.get(view.metadata[key], 0) + 1
    return counts


@pytest.mark.parametrize(
    "where",
    [
        Filter(),
        Filter(state="READ_ONLY"),
        Filter(state="UPLOADING"),
        Filter(state="READ_ONLY", name="vit"),
        Filter(name="/0"),
        Filter(state="READ_ONLY", metadata={"user": "ada", "model": ("vit", "mlp")}),
        Filter(content_type="tgz"),
    ],
)
def test_facets_are_those_of_what_a_list_with_the_same_filters_finds(
    objects: Objects, views: list[ObjectView], where: Filter
) -> None:
    meant = [
        view
        for view in views
        if where.state in (None, view.state)
        and where.content_type in (None, view.content_type)
        and (where.name or "") in view.name
        and where.admits(view)
    ]
    assert [view.id for page in objects.pages(where) for view in page.objects] == [view.id for view in meant]
    found = objects.facets(["model", "epoch", "note", "no such key"], where, limit=7)
    assert found is not None
    for facet in found.facets:
        counts = counted(meant, facet.key)
        shown = dict(zip(facet.values, facet.counts, strict=True))
        if found.complete:
            assert (found.objects, facet.distinct) == (len(meant), len(counts))
            assert facet.counts == sorted(counts.values(), reverse=True)[:7]
            assert shown.items() <= counts.items()
        else:  # a machine that is busy with other things: then it says so, and no number is too great
            assert found.objects <= len(meant)
            assert all(n <= counts[value] for value, n in shown.items())


@pytest.mark.parametrize("params", [{}, {"key": [str(n) for n in range(51)]}, {"key": "a", "limit": "0"}])
def test_facets_that_cannot_be_meant_are_400(store: Store, params: dict[str, object]) -> None:
    assert store.get(FACETS, params=params).status_code == 400


def test_an_object_may_be_called_what_the_routes_are_called(store: Store) -> None:
    assert store.get("/v1/objects/facets").status_code == 404
    assert store.get("/v1/objects/metadata").status_code == 404


def test_a_key_with_very_many_values_is_answered_whole(objects: Objects, views: list[ObjectView]) -> None:
    every = counted(views, "note")
    whole = counted([view for view in views if view.state == "READ_ONLY"], "note")
    found = objects.metadata_values("note")
    assert list(found.texts) == sorted(every)
    assert found.counts == [whole.get(text, 0) for text in found.texts]


def test_other_requests_are_answered_while_a_long_answer_is_read(store: Store) -> None:
    path = "/v1/objects/metadata/keys/note/values"
    with store.http.stream("GET", path, headers=store.headers) as answer:
        assert answer.status_code == 200
        assert len(store.names(limit=5)) == 5
        assert answer.read().endswith(b"]}")
