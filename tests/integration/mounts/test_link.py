"""A mount of links over a real store: what it shows, how it changes, and that it takes away what it placed alone."""

import io
import os
import random
import shutil
import stat
import tarfile
import tempfile
import threading
import uuid
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pandas as pd
import pytest
from mounting import a_transfer, contents, layout_of, mount, records
from network import bad_network

import runloop_jupyter as rl
from runloop_jupyter import errors, session
from runloop_jupyter.local import launch
from runloop_jupyter.mounts import bringing, changing, ground, link, need, sweeping, table
from runloop_jupyter.mounts.layout import lay_out
from runloop_jupyter.paths import cache_dir
from runloop_jupyter.transfer import cache as caching
from runloop_jupyter.transfer.transfer import Phase

FRAME = pd.DataFrame({"x": range(1000)})
MIB = 1 << 20


@pytest.fixture(autouse=True)
def _nothing_stays_written_down():
    yield
    assert records() == []


@pytest.fixture
def top():
    """A prefix for the names of a test's own objects."""
    return f"t-{uuid.uuid4().hex[:12]}/"


@pytest.fixture
def where(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "folder"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (root / "sub/run.sh").write_text("#!/bin/sh")
    (root / "sub/run.sh").chmod(0o755)
    (root / "latest").symlink_to("sub/run.sh")
    (root / "sub/nothing").mkdir()
    return root


@pytest.fixture
def mounted(where):
    """Mount there, and let go at the end."""
    made = []

    def make(*things, **how):
        made.append(mount(where, *things, **how))
        return made[-1]

    yield make
    for each in made:
        each.unmount()


def kernel_dies(record):
    """Let a mount look as if its kernel had been killed."""
    dead = table.Record(**{**vars(record), "owner": table.Owner(**{**vars(record.owner), "born": "0"})})
    dead.save()


IN_FOLDER = {"a.txt": b"a", "sub/run.sh": b"#!/bin/sh", "latest": "sub/run.sh", "sub/nothing": ""}


def beneath(path, inside):
    return {f"{path}/{name}": content for name, content in inside.items()}


def a_tar(mode="w", **files):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def put_file(path, data, name):
    path.write_bytes(data)
    return rl.put(path, name)


def test_values_files_and_folders_are_there_as_files(top, folder, where, mounted):
    things = [
        rl.put(FRAME, f"{top}penguins"),
        rl.put(b"bytes", f"{top}runs/7/log"),
        rl.put(folder, f"{top}packed"),
        rl.put(folder, f"{top}runs/files", format="files"),
    ]
    shown = mounted(*things, prefix=top)
    pd.testing.assert_frame_equal(pd.read_parquet(where / "penguins.parquet"), FRAME)
    found = contents(where)
    del found["penguins.parquet"]
    assert found == {"runs/7/log.bin": b"bytes", **beneath("packed", IN_FOLDER), **beneath("runs/files", IN_FOLDER)}
    assert (shown.mode, shown.where, shown.size) == ("link", where, sum(each.size for each in things))
    assert shown.notes == ()
    shown.unmount()
    shown.unmount()
    assert not where.exists()


def test_files_can_only_be_read_and_have_their_objects_time(top, folder, where, mounted):
    thing, packed = rl.put(b"bytes", f"{top}x"), rl.put(folder, f"{top}packed")
    mounted(thing, packed, prefix=top)
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in where.rglob("*") if not path.is_symlink()}
    assert not any(mode & 0o222 for path, mode in modes.items() if path.is_file())
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o755}
    assert modes[where / "packed/sub/run.sh"] & 0o111 == 0o111
    assert modes[where / "packed/a.txt"] & 0o111 == 0
    for path, view in [("x.bin", thing.view), ("packed/a.txt", packed.view), ("packed/sub", packed.view)]:
        assert (where / path).stat().st_mtime_ns == view.create_time_ms * 1_000_000


def test_one_folder_alone_is_the_directory_itself(top, folder, where):
    for form in ("files", "tar.gz"):
        thing = rl.put(folder, f"{top}{form}", format=form)
        shown = link.LinkMount(session.current().store, lay_out([("", thing.view)]), where, a_transfer())
        assert contents(where) == IN_FOLDER
        shown.unmount()
        assert not where.exists()


