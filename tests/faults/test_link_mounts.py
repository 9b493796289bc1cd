"""Kernels with mounts of links that are killed at any moment, and many that mount the same thing at once."""

import json
import os
import random
import subprocess
import sys
import time
import uuid
from pathlib import Path

import blake3
import pytest
from mounting import contents, records
from store_process import environment

import runloop_jupyter as rl
from runloop_jupyter.mounts import sweeping
from runloop_jupyter.paths import cache_dir, home_dir
from runloop_jupyter.transfer import cache as caching

LARGE = 64 << 20
"""Bytes of what many mount at once."""
KERNELS = 8
KILLS = 6

KERNEL = """
import itertools, json, sys
from pathlib import Path
from mounting import a_transfer, layout_of, mount
from runloop_jupyter import session
from runloop_jupyter.actions.object import Object

where, how, *ids = sys.argv[1:]
store = session.current().store
things = [Object(store.objects.get(id), store) for id in ids]
print("ready", flush=True)
input()
if how == "storm":
    # Each time another part of them, so that things come, go, move and are swapped.
    for n in itertools.count():
        shown = mount(Path(where), *things[: 1 + n % 3])
        for m in range(4):
            shown.show(layout_of(*things[m % 2 : 2 + m % 3 : 1 + m % 2]), a_transfer())
        shown.unmount()
shown = mount(Path(where), *things)
print(json.dumps({"fetched": shown.counts().fetched, "requests": shown.counts().requests}), flush=True)
input()
"""


@pytest.fixture
def start():
    """Start kernels that wait for a line, and then mount; whichever run at the end are killed."""
    running = []

    def begin(where, how, *things):
        support = str(Path(__file__).parents[1] / "support")
        said = environment(RUNLOOP_JUPYTER_HOME=str(home_dir()), RUNLOOP_JUPYTER_CACHE=str(cache_dir()))
        said["PYTHONPATH"] = os.pathsep.join([support, said["PYTHONPATH"]])
        command = [sys.executable, "-c", KERNEL, str(where), how, *(thing.id for thing in things)]
        running.append(subprocess.Popen(command, env=said, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return running[-1]

    yield begin
    for each in running:
        each.kill()
        each.communicate()


@pytest.fixture
def top():
    return f"t-{uuid.uuid4().hex[:12]}/"


def tell(kernel):
    kernel.stdin.write("\n")
    kernel.stdin.flush()


def go(kernel):
    assert kernel.stdout.readline() == "ready\n"
    tell(kernel)


def test_what_a_killed_kernel_had_mounted_is_gone_after_the_next_load(start, top, tmp_path):
    where = tmp_path / "data"
    kernel = start(where, "stay", rl.put(b"1" * 100_000, f"{top}x"))
    go(kernel)
    assert kernel.stdout.readline()
    assert sweeping.sweep() == []
    assert list(contents(where).values()) == [b"1" * 100_000]
    kernel.kill()
    kernel.wait()
    assert sweeping.sweep() == []
    assert contents(tmp_path) == {}
    assert records() == []


def test_a_kernel_that_ends_takes_its_mount_along(start, top, tmp_path):
    where = tmp_path / "data"
    kernel = start(where, "stay", rl.put(b"1", f"{top}x"))
    go(kernel)
    assert kernel.stdout.readline()
    assert where.exists()
    tell(kernel)
    assert kernel.wait(30) == 0
    assert contents(tmp_path) == {}
    assert records() == []


def test_whenever_a_kernel_is_killed_nothing_of_its_mount_is_left_but_what_somebody_wrote(start, top, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for n in range(20):
        (folder / f"{n}.txt").write_text(str(n))
    things = [
        rl.put(folder, f"{top}d/scans"),
        rl.put(b"1", f"{top}d/x"),
        rl.put(b"2", f"{top}d/x"),
        rl.put(folder, f"{top}d/x.bin/files", format="files"),
    ]
    chance = random.Random(20261125)
    place = tmp_path / "mounts"
    place.mkdir()
    kernels = [start(place / str(n), "storm", *things) for n in range(KILLS)]
    for n, kernel in enumerate(kernels):
        go(kernel)
        time.sleep(0.3 + chance.random() / 2)
        assert kernel.poll() is None
        mine = place / str(n) / "mine"
        wrote = False
        try:
            mine.write_text("mine")
            wrote = True
        except OSError:
            pass  # it is just not mounted
        kernel.kill()
        kernel.wait()
        sweeping.sweep()
        left = contents(place)
        assert left in ([{f"{n}/mine": b"mine"}] if wrote and mine.exists() else [{}]), left
        assert records() == []
        if mine.exists():
            mine.unlink()
            mine.parent.rmdir()


def test_many_kernels_that_mount_one_cold_object_at_once_fetch_it_once_and_all_have_it_whole(start, top, tmp_path):
    data = random.Random(64).randbytes(1 << 20) * (LARGE >> 20)
    thing = rl.put(data, f"{top}large")
    caching.current().upkeep.clear([(thing.store.identity.id, thing.id)], in_use=True)
    kernels = [start(tmp_path / str(n), "stay", thing) for n in range(KERNELS)]
    for kernel in kernels:
        assert kernel.stdout.readline() == "ready\n"
    for kernel in kernels:
        tell(kernel)
    counts = [json.loads(kernel.stdout.readline()) for kernel in kernels]
    assert sum(each["fetched"] for each in counts) == LARGE
    assert sum(each["requests"] for each in counts) == 1
    whole = blake3.blake3(data).hexdigest()
    for n in range(KERNELS):
        (file,) = [path for path in (tmp_path / str(n)).rglob("*") if path.is_file()]
        assert blake3.blake3(file.read_bytes()).hexdigest() == whole
