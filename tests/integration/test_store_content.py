"""Bytes in and out through presigned URLs, against a real process."""

from __future__ import annotations

import os
import resource
import socket
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from store_process import Store

CONTENT = bytes(range(256)) * 40


def raw(store: Store, request: bytes, *, hang_up: bool = False) -> bytes:
    """Send bytes, and return the head of the answer; or hang up, and return whatever still comes."""
    with socket.create_connection(("127.0.0.1", store.port), timeout=20) as connection:
        connection.sendall(request)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while b"\r\n\r\n" not in answer and (chunk := connection.recv(65536)):
            answer += chunk
    return answer


def put_head(store: Store, url: str, *headers: str) -> bytes:
    parts = urlsplit(url)
    lines = [f"PUT {parts.path}?{parts.query} HTTP/1.1", f"Host: 127.0.0.1:{store.port}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def status(answer: bytes) -> int:
    return int(answer.split()[1])


def test_a_chunked_upload_is_501(store: Store) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"abc"

    created = store.create()
    assert store.http.put(created["upload_url"], content=chunks()).status_code == 501
    assert store.post(f"/v1/objects/{created['id']}/complete").status_code == 409


def test_an_upload_without_a_length_is_411(store: Store) -> None:
    created = store.create()
    assert status(raw(store, put_head(store, created["upload_url"]))) == 411


def test_an_upload_that_ends_early_leaves_nothing(serve: Callable[..., Store]) -> None:
    store = serve()
    created = store.create()
    raw(store, put_head(store, created["upload_url"], "Content-Length: 1000") + b"only this", hang_up=True)
    assert store.post(f"/v1/objects/{created['id']}/complete").status_code == 409
    assert list((store.root / "incoming").iterdir()) == []
    store.close()
    assert "Traceback" not in store.log()


def test_a_second_upload_replaces_the_first_until_complete(store: Store) -> None:
    created = store.create()
    store.upload(created, b"first, and longer")
    store.upload(created, b"second")
    view = store.post(f"/v1/objects/{created['id']}/complete").json()
    assert view["size_bytes"] == 6
    assert store.read(created["id"]).content == b"second"
    again = store.upload(created, b"third")
    assert again.status_code == 409
    assert store.read(created["id"]).content == b"second"


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.partition("?")[0],
        lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"),
        lambda url: url.replace("expires=", "expires=9"),
        lambda url: url.replace("signature=", "signature=%C3%A9"),
        lambda url: url.replace("/content/obj_", "/content/obj_0"),
    ],
)
def test_a_changed_url_is_403(store: Store, change: Callable[[str], str]) -> None:
    created = store.create()
    answer = store.http.put(change(created["upload_url"]), content=b"x")
    assert answer.status_code == 403
    assert "signature=" not in answer.text


def test_a_url_is_for_its_method_alone(store: Store) -> None:
    created = store.create()
    assert store.http.get(created["upload_url"]).status_code == 403
    view = store.put()
    url = store.download_url(view["id"])
    assert store.http.put(url, content=b"x").status_code == 403
    assert store.http.head(url).status_code == 403
    assert store.http.delete(url).status_code == 403


def test_a_url_is_for_its_object_alone(store: Store) -> None:
    one, two = store.create(), store.create()
    assert store.http.put(one["upload_url"].replace(one["id"], two["id"]), content=b"x").status_code == 403


def test_a_url_of_another_store_is_403(store: Store, serve: Callable[..., Store]) -> None:
    other = serve()
    url = other.create()["upload_url"].replace(other.base_url, store.base_url)
    assert store.http.put(url, content=b"x").status_code == 403


def test_the_key_alone_does_not_open_the_bytes(store: Store) -> None:
    view = store.put()
    assert store.get(f"/content/{view['id']}").status_code == 403


def test_a_url_past_its_time_is_403(store: Store) -> None:
    view = store.put()
    url = store.download_url(view["id"], duration_seconds=1)
    assert store.http.get(url).status_code == 200
    time.sleep(2.05)
    answer = store.http.get(url)
    assert answer.status_code == 403
    assert "expired" in answer.json()["message"]


@pytest.mark.parametrize(
    ("asked", "status_code", "content"),
    [
        ("bytes=0-0", 206, CONTENT[:1]),
        ("bytes=100-299", 206, CONTENT[100:300]),
        ("bytes=10000-", 206, CONTENT[10000:]),
        ("bytes=-7", 206, CONTENT[-7:]),
        ("bytes=10239-99999", 206, CONTENT[-1:]),
        ("bytes=-99999", 206, CONTENT),
        ("bytes=-0", 200, CONTENT),
        ("bytes=0-1,4-5", 200, CONTENT),
        ("bytes=a-b", 200, CONTENT),
        ("lines=1-2", 200, CONTENT),
    ],
)
def test_ranges(store: Store, asked: str, status_code: int, content: bytes) -> None:
    view = store.put(content=CONTENT)
    answer = store.read(view["id"], Range=asked)
    assert (answer.status_code, answer.content) == (status_code, content)