def test_tars_that_others_stored_are_directories_and_what_is_called_one_and_is_none_is_a_file(
    top, tmp_path, where, mounted
):
    things = [
        put_file(tmp_path / "a.tar", a_tar(**{"x.txt": b"1"}), f"{top}plain.tar"),
        put_file(tmp_path / "b.tgz", a_tar("w:gz", **{"y/z.txt": b"2"}), f"{top}packed.tgz"),
        put_file(tmp_path / "c.tar.gz", b"no gzip at all", f"{top}none.tar.gz"),
        put_file(tmp_path / "d.tar.gz", a_tar("w:gz", **{"../evil": b"3"}), f"{top}evil.tar.gz"),
    ]
    shown = mounted(*things, prefix=top)
    assert contents(where) == {
        "plain/x.txt": b"1",
        "packed/y/z.txt": b"2",
        "none": b"no gzip at all",
        "evil": (tmp_path / "d.tar.gz").read_bytes(),
    }
    assert any("none.tar.gz” is shown as the file it is: it is no tar" in note for note in shown.notes)
    assert any("evil.tar.gz” is shown as the file it is" in note and "outside" in note for note in shown.notes)
    assert not (tmp_path / "evil").exists()


def test_what_is_no_tar_cannot_be_the_mount_itself(top, tmp_path, where):
    thing = put_file(tmp_path / "c.tar.gz", b"no gzip at all", f"{top}none.tar.gz")
    with pytest.raises(errors.MountError, match="can't be a directory: it is no tar"):
        link.LinkMount(session.current().store, lay_out([("", thing.view)]), where, a_transfer())
    assert not where.exists()


def test_an_empty_query_is_an_empty_directory(where, mounted):
    shown = mounted()
    assert (contents(where), shown.size) == ({}, 0)


def test_before_anything_comes_it_is_known_how_much_must(top, folder):
    things = [rl.put(b"x" * 5000, f"{top}x"), rl.put(folder, f"{top}p"), rl.put(folder, f"{top}f", format="files")]
    caching.current().upkeep.clear(in_use=True)
    store, layout = session.current().store, layout_of(*things)
    size = 5000 + 2 * len("a#!/bin/sh")
    fetched = 5000 + things[1].size + len("a#!/bin/sh")
    assert need.plan(store, layout) == need.Need(size, fetched, 1 + 3 + 3)
    rl.get(things[0], format="bytes")
    assert need.plan(store, layout).bytes_to_fetch == fetched - 5000


def test_what_came_is_counted_and_a_warm_cache_needs_no_store(top, folder, where, monkeypatch):
    with bad_network(monkeypatch) as server:
        things = [
            rl.put(random.Random(1).randbytes(3 * MIB), f"{top}x"),
            rl.put(folder, f"{top}packed"),
            rl.put(folder, f"{top}files", format="files"),
        ]
        caching.current().upkeep.clear(in_use=True)
        layout = layout_of(*things)
        expected = need.plan(session.current().store, layout).bytes_to_fetch
        cold = mount(where, *things)
        assert cold.counts().read is None
        assert cold.counts().fetched == expected > 3 * MIB
        before = contents(where)
        cold.unmount()
        asked = len(server.seen)
        warm = mount(where, *things)
        assert contents(where) == before
        assert (warm.counts().fetched, warm.counts().requests) == (0, 0)
        warm.show(layout_of(*things[:1]), a_transfer())
        warm.unmount()
        assert server.seen[asked:] == []


def test_an_object_that_the_cache_may_not_keep_is_shown_all_the_same(top, where, mounted, monkeypatch):
    thing = rl.put(random.Random(2).randbytes(MIB), f"{top}x")
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE_SIZE", "10k")
    mounted(thing, prefix=top)
    assert (where / "x.bin").read_bytes() == random.Random(2).randbytes(MIB)
    assert stat.S_IMODE((where / "x.bin").stat().st_mode) == 0o444


@pytest.mark.parametrize("there", [True, False])
def test_the_directory_may_be_there_if_it_is_empty_and_then_it_stays(top, where, there):
    if there:
        where.mkdir(mode=0o750)
    shown = mount(where, rl.put(b"1", f"{top}x"), prefix=top)
    assert stat.S_IMODE(where.stat().st_mode) == (0o750 if there else 0o755)
    shown.unmount()
    assert where.exists() == there


def test_the_directory_that_the_kernel_is_in_stays_the_very_same(top, where, monkeypatch):
    where.mkdir()
    monkeypatch.chdir(where)
    inode = where.stat().st_ino
    shown = mount(Path(), rl.put(b"1", f"{top}x"), rl.put(b"2", f"{top}d/y"), prefix=top)
    assert (shown.where, where.stat().st_ino) == (where, inode)
    assert contents(Path()) == {"x.bin": b"1", "d/y.bin": b"2"}
    shown.unmount()
    assert contents(Path.cwd()) == {}


