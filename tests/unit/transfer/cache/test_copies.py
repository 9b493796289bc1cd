"""What a user may change: one copy while it is unchanged, another once it isn't, none when its process has ended."""

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from runloop_jupyter.transfer.cache import copies as copying
from runloop_jupyter.transfer.cache.copies import Copies
from runloop_jupyter.transfer.cache.leases import Leases


def make(folder):
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.txt").write_text("original")
    (folder / "link").symlink_to("deep/a.txt")


@pytest.fixture
def copies(tmp_path):
    return Copies(tmp_path / "copies", Leases(tmp_path / "leases"))


def process_ends(tmp_path):
    """Make every lease one of a process that runs no more."""
    for path in (tmp_path / "leases").iterdir():
        first, *rest = path.read_text().splitlines()
        path.write_text("\n".join([json.dumps({**json.loads(first), "born": "1"}), *rest]))


def put_back(path, before):
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def same_bytes_same_time(folder):
    path = folder / "deep" / "a.txt"
    before = path.stat()
    path.write_text("changed!")
    put_back(path, before)


CHANGES = [
    pytest.param(lambda folder: (folder / "deep" / "a.txt").write_text("more than that"), id="longer"),
    pytest.param(same_bytes_same_time, id="same size and time"),
    pytest.param(lambda folder: (folder / "new").touch(), id="a new file"),
    pytest.param(lambda folder: (folder / "deep" / "a.txt").unlink(), id="a file gone"),
    pytest.param(lambda folder: (folder / "deep").rename(folder / "deeper"), id="renamed"),
    pytest.param(lambda folder: (folder / "deep" / "a.txt").chmod(0o600), id="another mode"),
    pytest.param(lambda folder: (folder.parent / "beside").touch(), id="a file beside it"),
]


def test_an_unchanged_copy_is_given_out_again(copies):
    first = copies.give("key", "scans", make)
    (first / "deep" / "a.txt").read_text()
    assert copies.give("key", "scans", make) == first


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_any_kind_does_not_show_in_the_next(change, copies):
    first = copies.give("key", "scans", make)
    change(first)
    second = copies.give("key", "scans", make)
    assert second != first
    assert (second / "deep" / "a.txt").read_text() == "original"
    assert copies.give("key", "scans", make) == second


def test_what_differs_has_copies_of_its_own(copies):
    assert copies.give("key", "scans", make) != copies.give("other", "scans", make)


def test_another_process_has_copies_of_its_own(copies, tmp_path):
    other = Copies(tmp_path / "copies", Leases(tmp_path / "leases"))
    assert other.give("key", "scans", make) != copies.give("key", "scans", make)


def test_what_fails_in_the_middle_leaves_nothing(copies, tmp_path):
    def fails(folder):
        make(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        copies.give("key", "scans", fails)
    assert [path for path in (tmp_path / "copies").rglob("*") if path.is_file()] == []
    assert copies.give("key", "scans", make).is_dir()


def test_copies_of_living_processes_stay(copies):
    given = copies.give("key", "scans", make)
    copies.sweep()
    assert (given / "link").read_text() == "original"


def test_copies_of_ended_processes_go(copies, tmp_path):
    copies.give("key", "scans", make)
    process_ends(tmp_path)
    assert copies.sweep() == 0
    assert list((tmp_path / "copies").iterdir()) == []


def test_what_was_never_finished_goes_with_its_process(copies, tmp_path):
    given = copies.give("key", "scans", make)
    next(given.parent.parent.glob("*.stamp")).unlink()
    process_ends(tmp_path)
    copies.sweep()
    assert list((tmp_path / "copies").iterdir()) == []


def test_what_was_changed_stays_a_week_after_its_process(copies, tmp_path, monkeypatch):
    given = copies.give("key", "scans", make)
    (given / "deep" / "a.txt").write_text("my work")
    process_ends(tmp_path)
    assert copies.sweep() == 1
    assert [(each.in_use, each.folder) for each in copies.scan()] == [(False, given.parent)]
    assert (given / "deep" / "a.txt").read_text() == "my work"
    week = copying.CHANGED_KEPT_S
    monkeypatch.setattr(time, "time", lambda real=time.time: real() + week + 60)
    assert copies.sweep() == 0
    assert not given.exists()


def test_a_folder_that_may_not_be_written_goes_too():
    root = Path(tempfile.mkdtemp())
    root.chmod(0o777)
    child = os.fork()
    if not child:  # as root anything can be removed
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            copies = Copies(root / "copies", Leases(root / "leases"))
            given = copies.give("key", "scans", lambda folder: (make(folder), (folder / "deep").chmod(0o500)))
            copies.remove_own()
            os._exit(0 if not given.exists() else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    shutil.rmtree(root, ignore_errors=True)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_process_that_ends_takes_its_copies_with_it(copies, tmp_path):
    unchanged, changed = (copies.give(key, "scans", make) for key in "ab")
    (changed / "new").touch()
    copies.remove_own()
    assert not unchanged.exists()
    assert (changed / "new").exists()
