"""The disk of an embedded store is full: nothing is lost or changed, it can be emptied, and it goes on."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from store_process import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONTENT = os.urandom(1 << 20)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MiB."""
    where = tmp_path / "small disk"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(where)], check=True)
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


@pytest.fixture
def start() -> Iterator[Callable[..., Store]]:
    opened: list[Store] = []

    def one(root: Path, **more: Callable[[], None]) -> Store:
        opened.append(open_store(root, **more))
        return opened[-1]

    yield one
    for each in opened:
        if not each.http.is_closed:
            each.close()


def fill(disk: Path) -> Path:
    """Somebody else writes until nothing fits any more."""
    hog = disk / "somebody else's"
    with hog.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass
    assert shutil.disk_usage(disk).free == 0
    return hog


def states(store: Store) -> dict[str, str]:
    return {each["name"]: each["state"] for each in store.get("/v1/objects").json()["objects"]}


@needs_root
def test_on_a_full_disk_nothing_changes_reading_and_deleting_work_and_room_mends_it(
    disk: Path, start: Callable[..., Store]
) -> None:
    store = start(disk / "store")
    kept, doomed = store.put("kept", CONTENT), store.put("doomed", CONTENT)
    waiting = store.create("waiting")
    assert store.upload(waiting, b"first").status_code == 200
    before = states(store)
    hog = fill(disk)

    refused = store.post("/v1/objects", json={"name": "new", "content_type": "binary"})
    assert refused.status_code == 507
    assert "make room" in refused.json()["message"]
    assert refused.headers["x-should-retry"] == "false"
    assert store.upload(waiting, CONTENT).status_code == 507
    # The commit itself finds no room.
    assert store.post(f"/v1/objects/{waiting['id']}/complete").status_code == 507
    assert states(store) == before == {"kept": "READ_ONLY", "doomed": "READ_ONLY", "waiting": "UPLOADING"}
    assert store.read(kept["id"]).content == CONTENT
    assert list((store.root / "incoming").iterdir()) == []

    deleted = store.delete(doomed["id"])
    assert (deleted.status_code, deleted.json()["state"]) == (200, "DELETED")
    assert not (store.root / "blobs" / doomed["id"][-2:] / doomed["id"]).exists()

    hog.unlink()
    assert store.post(f"/v1/objects/{waiting['id']}/complete").json()["size_bytes"] == 5
    again = store.put("after", CONTENT)
    assert store.read(again["id"]).content == CONTENT
    assert store.read(waiting["id"]).content == b"first"
    store.close()
    assert "Traceback" not in store.log()


@needs_root
def test_a_store_killed_on_a_full_disk_starts_there_and_can_be_emptied(disk: Path, start: Callable[..., Store]) -> None:
    store = start(disk / "store")
    kept, doomed = store.put("kept", CONTENT), store.put("doomed", CONTENT)
    fill(disk)
    store.kill()
    again = start(disk / "store")
    assert again.read(kept["id"]).content == CONTENT
    fill(disk)
    assert again.delete(doomed["id"]).status_code == 200
    assert states(again) == {"kept": "READ_ONLY", "doomed": "DELETED"}


@needs_root
def test_on_a_full_disk_objects_still_go_when_their_time_comes(disk: Path, start: Callable[..., Store]) -> None:
    store = start(disk / "store")
    store.put("kept", CONTENT)
    for number in range(5):
        store.put(f"mortal-{number}", CONTENT, ttl_ms=1500)
    fill(disk)
    subprocess.run(["sleep", "1.6"], check=True)
    assert states(store) == {"kept": "READ_ONLY"} | {f"mortal-{number}": "DELETED" for number in range(5)}
    assert len(list((store.root / "blobs").glob("*/*"))) == 1


def test_a_commit_that_finds_no_room_takes_back_the_whole_of_it(tmp_path: Path, start: Callable[..., Store]) -> None:
    limit = 400_000  # of the log, which a commit can't make longer

    store = start(tmp_path / "store", before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    made: list[str] = []
    for number in range(500):
        answer = store.post("/v1/objects", json={"name": f"thing-{number}", "content_type": "text"})
        if answer.status_code != 200:
            break
        made.append(answer.json()["id"])
    assert answer.status_code == 507
    assert made
    listed = store.get("/v1/objects", params={"limit": 500, "include_total_count": "true"}).json()
    assert [each["id"] for each in listed["objects"]] == made[::-1]
    assert listed["total_count"] == len(made)
    store.kill()
    again = start(tmp_path / "store")
    assert again.get("/v1/objects", params={"limit": 500}).json()["objects"] == listed["objects"]
    assert again.create("goes on")["state"] == "UPLOADING"