def test_a_link_to_an_empty_directory_is_one(top, where, tmp_path):
    (tmp_path / "real").mkdir()
    where.symlink_to("real")
    shown = mount(where, rl.put(b"1", f"{top}x"), prefix=top)
    assert (tmp_path / "real/x.bin").read_bytes() == b"1"
    shown.unmount()
    assert where.is_symlink()
    assert contents(tmp_path / "real") == {}


def test_what_has_something_in_it_or_is_no_directory_is_refused_in_one_line(top, where, tmp_path):
    thing = rl.put(b"1", f"{top}x")
    where.mkdir()
    (where / "mine").write_text("m")
    (tmp_path / "file").write_text("f")
    for place, said in [
        (where, r"has things in it \(mine\)\. Give an empty directory"),
        (tmp_path / "file", "is no directory"),
        (tmp_path / "no/such", "there is no directory .*/no to make such in"),
    ]:
        with pytest.raises(errors.MountError, match=said) as caught:
            mount(place, thing)
        assert "\n" not in str(caught.value)
    assert contents(tmp_path) == {"data/mine": b"m", "file": b"f"}


def test_a_directory_is_mounted_once(top, where, mounted):
    thing = rl.put(b"1", f"{top}x")
    mounted(thing)
    with pytest.raises(errors.MountError, match=r"is mounted already .*%rl_umount"):
        mount(where, thing)


def test_it_is_not_let_go_while_the_kernel_is_in_it(top, where, mounted, monkeypatch):
    shown = mounted(rl.put(b"1", f"{top}x"), prefix=top)
    with monkeypatch.context() as patch:
        patch.chdir(where)
        with pytest.raises(errors.MountError, match="is where this kernel is"):
            shown.unmount()
        assert contents(where) == {"x.bin": b"1"}


def test_what_somebody_wrote_there_stays_and_is_named(top, where):
    shown = mount(where, rl.put(b"1", f"{top}x"), rl.put(b"2", f"{top}d/y"), prefix=top)
    (where / "d/notes.txt").write_text("mine")
    (where / "own").mkdir()
    shown.unmount()
    assert contents(where) == {"d/notes.txt": b"mine", "own": ""}
    assert shown.notes == (f"d/notes.txt, own in {where}: not of the mount, so left there",)


def test_a_file_that_somebody_replaced_or_wrote_to_stays(top, where):
    shown = mount(where, rl.put(b"1", f"{top}x"), rl.put(b"2", f"{top}y"), prefix=top)
    (where / "new").write_text("other")
    (where / "new").replace(where / "x.bin")
    (where / "y.bin").chmod(0o644)
    (where / "y.bin").write_text("other")
    shown.unmount()
    assert contents(where) == {"x.bin": b"other", "y.bin": b"other"}
    # Nor did that reach what the cache has.
    assert rl.get(f"{top}y", format="bytes") == b"2"


def test_what_is_new_appears_what_changed_is_swapped_and_what_is_gone_goes(top, folder, where, mounted):
    old, gone, kept = rl.put(b"one", f"{top}x"), rl.put(b"2", f"{top}d/y"), rl.put(folder, f"{top}kept")
    shown = mounted(old, gone, kept, prefix=top)
    inode = (where / "kept/a.txt").stat().st_ino
    reader = (where / "x.bin").open("rb")
    new = rl.put(b"another", f"{top}x")
    added = rl.put(b"3", f"{top}e/f/z")
    shown.show(layout_of(new, kept, added, prefix=top), a_transfer())
    assert contents(where) == {"x.bin": b"another", "e/f/z.bin": b"3", **beneath("kept", IN_FOLDER)}
    assert (where / "kept/a.txt").stat().st_ino == inode
    with reader:
        assert reader.read() == b"one"
    assert (shown.size, shown.notes) == (new.size + kept.size + added.size, ())
    assert not (where / "d").exists()
    shown.unmount()
    assert not where.exists()


def test_a_folder_is_swapped_whole(top, folder, where, mounted):
    old = rl.put(folder, f"{top}scans", format="files")
    shown = mounted(old, prefix=top)
    (folder / "a.txt").unlink()
    (folder / "b.txt").write_text("b")
    new = rl.put(folder, f"{top}scans", format="files")
    shown.show(layout_of(new, prefix=top), a_transfer())
    assert contents(where / "scans") == {**{k: v for k, v in IN_FOLDER.items() if k != "a.txt"}, "b.txt": b"b"}


