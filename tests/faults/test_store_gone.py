"""The embedded store dies, is replaced, or its port is taken: what a session that was using it does."""

import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import closing

import pytest
from leftovers import look

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.errors import InputError, ProfileError, RunloopError, TransferError
from runloop_jupyter.local import launch


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(tmp_path / "cache"))
    session.reset()
    yield tmp_path
    launch.stop()


def test_a_store_that_stopped_is_started_again_by_the_next_call(home):
    rl.put("text", "kept")
    launch.stop()
    assert rl.get("kept") == "text"


def test_a_stranger_on_the_stores_port_never_sees_the_key(home):
    rl.put("text", "kept")
    port = int(session.current().store.objects.service.base_url.rpartition(":")[2])
    launch.stop()
    heard = []

    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append(str(self.headers))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"objects": [], "has_more": False}).encode())

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            found = [each.name for each in rl.ls()]
        except RunloopError:
            found = ["kept"]  # refusing is right too; believing the stranger isn't
        server.shutdown()
    assert found == ["kept"]
    assert not [headers for headers in heard if "Bearer" in headers]


def test_a_store_that_was_replaced_by_another_is_not_taken_for_the_old_one(home):
    rl.put("text", "kept")
    launch.stop()
    shutil.rmtree(home / "data" / "store")
    with pytest.raises(ProfileError, match="replaced"):
        rl.ls()
    session.reset()
    assert len(rl.ls()) == 0


def test_a_store_killed_while_bytes_are_sent_loses_nothing_it_had_and_leaves_nothing(home, monkeypatch):
    rl.put("before", "before")
    path = home / "large.bin"
    with path.open("wb") as file:
        file.truncate(300 << 20)
    pid = launch.running().pid
    incoming = home / "data" / "store"

    def kill_in_the_middle():
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if any(each.stat().st_size > 20 << 20 for each in incoming.rglob("*.part") if each.exists()):
                break
            time.sleep(0.002)
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_in_the_middle)
    killer.start()
    thing = rl.put(path)
    killer.join()
    assert thing.get().stat().st_size == 300 << 20
    assert rl.get("before") == "before"
    assert not look()


def test_loading_does_not_wait_for_a_store_that_never_answers(tmp_path, monkeypatch, home):
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    from runloop_jupyter.transfer import journal

    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        monkeypatch.setenv("RUNLOOP_API_KEY", "key")
        monkeypatch.setenv("RUNLOOP_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        session.reset()
        intent = journal.begin(session.current().store.identity.id, "there", "cut", None)
        intent.with_metadata({"a": "b"})
        intent.created("obj_1")
        written = next((home / "data" / "journal").glob("*.json"))
        written.write_text(written.read_text().replace('"born": "', '"born": "not '))
        began = time.monotonic()
        with capture_output() as captured:
            shell = InteractiveShell.instance()
            shell.run_line_magic("load_ext", "runloop_jupyter")
            shell.run_line_magic("unload_ext", "runloop_jupyter")
        shell.history_manager.end_session()
        InteractiveShell.clear_instance()
        assert time.monotonic() - began < 5
        assert "being cleared" in captured.stdout


@pytest.mark.parametrize("variable", ["RUNLOOP_JUPYTER_HOME", "RUNLOOP_JUPYTER_CACHE"])
def test_a_directory_that_cannot_be_written_is_one_line_that_names_the_variable(variable, monkeypatch, home):
    with monkeypatch.context() as patch:
        patch.setenv(variable, "/proc/nowhere")
        session.reset()
        with pytest.raises(InputError, match=variable):
            rl.put("text", "x")


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 24 MiB."""
    where = tmp_path / "small disk"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(where)], check=True)
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_a_cache_on_a_full_disk_is_one_line_that_says_what_to_do_and_leaves_nothing(home, small_disk, monkeypatch):
    rl.put(os.urandom(40 << 20), "large")
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(small_disk))
    for get in (
        lambda: rl.get("large"),
        lambda: rl.get("large", format="path"),
        lambda: rl.get("large", to=small_disk),
        lambda: rl.put(os.urandom(40 << 20), "again"),
    ):
        with pytest.raises(TransferError, match=r"no room for “(large|again)”.*RUNLOOP_JUPYTER_CACHE"):
            get()
    assert [path.name for path in small_disk.rglob("*") if path.is_file()] == ["CACHEDIR.TAG"]
    assert not look()


def test_a_file_that_vanishes_is_one_line(home, tmp_path):
    path = tmp_path / "here.txt"
    path.write_text("x")
    put = threading.Event()
    monkey = session.current().transfers.added.listen(lambda transfer: (path.unlink(), put.set()))
    with pytest.raises(TransferError, match=r"here\.txt"):
        rl.put(path)
    monkey()
    assert put.is_set()
    assert not look()
