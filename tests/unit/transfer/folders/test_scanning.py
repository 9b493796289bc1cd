"""A folder is looked through once; what looks as it did is not read again, and what may look so by accident is."""

import os
import time

import pytest

from runloop_jupyter.errors import ArchiveError
from runloop_jupyter.transfer import digest
from runloop_jupyter.transfer.folders import scanning, seen
from runloop_jupyter.transfer.folders.scanning import scan
from runloop_jupyter.transfer.transfer import Transfer


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "scans"
    (root / "a").mkdir(parents=True)
    (root / "a" / "x").write_bytes(b"one")
    (root / "y").write_bytes(b"two")
    (root / "nothing").touch()
    (root / "l").symlink_to("a/x")
    return root


@pytest.fixture
def hashed(monkeypatch):
    """The names of the files that are read."""
    names = []
    real = digest.of_file

    def of_file(path, *rest):
        names.append(path.name)
        return real(path, *rest)

    monkeypatch.setattr(scanning.digest, "of_file", of_file)
    return names


def look(folder, **how):
    return scan(folder, Transfer("scans", "up", ""), **how)


def settle(monkeypatch):
    """Let two seconds go by, as far as anybody can tell."""
    real = time.time_ns
    monkeypatch.setattr(seen.Seen, "note", _noting_at(real() + 10 * seen.TICK_NS))


def _noting_at(moment):
    real = seen.Seen.note
    return lambda self, there, digest_, _: real(self, there, digest_, moment)


def test_what_is_in_it(folder):
    found = look(folder)
    assert found.listing.folders == ("a",)
    assert found.listing.links == (("l", "a/x"),)
    assert [(file.path, file.size) for file in found.listing.files] == [("a/x", 3), ("nothing", 0), ("y", 3)]
    assert {path.name for path, _ in found.looks.values()} == {"x", "y"}


def test_the_same_folder_elsewhere_is_the_same(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for each in ("y", "nothing"):
        (other / each).write_bytes((folder / each).read_bytes())
    (other / "l").symlink_to("a/x")
    (other / "a").mkdir()
    (other / "a" / "x").write_bytes(b"one")
    os.utime(other / "a" / "x", (1, 1))
    (other / "y").chmod(0o600)
    assert look(other).listing.digest == look(folder).listing.digest


def test_what_looks_as_it_did_is_not_read_again(folder, hashed, monkeypatch):
    settle(monkeypatch)
    first = look(folder)
    assert sorted(hashed) == ["x", "y"]
    hashed.clear()
    (folder / "y").write_bytes(b"six")
    os.utime(folder / "y", ns=(first.looks[first.listing.file("y").digest][1].st_mtime_ns,) * 2)
    again = look(folder)
    assert hashed == ["y"]  # its size is the same, and so is the time that anybody can set
    assert again.listing.file("a/x") == first.listing.file("a/x")
    assert again.listing.digest != first.listing.digest


def test_what_was_changed_just_before_it_was_read_is_read_again(folder, hashed):
    look(folder)
    hashed.clear()
    look(folder)
    assert sorted(hashed) == ["x", "y"]


def test_a_file_of_digests_that_is_damaged_is_passed_over(folder, hashed, monkeypatch):
    settle(monkeypatch)
    found = look(folder)
    kept = seen.Seen(folder)._path
    kept.write_bytes(b'\xff\n[1,2]\n{"a":1}\n[1,2,3,4,5,6]\n' + kept.read_bytes()[:20])
    hashed.clear()
    assert look(folder).listing == found.listing
    assert sorted(hashed) == ["x", "y"]


def test_a_file_that_changes_while_it_is_read_is_refused_by_name(folder, monkeypatch):
    real = digest.of_file

    def of_file(path, *rest):
        found = real(path, *rest)
        if path.name == "x":
            path.write_bytes(b"three")
        return found

    monkeypatch.setattr(scanning.digest, "of_file", of_file)
    with pytest.raises(ArchiveError, match="a/x changed while it was packed"):
        look(folder)


def test_what_cannot_be_sent_is_refused_by_name(folder):
    os.mkfifo(folder / "pipe")
    with pytest.raises(ArchiveError, match="pipe is a FIFO"):
        look(folder)
    (folder / "pipe").unlink()
    (folder / "out").symlink_to("../elsewhere")
    with pytest.raises(ArchiveError, match="out is a link that leads out"):
        look(folder)


def test_secrets_and_what_is_ignored_stay_out_and_are_counted(folder):
    (folder / ".env").write_text("KEY=1")
    (folder / "b.tmp").write_text("x")
    (folder / ".runloopignore").write_text("*.tmp")
    found = look(folder)
    assert (found.left_out, found.ignored) == ([".env"], 1)
    assert found.listing.file("b.tmp") is None
    assert look(folder, include_secrets=True).listing.file(".env") is not None
