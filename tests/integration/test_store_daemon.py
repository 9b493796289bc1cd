"""The daemon in the background: one for each root, there when it is needed, gone when it isn't."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import sqlite3
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
from runloop_jupyter.local.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from store_process import Store


def test_ensure_starts_the_store_and_finds_it_again(root: Path) -> None:
    assert launch.running(root) is None
    first = launch.ensure(root)
    assert listing(first).status_code == 200
    assert launch.ensure(root) == first
    assert launch.running(root) == first


def test_two_launches_at_the_same_moment_give_one_daemon(root: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from runloop_jupyter.local import launch\n"
        "sys.stdin.readline()\n"
        "print(launch.ensure(pathlib.Path(sys.argv[1])).pid)\n"
    )
    clients = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(root)],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    outputs: list[str] = []
    threads = [
        threading.Thread(target=lambda each=each: outputs.append(each.communicate("go\n")[0])) for each in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    endpoint = launch.running(root)
    assert endpoint is not None
    assert [int(each) for each in outputs] == [endpoint.pid] * 4


def test_the_daemon_outlives_its_starter_and_its_ctrl_c(root: Path) -> None:
    endpoint = launch.ensure(root)
    assert os.getsid(endpoint.pid) != os.getsid(0)
    assert os.getpgid(endpoint.pid) != os.getpgid(0)


def test_stop_ends_it_once(root: Path) -> None:
    endpoint = launch.ensure(root)
    assert launch.stop(root) is True
    assert launch.running(root) is None
    with pytest.raises(httpx.ConnectError):
        listing(endpoint)
    assert launch.stop(root) is False


def test_port_key_and_identity_stay_across_restarts(root: Path) -> None:
    first = launch.ensure(root)
    launch.stop(root)
    second = launch.ensure(root)
    assert (second.base_url, second.key, second.store_id) == (first.base_url, first.key, first.store_id)
    assert second.pid != first.pid


def test_two_stores_have_different_identities_and_keys(root: Path, tmp_path: Path) -> None:
    one = launch.ensure(root)
    other_root = tmp_path / "other"
    try:
        other = launch.ensure(other_root)
        assert {one.store_id, one.key, one.base_url}.isdisjoint({other.store_id, other.key, other.base_url})
    finally:
        launch.stop(other_root)


def test_what_a_killed_daemon_left_behind_is_no_daemon(root: Path) -> None:
    first = launch.ensure(root)
    kill(first, root)
    assert Layout(root).state.exists()
    second = launch.ensure(root)
    assert second.pid != first.pid
    assert second.base_url == first.base_url
    assert listing(second).status_code == 200


def test_another_program_on_the_port_is_not_taken_for_the_store(root: Path) -> None:
    first = launch.ensure(root)
    kill(first, root)
    with socket.create_server(("127.0.0.1", httpx.URL(first.base_url).port or 0)) as stranger:
        heard: list[bytes] = []

        def answer() -> None:
            while True:
                try:
                    connection, _ = stranger.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(4096))
                    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"proof": "no"}')

        threading.Thread(target=answer, daemon=True).start()
        assert launch.running(root) is None
        second = launch.ensure(root)
        assert second.base_url != first.base_url
        assert listing(second).status_code == 200
        stranger.shutdown(socket.SHUT_RDWR)
    assert heard
    assert all(first.key.reveal().encode() not in each for each in heard)


def test_files_are_for_their_owner_alone(root: Path) -> None:
    endpoint = launch.ensure(root)
    headers = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
    with httpx.Client(base_url=endpoint.base_url, headers=headers, trust_env=False) as client:
        created = client.post("/v1/objects", json={"name": "n", "content_type": "text"}).json()
        client.put(created["upload_url"], content=b"x")
    modes = {each: stat.S_IMODE(each.stat().st_mode) for each in [root, *root.rglob("*")]}
    assert {mode for each, mode in modes.items() if each.is_dir()} == {0o700}
    assert {mode for each, mode in modes.items() if not each.is_dir()} == {0o600}


def test_a_key_file_that_others_can_read_is_refused(root: Path) -> None:
    launch.ensure(root)
    launch.stop(root)
    Layout(root).key.chmod(0o644)
    with pytest.raises(EmbeddedStoreError, match=r"can be read by others \(mode 644\): delete it"):
        launch.ensure(root)


def test_secrets_are_on_no_command_line_and_in_no_log(root: Path) -> None:
    endpoint = launch.ensure(root)
    arguments = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True, check=True).stdout
    published = state.read(Layout(root))
    assert published is not None
    log = Layout(root).log.read_text()
    for secret in (endpoint.key, published.nonce):
        assert secret.reveal() not in arguments
        assert secret.reveal() not in log


def test_the_key_for_the_hosted_service_is_kept_from_the_store(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLOOP_API_KEY", "hosted-key-4242")
    endpoint = launch.ensure(root)
    assert endpoint.key.reveal() != "hosted-key-4242"
    environ = Path(f"/proc/{endpoint.pid}/environ")
    if environ.exists():
        assert b"hosted-key-4242" not in environ.read_bytes()


def test_the_daemon_stops_when_nobody_uses_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLOOP_LOCAL_IDLE", "0.5")
    launch.ensure(root)
    eventually(lambda: not Layout(root).state.exists())
    assert launch.running(root) is None


def test_the_daemon_stays_while_an_upload_is_going_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLOOP_LOCAL_IDLE", "0.5")
    endpoint = launch.ensure(root)
    headers = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
    body = {"name": "slow", "content_type": "text"}
    url = httpx.URL(
        httpx.post(f"{endpoint.base_url}/v1/objects", headers=headers, json=body, trust_env=False).json()["upload_url"]
    )
    with socket.create_connection((url.host, url.port or 0), timeout=10) as connection:
        head = f"PUT {url.raw_path.decode()} HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: 2\r\n\r\n"
        connection.sendall(head.encode() + b"a")
        time.sleep(1.2)
        connection.sendall(b"b")
        assert b" 200 " in connection.recv(200)


def test_the_daemon_stays_once_another_client_has_its_address(root: Path) -> None:
    printed = runloop_local("env", "--root", str(root), RUNLOOP_LOCAL_IDLE="0.4")
    time.sleep(1.2)
    endpoint = launch.running(root)
    assert endpoint is not None
    assert shlex.split(printed.stdout) == [
        "export",
        f"RUNLOOP_BASE_URL={endpoint.base_url}",
        f"RUNLOOP_API_KEY={endpoint.key.reveal()}",
    ]


def test_the_daemon_stops_when_its_directory_is_removed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLOOP_LOCAL_IDLE", "2")  # looks twice a second
    endpoint = launch.ensure(root)

    def removed() -> bool:
        shutil.rmtree(root, ignore_errors=True)  # it may be writing into it at this moment
        return not root.exists()

    eventually(removed)

    def refused() -> bool:
        try:
            return listing(endpoint).status_code == 0
        except httpx.ConnectError:
            return True

    time.sleep(0.6)
    eventually(refused)
    assert not root.exists()


def test_a_wrong_idle_time_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLOOP_LOCAL_IDLE", "half an hour")
    with pytest.raises(EmbeddedStoreError, match="RUNLOOP_LOCAL_IDLE is a number of seconds"):
        launch.ensure(root)


def test_a_store_of_a_newer_version_is_left_alone(root: Path) -> None:
    launch.ensure(root)
    launch.stop(root)
    connection = sqlite3.connect(Layout(root).database)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(EmbeddedStoreError, match="newer runloop_jupyter"):
        launch.ensure(root)


def test_a_damaged_database_is_named(root: Path) -> None:
    root.mkdir(mode=0o700)
    Layout(root).database.write_bytes(b"this is no database" * 100)
    with pytest.raises(EmbeddedStoreError, match=r"store\.db can't be opened"):
        launch.ensure(root)


def test_a_root_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EmbeddedStoreError, match="can't be started"):
        launch.ensure(tmp_path / "file" / "store")


def test_a_daemon_that_does_not_answer_is_named_with_its_last_words(root: Path) -> None:
    endpoint = launch.ensure(root)
    os.kill(endpoint.pid, signal.SIGSTOP)
    try:
        with pytest.raises(EmbeddedStoreError, match=rf"process {endpoint.pid}.*its log ends: .*serving"):
            launch.ensure(root, timeout=0.5)
    finally:
        os.kill(endpoint.pid, signal.SIGCONT)


def test_a_store_that_lives_on_another_machine_is_left_alone(root: Path) -> None:
    endpoint = launch.ensure(root)
    published = Layout(root).state.read_bytes()
    kill(endpoint, root)
    elsewhere = {**json.loads(published), "host": "other-machine", "boot_id": "another-boot"}
    Layout(root).state.write_text(json.dumps(elsewhere))
    with pytest.raises(EmbeddedStoreError, match="served on another machine, other-machine"):
        launch.ensure(root)
    long_ago = time.time() - 3600
    os.utime(Layout(root).state, (long_ago, long_ago))
    assert listing(launch.ensure(root)).status_code == 200


def test_serve_takes_its_key_from_the_environment_and_clients_find_it(serve: Callable[..., Store]) -> None:
    store = serve()
    endpoint = launch.running(store.root)
    assert endpoint is not None
    assert endpoint.key.reveal() == "key-of-the-tests"
    assert listing(endpoint).status_code == 200
    assert not Layout(store.root).key.exists()


def test_serve_says_where_it_is_and_ends_well_on_ctrl_c(serve: Callable[..., Store]) -> None:
    store = serve()
    store.process.send_signal(signal.SIGINT)
    assert store.process.wait(timeout=10) == 0
    assert launch.running(store.root) is None


def test_serve_on_a_root_that_is_served_says_by_whom(serve: Callable[..., Store]) -> None:
    store = serve()
    second = runloop_local("serve", "--root", str(store.root))
    assert second.returncode == 1
    assert f"already being served (process {store.process.pid}" in second.stderr
    assert second.stderr.count("\n") == 1


def test_serve_on_a_port_that_is_taken_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = runloop_local("serve", "--root", str(tmp_path / "s"), "--port", str(port))
    assert answer.returncode == 1
    assert f"port {port} is taken" in answer.stderr


def test_status_and_stop_tell_what_is(root: Path) -> None:
    nothing = json.loads(runloop_local("status", "--json", "--root", str(root)).stdout)
    assert (nothing["running"], nothing["root"], nothing["problems"]) == (False, str(root), [])
    endpoint = launch.ensure(root)
    told = json.loads(runloop_local("status", "--json", "--root", str(root)).stdout)
    assert told["running"] is True
    assert told["base_url"] == endpoint.base_url
    assert told["store_id"] == endpoint.store_id
    assert told["objects"] == {}
    assert endpoint.base_url in runloop_local("status", "--root", str(root)).stdout
    assert runloop_local("stop", "--root", str(root)).stdout == "stopped\n"
    assert runloop_local("stop", "--root", str(root)).returncode == 0
    assert runloop_local("status", "--root", str(root)).returncode == 3


def test_launch_imports_none_of_the_servers_parts() -> None:
    program = "import sys; import runloop_jupyter.local.launch; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"aiohttp", "httpx", "sqlite3"}.isdisjoint(modules)
