"""Every request that our own client sends is one that the contract knows, and every answer of the store too.

A strict checker in Python stands between the client and a real store. A mock server of its own (Prism is the usual
one) would answer made-up objects, with which no put or get goes past its first step; and it lets through query
parameters that the document doesn't name, which is just what is to be found here.
"""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING, Any

import httpx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from misbehaving import Upstream, serving
from store_process import KEY, open_store
from strict import Checkpoint, Strict

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.api.http import Service
from runloop_jupyter.api.objects import LARGEST_PAGE, Filter, Objects
from runloop_jupyter.errors import Conflict, NotFound
from runloop_jupyter.secret import Secret
from runloop_jupyter.wire.objects import ContentType, ObjectCreateParameters, ObjectState

if TYPE_CHECKING:
    from collections.abc import Iterator

VIEW = {"id": "obj_1234", "name": "n", "state": "READ_ONLY", "content_type": "text", "create_time_ms": 1}
ANSWERS: dict[str, Any] = {
    "createObject": VIEW,
    "getObject": VIEW,
    "completeObject": VIEW,
    "deleteObject": VIEW,
    "listObjects": {"objects": [VIEW], "has_more": False},
    "listPublicObjects": {"objects": [VIEW], "has_more": False},
    "generateDownloadUrl": {"download_url": "https://s3/x?sig=1"},
    "getObjectMetadataKeys": {"keys": ["a"]},
    "getObjectMetadataValues": {"key": "a", "values": ["b"]},
}
ODD = "ü/%2f&a+b?#"
CHECKER = Strict(of_clients=True)


def answered(request: httpx.Request) -> httpx.Response:
    """Answer what is right, and fail the test for what isn't."""
    target = request.url.raw_path.decode()
    headers = {name.lower(): value for name, value in request.headers.items()}
    wrong = CHECKER.request(request.method, target, headers, request.content)
    assert not wrong
    return httpx.Response(200, json=ANSWERS[CHECKER.name(request.method, target)])


OBJECTS = Objects(Service("https://far.example", Secret("k"), label="far", transport=httpx.MockTransport(answered)))

any_text = st.text(max_size=30)
any_id = st.text(min_size=1, max_size=30)
filters = st.builds(
    Filter,
    name=st.none() | any_text,
    search=st.none() | any_text,
    content_type=st.none() | st.sampled_from([*ContentType]),
    state=st.none() | st.sampled_from([*ObjectState]),
    metadata=st.dictionaries(any_text, any_text | st.lists(any_text, min_size=1, max_size=3).map(tuple), max_size=3),
)


@settings(deadline=None)
@given(filters, st.none() | st.integers(1, LARGEST_PAGE), st.booleans(), st.booleans())
def test_whatever_is_asked_for_a_list_is_asked_for_rightly(
    where: Filter, limit: int | None, count: bool, public: bool
) -> None:
    pages = OBJECTS.list_public if public else OBJECTS.list
    pages(where, limit=limit, include_total_count=count)
    list(OBJECTS.pages(where, public=public))


@settings(deadline=None)
@given(any_id)
def test_whatever_the_id_or_key_it_is_one_segment_of_the_path(text: str) -> None:
    OBJECTS.get(text)
    OBJECTS.complete(text)
    OBJECTS.delete(text)
    OBJECTS.download_url(text)
    OBJECTS.metadata_values(text)


@settings(deadline=None)
@given(
    any_text,
    st.sampled_from([*ContentType]),
    st.none() | st.dictionaries(any_text, any_text, max_size=3),
    st.none() | st.integers(0, 9 * 10**18),
    st.integers(1, 604_800),
)
def test_whatever_is_created_is_created_rightly(
    name: str, content_type: str, metadata: dict[str, str] | None, ttl_ms: int | None, seconds: int
) -> None:
    OBJECTS.create(ObjectCreateParameters(name=name, content_type=content_type, metadata=metadata, ttl_ms=ttl_ms))
    OBJECTS.download_url("obj_1234", duration_seconds=seconds)
    OBJECTS.metadata_keys()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"target": "/v1/object"}, "no operation"),
        ({"method": "DELETE"}, "no operation"),
        ({"target": "/v1/objects?limit=0"}, "limit"),
        ({"target": "/v1/objects?limit=many"}, "no whole number"),
        ({"target": "/v1/objects?include_total_count=1"}, "neither true nor false"),
        ({"target": "/v1/objects?state=LOST"}, "state"),
        ({"target": "/v1/objects?kind=table"}, "no parameter"),
        ({"target": "/v1/objects?include_counts=true"}, "no parameter"),
        ({"target": "/v1/objects?metadata[a]b]=1"}, "no parameter"),
        ({"target": "/v1/objects?name=a&name=b"}, "twice"),
        ({"target": "/v1/objects?name=%ff"}, "can't be read"),
        ({"target": "/v1/objects/%ff"}, "isn't UTF-8"),
        ({"target": "/content/obj_1?expires=1"}, "signature is missing"),
        ({"target": "/content/obj_1?expires=1&signature=2"}, "authorization is nothing for a presigned URL"),
        ({"body": b"x"}, "there is no body"),
        ({"headers": {}}, "no bearer key"),
        ({"headers": {"authorization": "Bearer k", "x-more": "1"}}, "x-more"),
        ({"method": "POST", "body": b""}, "the body is missing"),
        ({"method": "POST", "body": b"{}"}, "comes as None"),
        ({"method": "POST", "target": "/v1/objects/a/delete", "body": b""}, "no x-request-id"),
    ],
)
def test_the_checker_finds_what_is_wrong(change: dict[str, Any], found: str) -> None:
    request: dict[str, Any] = {"method": "GET", "target": "/v1/objects", "headers": {"authorization": "Bearer k"}}
    wrong = CHECKER.request(**{**request, "body": b"", **change})
    assert any(found in each for each in wrong), wrong


