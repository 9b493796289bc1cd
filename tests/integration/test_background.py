"""A put or a get in the background: the cell returns at once, and nothing it does is lost or lands elsewhere."""

import importlib
import os
import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from leftovers import look
from shells import ok

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.actions import background
from runloop_jupyter.errors import Interrupted, TransferCancelled, TransferError
from runloop_jupyter.transfer.transfer import State

put, put_all = (importlib.import_module(f"runloop_jupyter.actions.{name}") for name in ("put", "put_all"))
pytestmark = pytest.mark.usefixtures("fresh_shell")


@pytest.fixture
def held():
    """All lanes taken: what is put in the background waits until the test lets it go."""
    release = threading.Event()
    lanes = session.current().transfers.lanes
    for _ in range(4):
        lanes.submit(lambda: release.wait(30))
    yield release
    release.set()


@pytest.fixture(autouse=True)
def _nothing_stays():
    yield
    deadline = time.monotonic() + 5
    while look() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not look()


def test_what_is_put_is_what_it_was_when_the_cell_ran_whatever_the_next_one_does_to_it(run, shell, held):
    shell.user_ns["frame"] = before = pd.DataFrame({"x": np.arange(10_000.0)})
    kept = before.copy()
    ok(run("going = %rl_put frame -n behind/frame --background"))
    ok(run("frame['x'] = 0.0; frame['y'] = 1"))
    held.set()
    thing = ok(run("going.result()"))
    assert thing.name == "behind/frame"
    assert thing.outcome.sent
    assert rl.get("behind/frame").equals(kept)


def test_a_file_that_changes_before_it_is_sent_is_refused(tmp_path, held):
    path = tmp_path / "file.bin"
    path.write_bytes(b"before")
    going = rl.put(path, "behind/file.bin", background=True)
    path.write_bytes(b"after!")
    held.set()
    with pytest.raises(TransferError, match="changed while it was sent"):
        going.result()
    assert len(rl.ls("behind/file.bin")) == 0


def test_a_store_that_is_used_next_does_not_take_what_has_begun(held):
    rl.put("text", "behind/store")
    going = rl.get("behind/store", background=True)
    current, before = session.current(), session.current().profile
    current.use(replace(before, name="other", base_url="http://127.0.0.1:9"))
    held.set()
    try:
        assert going.result() == "text"
    finally:
        current.use(before)


def test_a_value_comes_by_result(run):
    rl.put([1, 2], "behind/value")
    ok(run("going = %rl_get behind/value --background"))
    assert ok(run("going.result()")) == [1, 2]
    assert ok(run("going.wait(0)"))
    assert ok(run("going.snapshot().state")) == "done"


def test_minus_o_sets_its_variable_between_two_cells_and_never_within_one(run, shell, held):
    rl.put([1, 2], "behind/into")
    ok(run("into = 'old'"))
    ok(run("%rl_get behind/into -o into --background"))
    assert ok(run("into")) == "old"

    def arrive():
        held.set()
        deadline = time.monotonic() + 5
        while session.current().transfers.unheard() == [] and time.monotonic() < deadline:
            if all(each.wait(0) for each in session.current().transfers):
                return
            time.sleep(0.01)

    shell.user_ns["arrive"] = arrive
    assert ok(run("arrive()\ninto")) == "old"
    assert ok(run("into")) == [1, 2]
    assert "_Arrival" not in str(shell.events.callbacks["pre_run_cell"])


