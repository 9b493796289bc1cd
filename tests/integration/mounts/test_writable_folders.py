"""A writable folder over a real store: what is saved is sent, what is new comes in, and nothing is lost."""

import atexit
import json
import mmap
import os
import shutil
import socket
import stat
import threading
import time
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import pytest
from folders import files, looking, mount, new_name, stored, versions

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.actions.recover import recover
from runloop_jupyter.errors import InputError, MountError, TransferCancelled, TransferError, Unreachable
from runloop_jupyter.mounts import table
from runloop_jupyter.mounts.writable import remote
from runloop_jupyter.mounts.writable.state import looks_of
from runloop_jupyter.mounts.writable.unsent import unsent
from runloop_jupyter.transfer import journal, parts


@pytest.fixture
def name():
    return new_name()


@pytest.fixture
def where(tmp_path):
    return tmp_path / "folder"


@pytest.fixture
def mounted(name, where):
    """Mounts folders that are let go of at the end."""
    opened = []

    def begin(at=where, **options):
        opened.append(mount(options.pop("name", name), at, **options))
        return opened[-1]

    yield begin
    for each in opened:
        each.unmount()


def eventually(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def told(name):
    """What a load says of a folder."""
    return [line for line in unsent() if name in line]


def drop(folder):
    """What a kernel that is killed leaves: its state, and nobody who holds it."""
    folder._ended.set()
    folder._thread.join()
    folder._state.close()
    folder._hold.release()
    record = folder._record
    record.owner = type(record.owner)(record.owner.host, record.owner.boot, record.owner.pid, "gone")
    record.save()
    folder.record.remove()
    atexit.unregister(folder._at_exit)


def test_what_is_saved_in_it_is_an_object_of_that_name_and_what_is_saved_again_a_version(name, where, mounted):
    folder = mounted(metadata={"project": "penguins"})
    (where / "a.csv").write_bytes(b"one")
    (where / "deep" / "er").mkdir(parents=True)
    (where / "deep" / "er" / "b.bin").write_bytes(b"")
    assert sorted(folder.sync().files) == ["a.csv", "deep/er/b.bin"]
    assert stored(name) == {"a.csv": b"one", "deep/er/b.bin": b""}
    thing = rl.ls(f"{name}/a.csv")[0]
    assert (thing.metadata, thing.view.content_type, thing.kind) == ({"project": "penguins"}, "text", "file")

    (where / "a.csv").write_bytes(b"two")
    assert folder.sync().files == ["a.csv"]
    assert versions(f"{name}/a.csv") == [b"two", b"one"]
    assert folder.sync().files == []


def test_objects_beneath_its_name_come_in_as_ordinary_files(name, where, mounted):
    rl.put(b"x" * 100, f"{name}/in/a.bin")
    rl.put("text", f"{name}/b")
    rl.put(b"another", f"{name}2/c")
    folder = mounted()
    assert files(where) == {"in/a.bin": b"x" * 100, "b": b"text"}
    there = (where / "b").stat()
    assert (stat.S_IMODE(there.st_mode) & 0o600, there.st_nlink) == (0o600, 1)
    assert there.st_mtime_ns // 1_000_000 == rl.ls(f"{name}/b")[0].view.create_time_ms
    assert folder.brought.bytes == 104
    assert folder.sync().files == []


def test_what_is_in_the_cache_is_copied_from_there_and_not_fetched(name, where, mounted):
    rl.put(b"kept", f"{name}/a")
    rl.get(f"{name}/a", format="path")
    folder = mounted()
    assert (files(where), folder.counts().fetched) == ({"a": b"kept"}, 0)
    (where / "a").write_bytes(b"mine")
    assert rl.get(f"{name}/a", format="bytes") == b"kept"


def test_to_touch_a_file_sends_nothing(name, where, mounted):
    folder = mounted()
    (where / "a").write_bytes(b"one")
    folder.sync()
    os.utime(where / "a", (1, 1))
    (where / "b").write_bytes(b"")
    assert folder.sync().files == ["b"]


def test_to_delete_or_rename_a_file_deletes_nothing_and_the_next_mount_brings_it_back(name, where, mounted):
    folder = mounted()
    (where / "a").write_bytes(b"one")
    (where / "b").write_bytes(b"two")
    folder.sync()
    (where / "a").unlink()
    (where / "b").rename(where / "c")
    folder.sync()
    folder.refresh()
    assert (files(where), stored(name)) == ({"c": b"two"}, {"a": b"one", "b": b"two", "c": b"two"})
    folder.unmount()
    mounted()
    assert files(where) == {"a": b"one", "b": b"two", "c": b"two"}


def test_unmounting_sends_what_is_left_and_leaves_the_files(name, where):
    folder = mount(name, where)
    (where / "a").write_bytes(b"one")
    folder.unmount()
    assert folder.sent.files == ["a"]
    folder.unmount()
    assert (stored(name), files(where), told(name)) == ({"a": b"one"}, {"a": b"one"}, [])
    with pytest.raises(MountError, match="isn't mounted any more"):
        folder.sync()


class Clock:
    """Stands still until it is told to go on; the folder is looked at when it does."""

    def __init__(self, folder, monkeypatch):
        self.now = 1000.0
        self.folder = folder
        monkeypatch.setattr("runloop_jupyter.mounts.writable.rounds.time", self)
        monkeypatch.setattr("runloop_jupyter.mounts.writable.outcome.time", self)

    def monotonic(self):
        return self.now

    def thread_time(self):
        return 0.0

    def after(self, seconds):
        self.now += seconds
        self.folder._rounds.now_and_then(looking(), 0.0)
        return self.folder.state().sent


def test_a_file_is_sent_by_itself_once_it_is_quiet(name, where, mounted, monkeypatch):
    clock = Clock(mounted(quiet_s=2.0), monkeypatch)
    for _ in range(5):
        with (where / "log.txt").open("ab") as file:
            file.write(b"line\n")
        assert clock.after(1.9) == 0
    assert clock.after(1.9) == 0
    assert clock.after(0.2) == 1
    assert versions(f"{name}/log.txt") == [b"line\n" * 5]
    assert clock.after(100) == 1


def test_a_file_that_a_program_has_open_must_be_quiet_for_longer(name, where, mounted, monkeypatch):
    """Whoever pauses while he writes isn't done."""
    clock = Clock(mounted(quiet_s=2.0), monkeypatch)
    with (where / "a").open("wb") as file:
        file.write(b"half")
        file.flush()
        assert [clock.after(0), clock.after(3)] == [0, 0]
        file.write(b" and half")
        file.flush()
        assert [clock.after(1), clock.after(19), clock.after(2)] == [0, 0, 1]  # a log is open as long as it is written
        file.write(b", later")
    assert [clock.after(1), clock.after(3)] == [1, 2]
    assert versions(f"{name}/a") == [b"half and half, later", b"half and half"]


def test_what_fails_is_tried_again_after_pauses_that_grow(name, where, mounted, monkeypatch):
    folder = mounted(quiet_s=0.0)
    clock, asked = Clock(folder, monkeypatch), []

    def gone(*_, **__):
        asked.append(clock.now)
        raise Unreachable("the store gave no answer")

    (where / "a").write_bytes(b"one")
    with monkeypatch.context() as patch:
        patch.setattr(folder._store.objects, "list", gone)
        for _ in range(400):
            clock.after(1)
        assert folder.status() == "1 file · 1 waiting (3 B): the store gave no answer"
    pauses = [after - before for before, after in pairwise(asked)]
    assert pauses[:5] == [2, 4, 8, 16, 32]
    assert set(pauses[5:]) == {60}
    assert clock.after(60) == 1
    assert folder.state().error is None


def test_a_file_that_cant_be_read_is_named_and_keeps_no_other_back(name, where, mounted, monkeypatch):
    from runloop_jupyter.mounts.writable import sending

    folder = mounted()
    (where / "closed").write_bytes(b"x")
    (where / "open").write_bytes(b"y")
    real = sending._flushed

    def refused(source):
        if source.name == "closed":
            raise PermissionError(13, "Permission denied")
        return real(source)

    monkeypatch.setattr(sending, "_flushed", refused)
    sent = folder.sync()
    assert (sent.files, sent.failed) == (["open"], {"closed": "closed can't be read (Permission denied)"})
    with pytest.raises(MountError, match=r"1 file in .* was not sent to .*: closed \(closed can't be read"):
        folder.unmount()
    assert len(told(name)) == 1


def test_a_file_that_was_sent_a_moment_ago_and_changed_since_still_waits(name, where, monkeypatch):
    from runloop_jupyter.mounts.writable import sending

    folder = mount(name, where)
    (where / "a").write_bytes(b"one")
    folder.sync()
    (where / "a").write_bytes(b"more")

    def refused(_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(sending, "_flushed", refused)
        folder.sync()
        assert folder.state().waiting == 1
        with pytest.raises(MountError, match="was not sent"):
            folder.unmount()
    folder = mount(name, where)
    folder.unmount()
    assert versions(f"{name}/a") == [b"more", b"one"]


def test_a_change_in_the_store_comes_in_when_it_is_refreshed(name, where, mounted):
    folder = mounted()
    (where / "a").write_bytes(b"one")
    folder.sync()
    rl.put(b"other", f"{name}/a")
    rl.put(b"new", f"{name}/d/b")
    assert sorted(folder.refresh().files) == ["a", "d/b"]
    assert files(where) == {"a": b"other", "d/b": b"new"}
    assert folder.sync().files == []


def test_a_file_that_both_sides_changed_is_kept_twice(name, where, mounted):
    folder = mounted()
    (where / "a.csv").write_bytes(b"one")
    folder.sync()
    rl.put(b"theirs", f"{name}/a.csv")
    (where / "a.csv").write_bytes(b"mine")
    sent = folder.sync()
    kept = sent.conflicts["a.csv"]
    assert kept.startswith("a (conflict 20")
    assert kept.endswith(").csv")
    assert files(where) == {"a.csv": b"theirs", kept: b"mine"}
    assert stored(name) == files(where)
    assert sent.files == [kept]
    assert folder.sync().files == []
    assert any("changed on both sides" in line for line in folder.notes)


def test_a_file_that_both_sides_changed_in_the_same_way_is_no_conflict(name, where, mounted):
    folder = mounted()
    (where / "a").write_bytes(b"same")
    rl.put(b"same", f"{name}/a")
    sent = folder.sync()
    assert (sent.files, sent.conflicts, files(where)) == ([], {}, {"a": b"same"})


def test_a_file_that_a_program_has_open_is_not_replaced(name, where, mounted):
    folder = mounted()
    (where / "log").write_bytes(b"one")
    folder.sync()
    rl.put(b"theirs", f"{name}/log")
    with (where / "log").open("ab") as opened:
        assert "open for writing" in folder.refresh().failed["log"]
        opened.write(b"more")
    sent = folder.sync()
    assert sorted(files(where).values()) == [b"onemore", b"theirs"]
    assert sent.conflicts


def test_a_directory_with_files_is_taken_only_where_that_is_said(name, where, mounted):
    where.mkdir()
    (where / "a").write_bytes(b"12345")
    with pytest.raises(InputError, match=r"has 1 file \(5 B\) that would be sent to .*-y"):
        mounted()
    folder = mounted(adopt=True)
    assert folder.sync().files == ["a"]


def test_a_directory_that_was_this_folders_before_is_taken_and_both_sides_are_brought_together(name, where, mounted):
    folder = mounted()
    for path in ("same", "here", "there", "both"):
        (where / path).write_bytes(b"one")
    folder.unmount()
    (where / "here").write_bytes(b"two")
    (where / "both").write_bytes(b"mine")
    rl.put(b"two", f"{name}/there")
    rl.put(b"theirs", f"{name}/both")
    (where / "new").write_bytes(b"new")
    folder = mounted()
    folder.sync()
    found = files(where)
    (kept,) = set(found) - {"same", "here", "there", "both", "new"}
    expected = {"same": b"one", "here": b"two", "there": b"two", "both": b"theirs", "new": b"new", kept: b"mine"}
    assert found == stored(name) == expected
    assert versions(f"{name}/same") == [b"one"]


def test_what_was_not_sent_when_its_kernel_died_is_told_and_sent_by_the_next_mount(name, where, mounted):
    folder = mount(name, where)
    (where / "a").write_bytes(b"one")
    folder.sync()
    (where / "a").write_bytes(b"longer")
    (where / "b").write_bytes(b"two")
    drop(folder)
    (line,) = told(name)
    assert line == (
        f"2 files in {where} (9 B) were not sent yet to “{name}” ({session.current().store.identity.label}): "
        f"%rl_mount --write {name} {where} goes on"
    )
    folder = mounted()
    assert told(name) == []
    folder.sync()
    assert stored(name) == {"a": b"longer", "b": b"two"}


def test_a_dead_folder_with_nothing_to_send_is_not_told_of(name, where):
    folder = mount(name, where)
    (where / "a").write_bytes(b"one")
    folder.sync()
    os.utime(where / "a", (1, 1))
    drop(folder)
    assert told(name) == []
    assert json.loads((folder._record.directory / "folder.json").read_text())["finished"]


def test_a_version_that_its_kernel_sent_and_did_not_live_to_note_is_no_conflict(name, where, mounted):
    folder = mount(name, where)
    (where / "a").write_bytes(b"one")
    folder.sync()
    lines = (folder._record.directory / "known.jsonl").read_bytes()
    (where / "a").write_bytes(b"two")
    folder.sync()
    drop(folder)
    after = (folder._record.directory / "known.jsonl").read_bytes().removeprefix(lines).splitlines(keepends=True)
    (folder._record.directory / "known.jsonl").write_bytes(lines + after[0])
    (where / "a").write_bytes(b"three")
    folder = mounted()
    sent = folder.sync()
    assert (sent.files, files(where)) == (["a"], {"a": b"three"})
    assert versions(f"{name}/a") == [b"three", b"two", b"one"]


def test_one_directory_is_held_by_one_folder(name, where, mounted, tmp_path):
    mounted()
    with pytest.raises(MountError, match="is mounted already"):
        mounted()
    with pytest.raises(MountError, match="is mounted already"):
        mounted(name=f"{name}-2")
    with pytest.raises(MountError, match="overlaps"):
        mounted(at=where / "in")
    with pytest.raises(MountError, match="overlaps"):
        mounted(at=tmp_path)


def test_what_is_no_file_of_its_own_stays_here_and_is_named_once(name, where, mounted, tmp_path):
    where.mkdir()
    for path in (".env", "id_rsa", "x.swp", ".~lock.a.odt#", "~$b.docx", ".#c", "d~", ".ipynb_checkpoints/e", "skip/f"):
        (where / path).parent.mkdir(exist_ok=True)
        (where / path).write_bytes(b"x")
    (where / "key.pem").write_text("-----BEGIN PRIVATE KEY-----")
    (where / "cert.pem").write_text("-----BEGIN CERTIFICATE-----")
    (where / ".runloopignore").write_text("skip/\n")
    (tmp_path / "outside").write_bytes(b"far")
    (where / "out").symlink_to(tmp_path / "outside")
    (where / "in").symlink_to("cert.pem")
    os.mkfifo(where / "pipe")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(where / "sock"))
    os.close(os.open(os.fsencode(where) + b"/bad\xff", os.O_WRONLY | os.O_CREAT))
    folder = mounted(adopt=True)
    assert sorted(folder.sync().files) == [".runloopignore", "cert.pem", "in"]
    said = "\n".join(folder.notes)
    for word in (
        ".env",
        "id_rsa",
        "key.pem",
        "1 entry stays here, as .runloopignore",
        "out stays",
        "FIFO",
        "isn't UTF-8",
    ):
        assert word in said
    assert "swp" not in said
    assert files(where).keys() >= {".env", "d~"}


def test_what_has_no_place_in_the_directory_is_named_and_the_rest_comes(name, where, mounted, tmp_path):
    rl.put(b"1", f"{name}/a")
    rl.put(b"2", f"{name}/a/b")
    rl.put(b"3", f"{name}/{'n' * 300}")
    rl.put(b"4", f"{name}/../../evil")
    rl.put(b"5", f"{name}/link/x")
    rl.put(b"6", f"{name}/fine")
    rl.put(b"7", f"{name}/.env.local")
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "x").write_bytes(b"8")
    rl.put(tmp_path / "packed", f"{name}/packed")
    rl.put(tmp_path / "packed", name)
    rl.put(b"9", f"{name}/dir")
    (tmp_path / "elsewhere").mkdir()
    where.mkdir()
    (where / "link").symlink_to(tmp_path / "elsewhere")
    (where / "dir").mkdir()
    folder = mounted()
    assert sorted(each.name for each in where.iterdir()) == ["a", "dir", "fine", "link"]
    assert not list((tmp_path / "elsewhere").iterdir())
    said = "\n".join([*folder.notes, *folder.brought.failed.values()])
    assert f"what was put as the folder “{name}” is another thing" in said
    assert "dir can't come in: it is a directory here" in said
    assert "1 folder or archive beneath" in said
    assert "link is no directory" in said
    assert "can't come in" in said
    assert "1 object stays in the store" in said


