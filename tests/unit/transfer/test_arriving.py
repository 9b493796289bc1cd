"""Files that fill up over several tries: whole under their name or not there, and gone on with by the right one."""

import errno
import fcntl
import json
import os
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from runloop_jupyter.errors import DigestMismatch
from runloop_jupyter.transfer import arriving, journal
from runloop_jupyter.transfer.partial import Partial
from runloop_jupyter.wire.objects import ObjectView

SIZE = arriving.RESUMABLE + 5
HALF = memoryview(os.urandom(SIZE // 2))
REST = memoryview(os.urandom(SIZE - len(HALF)))


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "partial"


@pytest.fixture
def target(tmp_path):
    (tmp_path / "target").mkdir()
    return tmp_path / "target" / "x.bin"


def a_view(id_="obj_1", size=SIZE):
    return ObjectView(id=id_, name="x.bin", state="READ_ONLY", content_type="binary", create_time_ms=0, size_bytes=size)


class LineBroke(Exception):
    pass


def half(target, view=None, store="store-1", error=LineBroke, etag='"one"', size=0):
    """Bring the first half, then fail."""

    def fail():
        with arriving.arriving(target, store, view or a_view()) as file:
            if size:
                file.allocate(size)
            file.write(HALF, 0)
            file.etag = etag
            raise error("so")

    with pytest.raises(error):
        fail()


def brought(target, view=None, store="store-1", **more):
    """Return how much is there at the beginning; then bring all."""
    with arriving.arriving(target, store, view or a_view(), **more) as file:
        there = file.resumed
        file.write(HALF, 0)
        file.write(REST, len(HALF))
    return there


def names(root):
    return sorted(each.name for each in root.iterdir())


def test_the_next_goes_on_with_what_a_failed_one_brought(root, target):
    half(target)
    assert not target.exists()
    assert len(names(root)) == 2
    assert brought(target) == len(HALF)
    assert target.read_bytes() == bytes(HALF) + bytes(REST)
    assert names(root) == []


def test_what_was_allocated_and_never_came_is_given_back(root, target):
    half(target, size=SIZE)
    (part,) = root.glob("*.part")
    assert part.stat().st_size == len(HALF)
    assert arriving.waiting("store-1", a_view()) >= len(HALF)
    assert arriving.waiting("store-2", a_view()) == 0


@pytest.mark.parametrize(
    ("view", "store"), [(a_view("obj_2"), "store-1"), (a_view(), "store-2"), (a_view(size=SIZE + 1), "store-1")]
)
def test_another_object_or_store_does_not(view, store, root, target):
    half(target)
    assert brought(target, view, store) == 0
    assert len(names(root)) == 2


def test_what_a_digest_told_to_be_wrong_is_thrown_away(root, target):
    half(target, error=DigestMismatch)
    assert names(root) == []
    assert not target.exists()


def test_nothing_is_kept_of_nothing(root, target):
    with pytest.raises(LineBroke), arriving.arriving(target, "store-1", a_view()):
        raise LineBroke
    assert names(root) == []
    assert list(target.parent.iterdir()) == []


def test_small_ones_are_not_kept(root, target):
    half(target, a_view(size=100))
    assert not root.exists() or names(root) == []
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("size", [100, SIZE])
def test_the_mode_is_less_the_umask(size, target):
    before = os.umask(0o027)
    try:
        brought(target, a_view(size=size), mode=0o666)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_file_nobody_may_write_to_can_be_gone_on_with_all_the_same(target):
    half(target)
    assert brought(target, mode=0o400) == len(HALF)
    assert stat.S_IMODE(target.stat().st_mode) == 0o400


@pytest.mark.parametrize("size", [100, SIZE])
def test_without_a_name_it_is_there_for_as_long_as_it_is_open(size, root, tmp_path):
    with arriving.arriving(None, "store-1", a_view(size=size)) as file:
        file.write(memoryview(b"bytes"), 0)
        kept = os.fdopen(os.dup(file.fileno()), "rb")
    with kept:
        assert kept.read() == b"bytes"
    assert [each for each in (tmp_path / "cache").rglob("*") if each.is_file()] == []


def test_on_another_disk_it_waits_beside_its_target_and_is_not_seen(root, target, monkeypatch):
    renamed = Path.rename

    def elsewhere(self, to):
        if Path(to).parent != self.parent:
            raise OSError(errno.EXDEV, "another disk")
        return renamed(self, to)

    monkeypatch.setattr(Path, "rename", elsewhere)
    half(target)
    (beside,) = target.parent.iterdir()
    assert beside.name.startswith(".")
    assert brought(target) == len(HALF)
    assert list(target.parent.iterdir()) == [target]
    assert names(root) == []


def test_what_was_begun_on_one_disk_can_be_gone_on_with_on_another(root, target, monkeypatch):
    half(target)
    replaced = Path.replace

    def elsewhere(self, to):
        if self.suffix == ".part" and Path(to) == target and self.parent != target.parent:
            raise OSError(errno.EXDEV, "another disk")
        return replaced(self, to)

    monkeypatch.setattr(Path, "replace", elsewhere)
    assert brought(target) == len(HALF)
    assert target.read_bytes() == bytes(HALF) + bytes(REST)
    assert names(root) == []


def left_by(root, owner):
    """Turn what a failed download left into what `owner` works on."""
    (note,) = root.glob("*.json")
    key = note.name.partition(".")[0]
    note.rename(arriving._named(key, owner))


DEAD = replace(journal.me(), pid=2**22 + 1)
FAR = replace(journal.me(), host="far")


@pytest.mark.parametrize(
    ("owner", "silent_s", "taken"),
    [
        (journal.me(), 0, False),
        (journal.me(), arriving.SILENCE_S + 60, False),
        (DEAD, 0, True),
        (replace(journal.me(), boot="before"), 0, True),
        (FAR, 0, False),
        (FAR, arriving.SILENCE_S + 60, True),
    ],
    ids=["alive", "alive and silent", "dead", "before a restart", "far away", "far away and silent"],
)
def test_only_what_nobody_works_on_is_taken_over(owner, silent_s, taken, root, target):
    half(target)
    left_by(root, owner)
    for path in root.iterdir():
        os.utime(path, (time.time() - silent_s,) * 2)
    assert (brought(target) == len(HALF)) == taken


def test_what_a_neighbour_holds_is_left_to_it(root, target):
    half(target)
    (part,) = root.glob("*.part")
    with part.open("rb") as held:
        arriving._lock(held)
        assert brought(target) == 0
    assert brought(target.with_name("again.bin")) == len(HALF)


HOSTILE = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"version": 2}',
    b'{"version": 1}',
    b"\xff\xfe",
    b"[" * 100_000,
]


