"""A kernel killed with SIGKILL: the next load says what was unfinished, clears the store, and offers to resume it."""

import os
import re
import subprocess
import sys
import time

import pytest
from kernels import Kernel
from leftovers import look

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.actions.recover import recover
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.paths import cache_dir, home_dir

LARGE = 1 << 30
# What is put in the background has to wait then, and a kernel can be killed before its turn.
LANES_BUSY = """
import time
from runloop_jupyter import session
for _ in range(4):
    session.current().transfers.lanes.submit(lambda: time.sleep(600))
"""


@pytest.fixture
def next_kernel():
    opened = []

    def start():
        opened.append(Kernel())
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture(autouse=True)
def _nothing_stays():
    yield
    rl.transfers().cancel()
    assert not look()


def wait_for(condition, timeout=60):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


@pytest.fixture
def killed(kernel, tmp_path):
    """A file that a kernel was killed over."""
    path = tmp_path / "killed.bin"
    with path.open("wb") as file:
        file.write(os.urandom(16))  # never the same as one that is stored already
        file.truncate(LARGE)
    kernel.run("%load_ext runloop_jupyter")
    kernel.start(f"%rl_put {path} -m site=north --ttl 30d")
    wait_for(lambda: look().uploading)
    kernel.kill()
    assert look().uploading == look().intents == ["killed.bin"]
    return path


def test_in_the_middle_of_sending_a_file_it_can_be_resumed_in_the_next(killed, next_kernel):
    other = next_kernel()
    said = other.run("%load_ext runloop_jupyter").text

    assert re.search(r"put of “killed\.bin” \(1\.0 GiB, .* UTC\) was cut off: %rl_transfers resume sends it", said)
    assert len([line for line in said.splitlines() if "cut off" in line]) == 1
    assert not look().uploading
    assert "unfinished: its kernel ended" in other.run("%rl_transfers").text
    resumed = other.run("%rl_transfers resume")
    assert resumed.status == "ok", resumed.text
    (thing,) = rl.ls("killed.bin")
    assert (thing.size, thing.metadata) == (LARGE, {"site": "north"})
    assert thing.expires is not None
    assert not look()


def test_a_file_that_has_changed_since_is_not_resumed_and_that_is_said(killed, next_kernel):
    with killed.open("r+b") as file:
        file.write(b"other")
    said = next_kernel().run("%load_ext runloop_jupyter").text
    assert "killed.bin isn't what it was, so it can't be resumed. Put it again" in said
    assert not look()


def test_what_was_put_in_the_background_and_waits_for_its_turn_is_resumed_in_the_next(kernel, next_kernel):
    """Packed, and its cell long over: the value is nowhere but in the spool."""
    kernel.run("%load_ext runloop_jupyter")
    kernel.run(LANES_BUSY)
    reply = kernel.run("import numpy as np; a = np.arange(12)\ngoing = %rl_put a -n waits --background\na[:] = 0")
    assert reply.status == "ok", reply.text
    assert look().spools
    kernel.kill()

    other = next_kernel()
    assert "put of “waits”" in other.run("%load_ext runloop_jupyter").text
    assert other.run("going = %rl_transfers resume --background").status == "ok"
    assert other.run("going.result().name").text == "'waits'"
    assert rl.get("waits").tolist() == list(range(12))
    assert not look()


def test_a_kernel_that_is_shut_down_in_the_middle_leaves_it_to_the_next(kernel, next_kernel, tmp_path):
    path = tmp_path / "shut.bin"
    with path.open("wb") as file:
        file.write(os.urandom(16))
        file.truncate(LARGE)
    kernel.run("%load_ext runloop_jupyter")
    kernel.run(f"going = %rl_put {path} --background")
    wait_for(lambda: look().uploading)
    kernel.manager.shutdown_kernel(now=False)
    wait_for(lambda: not kernel.manager.is_alive())
    assert look().intents == ["shut.bin"]

    assert "put of “shut.bin”" in next_kernel().run("%load_ext runloop_jupyter").text
    assert not look().uploading
    assert look().intents == ["shut.bin"]


def test_a_spool_that_is_a_week_old_is_cleared_by_the_next_load_and_that_is_said(kernel, next_kernel):
    kernel.run("%load_ext runloop_jupyter")
    kernel.run(LANES_BUSY)
    kernel.run("text = 'x' * 1000\ngoing = %rl_put text -n forgotten --background")
    kernel.kill()
    (intent,) = (home_dir() / "journal").glob("*.json")
    intent.write_text(re.sub(r'"began": [\d.]+', '"began": 1000.0', intent.read_text()))
    stray = cache_dir() / "spool" / "stray.spool"
    stray.touch()
    os.utime(stray, (1000, 1000))

    said = next_kernel().run("%load_ext runloop_jupyter").text

    assert "the unfinished put of “forgotten” was cleared: nobody resumed it for 7 days" in said
    assert not look()