def test_a_store_that_is_gone_is_tried_again_and_nothing_is_lost(name, where, mounted, monkeypatch):
    folder = mounted(every_s=0.02)
    store = folder._store
    real = store.objects.create
    monkeypatch.setattr("runloop_jupyter.mounts.writable.outcome.FIRST_PAUSE_S", 0.1)

    def gone(*_, **__):
        raise Unreachable("the store gave no answer")

    monkeypatch.setattr(store.objects, "create", gone)
    (where / "a").write_bytes(b"one")
    eventually(lambda: folder.state().error)
    assert "1 waiting (3 B): the store gave no answer" in folder.status()
    with pytest.raises(Unreachable):
        folder.sync()
    monkeypatch.setattr(store.objects, "create", real)
    eventually(lambda: folder.state().sent == 1)
    assert (stored(name), folder.state().error) == ({"a": b"one"}, None)


def test_files_that_could_not_be_sent_are_named_at_unmount_and_the_next_load_tells_of_them(name, where, monkeypatch):
    folder = mount(name, where)
    (where / "a").write_bytes(b"one")

    def gone(*_, **__):
        raise Unreachable("the store gave no answer")

    with monkeypatch.context() as patch:
        patch.setattr(folder._store.objects, "create", gone)
        with pytest.raises(MountError, match=r"1 file in .* was not sent to .*: a \(the store gave no answer\)"):
            folder.unmount()
    assert len(told(name)) == 1
    folder = mount(name, where)
    folder.unmount()
    assert (folder.sent.files, stored(name)) == (["a"], {"a": b"one"})


