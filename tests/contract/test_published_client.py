"""The published Python client against `runloop-local serve`: it must find no difference from the hosted service."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from runloop_api_client import (
    AsyncRunloop,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    Runloop,
    RunloopSDK,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "published-client"


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNLOOP_")}
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))
    root = tmp_path_factory.mktemp("contract") / "store"
    with subprocess.Popen(
        [sys.executable, "-m", "runloop_jupyter.local.cli", "serve", "--root", str(root)],
        env={**kept, "RUNLOOP_LOCAL_KEY": KEY, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield next(word for word in process.stdout.readline().split() if word.startswith("http://"))
        process.send_signal(signal.SIGTERM)


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