def test_the_mount_itself_can_become_another_folder(top, folder, where):
    store = session.current().store
    old = rl.put(folder, f"{top}scans")
    shown = link.LinkMount(store, lay_out([("", old.view)]), where, a_transfer())
    (folder / "b.txt").write_text("b")
    new = rl.put(folder, f"{top}scans")
    (where / "mine").write_text("m")
    shown.show(lay_out([("", new.view)]), a_transfer())
    assert contents(where) == {**IN_FOLDER, "b.txt": b"b", "mine": b"m"}
    shown.unmount()
    assert contents(where) == {"mine": b"m"}


def test_an_object_that_gets_another_path_moves_there(top, where, mounted):
    first = rl.put(b"one", f"{top}x")
    shown = mounted(first, prefix=top)
    inode = (where / "x.bin").stat().st_ino
    second = rl.put(b"two", f"{top}x")
    shown.show(layout_of(first, second, prefix=top), a_transfer())
    (other,) = [path for path in where.iterdir() if path.name != "x.bin"]
    assert ((where / "x.bin").read_bytes(), other.read_bytes()) == (b"two", b"one")
    assert other.stat().st_ino == inode
    # A file makes way for the directory that another's slashes make.
    third = rl.put(b"three", f"{top}x.bin/deep")
    shown.show(layout_of(first, second, third, prefix=top), a_transfer())
    assert (where / "x.bin/deep.bin").read_bytes() == b"three"
    assert len(contents(where)) == 3


def test_what_somebody_wrote_is_not_overwritten_by_what_is_new(top, where, mounted):
    shown = mounted(rl.put(b"1", f"{top}x"), prefix=top)
    (where / "y.bin").write_text("mine")
    (where / "d").write_text("mine too")
    things = [rl.put(b"2", f"{top}y"), rl.put(b"3", f"{top}d/z"), rl.put(b"4", f"{top}w")]
    shown.show(layout_of(*things, prefix=top), a_transfer())
    assert contents(where) == {"y.bin": b"mine", "d": b"mine too", "w.bin": b"4"}
    assert sorted(note.partition(" ")[0] for note in shown.notes) == ["d/z.bin", "y.bin"]
    (where / "y.bin").unlink()
    shown.show(layout_of(*things[:1], prefix=top), a_transfer())
    assert contents(where) == {"y.bin": b"2", "d": b"mine too"}
    (where / "d").unlink()


def test_a_folder_into_which_somebody_wrote_makes_no_way(top, folder, where):
    old = rl.put(folder, f"{top}scans")
    shown = mount(where, old, prefix=top)
    (where / "scans/sub/mine").write_text("m")
    (folder / "b.txt").write_text("b")
    new = rl.put(folder, f"{top}scans")
    shown.show(layout_of(new, prefix=top), a_transfer())
    assert contents(where) == {"scans/sub/mine": b"m"}
    assert shown.notes == ("scans stays: it is no more what the mount placed there",)
    shown.unmount()
    assert contents(where) == {"scans/sub/mine": b"m"}


def test_showing_the_same_does_nothing_and_showing_after_the_end_is_refused(top, where):
    thing = rl.put(b"1", f"{top}x")
    shown = mount(where, thing, prefix=top)
    inode = (where / "x.bin").stat().st_ino
    shown.show(layout_of(thing, prefix=top), a_transfer())
    assert (where / "x.bin").stat().st_ino == inode
    shown.unmount()
    with pytest.raises(errors.MountError, match="is mounted no more"):
        shown.show(layout_of(thing), a_transfer())


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("after", [0, MIB])
def test_what_is_cancelled_leaves_nothing(top, where, there, after):
    things = [rl.put(random.Random(n).randbytes(2 * MIB), f"{top}{n}") for n in range(3)]
    caching.current().upkeep.clear(in_use=True)
    if there:
        where.mkdir()
    transfer = a_transfer()
    transfer.changed.listen(
        lambda now: transfer.cancel() if now.phase is Phase.RECEIVING and now.done >= after else None
    )
    with pytest.raises(errors.TransferCancelled):
        mount(where, *things, transfer=transfer)
    assert contents(where.parent) == ({"data": ""} if there else {})
    assert not list((cache_dir() / "claims").rglob("obj*"))