def test_a_full_disk_is_one_line_and_sends_nothing(name, where, mounted, monkeypatch):
    folder = mounted()
    (where / "a").write_bytes(b"one")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("runloop_jupyter.transfer.journal.write_atomic", full)
        with pytest.raises(MountError, match="the disk is full"):
            folder.sync()
    assert stored(name) == {}
    assert folder.sync().files == ["a"]


def test_a_file_that_changes_all_the_time_is_sent_as_it_is_at_unmount(name, where, monkeypatch):
    from runloop_jupyter.mounts.writable.sending import Sending

    folder = mount(name, where)
    file = where / "a"
    file.write_bytes(b"0")
    real = Sending._hashed
    count = 0

    def meanwhile(self, *arguments):
        nonlocal count
        count += 1
        with file.open("ab") as opened:
            opened.write(b"x")
        return real(self, *arguments)

    monkeypatch.setattr(Sending, "_hashed", meanwhile)
    assert folder.sync().files == []
    assert count > 1
    folder.unmount()
    assert folder.sent.files == ["a"]
    assert versions(f"{name}/a") == [file.read_bytes()]


def test_a_file_that_is_changed_through_memory_while_it_is_sent_never_becomes_a_torn_version(name, where, monkeypatch):
    """Such a change need not show in the file's times."""
    from runloop_jupyter.transfer import sending

    folder = mount(name, where)
    file = where / "a"
    file.write_bytes(b"0" * 8192)
    real, there, done = sending.put, file.stat(), []

    def meanwhile(*arguments):
        real(*arguments)
        if not done:
            done.append(1)
            with file.open("r+b") as opened:
                opened.write(b"1")
            os.utime(file, ns=(there.st_atime_ns, there.st_mtime_ns))

    monkeypatch.setattr(sending, "put", meanwhile)
    assert folder.sync().files == ["a"]
    folder.unmount()
    assert versions(f"{name}/a") == [file.read_bytes()]


