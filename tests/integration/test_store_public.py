"""Public objects of an embedded store: read, filtered and downloaded as its own are, and changed by nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from blake3 import blake3

from runloop_jupyter.local import public

if TYPE_CHECKING:
    from store_process import Store

NAMES = ["penguins", "penguins-raw.csv", "iris", "seattle-weather"]


def listed(store: Store, **params: Any) -> list[dict[str, Any]]:
    answer = store.get("/v1/objects/list_public", params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["objects"])


def names(store: Store, **params: Any) -> list[str]:
    return [each["name"] for each in listed(store, **params)]


@pytest.fixture
def penguins(store: Store) -> dict[str, Any]:
    return listed(store)[0]


def test_a_new_store_has_something_to_look_at(store: Store) -> None:
    answer = store.get("/v1/objects/list_public").json()
    assert [each["name"] for each in answer["objects"]] == NAMES
    assert (answer["has_more"], answer["total_count"]) == (False, len(NAMES))


def test_each_says_where_it_comes_from_and_why_it_may_be_handed_on(store: Store) -> None:
    for each in listed(store):
        assert {"about", "source", "licence", "rl.kind", "rl.format", "rl.facts"} == set(each["metadata"]), each["name"]
        assert all(each["metadata"].values())


def test_the_bytes_of_each_are_those_that_its_digest_and_size_are_of(store: Store) -> None:
    for each in listed(store):
        content = store.read(each["id"]).content
        assert len(content) == each["size_bytes"], each["name"]
        assert json.loads(each["metadata"]["rl.facts"])["digest"] == f"blake3:{blake3(content).hexdigest()}"


def test_together_they_are_small() -> None:
    assert sum(path.stat().st_size for path in Path(public.__file__).parent.iterdir() if path.is_file()) < 200 * 1024


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"name": "PENG"}, ["penguins", "penguins-raw.csv"]),
        ({"search": "weather"}, ["seattle-weather"]),
        ({"content_type": "tar"}, []),
        ({"state": "READ_ONLY", "limit": 1}, ["penguins"]),
        ({"state": "DELETED"}, []),
        ({"metadata[rl.kind]": "file"}, ["penguins-raw.csv"]),
        ({"metadata[rl.format][in]": "json,file"}, ["penguins-raw.csv"]),
    ],
)
def test_they_are_filtered_as_lists_are(store: Store, wanted: dict[str, Any], found: list[str]) -> None:
    assert names(store, **wanted) == found


def test_they_are_paged_to_the_end(store: Store) -> None:
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = store.get("/v1/objects/list_public", params={"limit": 2, **cursor}).json()
        seen += [each["name"] for each in page["objects"]]
        if not page["has_more"]:
            break
        cursor = {"starting_after": page["objects"][-1]["id"]}
    assert seen == NAMES


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"state": "LOST"}, {"starting_after": "x"}, {"content_type": "csv"}])
def test_what_can_not_be_meant_is_400(store: Store, wrong: dict[str, Any]) -> None:
    assert store.get("/v1/objects/list_public", params=wrong).status_code == 400


def test_one_is_known_by_its_id(store: Store, penguins: dict[str, Any]) -> None:
    assert store.get(f"/v1/objects/{penguins['id']}").json() == penguins


def test_they_are_downloaded_in_ranges_under_their_names(store: Store, penguins: dict[str, Any]) -> None:
    whole = store.read(penguins["id"])
    assert whole.headers["content-disposition"].startswith('attachment; filename="penguins"')
    part = store.read(penguins["id"], Range="bytes=4-7", **{"If-Range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole.content[4:8])


@pytest.mark.parametrize("call", ["complete", "delete"])
def test_nobody_changes_one(store: Store, penguins: dict[str, Any], call: str) -> None:
    answer = store.post(f"/v1/objects/{penguins['id']}/{call}")
    assert answer.status_code == 403
    assert "public" in answer.json()["message"]
    assert store.get(f"/v1/objects/{penguins['id']}").json()["state"] == "READ_ONLY"


def test_they_are_not_among_the_stores_own(store: Store) -> None:
    own = store.put("penguins", metadata={"own": "yes"})
    assert store.names(name="penguins") == ["penguins"]
    assert own["id"] not in [each["id"] for each in listed(store)]
    assert "licence" not in store.get("/v1/objects/metadata/keys").json()["keys"]


def test_they_are_the_same_in_every_store(store: Store, serve: Any) -> None:
    assert listed(serve()) == listed(store)