def test_in_the_middle_of_packing_a_frame(kernel, next_kernel):
    kernel.run("%load_ext runloop_jupyter")
    kernel.run(
        "import numpy as np, pandas as pd; frame = pd.DataFrame(np.random.default_rng(7).normal(size=(4_000_000, 8)))"
    )
    kernel.run("frame.columns = list('abcdefgh')")
    kernel.start("%rl_put frame")
    wait_for(lambda: look().spools)
    kernel.kill()

    said = next_kernel().run("%load_ext runloop_jupyter").text

    assert "put of “frame”" in said
    assert "before anything was sent" in said
    assert not look()


def parts(name=None):
    where = Filter(name=name, state="READ_ONLY", metadata={"rl.kind": "part"})
    return [view for page in session.current().store.objects.pages(where) for view in page.objects]


def test_in_the_middle_of_sending_a_file_in_parts(kernel, next_kernel, tmp_path):
    path = tmp_path / "parted.bin"
    with path.open("wb") as file:
        file.truncate(LARGE)
    kernel.run("%load_ext runloop_jupyter")
    kernel.run("from runloop_jupyter.transfer import parts; parts.LARGEST, parts.PART_BYTES = 1 << 20, 64 << 20")
    kernel.start(f"%rl_put {path}")
    wait_for(lambda: len(parts("parted.bin")) > 1)
    kernel.kill()
    assert parts("parted.bin")
    assert look().intents == ["parted.bin"]

    other = next_kernel()
    said = other.run("%load_ext runloop_jupyter").text

    assert "put of “parted.bin”" in said
    assert "was cut off: %rl_transfers resume sends it" in said
    assert parts("parted.bin") == look().uploading == []
    other.run("from runloop_jupyter.transfer import parts; parts.LARGEST, parts.PART_BYTES = 1 << 20, 512 << 20")
    assert other.run("%rl_transfers resume").status == "ok"
    (thing,) = rl.ls("parted.bin")
    assert thing.size == LARGE
    assert not look()


def test_in_the_middle_of_sending_a_folder_as_files_what_it_shares_with_a_version_before_stays(
    kernel, next_kernel, tmp_path
):
    folder = tmp_path / "killed-folder"
    folder.mkdir()
    for n in range(4):
        (folder / f"{n}.bin").write_bytes(os.urandom(1000))
    first = rl.put(folder, format="files")
    assert len(parts("killed-folder")) == 4
    for n in range(4, 200):
        (folder / f"{n}.bin").write_bytes(os.urandom(50_000))
    kernel.run("%load_ext runloop_jupyter")
    kernel.start(f"%rl_put {folder} --as files")
    wait_for(lambda: len(parts("killed-folder")) > 6)
    kernel.kill()
    assert look().intents == ["killed-folder"]

    said = next_kernel().run("%load_ext runloop_jupyter").text

    assert "put of “killed-folder”" in said
    assert "cleared. Put it again" in said
    assert len(parts("killed-folder")) == 4
    assert not look()
    assert {path.name for path in rl.get(first, cache=False).iterdir()} == {f"{n}.bin" for n in range(4)}
    rl.rm("killed-folder")
    assert parts("killed-folder") == []


def test_a_kernel_that_still_works_is_left_alone(kernel, next_kernel, tmp_path):
    path = tmp_path / "alive.bin"
    with path.open("wb") as file:
        file.truncate(LARGE)
    kernel.run("%load_ext runloop_jupyter")
    message = kernel.start(f"%rl_put {path}")
    wait_for(lambda: look().uploading)

    said = next_kernel().run("%load_ext runloop_jupyter").text

    assert "cut off" not in said
    assert kernel.wait(message).status == "ok"
    assert not look()


def test_the_store_outlives_the_kernel_that_started_it(kernel, next_kernel):
    kernel.run("%load_ext runloop_jupyter")
    kernel.run("text = 'still here'")
    kernel.run("%rl_put text -n outlives")
    kernel.kill()
    assert (home_dir() / "store").is_dir()
    other = next_kernel()
    other.run("%load_ext runloop_jupyter")
    assert other.run("%rl_get outlives").text == "'still here'"


ENDS_IN_THE_MIDDLE = """
import sys, threading
from pathlib import Path
import runloop_jupyter as rl
from runloop_jupyter.errors import TransferError
from runloop_jupyter.transfer import sending

def closed(*_):
    threading.main_thread().join()
    raise TransferError("the connection was closed")

sending.put = closed
what = sys.argv[1] if sys.argv[1] == "a value" else Path(sys.argv[1])
threading.Thread(target=rl.put, args=(what, "ends")).start()
"""


@pytest.mark.parametrize("which", ["a value", "a file"])
def test_what_fails_because_its_process_ends_is_left_to_the_next(which, tmp_path):
    """Whoever ends closes its connections under what still moves: that is no failure of the put's."""
    (tmp_path / "a file").write_bytes(b"a file")
    what = which if which == "a value" else str(tmp_path / which)
    subprocess.run([sys.executable, "-c", ENDS_IN_THE_MIDDLE, what], capture_output=True, check=False, timeout=60)
    assert look().intents == ["ends"]

    (said,) = recover(session.current())
    assert "put of “ends”" in said
    rl.transfers().resume()
    assert rl.get("ends", format="bytes") == which.encode()