@pytest.fixture
def mapped(where):
    """A file of the folder that is mapped into memory, on a disk where such changes show in its times at all."""
    where.mkdir()
    (where / "a").write_bytes(b"0" * 4096)
    with (where / "a").open("r+b") as file, mmap.mmap(file.fileno(), 4096) as memory:
        memory[0] = 1
        before = (where / "a").stat().st_mtime_ns
        os.fsync(file.fileno())
        time.sleep(0.02)  # some ticks of the disk's clock
        memory[0] = 2
        if (where / "a").stat().st_mtime_ns == before:
            pytest.skip("in memory alone (tmpfs), such a change shows in nothing")
        yield memory


def test_what_changes_through_memory_after_it_was_sent_is_sent_again(name, where, mounted, mapped, monkeypatch):
    """A page that was changed since it was last written to the disk can change again without a trace."""
    monkeypatch.setattr("runloop_jupyter.mounts.writable.rounds.TICK_S", 0.0)
    folder = mounted(adopt=True)
    assert folder.sync().files == ["a"]
    time.sleep(0.02)
    mapped[0] = 3
    assert folder.sync().files == ["a"]
    assert [content[0] for content in versions(f"{name}/a")] == [3, 2]


def test_a_file_that_changes_through_memory_all_the_time_has_versions_that_are_what_they_say(
    name, where, mounted, mapped
):
    folder, over = mounted(adopt=True), threading.Event()

    def change():
        number = 0
        while not over.is_set():
            number += 1
            mapped[:8] = number.to_bytes(8, "big")

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(5):
            folder.sync()
    finally:
        over.set()
        thread.join()
    folder.sync()
    assert versions(f"{name}/a")[0] == (where / "a").read_bytes()  # each is held against its digest