def test_a_change_that_is_cancelled_leaves_what_was_shown(top, where, mounted):
    thing, large = rl.put(b"1", f"{top}x"), rl.put(random.Random(9).randbytes(2 * MIB), f"{top}y")
    shown = mounted(thing, prefix=top)
    caching.current().upkeep.clear(in_use=True)
    transfer = a_transfer()
    transfer.changed.listen(lambda now: transfer.cancel() if now.done else None)
    with pytest.raises(errors.TransferCancelled):
        shown.show(layout_of(large, prefix=top), transfer)
    assert contents(where.parent) == {"data/x.bin": b"1"}
    shown.show(layout_of(large, prefix=top), a_transfer())
    assert list(contents(where)) == ["y.bin"]


def test_letting_go_stops_a_change_that_takes_its_time(top, where):
    shown = mount(where, rl.put(b"1", f"{top}x"), prefix=top)
    large = rl.put(random.Random(10).randbytes(2 * MIB), f"{top}y")
    caching.current().upkeep.clear(in_use=True)
    begun, over = threading.Event(), threading.Event()
    transfer = a_transfer()
    transfer.changed.listen(lambda now: (begun.set(), over.wait(0.5)) if now.done else None)
    ended = []

    def follow():
        try:
            shown.show(layout_of(large, prefix=top), transfer)
        except errors.TransferCancelled:
            ended.append(True)

    following = threading.Thread(target=follow)
    following.start()
    assert begun.wait(10)
    shown.unmount()
    over.set()
    following.join()
    assert ended == [True]
    assert contents(where.parent) == {}


def test_what_somebody_removed_is_there_again_after_the_next_change(top, folder, where, mounted):
    things = [rl.put(b"1", f"{top}x"), rl.put(b"2", f"{top}y")]
    shown = mounted(*things, prefix=top)
    (where / "x.bin").unlink()
    shown.show(layout_of(*things, prefix=top), a_transfer())
    assert contents(where) == {"x.bin": b"1", "y.bin": b"2"}


def test_after_a_change_that_broke_off_the_next_one_goes_on(top, folder, where, mounted, monkeypatch):
    first, second, third = (rl.put(b"%d" % n, f"{top}x") for n in range(3))
    other = rl.put(folder, f"{top}scans")
    shown = mounted(first, other, prefix=top)

    def break_off(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(changing.Change, "_place", break_off)
        with pytest.raises(OSError, match="Input/output"):
            shown.show(layout_of(first, second, prefix=top), a_transfer())
    shown.show(layout_of(second, third, other, prefix=top), a_transfer())
    assert (where / "x.bin").read_bytes() == b"2"
    assert sorted(map(str, contents(where).values())) == sorted(map(str, [b"1", b"2", *IN_FOLDER.values()]))
    shown.unmount()
    assert not where.exists()


def test_one_that_is_gone_fails_the_whole_and_leaves_nothing(top, where):
    gone, other = rl.put(b"1", f"{top}x"), rl.put(b"2", f"{top}y")
    rl.rm(gone)
    caching.current().upkeep.clear(in_use=True)
    with pytest.raises(errors.RunloopError):
        mount(where, gone, other)
    assert contents(where.parent) == {}


def test_without_room_nothing_is_fetched(top, where, monkeypatch):
    thing = rl.put(random.Random(3).randbytes(MIB), f"{top}x")
    caching.current().upkeep.clear(in_use=True)
    small = shutil._ntuple_diskusage(1 << 40, 1 << 40, 17 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: small)
    transfer = a_transfer()
    huge = layout_of(thing).shown[0]
    view = msgspec.structs.replace(huge.view, size_bytes=1 << 30)
    with pytest.raises(errors.TransferError, match=r"no room for .* it needs 1,0..\.. MiB"):
        link.LinkMount(session.current().store, lay_out([("x", view)]), where, transfer)
    assert transfer.snapshot().done == 0
    assert contents(where.parent) == {}


def test_where_there_is_no_room_for_the_cache_and_the_mount_it_goes_past_the_cache(top, where, mounted, monkeypatch):
    thing = rl.put(random.Random(4).randbytes(3 * MIB), f"{top}x")
    caching.current().upkeep.clear(in_use=True)
    tight = shutil._ntuple_diskusage(1 << 40, 1 << 40, (16 << 20) + 4 * MIB)
    monkeypatch.setattr(bringing.ground, "look", lambda *_: ground.Ground(shares=False, links=False, one_disk=True))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: tight)
    mounted(thing, prefix=top)
    assert (where / "x.bin").stat().st_size == 3 * MIB
    assert not caching.current().has(session.current().store.identity.id, thing.view)