@pytest.mark.parametrize("said", HOSTILE)
def test_a_note_that_can_not_be_read_is_passed_over(said, root, target):
    half(target)
    (note,) = root.glob("*.json")
    note.write_bytes(said)
    assert brought(target) == 0


@pytest.mark.parametrize("done", [[[0, SIZE * 2]], [[-5, 10]], [[7, 7]], [[10, 5]], [["a", 5]], [5], 5])
def test_a_note_of_bytes_that_are_not_there_is_passed_over(done, root, target):
    half(target)
    (note,) = root.glob("*.json")
    note.write_text(json.dumps({**json.loads(note.read_text()), "done": done}))
    assert brought(target) == 0


def test_a_note_never_makes_a_file_of_somebody_elses_go_or_be_written_to(root, target, tmp_path):
    half(target)
    mine = tmp_path / "thesis.tex"
    mine.write_bytes(bytes(SIZE))
    (note,) = root.glob("*.json")
    note.write_text(json.dumps({**json.loads(note.read_text()), "data": str(mine)}))
    brought(target)
    assert mine.read_bytes() == bytes(SIZE)
    long_ago = time.time() - 2 * arriving.KEPT_S
    os.utime(note, (long_ago, long_ago))
    brought(target, a_view("obj_2"))
    assert mine.read_bytes() == bytes(SIZE)


@pytest.mark.parametrize(
    ("etag", "digest", "kept"),
    [
        ('"one"', True, True),
        (None, True, True),
        ('"one"', False, True),
        ('W/"one"', False, False),
        (None, False, False),
    ],
)
def test_without_a_digest_only_a_strong_etag_may_vouch(etag, digest, kept, root, target):
    half(target, etag=etag)
    with arriving.arriving(target, "store-1", a_view()) as file:
        file.only_under(digest=digest)
        assert (file.resumed == len(HALF)) == kept


def test_without_a_digest_nothing_vouches_for_what_was_there_before_a_restart(root, target):
    half(target)
    (note,) = root.glob("*.json")
    note.write_text(json.dumps({**json.loads(note.read_text()), "boot": "before"}))
    with arriving.arriving(target, "store-1", a_view()) as file:
        file.only_under(digest=False)
        assert file.resumed == 0


def test_no_link_is_ever_written_down(root, target):
    half(target)
    (note,) = root.glob("*.json")
    assert set(json.loads(note.read_text())) == {"version", "store", "object", "size", "data", "boot", "done", "etag"}


def test_a_disk_without_room_is_told_before_the_bytes_come(tmp_path):
    with (tmp_path / "x").open("w+b") as file, pytest.raises(OSError, match=r"No space|too large"):
        Partial(file).allocate(1 << 60)


def test_what_was_cut_off_is_listed_with_what_it_takes_of_the_disk(root, target):
    half(target)
    (found,) = arriving.cut_off(root.parent)
    assert (found.store, found.object) == ("store-1", "obj_1")
    assert len(HALF) <= found.size <= len(HALF) + 8192
    assert time.time() - found.used < 60
    assert list(arriving.cut_off(root.parent / "elsewhere")) == []


def test_what_was_cut_off_can_be_removed_and_then_all_comes_anew(root, target):
    half(target)
    (found,) = arriving.cut_off(root.parent)
    assert found.remove()
    assert names(root) == []
    assert not found.remove()
    assert brought(target) == 0


def test_what_somebody_goes_on_with_by_now_is_neither_listed_nor_removed(root, target):
    half(target)
    (found,) = arriving.cut_off(root.parent)
    with arriving.arriving(target, "store-1", a_view()) as file:
        assert file.resumed == len(HALF)
        assert list(arriving.cut_off(root.parent)) == []
        assert not found.remove()
        file.write(REST, len(HALF))
    assert target.read_bytes() == bytes(HALF) + bytes(REST)


def test_what_a_neighbour_holds_whom_nobody_here_can_see_is_not_removed(root, target):
    """In another container its process is nobody's here: only its lock tells."""
    half(target)
    (found,) = arriving.cut_off(root.parent)
    with next(root.glob("*.part")).open("rb") as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        assert not found.remove()
    assert len(names(root)) == 2