def test_what_is_put_between_two_sends_of_another_is_not_lost(name, where, tmp_path, mounted):
    one, two = mounted(), mounted(at=tmp_path / "second")
    (where / "a").write_bytes(b"one")
    one.sync()
    two.refresh()
    (where / "a").write_bytes(b"from one")
    (tmp_path / "second" / "a").write_bytes(b"from two")
    one.sync()
    two.sync()
    one.refresh()
    assert files(where) == files(tmp_path / "second") == stored(name)
    assert sorted(files(where).values()) == [b"from one", b"from two"]


def test_a_mount_that_is_cancelled_leaves_nothing_half_done(name, where, mounted):
    from runloop_jupyter.mounts.writable.folder import WritableFolder

    rl.put(b"x", f"{name}/a")
    transfer = looking()
    transfer.cancel()
    with pytest.raises(TransferCancelled):
        WritableFolder(session.current().store, name, where, transfer)
    assert not where.exists()
    mounted()
    assert files(where) == {"a": b"x"}


def test_a_name_whose_newest_version_was_deleted_is_mended_by_the_next_send(name, where, mounted):
    folder = mounted()
    (where / "a").write_bytes(b"one")
    folder.sync()
    (where / "a").write_bytes(b"two")
    folder.sync()
    session.current().store.objects.delete(rl.ls(f"{name}/a")[0].id)
    folder.refresh()
    assert files(where) == {"a": b"two"}
    (where / "a").write_bytes(b"three")
    assert (folder.sync().files, files(where)) == (["a"], {"a": b"three"})
    assert rl.get(f"{name}/a", format="bytes") == b"three"


