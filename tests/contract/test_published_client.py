"""The published Python client against `runloop-local serve`: it must find no difference from the hosted service."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from misbehaving import Upstream, loses_reply, serving
from runloop_api_client import (
    AsyncRunloop,
    AsyncRunloopSDK,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    Runloop,
    RunloopSDK,
)
from store_process import KEY, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = open_store(tmp_path_factory.mktemp("contract") / "store")
    yield store.base_url
    store.close()


@pytest.fixture
def client(base_url: str) -> Iterator[Runloop]:
    with Runloop(base_url=base_url, bearer_token=KEY) as opened:
        yield opened


@pytest.fixture
def sdk(base_url: str) -> Iterator[RunloopSDK]:
    opened = RunloopSDK(base_url=base_url, bearer_token=KEY)
    yield opened
    opened.close()


def test_text_goes_up_and_comes_back(sdk: RunloopSDK) -> None:
    thing = sdk.storage_object.upload_from_text("Grüße", name="greeting.txt", metadata={"lang": "de"})
    assert thing.download_as_text() == "Grüße"
    view = thing.refresh()
    assert (view.state, view.content_type, view.size_bytes) == ("READ_ONLY", "text", 7)
    assert view.metadata == {"lang": "de"}


def test_bytes_go_up_and_come_back(sdk: RunloopSDK) -> None:
    content = os.urandom(3_000_000)
    thing = sdk.storage_object.upload_from_bytes(content, name="noise", content_type="binary", ttl=timedelta(hours=1))
    assert thing.download_as_bytes() == content
    view = thing.refresh()
    assert view.delete_after_time_ms == view.create_time_ms + 3_600_000


def test_empty_bytes_go_up_and_come_back(sdk: RunloopSDK) -> None:
    thing = sdk.storage_object.upload_from_bytes(b"", name="nothing", content_type="unspecified")
    assert thing.download_as_bytes() == b""


def test_a_file_and_a_directory_go_up(sdk: RunloopSDK, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("a")
    assert sdk.storage_object.upload_from_file(tmp_path / "data" / "a.txt").refresh().name == "a.txt"
    folder = sdk.storage_object.upload_from_dir(tmp_path / "data")
    assert (folder.refresh().name, folder.refresh().content_type) == ("data.tar.gz", "tgz")
    assert folder.download_as_bytes()[:2] == b"\x1f\x8b"


def test_a_deleted_object_can_be_retrieved(sdk: RunloopSDK, client: Runloop) -> None:
    thing = sdk.storage_object.upload_from_text("x", name="gone")
    assert thing.delete().state == "DELETED"
    assert client.objects.retrieve(thing.id).state == "DELETED"
    with pytest.raises(BadRequestError):
        client.objects.download(thing.id)


def test_every_filter_of_list_works(sdk: RunloopSDK, client: Runloop) -> None:
    one = sdk.storage_object.upload_from_text("1", name="filter-one.txt")
    two = sdk.storage_object.upload_from_bytes(b"2", name="filter-two.bin", content_type="binary")
    three = client.objects.create(name="filter-three", content_type="tar")

    def listed(**filters: object) -> list[str]:
        return [each.id for each in client.objects.list(**filters)]  # type: ignore[arg-type]

    assert listed(name="filter-") == [three.id, two.id, one.id]
    assert listed(name="FILTER-t") == [three.id, two.id]
    assert listed(search=two.id) == [two.id]
    assert listed(search="one.txt") == [one.id]
    assert listed(name="filter-", state="UPLOADING") == [three.id]
    assert listed(name="filter-", content_type="binary") == [two.id]
    assert listed(name="filter-", starting_after=three.id) == [two.id, one.id]
    page = client.objects.list(name="filter-", limit=1)
    assert (page.total_count, page.has_more, len(page.objects)) == (3, True, 1)
    assert client.objects.list(name="filter-", include_total_count=False).total_count is None
    by_metadata = client.objects.list(extra_query={"metadata[lang]": "nowhere"})
    assert by_metadata.objects == []


def test_the_clients_paginator_walks_to_the_end(client: Runloop) -> None:
    made = [client.objects.create(name=f"walk-{number}", content_type="text").id for number in range(7)]
    assert [each.id for each in client.objects.list(name="walk-", limit=2)] == made[::-1]


def test_public_objects_are_listed_paged_and_downloaded_by_the_client(sdk: RunloopSDK, client: Runloop) -> None:
    everything = list(client.objects.list_public(limit=2))
    assert [each.name for each in everything[:2]] == ["penguins", "penguins-raw.csv"]
    content = sdk.storage_object.from_id(everything[1].id).download_as_text()
    assert content.startswith("studyName,")
    assert len(content.encode()) == everything[1].size_bytes
    assert list(client.objects.list_public(name="x-files")) == []


def test_errors_have_the_clients_own_classes_without_retries(base_url: str, client: Runloop) -> None:
    with pytest.raises(NotFoundError):
        client.objects.retrieve("obj_none")
    with pytest.raises(BadRequestError):
        client.objects.list(limit=5001)
    view = client.objects.create(name="no bytes", content_type="text")
    with pytest.raises(ConflictError, match="PUT the bytes"):
        client.objects.complete(view.id)
    with Runloop(base_url=base_url, bearer_token="wrong") as stranger, pytest.raises(AuthenticationError):
        stranger.objects.list()


def test_bytes_without_a_length_are_refused_as_s3_refuses_them(sdk: RunloopSDK) -> None:
    thing = sdk.storage_object.create(name="in chunks", content_type="binary")
    with pytest.raises(httpx.HTTPStatusError, match="HTTP 501"):
        thing.upload_content(iter([b"a", b"b"]))
    thing.upload_content(b"ab")
    assert thing.complete().size_bytes == 2


def test_a_part_can_be_read_and_a_link_ends(sdk: RunloopSDK, client: Runloop) -> None:
    thing = sdk.storage_object.upload_from_bytes(b"0123456789", name="ranges", content_type="binary")
    link = thing.get_download_url(duration_seconds=1).download_url
    part = client._client.get(link, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    time.sleep(1.1)
    assert client._client.get(link).status_code == 403
    with pytest.raises(BadRequestError, match="duration_seconds"):
        thing.get_download_url(duration_seconds=0)


def test_a_time_to_live_under_a_second_is_over_at_once(sdk: RunloopSDK, client: Runloop) -> None:
    assert client.objects.retrieve(client.objects.create(name="short", content_type="text", ttl_ms=0).id).state == (
        "DELETED"
    )
    with pytest.raises(httpx.HTTPStatusError, match="HTTP 409"):  # the client makes 0 ms of half a second
        sdk.storage_object.upload_from_text("x", name="short", ttl=timedelta(seconds=0.5))


def test_an_object_is_what_mounts_and_builds_are_told_of(sdk: RunloopSDK) -> None:
    thing = sdk.storage_object.upload_from_text("x", name="context")
    assert thing.as_build_context() == {"object_id": thing.id, "type": "object"}
    assert [each.id for each in sdk.storage_object.list(search=thing.id)] == [thing.id]


def test_everything_that_the_answers_hold_is_what_the_client_knows(client: Runloop) -> None:
    made = client.objects.create(name="known", content_type="text", metadata={"a": "b"}, ttl_ms=60_000)
    page = client.objects.list(search=made.id)
    views = [made, client.objects.retrieve(made.id), page.objects[0], client.objects.delete(made.id)]
    for answer in [*views, page, client.objects.list_public()]:
        assert not answer.model_extra


def test_the_same_request_at_the_same_moment_is_done_once(base_url: str) -> None:
    with Runloop(base_url=base_url, bearer_token=KEY) as client, ThreadPoolExecutor(16) as pool:
        for attempt in range(5):
            name, key = f"at once {attempt}", f"at-once-{attempt}"
            calls = [
                pool.submit(client.objects.create, name=name, content_type="text", idempotency_key=key)
                for _ in range(16)
            ]
            assert len({each.result().id for each in calls}) == 1
            assert len(client.objects.list(name=name).objects) == 1


@pytest.mark.parametrize("call", ["create", "complete", "delete"])
def test_a_lost_answer_is_asked_for_again_and_the_work_is_done_once(base_url: str, call: str) -> None:
    name = f"lost answer to {call}"
    with serving(Upstream(base_url)) as server, RunloopSDK(base_url=server.url, bearer_token=KEY) as sdk:
        server.will(call, loses_reply)
        thing = sdk.storage_object.upload_from_text("once", name=name)
        assert thing.delete().state == "DELETED"
        assert len(server.asked(call)) == 2
        assert len({each.headers["x-request-id"] for each in server.asked(call)}) == 1
        assert len(list(sdk.api.objects.list(name=name))) == 1


@pytest.mark.parametrize("state", ["no bytes", "complete", "deleted"])
def test_what_waiting_does_not_mend_is_asked_for_once(base_url: str, state: str) -> None:
    with serving(Upstream(base_url)) as server, RunloopSDK(base_url=server.url, bearer_token=KEY) as sdk:
        thing = sdk.storage_object.create(name=state, content_type="text")
        if state != "no bytes":
            thing.upload_content(b"x")
            thing.complete()
        if state == "deleted":
            thing.delete()
        server.behave()
        with pytest.raises(ConflictError) as caught:
            sdk.api.objects.complete(thing.id)
        assert caught.value.response.headers["x-should-retry"] == "false"
        assert len(server.seen) == 1


async def _life(base_url: str) -> None:
    async with AsyncRunloopSDK(base_url=base_url, bearer_token=KEY) as sdk:
        objects = sdk.storage_object
        things = await asyncio.gather(*(objects.upload_from_text(f"text {n}", name=f"async-{n}") for n in range(10)))
        assert await asyncio.gather(*(each.download_as_text() for each in things)) == [f"text {n}" for n in range(10)]
        walked = [each.name async for each in await sdk.api.objects.list(name="async-", limit=3)]
        assert sorted(walked) == [f"async-{n}" for n in range(10)]
        with pytest.raises(ConflictError):
            await things[0].complete()
        assert (await things[0].delete()).state == "DELETED"
        assert (await things[0].refresh()).state == "DELETED"
        assert [each.name async for each in await sdk.api.objects.list_public(name="iris")] == ["iris"]


def test_the_async_client_goes_the_same_ways(base_url: str) -> None:
    asyncio.run(_life(base_url))


async def _round_trip(base_url: str) -> bytes:
    async with AsyncRunloop(base_url=base_url, bearer_token=KEY) as client:
        view = await client.objects.create(name="async", content_type="text")
        assert view.upload_url is not None
        await client._client.put(view.upload_url, content=b"x" * 10)
        await client.objects.complete(view.id)
        link = await client.objects.download(view.id, duration_seconds=60)
        return (await client._client.get(link.download_url)).content


def test_the_async_client_works_too(base_url: str) -> None:
    assert asyncio.run(_round_trip(base_url)) == b"x" * 10
