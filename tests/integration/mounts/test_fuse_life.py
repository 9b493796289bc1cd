"""The life of a process that serves a mount: it ends with its kernel, however that ends, and leaves nothing mounted."""

import errno
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from fuse_mounts import MIB, Holder, is_running, layout_of, mount, mounted, noise
from store_process import environment, eventually

import runloop_jupyter as rl
from runloop_jupyter.local import launch
from runloop_jupyter.mounts import table
from runloop_jupyter.mounts.fuse import FuseMount, clear
from runloop_jupyter.mounts.fuse import mount as mount_module
from runloop_jupyter.mounts.fuse.unmounting import is_mounted, let_go
from runloop_jupyter.transfer.transfer import Transfer

pytestmark = pytest.mark.usefixtures("fuse")

DATA = noise(20 * MIB, seed=4)


@pytest.fixture(scope="module")
def thing(home, tmp_path_factory):
    path = tmp_path_factory.mktemp("life") / "life.bin"
    path.write_bytes(DATA)
    return rl.put(path, "life.bin")


def record_of(where):
    return next((each for each in table.everything() if each.where == str(where)), None)


def has_stopped(pid):
    stats = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(each.read_text().rpartition(")")[2].split()[0] == "T" for each in stats)


class Reader:
    """Reads a file over and over in a process of its own: every read is right, or an error."""

    CODE = """
import os, sys, random
data = open(sys.argv[2], "rb").read()
file = os.open(sys.argv[1], os.O_RDONLY)
print("reads", flush=True)
while True:
    start = random.randrange(len(data))
    got, more = b"", b"more"
    try:
        while more and len(got) < 1 << 18:  # what was there before an error comes first, and then the error
            more = os.pread(file, (1 << 18) - len(got), start + len(got))
            got += more
    except OSError as error:
        print("error", error.errno, flush=True)
        break
    if got != data[start : start + (1 << 18)]:
        print("WRONG", start, len(got), flush=True)
        break
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
"""

    def __init__(self, path, copy):
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.CODE, str(path), str(copy)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "reads\n"

    def said(self):
        out, _ = self.process.communicate(timeout=30)
        return out

    def stop(self):
        self.process.kill()
        return self.process.communicate()[0]


@pytest.fixture
def copy(tmp_path):
    path = tmp_path / "copy"
    path.write_bytes(DATA)
    return path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_by_a_signal_it_unmounts_and_ends(tmp_path, thing, number):
    made = mount(tmp_path / "m", thing)
    os.kill(made._process.pid, number)
    assert made._process.wait(10) == 0
    assert not is_mounted(str(made.where))
    assert not made.alive
    made.unmount()
    assert not made.where.exists()


def test_ctrl_c_in_the_notebook_is_not_for_it(tmp_path, thing):
    with mounted(tmp_path / "m", thing) as made:
        assert os.getpgid(made._process.pid) != os.getpgid(0)
        assert os.getsid(made._process.pid) != os.getsid(0)


def test_a_kernel_that_ends_unmounts_and_strikes_out(tmp_path, thing):
    holder = Holder(tmp_path / "m", thing)
    assert (tmp_path / "m/life.bin").read_bytes() == DATA
    holder.run("sys.exit()")
    holder.process.wait(20)
    eventually(lambda: not is_running(holder.server))
    assert not (tmp_path / "m").exists()
    assert record_of(tmp_path / "m") is None
    holder.close()


def test_a_kernel_that_is_killed_takes_its_mount_along(tmp_path, thing, copy):
    holder = Holder(tmp_path / "m", thing)
    reader = Reader(tmp_path / "m/life.bin", copy)
    holder.kill()
    eventually(lambda: not is_running(holder.server))
    assert not is_mounted(str(tmp_path / "m"))
    assert reader.said().startswith("error")
    record = record_of(tmp_path / "m")
    assert record.abandoned
    assert clear(record)
    assert not (tmp_path / "m").exists()
    assert record_of(tmp_path / "m") is None


def test_a_server_that_is_killed_is_noticed_and_cleared(tmp_path, thing, copy):
    made = mount(tmp_path / "m", thing)
    reader = Reader(made.where / "life.bin", copy)
    made._process.kill()
    assert reader.said().startswith("error")
    eventually(lambda: not made.alive)
    with pytest.raises(OSError) as caught:
        next(made.where.iterdir())
    assert caught.value.errno == errno.ENOTCONN
    assert made.counts().fetched >= 0
    made.unmount()
    assert not is_mounted(str(made.where))
    assert not made.where.exists()


def test_what_both_left_when_they_were_killed_is_cleared(tmp_path, thing):
    holder = Holder(tmp_path / "m", thing)
    os.kill(holder.server, signal.SIGSTOP)  # so that it can't see that its kernel is gone
    eventually(lambda: has_stopped(holder.server))
    holder.kill()
    assert is_mounted(str(tmp_path / "m"))
    record = record_of(tmp_path / "m")
    assert record.abandoned
    assert record.server.alive
    began = time.monotonic()
    assert clear(record)
    assert time.monotonic() - began < 5
    assert not is_running(holder.server)
    assert not is_mounted(str(tmp_path / "m"))
    assert not (tmp_path / "m").exists()


def test_what_another_kernel_mounted_there_since_is_left_alone(tmp_path, thing):
    holder = Holder(tmp_path / "m", thing)
    holder.kill()
    eventually(lambda: not is_running(holder.server))
    left = record_of(tmp_path / "m")
    with mounted(tmp_path / "m", thing) as made:
        assert clear(left)
        assert (made.where / "life.bin").read_bytes() == DATA