def test_a_file_sent_just_after_it_was_changed_is_looked_into_once_more_and_then_trusted(
    name, where, mounted, monkeypatch
):
    """Within a tick of the disk's clock another change may look the same."""
    folder = mounted()
    (where / "a").write_bytes(b"one")
    folder.sync()
    assert folder._state.known["a"].looks is None
    assert folder.state().waiting == 0
    monkeypatch.setattr("runloop_jupyter.mounts.writable.rounds.TICK_S", 0.0)
    folder.sync()
    assert folder._state.known["a"].looks == looks_of((where / "a").stat())


def test_what_it_was_sending_when_its_kernel_died_is_cleared_without_a_word(name, where, mounted, monkeypatch):
    """The line about the folder says it."""
    folder = mounted()
    (where / "a").write_bytes(b"one")

    def killed(*_, **__):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(folder._store.objects, "complete", killed)
        patch.setattr("runloop_jupyter.transfer.upload._deleted", lambda *_: False)
        with pytest.raises(SystemExit):
            folder.sync()
    for intent in journal.everything():
        if intent.name == f"{name}/a":
            replace(intent, owner=replace(intent.owner, born="gone"))._save()
    assert [line for line in recover(session.current()) if name in line] == []
    assert not [each for each in journal.everything() if each.name == f"{name}/a"]
    assert folder.sync().files == ["a"]


