"""A start finds files and database at odds, whatever made them so, and makes them agree."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from store_process import runloop_local

from runloop_jupyter.local import launch
from runloop_jupyter.local.ids import make_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from store_process import Store

CONTENT = b"what is in it" * 100


def blob(store: Store, object_id: str) -> Path:
    return store.root / "blobs" / object_id[-2:] / object_id


def state(store: Store, object_id: str) -> str:
    return str(store.get(f"/v1/objects/{object_id}").json()["state"])


def listed(store: Store, **params: str) -> list[str]:
    return [each["id"] for each in store.get("/v1/objects", params=params).json()["objects"]]


@pytest.mark.parametrize("damage", ["gone", "shorter", "longer"])
def test_an_object_that_lost_its_bytes_while_the_store_was_down_is_error(
    serve: Callable[..., Store], damage: str
) -> None:
    store = serve()
    kept, hurt = store.put("kept", CONTENT)["id"], store.put("hurt", CONTENT)["id"]
    store.kill()
    if damage == "gone":
        blob(store, hurt).unlink()
    else:
        blob(store, hurt).write_bytes(CONTENT[:-1] if damage == "shorter" else CONTENT + b"!")
    again = serve()
    assert (state(again, kept), state(again, hurt)) == ("READ_ONLY", "ERROR")
    assert listed(again, state="READ_ONLY") == [kept]
    refused = again.get(f"/v1/objects/{hurt}/download")
    assert refused.status_code == 400
    assert "lost its bytes" in refused.json()["message"]
    told = launch.status(again.root)
    assert told is not None
    assert told["objects"] == {"READ_ONLY": 1, "ERROR": 1}
    assert told["checking"] is False
    again.close()
    assert "1 objects have lost their bytes" in again.log()
    assert hurt in again.log()


def test_an_object_that_loses_its_bytes_under_a_running_store_is_error_when_it_is_asked_for(store: Store) -> None:
    view = store.put("hurt", CONTENT)
    url = store.download_url(view["id"])
    blob(store, view["id"]).unlink()
    assert store.http.get(url).status_code == 404
    assert state(store, view["id"]) == "ERROR"


def test_an_object_whose_bytes_come_back_is_whole_again(serve: Callable[..., Store]) -> None:
    store = serve()
    view = store.put("away", CONTENT)
    store.kill()
    (store.root / "blobs").rename(store.root / "elsewhere")  # a disk that isn't mounted
    second = serve()
    assert state(second, view["id"]) == "ERROR"
    second.kill()
    (store.root / "blobs").rename(store.root / "not the disk")
    (store.root / "elsewhere").rename(store.root / "blobs")
    third = serve()
    assert state(third, view["id"]) == "READ_ONLY"
    assert third.read(view["id"]).content == CONTENT
    third.close()
    assert "the files of 1 objects are back" in third.log()


def test_a_damaged_object_keeps_what_is_left_until_it_is_deleted(serve: Callable[..., Store]) -> None:
    store = serve()
    view = store.put("hurt", CONTENT)
    store.kill()
    blob(store, view["id"]).write_bytes(b"the rest")
    again = serve()
    assert blob(store, view["id"]).read_bytes() == b"the rest"
    assert again.delete(view["id"]).json()["state"] == "DELETED"
    assert not blob(store, view["id"]).exists()


def test_bytes_of_a_deleted_object_are_removed_and_counted(serve: Callable[..., Store]) -> None:
    store = serve()
    view = store.put("deleted", CONTENT)
    store.delete(view["id"])
    store.kill()
    blob(store, view["id"]).write_bytes(CONTENT)  # as if the unlink hadn't reached the disk
    again = serve()
    assert not blob(store, view["id"]).exists()
    again.close()
    assert "removed the files of 1 deleted objects" in again.log()


def test_bytes_that_no_object_is_known_for_are_moved_aside_and_never_removed(serve: Callable[..., Store]) -> None:
    store = serve()
    kept = store.put("kept", CONTENT)["id"]
    store.kill()
    stray = make_id(7)
    blob(store, stray).parent.mkdir(exist_ok=True)
    blob(store, stray).write_bytes(b"from a newer copy of the database")
    misplaced = blob(store, kept).parent.with_name("zz" if kept[-2:] != "zz" else "yy") / kept
    misplaced.parent.mkdir(exist_ok=True)
    misplaced.write_bytes(b"not where it belongs")
    again = serve()
    assert again.read(kept).content == CONTENT
    assert [each.name for each in (store.root / "blobs").glob("*/*")] == [kept]
    assert (store.root / "strays" / stray).read_bytes() == b"from a newer copy of the database"
    again.close()
    assert "2 files belong to no object the database knows" in again.log()


def test_what_others_leave_among_the_files_is_left_alone(serve: Callable[..., Store]) -> None:
    store = serve()
    kept = store.put("kept", CONTENT)["id"]
    store.kill()
    foreign = blob(store, kept).with_name(".nfs0000000000c0ffee")
    foreign.write_bytes(b"the file server's own")
    (store.root / "incoming" / "a directory").mkdir()
    again = serve()
    assert state(again, kept) == "READ_ONLY"
    assert foreign.exists()
    assert not (store.root / "strays").exists()


def test_what_was_put_and_not_completed_is_still_there(serve: Callable[..., Store]) -> None:
    store = serve()
    created = store.create("half")
    store.upload(created, CONTENT)
    store.kill()
    again = serve()
    assert again.post(f"/v1/objects/{created['id']}/complete").json()["size_bytes"] == len(CONTENT)
    assert again.read(created["id"]).content == CONTENT


def test_what_was_past_its_time_while_the_store_was_down_is_gone_before_it_serves(serve: Callable[..., Store]) -> None:
    store = serve()
    view = store.put("mortal", CONTENT, ttl_ms=1500)
    store.kill()
    time.sleep(1.6)
    again = serve()
    assert not blob(store, view["id"]).exists()
    assert state(again, view["id"]) == "DELETED"


def test_a_new_database_is_not_begun_over_the_files_of_a_lost_one(serve: Callable[..., Store]) -> None:
    store = serve()
    view = store.put("kept", CONTENT)
    store.close()
    for each in store.root.glob("store.db*"):
        each.unlink()
    refused = runloop_local("serve", "--root", str(store.root))
    assert refused.returncode == 1
    assert "store.db is gone, but the bytes of 1 objects are there: put it back from a backup" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert blob(store, view["id"]).read_bytes() == CONTENT
    assert not (store.root / "store.db").exists()
