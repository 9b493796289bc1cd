"""What was begun is on disk first; it is for the next load only when nobody works on it any more."""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.paths import cache_dir
from runloop_jupyter.transfer import journal
from runloop_jupyter.transfer.parcel import Parcel


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    """A home of this test's own; where its intents go."""
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "journal"


@pytest.fixture
def child():
    """A process that does nothing until it is told to end."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    process.stdin.close()


def begin(name="penguins", spool=None):
    return journal.begin("store-1", "embedded store", name, spool)


def begun_by(owner, name="penguins", began=None):
    """Put an intent of another process on disk."""
    intent = begin(name)
    intent.owner = owner
    if began is not None:
        intent.began = began
    intent._save()
    return intent


def names():
    return [intent.name for intent in journal.abandoned()]


def owner_of(pid):
    return replace(journal.me(), pid=pid, born=journal._born(pid))


def test_an_intent_is_on_disk_when_begin_returns(directory, tmp_path):
    intent = begin(spool=tmp_path / "x.spool")
    (path,) = directory.iterdir()
    said = json.loads(path.read_bytes())
    assert said["id"] == intent.id
    assert (said["store"], said["place"], said["name"]) == ("store-1", "embedded store", "penguins")
    assert said["spool"] == str(tmp_path / "x.spool")
    assert said["owner"]["pid"] == os.getpid()


def test_what_it_learns_is_on_disk_at_once(directory):
    intent = begin()
    (path,) = directory.iterdir()
    intent.with_metadata({"a": "b"})
    assert json.loads(path.read_bytes())["metadata"] == {"a": "b"}
    intent.created("obj_1")
    intent.created("obj_2")
    intent.deleted("obj_1")
    assert journal.everything()[0].objects == ["obj_2"]


def test_an_intent_comes_back_as_it_was_written(child):
    intent = begun_by(owner_of(child.pid))
    intent.with_metadata({"ключ": "\x00 \ud800"})
    intent.created("obj_1")
    child.kill()
    child.wait()
    assert list(journal.abandoned()) == [intent]


def test_nobody_else_can_read_it(directory):
    begin()
    assert directory.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in directory.iterdir())


def test_closing_it_removes_it_and_its_spool(directory, tmp_path):
    spool = tmp_path / "x.spool"
    spool.touch()
    intent = begin(spool=spool)
    intent.close()
    intent.close()
    assert not spool.exists()
    assert list(directory.iterdir()) == []


def test_two_at_once_are_two(directory):
    made = []
    threads = [threading.Thread(target=lambda: made.append(begin())) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(list(directory.iterdir())) == 16
    made[0].close()
    assert len(list(directory.iterdir())) == 15


def test_one_of_this_process_is_nobody_elses():
    begin()
    assert names() == []


def test_one_of_another_process_that_lives_is_left_alone(child):
    begun_by(owner_of(child.pid))
    assert names() == []


def test_one_of_a_process_that_is_gone_is_abandoned(child):
    begun_by(owner_of(child.pid))
    child.kill()
    child.wait()
    assert names() == ["penguins"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="zombies are told by /proc")
def test_one_of_a_zombie_is_abandoned(child):
    begun_by(owner_of(child.pid))
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert names() == ["penguins"]


def test_one_of_an_earlier_boot_is_abandoned_though_the_process_id_is_in_use():
    begun_by(replace(journal.me(), boot="another boot"))
    assert names() == ["penguins"]


def test_one_of_an_earlier_process_with_the_same_id_is_abandoned():
    begun_by(replace(journal.me(), born="1"))
    assert names() == ["penguins"]


def test_one_of_another_host_is_left_alone_for_a_day_and_then_abandoned():
    elsewhere = replace(journal.me(), host="another.example")
    begun_by(elsewhere, "yesterday", began=time.time() - journal.SILENCE_S - 60)
    begun_by(elsewhere, "today", began=time.time() - journal.SILENCE_S + 60)
    assert names() == ["yesterday"]


def test_the_oldest_comes_first():
    dead = replace(journal.me(), born="1")
    for name, began in [("second", 2.0), ("third", 3.0), ("first", 1.0)]:
        begun_by(dead, name, began)
    assert names() == ["first", "second", "third"]


BROKEN = {
    "empty": b"",
    "cut off": b'{"id": "x", "store": "st',
    "another shape": b"[1, 2]",
    "a number": b"7",
    "nothing in it": b"{}",
    "not text": b"\xff\xfe\x00",
    "an owner of another shape": b'{"owner": [1]}',
    "nested without end": b"[" * 100_000,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_file_that_can_not_be_read_hides_no_other(content, directory):
    begun_by(replace(journal.me(), born="1"))
    (directory / "broken.json").write_bytes(content)
    assert names() == ["penguins"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("began", "yesterday"), ("began", None), ("metadata", ["a"]), ("objects", "obj_1"), ("spool", 7), ("id", None)],
)
def test_a_file_with_a_field_of_another_type_hides_no_other(field, value, directory):
    odd = begun_by(replace(journal.me(), born="1"), "odd")
    path = directory / f"{odd.id}.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), field: value}))
    begun_by(replace(journal.me(), born="1"))
    assert names() == ["penguins"]


def test_what_is_no_intent_is_passed_over(directory):
    begin()
    (directory / ".x.json.part").write_bytes(b"{")
    (directory / "folder.json").mkdir()
    assert names() == []


def test_without_a_journal_there_is_nothing(directory):
    assert names() == []
    assert not directory.exists()


def test_a_forked_child_is_an_owner_of_its_own():
    mine = journal.me()
    child = os.fork()
    if child == 0:
        os._exit(0 if journal.me().pid == os.getpid() != mine.pid else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_where_no_intent_can_be_written_nothing_is_begun(home, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(home / "data"))
    store = session.current().store
    real = journal.write_atomic

    def full(path, data, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal, "write_atomic", full)
    calls = []
    monkeypatch.setattr(store.objects.service, "call", lambda *args, **more: calls.append(args))
    with pytest.raises(rl.errors.TransferError, match="No space left"):
        rl.put("x", "never")
    monkeypatch.setattr(journal, "write_atomic", real)
    assert calls == []
    assert list((cache_dir() / "spool").glob("*")) == []


def test_a_home_that_can_not_be_written_is_an_error_at_begin(directory):
    directory.parent.mkdir()
    directory.write_bytes(b"a file where the journal should be")
    with pytest.raises(OSError, match="File exists"):
        begin()


def parcel(path, **more):
    path.write_bytes(b"bytes")
    found = path.stat()
    known = {"name": "penguins", "kind": "file", "format": "file", "content_type": "binary", "identity": "digest"}
    return Parcel(path=str(path), size=found.st_size, mtime_ns=found.st_mtime_ns, inode=found.st_ino, **known, **more)


def abandoned_with(spool, **more):
    intent = begun_by(replace(journal.me(), born="1", **more))
    intent.spool = None if spool is None else str(spool)
    return intent


def test_what_was_packed_whole_can_be_resumed_as_long_as_it_is_the_same(tmp_path):
    intent = abandoned_with(tmp_path / "x.spool")
    assert not intent.resumable
    intent.packed(parcel(tmp_path / "x.spool"))
    (found,) = journal.unfinished()
    assert found == intent
    assert found.resumable
    (tmp_path / "x.spool").write_bytes(b"other bytes")
    assert not found.resumable


def test_a_spool_from_before_a_power_cut_needs_its_digest_and_a_users_own_file_does_not(tmp_path):
    intent = abandoned_with(tmp_path / "x.spool", boot="another boot")
    intent.packed(parcel(tmp_path / "x.spool"))
    assert not intent.resumable
    intent.packed(parcel(tmp_path / "x.spool", digest="blake3:00"))
    assert intent.resumable
    own = abandoned_with(None, boot="another boot")
    own.packed(parcel(tmp_path / "own.bin"))
    assert own.resumable


def test_one_that_somebody_works_on_is_not_resumed_and_one_that_was_given_up_is(tmp_path):
    intent = begin(spool=tmp_path / "x.spool")
    intent.packed(parcel(tmp_path / "x.spool"))
    assert not intent.resumable
    assert journal.unfinished() == []
    intent.stop("no route")
    assert [each.stopped for each in journal.unfinished()] == ["no route"]
    assert intent.resumable


def test_who_claims_one_owns_it_and_what_it_made_under_another_id(tmp_path):
    intent = abandoned_with(tmp_path / "x.spool")
    intent.packed(parcel(tmp_path / "x.spool"))
    intent.created("obj_1")
    mine = journal.claim(journal.unfinished()[0], "new")
    assert (mine.id, mine.objects, mine.owner, mine.stopped) == ("new", ["obj_1"], journal.me(), None)
    assert [each.id for each in journal.everything()] == ["new"]
    mine.close()
    assert list((tmp_path / "home" / "journal").iterdir()) == []
    assert not (tmp_path / "x.spool").exists()


def test_while_it_is_held_closing_it_leaves_it_and_its_spool(tmp_path):
    spool = tmp_path / "x.spool"
    intent = begin(spool=spool)
    intent.packed(parcel(spool))
    intent.created("obj_1")
    intent.hold()
    intent.close()
    assert spool.exists()
    assert intent.objects == []
    intent.release()
    intent.close()
    assert not spool.exists()


@pytest.mark.parametrize(
    "line", [b"", b"[", b"7", b'["+"]', b'{"+": 1}', b'["?", "obj_2"]', b"\xff\xfe", b'["-", "obj_9"]']
)
def test_an_id_that_was_cut_off_hides_no_other(line, directory):
    intent = begun_by(replace(journal.me(), born="1"))
    intent.created("obj_1")
    with (directory / f"{intent.id}.ids").open("ab") as file:
        file.write(line + b"\n")
    assert journal.everything()[0].objects == ["obj_1"]