@pytest.mark.parametrize(
    "change", [{"more": 1}, {"name": None}, {"content_type": "csv"}, {"metadata": {"a": 1}}, {"ttl_ms": 2**63}]
)
def test_the_checker_finds_what_is_wrong_in_a_body(change: dict[str, Any]) -> None:
    headers = {"authorization": "Bearer k", "content-type": "application/json", "x-request-id": "12345678"}
    right = {"name": "n", "content_type": "text", "metadata": None, "ttl_ms": None}
    assert not CHECKER.request("POST", "/v1/objects", headers, json.dumps(right).encode())
    assert CHECKER.request("POST", "/v1/objects", headers, json.dumps({**right, **change}).encode())


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkpoint]:
    """A checkpoint in front of a real store, which the session takes for a hosted service."""
    store = open_store(tmp_path_factory.mktemp("strict") / "store")
    checkpoint = Checkpoint(Upstream(store.base_url))
    with serving(checkpoint) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNLOOP_BASE_URL", server.url)
        patch.setenv("RUNLOOP_API_KEY", KEY)
        yield checkpoint
    store.close()


@pytest.fixture
def checkpoint(checked: Checkpoint) -> Iterator[Checkpoint]:
    """The checkpoint; a request or an answer that isn't right fails the test, whatever came of it."""
    checked.wrong.clear()
    checked.calls.clear()
    yield checked
    session.current().close()
    assert not checked.wrong


def test_put_get_and_info_of_a_table(checkpoint: Checkpoint) -> None:
    frame = pd.DataFrame({"x": range(50_000), "y": [f"row {n}" for n in range(50_000)]})
    thing = rl.put(frame, "strict/table ü", metadata={"a key": "a,b=c&d"}, ttl="1h")
    rl.put(frame, "strict/table ü", metadata={"a key": "a,b=c&d"}, ttl="1h")
    pd.testing.assert_frame_equal(rl.get("strict/table ü"), frame)
    assert list(rl.get(thing.version, head=3)["x"]) == [0, 1, 2]
    rl.info(thing)
    assert {("createObject", 200), ("putContent", 200), ("completeObject", 200)} <= set(checkpoint.calls)
    assert {("getContent", 200), ("getContent", 206)} & set(checkpoint.calls)


def test_folders_files_and_values(checkpoint: Checkpoint, tmp_path: Any) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("a")
    (tmp_path / "empty").write_bytes(b"")
    rl.put(tmp_path / "folder", "strict/folder")
    rl.put(tmp_path / "empty", "strict/empty")
    rl.put({"a": [1, None]}, "strict/value")
    assert rl.get("strict/empty", format="bytes") == b""
    assert rl.get("strict/value") == {"a": [1, None]}
    assert rl.get("strict/folder", to=tmp_path / "back").is_dir()


def test_every_way_to_look(checkpoint: Checkpoint) -> None:
    rl.put([1], "strict/looked for", metadata={"model": "vit", "acc": 0.9, ODD: string.printable})
    for looked in (
        rl.ls("strict/*", where=["acc>0.5", "model=vit"], since="1d", sort="-acc"),
        rl.ls("LOOKED", where={"model": ["vit", "resnet"]}, type="json", limit=1),
        rl.ls(where={ODD: string.printable}),
        rl.ls("strict/looked for", versions=True),
    ):
        assert len(looked) == 1
    assert len(rl.ls("penguins", public=True)) == 2
    assert list(rl.keys("model")) == ["vit"]
    assert "model" in list(rl.keys())
    rl.status()


def test_links_keeping_and_removing(checkpoint: Checkpoint) -> None:
    thing = rl.put("short-lived text\nof two lines", "strict/kept", ttl="1h")
    assert rl.url(thing, expires="1h").reveal().startswith("http")
    kept = rl.keep(thing)
    assert kept.expires is None
    rl.rm(kept)
    assert ("deleteObject", 200) in checkpoint.calls


def test_what_is_refused_is_refused_as_the_contract_says(checkpoint: Checkpoint) -> None:
    objects = session.current().store.objects
    with pytest.raises(NotFound):
        objects.get("obj_none/../..")
    view = objects.create(ObjectCreateParameters(name="strict/no bytes", content_type="text"))
    with pytest.raises(Conflict):
        objects.complete(view.id)
    objects.delete(view.id)
    assert {("getObject", 404), ("completeObject", 409)} <= set(checkpoint.calls)
