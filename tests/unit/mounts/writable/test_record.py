import os
import subprocess
import sys
from dataclasses import replace

import pytest

from runloop_jupyter.errors import MountError
from runloop_jupyter.mounts.writable import record as records
from runloop_jupyter.mounts.writable.record import Hold, Record
from runloop_jupyter.transfer.journal import me


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(tmp_path / "home"))


def record(where, owner=None, **more):
    return Record("store", "a store", "name", where, owner or me(), **more)


def test_what_is_written_down_is_read_and_what_is_damaged_passed_over():
    assert records.everything() == []
    one, other = record("/one"), record("/other", finished=True)
    one.save()
    other.save()
    assert sorted(records.everything(), key=lambda each: each.where) == [one, other]
    (one.directory / "folder.json").write_text("{")
    assert records.everything() == [other]


def test_a_directory_is_held_by_one_and_free_when_it_lets_go():
    hold = Hold("/data")
    record("/data").save()
    with pytest.raises(MountError, match="is mounted already, as the writable folder “name”"):
        Hold("/data")
    hold.release()
    hold.release()
    Hold("/data").release()


def test_a_directory_is_free_when_its_process_has_ended_and_held_while_a_child_lives():
    held = "from runloop_jupyter.mounts.writable.record import Hold; hold = Hold('/data'); print('held', flush=True); "
    with subprocess.Popen([sys.executable, "-c", f"{held} input()"], stdin=-1, stdout=-1) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(MountError, match="of another kernel"):
            Hold("/data")
        process.kill()
        process.wait()
    Hold("/data").release()


def test_a_forked_child_neither_holds_a_directory_nor_lets_go_of_its_parents():
    hold = Hold("/data")
    child = os.fork()
    if not child:
        hold.release()
        os._exit(0)
    os.waitpid(child, 0)
    with pytest.raises(MountError):
        Hold("/data")
    hold.release()
    Hold("/data").release()


def test_what_overlaps_with_a_folder_that_somebody_has_mounted_is_refused():
    record("/data/in").save()
    record("/old", finished=True).save()
    record("/dead", owner=replace(me(), born="gone")).save()
    for where in ("/data", "/data/in/side"):
        with pytest.raises(MountError, match="overlaps with /data/in"):
            Hold(where)
    for where in ("/data/inside", "/old/x", "/dead/x"):
        Hold(where).release()


def test_a_process_on_another_machine_holds_it_as_long_as_it_is_heard_of():
    """A lock need not reach from one machine to another."""
    there = record("/data", owner=replace(me(), host="elsewhere"))
    there.save()
    assert not there.is_held
    with pytest.raises(MountError, match="on elsewhere"):
        Hold("/data")  # its lock appears at this moment, so somebody may just have begun
    os.utime(records._lock_of("/data"), (1, 1))
    hold = Hold("/data")
    assert there.is_held  # somebody is heard of, whoever it is
    hold.release()
    assert not there.is_held