def test_what_is_mounted_by_itself_within_it_is_not_sent(name, where, mounted):
    rl.put(b"x", f"{name}-other")
    folder = mounted()
    assert table.at(where) == folder.record
    record = table.enter("link", f"{name}-other", where / "linked", "a store")
    (where / "linked").mkdir()
    (where / "linked" / "a").write_bytes(b"x")
    assert folder.sync().files == []
    assert "something else is mounted there" in "".join(folder.notes)
    record.remove()
    assert folder.sync().files == ["linked/a"]
    folder.unmount()
    assert table.at(where) is None
    record = table.enter("link", f"{name}-other", where, "a store")
    with pytest.raises(MountError, match=r"is mounted at .* Unmount it first"):
        mounted()
    record.remove()


def test_an_unmount_that_is_stopped_leaves_it_mounted(name, where, mounted):
    folder = mounted()
    (where / "a").write_bytes(b"one")
    transfer = looking()
    transfer.cancel()
    with pytest.raises(TransferCancelled):
        folder.unmount(transfer)
    assert folder.is_mounted
    folder.unmount()
    assert folder.sent.files == ["a"]


def test_a_kernel_that_ends_waits_only_so_long_for_a_store_that_doesnt_answer(name, where, monkeypatch):
    folder = mount(name, where)
    (where / "a").write_bytes(b"one")
    answers = threading.Event()
    monkeypatch.setattr("runloop_jupyter.mounts.writable.folder.EXIT_S", 0.2)
    monkeypatch.setattr(folder._store.objects, "create", lambda *_: answers.wait(30))
    began = time.monotonic()
    folder._at_exit()
    assert time.monotonic() - began < 5
    assert folder.is_mounted
    monkeypatch.undo()
    answers.set()
    folder.unmount()
    assert stored(name) == {"a": b"one"}


def test_a_directory_that_is_gone_is_said_and_let_go_of(name, where, mounted):
    folder = mounted()
    (where / "a").write_bytes(b"one")
    folder.sync()
    shutil.rmtree(where)
    with pytest.raises(MountError, match="isn't there any more"):
        folder.sync()
    folder.unmount()
    mounted()
    assert files(where) == {"a": b"one"}


def test_a_file_in_several_objects_goes_and_comes_as_one(name, where, mounted, monkeypatch, tmp_path):
    monkeypatch.setattr(parts, "LARGEST", 1 << 20)
    monkeypatch.setattr(parts, "PART_BYTES", 1 << 20)
    folder = mounted()
    content = os.urandom((5 << 20) // 2)
    (where / "a").write_bytes(content)
    assert (folder.sync().files, folder.state().sent_bytes) == (["a"], len(content))
    other = mounted(at=tmp_path / "second")
    assert (files(tmp_path / "second"), other.brought.bytes) == ({"a": content}, len(content))
    assert other.sync().files == []
    with (where / "a").open("ab") as file:
        file.write(b"more")
    folder.sync()
    assert other.refresh().files == ["a"]
    assert files(tmp_path / "second") == {"a": content + b"more"}


def test_a_file_that_is_replaced_keeps_its_mode(name, where, mounted):
    folder = mounted()
    (where / "a.sh").write_bytes(b"one")
    (where / "a.sh").chmod(0o755)
    folder.sync()
    rl.put(b"two", f"{name}/a.sh")
    folder.refresh()
    assert stat.S_IMODE((where / "a.sh").stat().st_mode) == 0o755


def test_a_forked_child_leaves_the_folder_to_its_parent(name, where, mounted):
    folder = mounted()
    (where / "a").write_bytes(b"one")
    child = os.fork()
    if not child:
        code = 1
        with suppress(MountError):
            folder._at_exit()
            folder.unmount()
            code = 2
            folder.sync()
        os._exit(code if code == 1 else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert folder.sync().files == ["a"]


def test_a_mount_that_fails_leaves_the_folder_as_it_was(name, where, mounted, monkeypatch):
    folder = mount(name, where)
    (where / "a").write_bytes(b"one")
    drop(folder)
    line = told(name)
    assert line

    def gone(*_, **__):
        raise Unreachable("the store gave no answer")

    with monkeypatch.context() as patch:
        patch.setattr(folder._store.objects, "pages", gone)
        with pytest.raises(Unreachable):
            mounted()
        with pytest.raises(Unreachable):
            mounted(name=f"{name}-new", at=where.parent / "in" / "new")
    assert told(name) == line
    assert not (where.parent / "in").exists()


def test_a_folder_for_which_there_is_no_room_is_one_line_and_brings_nothing(name, where, mounted, monkeypatch):
    rl.put(b"x" * 100, f"{name}/a")
    rl.put(b"x" * 200, f"{name}/b")
    usage = shutil.disk_usage(where.parent)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=200 + (16 << 20)))
        with pytest.raises(TransferError, match="no room for “" + name):
            mounted()
    assert not where.exists()


