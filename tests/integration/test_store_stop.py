"""Stopping: what is under way ends well, what isn't holds nothing up, and what hangs is named."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from store_process import eventually, listing, runloop_local

from runloop_jupyter.errors import EmbeddedStoreError
from runloop_jupyter.local import launch, release, state
from runloop_jupyter.local.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def client(endpoint: launch.Endpoint) -> httpx.Client:
    headers = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
    return httpx.Client(base_url=endpoint.base_url, headers=headers, trust_env=False)


def created(endpoint: launch.Endpoint) -> dict[str, Any]:
    with client(endpoint) as http:
        return dict(http.post("/v1/objects", json={"name": "slow", "content_type": "binary"}).json())


def refuses_connections(endpoint: launch.Endpoint) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(endpoint.base_url.rpartition(":")[2])), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


class SlowUpload:
    """A PUT of 20 pieces of 64 KiB, each sent when the test says so."""

    pieces = 20
    piece = b"p" * (64 << 10)

    def __init__(self, endpoint: launch.Endpoint) -> None:
        self.object_id = (view := created(endpoint))["id"]
        url = httpx.URL(view["upload_url"])
        self.connection = socket.create_connection((url.host, url.port or 0), timeout=30)
        length = self.pieces * len(self.piece)
        head = f"PUT {url.raw_path.decode()} HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: {length}\r\n\r\n"
        self.connection.sendall(head.encode() + self.piece)
        self.left = self.pieces - 1

    def finish(self, seconds: float) -> bytes:
        """Send the rest over so many seconds and return the answer."""
        while self.left:
            time.sleep(seconds / (self.pieces - 1))
            self.connection.sendall(self.piece)
            self.left -= 1
        with self.connection:
            return self.connection.recv(4096)


@contextmanager
def stopped_meanwhile(root: Path) -> Iterator[list[object]]:
    """Stop the store while the block runs; the list has what `launch.stop` returned."""
    outcome: list[object] = []

    def stop() -> None:
        try:
            outcome.append(launch.stop(root))
        except EmbeddedStoreError as error:
            outcome.append(error)

    thread = threading.Thread(target=stop)
    thread.start()
    yield outcome
    thread.join(timeout=60)


def test_an_upload_under_way_ends_with_its_answer_and_nobody_new_is_let_in(root: Path) -> None:
    endpoint = launch.ensure(root)
    upload = SlowUpload(endpoint)
    with stopped_meanwhile(root) as outcome:
        eventually(lambda: refuses_connections(endpoint), 2)
        assert launch.running(root) is None
        assert b" 200 " in upload.finish(seconds=3)
    assert outcome == [True]
    with client(launch.ensure(root)) as http:
        view = http.post(f"/v1/objects/{upload.object_id}/complete").json()
    assert (view["state"], view["size_bytes"]) == ("READ_ONLY", upload.pieces * len(upload.piece))


def test_a_download_under_way_comes_whole(root: Path) -> None:
    endpoint = launch.ensure(root)
    size = 24 << 20
    with client(endpoint) as http:
        view = created(endpoint)
        http.put(view["upload_url"], content=bytes(size))
        http.post(f"/v1/objects/{view['id']}/complete")
        url = http.get(f"/v1/objects/{view['id']}/download").json()["download_url"]
        received = 0
        with http.stream("GET", url) as response, stopped_meanwhile(root) as outcome:
            for chunk in response.iter_raw(1 << 20):
                received += len(chunk)
                time.sleep(0.05)
    assert received == size
    assert outcome == [True]


def test_an_upload_that_never_ends_is_cut_off_in_time(root: Path) -> None:
    endpoint = launch.ensure(root)
    upload = SlowUpload(endpoint)
    begun = time.monotonic()
    assert launch.stop(root) is True
    assert 9 < time.monotonic() - begun < 14
    with upload.connection:
        assert b" 200 " not in upload.connection.recv(4096)


def test_idle_connections_hold_nothing_up(root: Path) -> None:
    endpoint = launch.ensure(root)
    port = int(endpoint.base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)), client(endpoint) as used:
        assert used.get("/v1/objects").status_code == 200
        begun = time.monotonic()
        assert launch.stop(root) is True
        assert time.monotonic() - begun < 2


def test_a_connection_of_which_the_rest_is_not_wanted_holds_nothing_up(root: Path) -> None:
    endpoint = launch.ensure(root)
    port = int(endpoint.base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"PUT /content/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300\r\n\r\nabc")
        assert b" 403 " in connection.recv(4096)
        begun = time.monotonic()
        assert launch.stop(root) is True
        assert time.monotonic() - begun < 4


def test_who_needs_the_store_while_it_stops_gets_the_next_one(root: Path) -> None:
    endpoint = launch.ensure(root)
    upload = SlowUpload(endpoint)
    with stopped_meanwhile(root):
        eventually(lambda: refuses_connections(endpoint), 2)
        finishing = threading.Thread(target=upload.finish, args=(1,))
        finishing.start()
        second = launch.ensure(root)
        finishing.join(timeout=30)
    assert second.pid != endpoint.pid
    assert second.base_url == endpoint.base_url
    assert listing(second).status_code == 200


def test_stopping_a_store_that_is_stopping_waits_for_it(root: Path) -> None:
    upload = SlowUpload(endpoint := launch.ensure(root))
    with stopped_meanwhile(root) as first:
        eventually(lambda: refuses_connections(endpoint), 2)
        with stopped_meanwhile(root) as second:
            assert b" 200 " in upload.finish(seconds=0.5)
    assert (first, second) == ([True], [True])


@pytest.mark.parametrize("command", ["stop", "status"])
def test_a_store_that_hangs_is_named_with_its_process(root: Path, command: str) -> None:
    endpoint = launch.ensure(root)
    os.kill(endpoint.pid, signal.SIGSTOP)
    try:
        answer = runloop_local(command, "--root", str(root))
    finally:
        os.kill(endpoint.pid, signal.SIGCONT)
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert f"(process {endpoint.pid} on " in answer.stderr
    assert "hangs" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_process_that_is_not_the_store_is_not_named_to_be_killed(root: Path) -> None:
    endpoint = launch.ensure(root)
    assert endpoint.published is not None
    os.kill(endpoint.pid, signal.SIGSTOP)
    state.publish(Layout(root), dataclasses.replace(endpoint.published, pid=os.getpid()))
    try:
        with pytest.raises(EmbeddedStoreError, match="hangs") as refusal:
            launch.stop(root)
    finally:
        state.publish(Layout(root), endpoint.published)
        os.kill(endpoint.pid, signal.SIGCONT)
    assert str(os.getpid()) not in str(refusal.value).replace(str(root), "")


@pytest.fixture
def quick(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root whose daemons count as unused after half a second."""
    monkeypatch.setenv("RUNLOOP_LOCAL_IDLE", "2")
    return root


