"""Before the key is sent: is this still the daemon that proved itself?"""

from __future__ import annotations

import dataclasses
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from store_process import eventually, kill

from runloop_jupyter.local import launch, state
from runloop_jupyter.local.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from store_process import Store

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")


def published_as(endpoint: launch.Endpoint, root: Path, **changes: object) -> launch.Endpoint:
    """The endpoint and the state file of a daemon of which something else is true."""
    assert endpoint.published is not None
    changed = dataclasses.replace(endpoint.published, **changes)
    state.publish(Layout(root), changed)
    return dataclasses.replace(endpoint, published=changed)


def test_a_daemon_that_runs_still_serves(root: Path) -> None:
    endpoint = launch.ensure(root)
    assert launch.still_serves(endpoint, root)
    found = launch.running(root)
    assert found is not None
    assert launch.still_serves(found, root)


@needs_proc
def test_asking_sends_nothing_over_the_wire(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = launch.ensure(root)

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a request")

    with monkeypatch.context() as patched:
        patched.setattr(http.client, "HTTPConnection", refuse)
        assert launch.still_serves(endpoint, root)


def test_a_daemon_that_was_stopped_no_longer_serves(root: Path) -> None:
    endpoint = launch.ensure(root)
    launch.stop(root)
    assert not launch.still_serves(endpoint, root)


def test_a_daemon_that_was_killed_no_longer_serves_though_its_state_file_stays(root: Path) -> None:
    endpoint = launch.ensure(root)
    kill(endpoint, root)
    assert Layout(root).state.exists()
    assert not launch.still_serves(endpoint, root)


def test_a_daemon_that_is_dead_but_not_reaped_no_longer_serves(serve: Callable[..., Store]) -> None:
    store = serve()
    endpoint = launch.running(store.root)
    assert endpoint is not None
    store.process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, store.process.pid, os.WEXITED | os.WNOWAIT)
    os.kill(store.process.pid, 0)  # the id is still its own
    assert not launch.still_serves(endpoint, store.root)


@needs_proc
def test_another_process_under_the_same_id_is_not_the_daemon(root: Path) -> None:
    endpoint = launch.ensure(root)
    kill(endpoint, root)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as another:
        again = published_as(endpoint, root, pid=another.pid)
        assert not launch.still_serves(again, root)
        another.communicate(b"\n")


def test_an_earlier_daemon_no_longer_serves_when_another_runs_in_its_place(root: Path) -> None:
    first = launch.ensure(root)
    launch.stop(root)
    second = launch.ensure(root)
    assert second.base_url == first.base_url
    assert not launch.still_serves(first, root)
    assert launch.still_serves(second, root)


def test_what_another_machine_published_since_ends_the_trust(root: Path) -> None:
    endpoint = launch.ensure(root)
    published = Layout(root).state.read_bytes()
    published_as(endpoint, root, host="other-machine", boot_id="another-boot")
    assert not launch.still_serves(endpoint, root)
    Layout(root).state.write_bytes(published)
    assert launch.still_serves(endpoint, root)


def test_a_state_file_that_is_gone_ends_the_trust(root: Path) -> None:
    endpoint = launch.ensure(root)
    hidden = Layout(root).state.rename(root / "hidden")
    assert not launch.still_serves(endpoint, root)
    hidden.rename(Layout(root).state)
    assert launch.still_serves(endpoint, root)


def test_without_proc_the_daemon_is_asked_and_a_stranger_on_its_port_is_found_out(root: Path) -> None:
    endpoint = published_as(launch.ensure(root), root, start_ticks=None)
    assert launch.still_serves(endpoint, root)
    os.kill(endpoint.pid, signal.SIGKILL)
    heard: list[bytes] = []

    def answer(stranger: socket.socket) -> None:
        connection, _ = stranger.accept()
        with connection:
            heard.append(connection.recv(4096))
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"proof": "no"}')

    eventually(lambda: not launch.still_serves(endpoint, root))
    with socket.create_server(("127.0.0.1", int(endpoint.base_url.rpartition(":")[2]))) as stranger:
        thread = threading.Thread(target=answer, args=(stranger,))
        thread.start()
        assert not launch.still_serves(endpoint, root)
        thread.join(timeout=10)
    assert heard
    assert endpoint.key.reveal().encode() not in heard[0]


def test_a_daemon_says_that_it_stops_before_it_lets_go_of_its_port(root: Path) -> None:
    endpoint = launch.ensure(root)
    port = int(endpoint.base_url.rpartition(":")[2])
    stopping = threading.Thread(target=launch.stop, args=(root,))
    stopping.start()
    asked = 0
    while launch.still_serves(endpoint, root):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            # It may have stopped between the two; but then it says so.
            assert not launch.still_serves(endpoint, root)
            break
        asked += 1
    stopping.join(timeout=30)
    assert asked