def test_a_version_whose_answer_was_lost_is_no_conflict(name, where, mounted, monkeypatch):
    folder = mounted()
    (where / "a").write_bytes(b"one")
    folder.sync()
    (where / "a").write_bytes(b"two")
    objects = folder._store.objects
    real = objects.complete

    def lost(object_id):
        real(object_id)
        raise Unreachable("the answer was lost")

    def gone(*_, **__):
        raise Unreachable("the store is gone")

    with monkeypatch.context() as patch:
        patch.setattr(objects, "complete", lost)
        patch.setattr(objects, "delete", gone)
        with pytest.raises(Unreachable):
            folder.sync()
    (where / "a").write_bytes(b"three")
    sent = folder.sync()
    assert (sent.files, sent.conflicts) == (["a"], {})
    assert versions(f"{name}/a") == [b"three", b"two", b"one"]
    for intent in journal.everything():
        if intent.name == f"{name}/a":
            intent.close()


def test_of_many_files_those_that_came_into_the_store_meanwhile_are_seen(name, where, mounted, monkeypatch):
    monkeypatch.setattr(remote, "UPLOAD_MS", 0)
    paths = [f"{number:02}" for number in range(20)]
    folder = mounted()
    for path in paths:
        (where / path).write_bytes(b"one")
    assert len(folder.sync().files) == 20
    rl.put(b"theirs", f"{name}/15")
    for number in range(5):
        rl.put(b"another", f"{name}/others/{number}", force=True)
    rl.put(b"theirs", f"{name}/03")
    pages = folder._store.objects.pages
    monkeypatch.setattr(folder._store.objects, "pages", lambda where, first: pages(where, limit=3))
    for path in paths[:10]:
        (where / path).write_bytes(b"mine 1")
    sent = folder.sync()
    assert (len(sent.files), list(sent.conflicts)) == (10, ["03"])
    for path in paths[10:]:
        (where / path).write_bytes(b"mine 2")
    sent = folder.sync()  # the walk doesn't reach back to what it saw when it looked for others
    assert (len(sent.files), list(sent.conflicts)) == (10, ["15"])
    monkeypatch.undo()
    folder.refresh()
    assert files(where) == stored(name)


def test_files_of_many_are_sent_without_a_walk_through_all_that_was_there_before(name, where, mounted, monkeypatch):
    monkeypatch.setattr(remote, "UPLOAD_MS", 0)
    monkeypatch.setattr(remote, "PAGE", 10)
    for number in range(30):
        rl.put(b"x", f"{name}/old/{number}", force=True)
    folder = mounted()
    for number in range(9):
        (where / f"{number}").write_bytes(b"new")
    asked, real = [], folder._store.objects._raw_page

    def counted(*arguments, **more):
        asked.append(1)
        return real(*arguments, **more)

    monkeypatch.setattr(folder._store.objects, "_raw_page", counted)
    assert len(folder.sync().files) == 9
    assert asked == [1]
