"""A kernel killed with SIGKILL: the next load says what was unfinished, and leaves nothing of it."""

import time

import pytest
from kernels import Kernel
from leftovers import look

from runloop_jupyter import session
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.paths import home_dir

LARGE = 1 << 30


@pytest.fixture
def next_kernel():
    opened = []

    def start():
        opened.append(Kernel())
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def wait_for(condition, timeout=60):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def test_in_the_middle_of_sending_a_file(kernel, next_kernel, tmp_path):
    path = tmp_path / "killed.bin"
    with path.open("wb") as file:
        file.truncate(LARGE)
    kernel.run("%load_ext runloop_jupyter")
    kernel.start(f"%rl_put {path}")
    wait_for(lambda: look().uploading)
    kernel.kill()
    assert look().uploading == ["killed.bin"]
    assert look().intents == ["killed.bin"]

    said = next_kernel().run("%load_ext runloop_jupyter").text

    assert "put of “killed.bin”" in said
    assert "was cut off" in said
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


def parts():
    where = Filter(state="READ_ONLY", metadata={"rl.kind": "part"})
    return [view for page in session.current().store.objects.pages(where) for view in page.objects]


def test_in_the_middle_of_sending_a_file_in_parts(kernel, next_kernel, tmp_path):
    path = tmp_path / "parted.bin"
    with path.open("wb") as file:
        file.truncate(LARGE)
    kernel.run("%load_ext runloop_jupyter")
    kernel.run("from runloop_jupyter.transfer import parts; parts.LARGEST, parts.PART_BYTES = 1 << 20, 64 << 20")
    kernel.start(f"%rl_put {path}")
    wait_for(lambda: len(parts()) > 1)
    kernel.kill()
    assert parts()
    assert look().intents == ["parted.bin"]

    said = next_kernel().run("%load_ext runloop_jupyter").text

    assert "put of “parted.bin”" in said
    assert "was cut off" in said
    assert parts() == []
    assert not look()


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