def test_a_relative_path_is_meant_as_it_was_when_the_cell_ran(tmp_path, monkeypatch, held):
    rl.put("text", "behind/to")
    going = rl.get("behind/to", to="here.txt", background=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    held.set()
    assert going.result() == tmp_path / "here.txt"


def test_what_its_own_cell_shows_is_the_same_whether_it_is_over_or_not(run, held):
    slow = run("%rl_put df -n behind/shown --background").out
    assert "goes on in the background" in slow
    held.set()
    ok(run("_.wait()"))
    quick = run("_r = %rl_put df -n behind/shown --background\n_r.wait()\n_r").out
    first = [line for line in quick.splitlines() if "behind/shown" in line]
    assert first == [line for line in slow.splitlines() if "behind/shown" in line]
    assert "behind/shown · done" in run("_r").out


def test_cancelling_one_that_waits_takes_no_second_and_leaves_nothing(run, held):
    ok(run("going = %rl_put df -n behind/cancelled --background"))
    assert look().spools
    began = time.monotonic()
    ran = run("%rl_transfers cancel --all")
    assert time.monotonic() - began < 1
    assert "“behind/cancelled” was stopped; nothing is left" in ran.out
    assert isinstance(run("going.result()").error, TransferCancelled)
    assert not look()


def test_cancelling_one_that_moves_takes_no_second_and_leaves_nothing(run, tmp_path):
    with (tmp_path / "large.bin").open("wb") as file:
        file.write(os.urandom(16))
        file.truncate(1 << 30)
    ok(run("going = %rl_put large.bin -n behind/moves --background"))
    deadline = time.monotonic() + 30
    while not look().uploading:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    began = time.monotonic()
    ran = run("%rl_transfers cancel --all")
    assert time.monotonic() - began < 1
    assert "“behind/moves” was stopped" in ran.out
    assert isinstance(run("going.result()").error, TransferCancelled)
    assert len(rl.ls("behind/moves")) == 0


def test_a_failure_nobody_asked_about_is_said_once_by_the_next_magic(run, tmp_path, held):
    path = tmp_path / "gone.bin"
    path.write_bytes(b"x")
    ok(run("going = %rl_put gone.bin -n behind/gone --background"))
    path.unlink()
    held.set()
    deadline = time.monotonic() + 5
    while not session.current().transfers.unheard():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert run("1 + 1").out.strip().endswith("2")
    (said,) = run("%rl_keys").displayed
    assert "put of “behind/gone” failed in the background" in said
    assert "No such file" in said
    assert run("%rl_keys").displayed == []
    assert isinstance(run("going.result()").error, TransferError)


def test_a_failure_that_was_asked_about_is_not_said_again(run, held):
    going = rl.get("behind/never-there", background=True)
    held.set()
    with pytest.raises(rl.errors.ObjectNotFound):
        going.result()
    assert run("%rl_keys").displayed == []


def test_what_cannot_be_packed_fails_in_its_own_cell(run):
    ran = run("%rl_put print -n behind/print --background")
    assert isinstance(ran.error, rl.errors.RunloopError)
    assert run("%rl_keys").displayed == []


def test_waiting_can_end_before_it_does(held):
    going = rl.put("text", "behind/waited", background=True)
    assert not going.wait(0.05)
    with pytest.raises(TimeoutError, match="goes on"):
        going.result(0.05)
    held.set()
    assert going.result(10).name == "behind/waited"


def test_ctrl_c_ends_the_waiting_and_not_what_is_waited_for(held, monkeypatch):
    from runloop_jupyter.actions import background

    going = rl.put("text", "behind/interrupted", background=True)

    def interrupted(deadline):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(background, "_until", interrupted)
        with pytest.raises(Interrupted, match="“behind/interrupted” goes on: %rl_transfers cancel"):
            going.result()
    held.set()
    assert going.result().name == "behind/interrupted"


def test_many_files_in_the_background_are_one_transfer(tmp_path, held):
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text(f"{number} behind")
    going = rl.put_all("*.txt", "behind/all", background=True)
    held.set()
    batch = going.result()
    assert [thing.name for thing in batch] == [f"behind/all/{number}.txt" for number in range(5)]
    (info,) = [each for each in rl.transfers() if each.label == "*.txt"]
    assert info.state == "done"


def test_its_size_is_shown_while_it_waits_and_when_it_is_over(run, held):
    going = rl.put(np.zeros(100_000, dtype="u1"), "behind/sized", background=True)
    waiting = rl.transfers().find(going.id)
    assert waiting.state == "running"
    assert waiting.size == 100_128
    assert "97.8 KiB" in run("%rl_transfers").value.table().to_text()
    held.set()
    going.result()
    over = rl.transfers().find(going.id)
    assert (over.state, over.size) == ("done", 100_128)
    assert "97.8 KiB" in run("%rl_transfers").value.table().to_text()
    assert "97.8 KiB" in over.card().to_text()


@pytest.fixture
def packs(tmp_path):
    """Ways to begin a put that is packed first and goes on behind."""
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "a").write_bytes(b"a")
    return {
        "one": lambda: rl.put(np.arange(10), "behind/one", background=True),
        "many": lambda: rl.put_all(f"{tmp_path}/many/*", "behind", background=True),
    }


@pytest.mark.parametrize("which", ["one", "many"])
def test_ctrl_c_between_the_packing_and_the_sending_leaves_nothing(which, packs, monkeypatch):
    def interrupted(*_, **__):
        assert look().intents
        raise KeyboardInterrupt

    monkeypatch.setattr(background, "begin", interrupted)
    with pytest.raises(KeyboardInterrupt):
        packs[which]()
    assert not look()
    (transfer,) = session.current().transfers
    assert transfer.snapshot().state is State.CANCELLED


@pytest.mark.parametrize(("which", "module"), [("one", put), ("many", put_all)])
def test_a_packing_that_ends_after_ctrl_c_leaves_nothing(which, module, packs, monkeypatch):
    """It was stuck for longer than anybody waits: whoever began it is gone by now."""
    real = module.pack

    def pack(*arguments, **more):
        packet = real(*arguments, **more)
        next(iter(session.current().transfers)).cancel()
        return packet

    monkeypatch.setattr(module, "pack", pack)
    with pytest.raises(TransferCancelled):
        packs[which]()
    assert not look()
