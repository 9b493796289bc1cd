"""A start over whatever an earlier life, another program or another umask left behind."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from store_process import environment, eventually, kill, listing, runloop_local

from runloop_jupyter.errors import EmbeddedStoreError
from runloop_jupyter.local import launch, state
from runloop_jupyter.local.blobs import SMALL
from runloop_jupyter.local.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=[0o000, 0o022, 0o077], ids="umask {:03o}".format)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_everything_is_for_its_owner_alone_whatever_the_umask(root: Path) -> None:
    endpoint = launch.ensure(root)
    headers = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
    with httpx.Client(base_url=endpoint.base_url, headers=headers, trust_env=False) as client:
        created = client.post("/v1/objects", json={"name": "n", "content_type": "text"}).json()
        client.put(created["upload_url"], content=b"x")
        url = httpx.URL(created["upload_url"])
        with socket.create_connection(("127.0.0.1", url.port or 0)) as uploading:
            # What is small is never seen half on the disk.
            head = f"PUT {url.raw_path.decode()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SMALL + 1}\r\n\r\n"
            uploading.sendall(head.encode() + b"a")
            eventually(lambda: any(Layout(root).incoming.iterdir()))
            found = {each: each.stat() for each in [root, *root.rglob("*")]}
    kinds = {each.name for each in found}
    assert {"store.db", "store.db-wal", "daemon.log", "daemon.json", "key", "signing-key", "lock"} < kinds
    assert any(name.endswith(".part") for name in kinds)
    for path, each in found.items():
        assert stat.S_IMODE(each.st_mode) == (0o700 if stat.S_ISDIR(each.st_mode) else 0o600), path


@pytest.mark.parametrize(
    "left",
    [b"", b"{", b"null", b'{"port": 1}', b"\xff\x00" * 5000, b"[" * 100_000],
    ids=["nothing", "half", "null", "too little", "noise", "depth"],
)
def test_a_state_file_that_says_nothing_is_passed_over(root: Path, left: bytes) -> None:
    root.mkdir(mode=0o700)
    Layout(root).state.write_bytes(left)
    assert launch.running(root) is None
    assert listing(launch.ensure(root)).status_code == 200


def test_a_process_that_has_the_dead_daemons_number_is_left_alone(root: Path) -> None:
    first = launch.ensure(root)
    kill(first, root)
    assert first.published is not None
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as innocent:
        try:
            state.publish(Layout(root), dataclasses.replace(first.published, pid=innocent.pid))
            assert launch.running(root) is None
            assert launch.stop(root) is False
            assert not launch.still_serves(first, root)
            assert listing(launch.ensure(root)).status_code == 200
            assert innocent.poll() is None
        finally:
            innocent.kill()


def test_after_a_kill_two_starts_at_the_same_moment_give_one_daemon_on_the_old_port(root: Path) -> None:
    first = launch.ensure(root)
    kill(first, root)
    found: list[launch.Endpoint] = []
    threads = [threading.Thread(target=lambda: found.append(launch.ensure(root))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(found) == 4
    assert {each.pid for each in found} == {found[0].pid}
    assert found[0].base_url == first.base_url


def test_a_kill_while_another_starts_the_store_is_no_end(root: Path) -> None:
    """A launcher that dies leaves its daemon to the others."""
    program = "import sys, pathlib; from runloop_jupyter.local import launch; launch.ensure(pathlib.Path(sys.argv[1]))"
    with subprocess.Popen([sys.executable, "-c", program, str(root)], env=environment()) as launcher:
        eventually(root.exists)
        launcher.kill()
    assert listing(launch.ensure(root)).status_code == 200


def test_a_place_where_nothing_can_be_written_is_named() -> None:
    """Whoever asks, root too: the system's own directories take no files."""
    for command in ("gc", "env"):
        nowhere = Path("/sys" if Path("/sys").is_dir() else "/System") / "runloop-store"
        answer = runloop_local(command, "--root", str(nowhere))
        assert answer.returncode == 1
        assert answer.stderr.startswith("runloop-local: the embedded store can't be started: ")
        assert str(nowhere) in answer.stderr
        assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["key", "signing_key", "identity"])
def test_a_file_that_the_store_cannot_do_without_is_named(root: Path, name: str) -> None:
    launch.ensure(root)
    launch.stop(root)
    damaged: Path = getattr(Layout(root), name)
    damaged.write_text("")
    with pytest.raises(EmbeddedStoreError) as refusal:
        launch.ensure(root)
    assert str(damaged) in str(refusal.value)


def test_the_old_port_is_taken_back_once_it_is_free(root: Path) -> None:
    first = launch.ensure(root)
    launch.stop(root)
    port = httpx.URL(first.base_url).port
    with socket.create_server(("127.0.0.1", port or 0)):
        second = launch.ensure(root)
        assert second.base_url != first.base_url
        assert "no longer work" in Layout(root).log.read_text()
    launch.stop(root)
    assert launch.ensure(root).base_url == second.base_url  # the one of which links were handed out last


def test_a_signal_to_the_daemon_itself_lets_an_upload_finish(root: Path) -> None:
    endpoint = launch.ensure(root)
    headers = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
    body = {"name": "n", "content_type": "text"}
    created = httpx.post(f"{endpoint.base_url}/v1/objects", headers=headers, json=body, trust_env=False).json()
    url = httpx.URL(created["upload_url"])
    with socket.create_connection(("127.0.0.1", url.port or 0), timeout=10) as uploading:
        head = f"PUT {url.raw_path.decode()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SMALL + 1}\r\n\r\n"
        uploading.sendall(head.encode() + b"a")
        eventually(lambda: any(Layout(root).incoming.iterdir()))
        os.kill(endpoint.pid, signal.SIGTERM)
        os.kill(endpoint.pid, signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(httpx.ConnectError):
            listing(endpoint)
        uploading.sendall(bytes(SMALL))
        assert b" 200 " in uploading.recv(4096)
    eventually(lambda: not Layout(root).state.exists())
    again = launch.ensure(root)
    done = httpx.post(f"{again.base_url}/v1/objects/{created['id']}/complete", headers=headers, trust_env=False).json()
    assert (done["state"], done["size_bytes"]) == ("READ_ONLY", SMALL + 1)
