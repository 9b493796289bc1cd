"""A writable folder whose kernel, or whose store, is killed: no saved byte is lost, and no version is torn."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import folder_kernel
import pytest
from folders import files, mount, new_name, stored, versions
from leftovers import look

from runloop_jupyter import session
from runloop_jupyter.actions.recover import recover
from runloop_jupyter.errors import RunloopError
from runloop_jupyter.local import launch
from runloop_jupyter.mounts.writable.unsent import unsent

QUIET_S = 0.25
KILLS = 4


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(tmp_path / "cache"))
    session.reset()
    yield tmp_path
    launch.stop()


class Writer(threading.Thread):
    """Saves files over and over, each in several steps, so that half of one lies on the disk most of the time."""

    def __init__(self, where):
        super().__init__(daemon=True)
        self.where = where
        self.saved = {}
        self._over = threading.Event()
        self._random = random.Random(5)

    def run(self):
        number = 0
        while not self._over.is_set():
            number += 1
            self._save(f"f{self._random.randrange(12)}.bin", number)
            self._over.wait(0.01)

    def _save(self, path, number):
        content = number.to_bytes(4, "big") * self._random.randrange(1, 40_000)
        self.saved.setdefault(path, set()).add(content)
        with (self.where / path).open("wb") as file:
            for start in range(0, len(content), 1 + len(content) // 3):
                file.write(content[start : start + 1 + len(content) // 3])
                file.flush()

    def stop(self):
        self._over.set()
        self.join()


@pytest.fixture
def begin():
    """Starts kernels that have a folder mounted; none outlives the test."""
    begun = []

    def start(name, where, quiet_s=QUIET_S, *, waits=True):
        kernel = subprocess.Popen(
            [sys.executable, folder_kernel.__file__, name, str(where), str(quiet_s)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(folder_kernel.__file__).parent), *sys.path])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        begun.append(kernel)
        assert not waits or kernel.stdout.readline() == b"mounted\n"
        return kernel

    yield start
    for each in begun:
        end(each)


def end(kernel):
    with kernel:
        kernel.kill()


def test_a_kernel_that_is_killed_while_it_sends_loses_nothing_and_leaves_no_torn_version(home, begin):
    name, where, chance = new_name(), home / "folder", random.Random(11)
    _ = session.current().store
    told, saved = 0, {}
    for number in range(KILLS):
        kernel = begin(name, where)
        writer = Writer(where)
        writer.start()
        time.sleep(chance.uniform(0.05, 0.2))
        writer.stop()
        if number:  # the first one hasn't begun yet to send what was saved last, the others are in the middle of it
            time.sleep(QUIET_S + chance.uniform(0.0, 0.15))
        end(kernel)
        behind = {path for path, content in files(where).items() if stored(name).get(path) != content}
        lines = [line for line in unsent() if str(where) in line]
        assert lines or not behind
        told += bool(lines)
        for path, contents in writer.saved.items():
            saved.setdefault(path, set()).update(contents)
    assert told
    assert recover(session.current()) == []
    folder = mount(name, where)
    folder.unmount()
    assert unsent() == []
    assert stored(name) == files(where)
    for path, contents in saved.items():
        assert set(versions(f"{name}/{path}")) <= contents
    assert not look()


def test_a_kernel_that_is_killed_while_a_folder_comes_in_leaves_whole_files_and_the_next_goes_on(home, begin):
    name, where = new_name(), home / "folder"
    folder = mount(name, home / "other")
    for number in range(150):
        (home / "other" / f"{number}.bin").write_bytes(os.urandom(20_000))
    folder.unmount()
    there = stored(name)
    for least in (1, 40, 90):
        kernel = begin(name, where, waits=False)
        deadline = time.monotonic() + 30
        while len(list(where.glob("*.bin")) if where.exists() else []) < least:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        end(kernel)
        came = {path: content for path, content in files(where).items() if not path.startswith(".")}
        assert came.items() <= there.items()
    folder = mount(name, where)
    assert files(where) == there
    assert folder.sync().files == []
    folder.unmount()


def test_a_kernel_that_ends_sends_what_is_left(home, begin):
    name, where = new_name(), home / "folder"
    _ = session.current().store
    kernel = begin(name, where, quiet_s=60)
    (where / "a").write_bytes(b"one")
    kernel.communicate(b"\n", timeout=60)
    assert kernel.returncode == 0
    assert (stored(name), unsent()) == ({"a": b"one"}, [])


def test_a_second_kernel_is_refused_while_the_first_lives_and_not_after(home, begin):
    from runloop_jupyter.errors import MountError

    name, where = new_name(), home / "folder"
    _ = session.current().store
    kernel = begin(name, where)
    with pytest.raises(MountError, match=rf"of another kernel \(process {kernel.pid}\)"):
        mount(name, where)
    end(kernel)
    mount(name, where).unmount()


def test_a_store_that_is_killed_while_a_folder_is_sent_has_all_of_it_in_the_end(home):
    name, where, chance = new_name(), home / "folder", random.Random(3)
    folder = mount(name, where)
    written = {f"{i}.bin": os.urandom(chance.randrange(100_000)) for i in range(60)}
    for path, content in written.items():
        (where / path).write_bytes(content)
    over = threading.Event()

    def kill():
        for sent in (5, 25):
            while folder.state().sent < sent and not over.wait(0.005):
                pass
            if (running := launch.running()) is not None:
                os.kill(running.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        for _ in range(20):
            try:
                folder.sync()
                break
            except RunloopError:
                continue
    finally:
        over.set()
        thread.join()
    folder.unmount()
    recover(session.current())
    assert stored(name) == written
