"""Listing, against a real process."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from store_process import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from store_process import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Eight objects that differ in everything that can be asked for."""
    opened = open_store(tmp_path_factory.mktemp("list") / "store")
    for number in range(5):
        opened.put(f"run-{number}", content_type="text", metadata={"kind": "run", "n": str(number)})
    opened.put("Ölstand", content_type="tgz", metadata={"kind": "level"})
    opened.create("unfinished")
    opened.delete(opened.put("removed")["id"])
    yield opened
    opened.close()


def test_without_a_filter_every_object_is_listed_newest_first(store: Store) -> None:
    assert store.names() == ["removed", "unfinished", "Ölstand", "run-4", "run-3", "run-2", "run-1", "run-0"]


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"state": "READ_ONLY", "name": "RUN", "limit": 2}, ["run-4", "run-3"]),
        ({"name": "ölst"}, ["Ölstand"]),
        ({"name": "o\u0308LST"}, ["Ölstand"]),
        ({"name": "-3"}, ["run-3"]),
        ({"name": ""}, ["removed", "unfinished", "Ölstand", "run-4", "run-3", "run-2", "run-1", "run-0"]),
        ({"name": "%"}, []),
        ({"name": 'run" OR "'}, []),
        ({"search": "stand"}, ["Ölstand"]),
        ({"content_type": "tgz"}, ["Ölstand"]),
        ({"content_type": "text", "name": "1"}, ["run-1"]),
        ({"state": "UPLOADING"}, ["unfinished"]),
        ({"state": "DELETED"}, ["removed"]),
        ({"state": "ERROR"}, []),
        ({"metadata[kind]": "level"}, ["Ölstand"]),
        ({"metadata[kind]": "run", "metadata[n]": "2"}, ["run-2"]),
        ({"metadata[n][in]": "4,1,9"}, ["run-4", "run-1"]),
        ({"metadata[n][in]": "4,1,9", "name": "run-1"}, ["run-1"]),
        ({"metadata[kind]": "run", "metadata[n]": "77"}, []),
        ({"metadata[nokey]": "run"}, []),
        ({"some_newer_parameter": "x", "name": "run-0"}, ["run-0"]),
    ],
)
def test_filters_narrow_in_any_combination(store: Store, params: dict[str, str], names: list[str]) -> None:
    assert store.names(**params) == names


def test_the_count_is_over_all_pages(store: Store) -> None:
    answer = store.get("/v1/objects", params={"name": "run", "limit": 2}).json()
    assert answer["total_count"] == 5
    assert answer["has_more"] is True


def test_the_count_can_be_left_out(store: Store) -> None:
    answer = store.get("/v1/objects", params={"include_total_count": "false"}).json()
    assert answer["total_count"] is None


def test_an_id_and_its_beginning_can_be_searched(store: Store) -> None:
    view = store.get("/v1/objects", params={"name": "run-3"}).json()["objects"][0]
    assert store.names(search=view["id"]) == ["run-3"]
    assert store.names(search=view["id"][:20]) == ["run-3"]
    assert len(store.names(search="obj_")) == 8


def test_pages_follow_each_other_without_gap_or_repetition(store: Store) -> None:
    seen: list[str] = []
    params: dict[str, str] = {"limit": "3", "include_total_count": "false"}
    while True:
        page = store.get("/v1/objects", params=params).json()
        seen += [each["name"] for each in page["objects"]]
        if not page["has_more"]:
            break
        params["starting_after"] = page["objects"][-1]["id"]
    assert seen == store.names()


def test_the_order_is_that_of_creation_within_one_millisecond(store: Store) -> None:
    created = [store.create(f"burst-{number}")["id"] for number in range(60)]
    listed = [each["id"] for each in store.get("/v1/objects", params={"name": "burst-", "limit": 60}).json()["objects"]]
    for each in created:
        store.delete(each)
    assert listed == created[::-1]
    assert sorted(created) == created


@pytest.mark.parametrize("limit", ["0", "-1", "5001", "many", "1.0", "99999999999999999999", "1_0", "٣"])
def test_a_limit_that_is_none_is_400(store: Store, limit: str) -> None:
    answer = store.get("/v1/objects", params={"limit": limit})
    assert answer.status_code == 400
    assert re.search("limit.*5000", answer.json()["message"])


@pytest.mark.parametrize(
    "params",
    [
        {"state": "GONE"},
        {"content_type": "csv"},
        {"include_total_count": "maybe"},
        {"starting_after": "obj_1"},
        {"starting_after": "obj_" + "u" * 27},
    ],
)
def test_a_parameter_that_cannot_be_meant_is_400(store: Store, params: dict[str, str]) -> None:
    answer = store.get("/v1/objects", params=params)
    assert answer.status_code == 400
    assert next(iter(params)) in answer.json()["message"]


def test_a_cursor_of_another_store_is_only_a_place_in_time(store: Store) -> None:
    newest = store.get("/v1/objects").json()["objects"][0]["id"]
    foreign = newest[:15] + "0" * 16
    assert store.get("/v1/objects", params={"starting_after": foreign}).status_code == 200