def test_a_range_behind_the_end_is_416_and_says_the_size(store: Store) -> None:
    view = store.put(content=CONTENT)
    answer = store.read(view["id"], Range="bytes=10240-")
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */10240"


def test_the_etag_stays_and_guards_a_range(store: Store) -> None:
    view = store.put(content=CONTENT)
    etag = store.read(view["id"]).headers["etag"]
    assert store.read(view["id"], Range="bytes=5-").headers["etag"] == etag
    assert store.read(view["id"], **{"Range": "bytes=5-", "If-Range": etag}).status_code == 206
    changed = store.read(view["id"], **{"Range": "bytes=5-", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, CONTENT)
    assert store.read(view["id"], **{"If-None-Match": etag}).status_code == 304


def test_bytes_are_never_encoded_on_the_way(store: Store) -> None:
    view = store.put("log.gz", CONTENT, content_type="gzip")
    answer = store.read(view["id"], **{"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert answer.content == CONTENT


def test_bytes_come_as_a_download_that_no_browser_renders(store: Store) -> None:
    view = store.put('<b>"Öl"\r\nX-Evil: 1/../x.html')
    answer = store.read(view["id"])
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert "x-evil" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_full_disk_is_507_and_changes_nothing(serve: Callable[..., Store]) -> None:
    limit = 8 << 20
    store = serve(before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    created = store.create()
    store.upload(created, b"fits")
    answer = store.upload(created, bytes(2 * limit))
    assert answer.status_code == 507
    assert list((store.root / "incoming").iterdir()) == []
    assert store.post(f"/v1/objects/{created['id']}/complete").json()["size_bytes"] == 4
    assert store.read(created["id"]).content == b"fits"


def test_an_upload_that_cannot_fit_is_507_before_it_is_sent(store: Store) -> None:
    created = store.create()
    answer = raw(store, put_head(store, created["upload_url"], f"Content-Length: {1 << 60}"))
    assert status(answer) == 507


def test_killed_in_an_upload_the_store_comes_back_without_it(serve: Callable[..., Store]) -> None:
    store = serve()
    kept = store.put("kept", CONTENT)
    created = store.create("cut off")
    with socket.create_connection(("127.0.0.1", store.port)) as connection:
        connection.sendall(put_head(store, created["upload_url"], "Content-Length: 9000000") + bytes(3_000_000))
        incoming = store.root / "incoming"
        deadline = time.monotonic() + 10
        while not any(each.stat().st_size for each in incoming.iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        store.kill()
    again = serve()
    assert again.port == store.port
    assert list(incoming.iterdir()) == []
    assert again.get(f"/v1/objects/{created['id']}").json()["state"] == "UPLOADING"
    assert again.post(f"/v1/objects/{created['id']}/complete").status_code == 409
    assert again.read(kept["id"]).content == CONTENT
    assert again.upload(created, b"whole").status_code == 200  # the link still holds


def test_a_delete_that_was_cut_off_is_finished_at_the_next_start(serve: Callable[..., Store]) -> None:
    store = serve()
    view = store.put("doomed", CONTENT)
    store.delete(view["id"])
    store.kill()
    blob = store.root / "blobs" / view["id"][-2:] / view["id"]
    blob.write_bytes(CONTENT)  # as if the unlink hadn't reached the disk
    with sqlite3.connect(store.root / "store.db") as connection:
        connection.execute("INSERT INTO doomed VALUES (?)", (view["id"],))
    connection.close()
    again = serve()
    again.names()
    deadline = time.monotonic() + 5
    while blob.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_memory_does_not_grow_with_the_bytes(serve: Callable[..., Store]) -> None:
    store = serve()
    status_file = Path(f"/proc/{store.process.pid}/status")
    if not status_file.exists():
        pytest.skip("the peak of memory is read from /proc")
    content = bytes(128 << 20)
    view = store.put("large", content)
    with store.http.stream("GET", store.download_url(view["id"])) as answer:
        assert sum(len(chunk) for chunk in answer.iter_raw()) == len(content)
    peak = next(line for line in status_file.read_text().splitlines() if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < 100 << 10


@pytest.mark.parametrize("size", [0, 1, 4096, (256 << 10) + 1])
def test_small_and_large_come_with_the_same_headers(store: Store, size: int) -> None:
    view = store.put(content=os.urandom(size))
    whole, asked_for = store.read(view["id"]), store.read(view["id"], **{"If-None-Match": '"another"'})
    assert whole.content == asked_for.content
    assert len(whole.content) == size
    varies = {"date"}
    assert {k: v for k, v in whole.headers.items() if k not in varies} == {
        k: v for k, v in asked_for.headers.items() if k not in varies
    }
