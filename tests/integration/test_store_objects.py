"""The nine operations, against a real process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from store_process import Store


def test_what_was_put_comes_back(store: Store) -> None:
    view = store.put("there and back", b"\x00\xffpayload", metadata={"a": "b"})
    assert view["state"] == "READ_ONLY"
    assert view["size_bytes"] == 9
    assert view["metadata"] == {"a": "b"}
    assert "upload_url" not in view
    assert store.read(view["id"]).content == b"\x00\xffpayload"


def test_an_object_is_uploading_until_it_is_completed(store: Store) -> None:
    created = store.create("waiting")
    assert created["state"] == "UPLOADING"
    assert store.get(f"/v1/objects/{created['id']}").json().get("upload_url") is None
    store.upload(created, b"x")
    assert store.get(f"/v1/objects/{created['id']}").json()["state"] == "UPLOADING"


def test_empty_bytes_are_bytes(store: Store) -> None:
    view = store.put("empty", b"")
    assert view["size_bytes"] == 0
    assert store.read(view["id"]).content == b""


def test_nulls_mean_left_out(store: Store) -> None:
    created = store.create("nulls", metadata=None, ttl_ms=None)
    assert "delete_after_time_ms" not in created
    assert "metadata" not in created


@pytest.mark.parametrize("body", [b"", b"  ", b"{}", b"[]", b"{", b'"text"', b"[" * 5000, b"\xff\xfe"])
def test_create_without_a_proper_body_is_400(store: Store, body: bytes) -> None:
    answer = store.post("/v1/objects", content=body)
    assert answer.status_code == 400
    assert answer.json()["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"name": 3},
        {"name": None},
        {"content_type": "image/png"},
        {"metadata": {"a": 1}},
        {"metadata": ["a"]},
        {"ttl_ms": -1},
        {"ttl_ms": 2**63},
        {"ttl_ms": "soon"},
        {"ttl_ms": 1.5},
    ],
)
def test_create_with_a_wrong_field_is_400(store: Store, change: dict[str, object]) -> None:
    answer = store.post("/v1/objects", json={"name": "wrong", "content_type": "text", **change})
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_a_body_over_a_megabyte_is_413(store: Store) -> None:
    answer = store.post("/v1/objects", json={"name": "n" * (1 << 20), "content_type": "text"})
    assert answer.status_code == 413
    assert answer.json()["message"]


def test_fields_of_a_newer_client_are_passed_over(store: Store) -> None:
    assert store.create("newer", something_new={"a": 1})["state"] == "UPLOADING"


def test_a_lone_surrogate_in_a_name_is_replaced(store: Store) -> None:
    answer = store.post("/v1/objects", content=b'{"name": "odd \\ud800", "content_type": "text"}')
    assert answer.json()["name"] == "odd \ufffd"


@pytest.mark.parametrize("body", [b"", b"{}", b" {} "])
def test_complete_takes_an_empty_body_or_an_empty_object(store: Store, body: bytes) -> None:
    created = store.create("completed")
    store.upload(created, b"x")
    answer = store.post(
        f"/v1/objects/{created['id']}/complete", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("body", [b"[1]", b"\t", b"{", b"null"])
def test_complete_with_another_body_is_400(store: Store, body: bytes) -> None:
    created = store.create("completed")
    store.upload(created, b"x")
    assert store.post(f"/v1/objects/{created['id']}/complete", content=body).status_code == 400


def test_complete_before_any_bytes_is_409_and_can_be_mended(store: Store) -> None:
    created = store.create("too early")
    path = f"/v1/objects/{created['id']}/complete"
    answer = store.post(path, headers={"x-request-id": "early"})
    assert answer.status_code == 409
    assert answer.headers["x-should-retry"] == "false"
    assert "PUT" in answer.json()["message"]
    store.upload(created, b"x")
    assert store.post(path, headers={"x-request-id": "early"}).status_code == 200


@pytest.mark.parametrize("state", ["READ_ONLY", "DELETED"])
def test_complete_of_what_is_not_uploading_is_409_that_no_retry_mends(store: Store, state: str) -> None:
    view = store.put("done")
    if state == "DELETED":
        store.delete(view["id"])
    answer = store.post(f"/v1/objects/{view['id']}/complete")
    assert answer.status_code == 409
    assert answer.headers["x-should-retry"] == "false"
    assert state in answer.json()["message"]


@pytest.mark.parametrize("call", ["complete", "delete"])
def test_changing_an_unknown_object_is_404(store: Store, call: str) -> None:
    assert store.post(f"/v1/objects/obj_none/{call}").status_code == 404


@pytest.mark.parametrize("path", ["/v1/objects/obj_none", "/v1/objects/obj_none/download", "/v1/objects/metadata"])
def test_reading_an_unknown_object_is_404(store: Store, path: str) -> None:
    assert store.get(path).status_code == 404


def test_a_deleted_object_is_known_without_its_bytes_and_metadata(store: Store) -> None:
    view = store.put("deleted", b"secret", metadata={"only-on-deleted": "x"})
    url = store.download_url(view["id"])
    answer = store.delete(view["id"])
    assert answer.status_code == 200
    assert answer.json()["state"] == "DELETED"
    again = store.get(f"/v1/objects/{view['id']}")
    assert again.status_code == 200
    assert again.json()["state"] == "DELETED"
    assert again.json()["name"] == "deleted"
    assert "metadata" not in again.json()
    assert "only-on-deleted" not in store.get("/v1/objects/metadata/keys").json()["keys"]
    assert store.http.get(url).status_code == 404
    assert not list((store.root / "blobs").rglob(view["id"]))


def test_an_uploading_object_can_be_deleted_and_takes_no_more_bytes(store: Store) -> None:
    created = store.create("given up")
    store.upload(created, b"x")
    assert store.delete(created["id"]).status_code == 200
    answer = store.upload(created, b"y")
    assert answer.status_code == 409
    assert answer.headers["x-should-retry"] == "false"
    assert not list((store.root / "blobs").rglob(created["id"]))


def test_deleting_twice_is_harmless(store: Store) -> None:
    view = store.put()
    store.delete(view["id"])
    assert store.delete(view["id"]).status_code == 200


@pytest.mark.parametrize("state", ["UPLOADING", "DELETED"])
def test_there_is_no_download_url_for_an_object_without_bytes(store: Store, state: str) -> None:
    view = store.create()
    if state == "DELETED":
        store.delete(view["id"])
    answer = store.get(f"/v1/objects/{view['id']}/download")
    assert answer.status_code == 400
    assert state in answer.json()["message"]


@pytest.mark.parametrize("seconds", ["0", "-1", "604801", "1.5", "an hour", "9" * 30, "1e3", "٣"])
def test_a_duration_that_is_none_is_400(store: Store, seconds: str) -> None:
    view = store.put()
    answer = store.get(f"/v1/objects/{view['id']}/download", params={"duration_seconds": seconds})
    assert answer.status_code == 400
    assert "duration_seconds" in answer.json()["message"]


def test_a_repeated_request_gets_the_first_answer(store: Store) -> None:
    body = {"name": "once", "content_type": "text"}
    first = store.post("/v1/objects", json=body, headers={"x-request-id": "create-once"})
    assert store.post("/v1/objects", json=body, headers={"x-request-id": "create-once"}).json() == first.json()
    assert store.names(name="once") == ["once"]


def test_a_lost_reply_to_complete_is_no_false_conflict(store: Store) -> None:
    created = store.create()
    store.upload(created, b"x")
    path = f"/v1/objects/{created['id']}/complete"
    first = store.post(path, headers={"x-request-id": "complete-once"})
    assert store.post(path, headers={"x-request-id": "complete-once"}).json() == first.json()
    assert store.post(path, headers={"x-request-id": "another"}).status_code == 409


def test_a_request_id_is_only_good_for_its_own_route(store: Store) -> None:
    view = store.put()
    other = store.put()
    store.post(f"/v1/objects/{view['id']}/delete", headers={"x-request-id": "same"})
    answer = store.post(f"/v1/objects/{other['id']}/delete", headers={"x-request-id": "same"})
    assert answer.json()["id"] == other["id"]


def test_an_object_is_gone_when_its_time_has_come(store: Store) -> None:
    view = store.put("short-lived", b"x", ttl_ms=400)
    assert view["delete_after_time_ms"] == view["create_time_ms"] + 400
    url = store.download_url(view["id"])
    assert store.http.get(url).content == b"x"
    time.sleep(max(view["delete_after_time_ms"] / 1000 - time.time(), 0) + 0.01)
    assert store.http.get(url).status_code == 404
    assert store.get(f"/v1/objects/{view['id']}").json()["state"] == "DELETED"
    assert store.names(name="short-lived", state="READ_ONLY") == []
    assert not list((store.root / "blobs").rglob(view["id"]))


def test_a_ttl_of_zero_is_over_at_once(store: Store) -> None:
    created = store.create("over", ttl_ms=0)
    assert store.get(f"/v1/objects/{created['id']}").json()["state"] == "DELETED"
    assert store.upload(created, b"x").status_code == 409


def test_metadata_keys_and_values_are_those_in_use(store: Store) -> None:
    store.put(metadata={"facet/α": "one", "plain": "x"})
    store.put(metadata={"facet/α": "two"})
    gone = store.put(metadata={"facet/α": "gone"})
    store.delete(gone["id"])
    assert {"facet/α", "plain"} <= set(store.get("/v1/objects/metadata/keys").json()["keys"])
    answer = store.get("/v1/objects/metadata/keys/facet%2F%CE%B1/values").json()
    assert answer == {"key": "facet/α", "values": ["one", "two"]}
    assert store.get("/v1/objects/metadata/keys/unused/values").json() == {"key": "unused", "values": []}


@pytest.mark.parametrize(
    ("key", "segment"), [("", ""), (".", "%2E"), ("..", "%2E%2E"), ("a/b", "a%2Fb"), ("%2F", "%252F"), ("{}", "{}")]
)
def test_the_values_of_any_key_can_be_asked_for(store: Store, key: str, segment: str) -> None:
    store.put(metadata={key: "found"})
    answer = store.get(f"/v1/objects/metadata/keys/{segment}/values")
    assert answer.json() == {"key": key, "values": ["found"]}


def test_metadata_is_counted_for_those_who_ask_and_nobody_else_sees_a_count(store: Store) -> None:
    for value in ("a", "a", "b"):
        store.put("counted", metadata={"counted": value})
    store.create("half", metadata={"counted": "half"})
    store.delete(store.put("gone", metadata={"counted": "gone"})["id"])
    path = "/v1/objects/metadata/keys/counted/values"
    asked = {"include_counts": "true"}
    assert store.get(path).json() == {"key": "counted", "values": ["a", "b", "half"]}
    assert store.get(path, params=asked).json() == {
        "key": "counted",
        "values": ["a", "b", "half"],
        "counts": [2, 1, 0],
    }
    assert set(store.get("/v1/objects/metadata/keys").json()) == {"keys"}
    keys = store.get("/v1/objects/metadata/keys", params=asked).json()
    assert dict(zip(keys["keys"], keys["counts"], strict=True))["counted"] == 3
    assert store.get(path, params={"include_counts": "maybe"}).status_code == 400