def test_a_directory_that_was_used_since_is_left_alone(tmp_path, thing):
    holder = Holder(tmp_path / "m", thing)
    holder.kill()
    eventually(lambda: not is_running(holder.server))
    (tmp_path / "m/mine.txt").write_text("mine")
    assert clear(record_of(tmp_path / "m"))
    assert (tmp_path / "m/mine.txt").read_text() == "mine"


def test_unmounted_from_outside_it_ends(tmp_path, thing):
    made = mount(tmp_path / "m", thing)
    assert let_go(str(made.where), lazily=False)
    assert made._process.wait(10) == 0
    made.unmount()
    assert not made.where.exists()


def test_a_store_that_is_killed_is_started_again_and_reads_go_on(tmp_path, thing):
    with mounted(tmp_path / "m", thing) as made, (made.where / "life.bin").open("rb", buffering=0) as file:
        assert file.read(MIB) == DATA[:MIB]
        os.kill(launch.running().pid, signal.SIGKILL)
        assert file.read() + file.read() == DATA[MIB:]


def test_reads_while_the_store_is_killed_are_right_or_errors(tmp_path, thing, copy):
    with mounted(tmp_path / "m", thing) as made:
        reader = Reader(made.where / "life.bin", copy)
        for _ in range(3):
            time.sleep(0.3)
            if (running := launch.running()) is not None:
                os.kill(running.pid, signal.SIGKILL)
        time.sleep(0.5)
        assert "WRONG" not in reader.stop()
        assert (made.where / "life.bin").read_bytes() == DATA


def test_nothing_that_it_starts_holds_its_pipes(tmp_path, thing):
    launch.stop()
    with mounted(tmp_path / "m", thing) as made:  # it started the store: its own process may have, or this one
        assert (made.where / "life.bin").read_bytes() == DATA
        pipe = Path(f"/proc/{os.getpid()}/fd/{made._process.stdin.fileno()}").readlink()
        pid = launch.running().pid
        assert pipe not in {each.readlink() for each in Path(f"/proc/{pid}/fd").iterdir()}


def test_a_store_that_it_started_can_be_stopped(tmp_path, thing):
    with mounted(tmp_path / "m", thing) as made:
        os.kill(launch.running().pid, signal.SIGKILL)
        assert (made.where / "life.bin").read_bytes() == DATA
        assert launch.stop()


def test_one_that_does_not_answer_is_asked_again_and_its_late_answers_are_not_mixed_up(tmp_path, thing, monkeypatch):
    monkeypatch.setattr(FuseMount._ask, "__defaults__", (lambda: None, 0.2))
    with mounted(tmp_path / "m", thing) as made:
        (made.where / "life.bin").read_bytes()
        read = made.counts().read
        os.kill(made._process.pid, signal.SIGSTOP)
        assert made.counts().read == read  # what it said last
        os.kill(made._process.pid, signal.SIGCONT)
        eventually(lambda: not made._owed or (made.counts() and not made._owed))
        made.show(layout_of(thing), Transfer("x", "down", ""))
        assert made.counts().read == read


def test_one_that_hangs_is_ended_when_it_is_unmounted(tmp_path, thing, monkeypatch):
    monkeypatch.setattr(FuseMount._ask, "__defaults__", (lambda: None, 0.3))
    monkeypatch.setattr(mount_module, "_END_S", 0.3)
    made = mount(tmp_path / "m", thing)
    os.kill(made._process.pid, signal.SIGSTOP)
    made.unmount()
    assert not made.alive
    assert not is_mounted(str(made.where))


def test_unmounting_waits_for_nobody(tmp_path, thing):
    made = mount(tmp_path / "m", thing)
    began = time.monotonic()
    made.unmount()
    assert time.monotonic() - began < 2


NOBODY = """
import sys
from pathlib import Path
import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.local import launch
from runloop_jupyter.mounts.fuse import FuseMount, available
from runloop_jupyter.mounts.layout import lay_out
from runloop_jupyter.transfer.transfer import Transfer
home = Path(sys.argv[1])
assert available() is None, available()
(home / "x.bin").write_bytes(b"abc" * 10**6)
thing = rl.put(home / "x.bin", "x.bin")
mount = FuseMount(session.current().store, lay_out([("x.bin", thing.view)]), home / "m", Transfer("x", "down", ""))
assert (home / "m/x.bin").read_bytes() == b"abc" * 10**6
mount.unmount()
assert not (home / "m").exists()
launch.stop()
print("done")
"""


@pytest.fixture
def nobody():
    """What runs a command as one who isn't root but may read what root may, and may open the device, as elsewhere."""
    if os.geteuid() != 0:
        yield []  # all of these tests are run so
        return
    mode = Path("/dev/fuse").stat().st_mode & 0o777
    Path("/dev/fuse").chmod(0o666)
    user = str(pwd.getpwnam("nobody").pw_uid)
    reads = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")
    yield ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", *reads]
    Path("/dev/fuse").chmod(mode)


def test_one_who_is_not_root_mounts_too(nobody):
    with tempfile.TemporaryDirectory() as home:  # pytest's own is closed to others
        if nobody:
            os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)
        done = subprocess.run(
            [*nobody, sys.executable, "-c", NOBODY, home],
            env=environment(RUNLOOP_JUPYTER_HOME=f"{home}/data", RUNLOOP_JUPYTER_CACHE=f"{home}/cache", HOME=home),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stdout == "done\n", done.stderr