def ensure_as(version: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> launch.Endpoint:
    """Ask for the store as a client of another version does."""
    with monkeypatch.context() as patched:
        patched.setattr(release, "installed", lambda: version)
        return launch.ensure(root)


def test_an_older_daemon_that_nobody_uses_makes_way_for_a_newer_one(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = launch.ensure(quick)
    time.sleep(0.7)
    newer = ensure_as("99.0", quick, monkeypatch)
    assert newer.pid != older.pid
    assert (newer.base_url, newer.store_id, newer.key) == (older.base_url, older.store_id, older.key)
    assert listing(newer).status_code == 200


@pytest.mark.parametrize("version", ["0.0.1", release.installed()])
def test_a_daemon_that_is_not_older_stays(quick: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    first = launch.ensure(quick)
    time.sleep(0.7)
    assert ensure_as(version, quick, monkeypatch) == first


def test_an_older_daemon_with_an_upload_under_way_stays(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = SlowUpload(first := launch.ensure(quick))
    time.sleep(0.7)
    assert ensure_as("99.0", quick, monkeypatch) == first
    assert b" 200 " in upload.finish(seconds=0.1)


def test_an_older_daemon_that_was_used_just_now_stays(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = launch.ensure(quick)
    time.sleep(0.7)
    listing(first)
    assert ensure_as("99.0", quick, monkeypatch) == first


def test_an_older_daemon_whose_address_was_given_away_stays(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = launch.ensure(quick)
    assert launch.pin(quick)
    time.sleep(0.7)
    assert ensure_as("99.0", quick, monkeypatch) == first