def test_a_mount_whose_kernel_is_gone_is_taken_away_and_what_is_not_of_it_stays(top, folder, where):
    shown = mount(where, rl.put(b"1", f"{top}x"), rl.put(folder, f"{top}d/scans"), prefix=top)
    assert sweeping.sweep() == []
    assert len(contents(where)) == 5
    kernel_dies(shown.record)
    (where / "d/mine").write_text("m")
    assert sweeping.sweep() == [f"d/mine in {where}: not of the mount, so left there"]
    assert contents(where) == {"d/mine": b"m"}
    assert sweeping.sweep() == []


def test_where_a_dead_kernel_left_a_mount_another_is_made_at_once(top, where, mounted):
    thing = rl.put(b"1", f"{top}x")
    kernel_dies(mount(where, thing, prefix=top).record)
    mounted(thing, prefix=top)
    assert contents(where) == {"x.bin": b"1"}


def test_a_folder_to_write_in_is_left_to_those_who_know_it(where):
    where.mkdir()
    (where / "unsent").write_text("u")
    record = table.enter("write", "x", where, "s", made=True)
    kernel_dies(record)
    assert sweeping.sweep() == []
    assert record.is_there()
    assert contents(where) == {"unsent": b"u"}
    record.remove()


def as_somebody(uid, top, what):
    """Return what `what` returns in a process of that user's, with a cache of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        with os.fdopen(reading) as said:
            answer = said.read()
        os.waitpid(pid, 0)
        return answer
    try:
        if uid != os.geteuid():
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        os.environ |= {"RUNLOOP_JUPYTER_CACHE": str(top / "cache"), "RUNLOOP_JUPYTER_HOME": str(top / "home")}
        session.reset()
        answer = repr(what())
    except BaseException as error:
        answer = repr(error)
    os.write(writing, answer.encode())
    os._exit(0)


@pytest.fixture
def place(top, where, monkeypatch):
    """A directory of anybody's, and a store that anybody reaches."""
    mount(where, rl.put(b"1", f"{top}first")).unmount()  # what is loaded by root is there for the other
    endpoint = launch.ensure()
    monkeypatch.setenv("RUNLOOP_BASE_URL", endpoint.base_url)
    monkeypatch.setenv("RUNLOOP_API_KEY", endpoint.key.reveal())
    made = Path(tempfile.mkdtemp(prefix="rl-as-"))
    yield made
    (made / "shut").chmod(0o755) if (made / "shut").exists() else None
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.parametrize("uid", [0, 65534])
def test_a_file_is_the_caches_own_but_for_root_who_might_write_to_it(top, uid, place):
    uid = uid if os.geteuid() == 0 else os.geteuid()  # who isn't root is tested as who they are
    data = random.Random(5).randbytes(100_000)
    thing = rl.put(data, f"{top}x")
    os.chown(place, uid, -1)

    def work():
        with mount_for(place / "data", thing) as file:
            said = [file.samefile(rl.get(thing.name, format="path")), os.access(file, os.W_OK)]
            # What the cache lets go of is there all the same.
            caching.current().upkeep.clear(in_use=True)
            return [*said, file.read_bytes() == data]

    assert as_somebody(uid, place, work) == repr([uid != 0, uid == 0, True])
    assert not (place / "data").exists()
    assert [each.name for each in (place / "cache/mounts").iterdir()] == []


def test_a_directory_of_ones_own_in_one_of_somebody_elses_will_do(top, place):
    uid = 65534 if os.geteuid() == 0 else os.geteuid()
    thing = rl.put(b"1", f"{top}x")
    os.chown(place, uid, -1)
    for path in ("shut", "shut/data"):
        (place / path).mkdir()
        os.chown(place / path, uid, -1)
    (place / "shut").chmod(0o555)

    def work():
        with mount_for(place / "shut/data", thing) as file:
            said = [file.read_bytes()]
        try:
            mount(place / "shut/new", thing)
        except errors.MountError as error:
            said.append(str(error))
        return said

    assert as_somebody(uid, place, work) == repr([b"1", f"{place}/shut can't be written to. Give another directory"])
    assert [each.name for each in (place / "shut").rglob("*")] == ["data"]


@contextmanager
def mount_for(where, thing):
    shown = mount(where, thing)
    yield next(path for path in where.rglob("*") if path.is_file())
    shown.unmount()
