import os
import shutil

import pytest

from runloop_jupyter.errors import ArchiveError
from runloop_jupyter.mounts.writable.scanning import Scanner
from runloop_jupyter.mounts.writable.state import looks_of


@pytest.fixture
def scanner(tmp_path):
    (tmp_path / "folder").mkdir()
    return Scanner(str(tmp_path / "folder"), "name/")


@pytest.fixture
def where(scanner):
    from pathlib import Path

    return Path(scanner._where)


def test_files_are_seen_at_any_depth_as_they_look(scanner, where):
    (where / "a" / "b").mkdir(parents=True)
    (where / "a" / "b" / "c").write_bytes(b"123")
    scan = scanner.look()
    assert scan.files == {"a/b/c": looks_of((where / "a" / "b" / "c").stat())}
    assert scan.size == 3
    assert scanner.glance("a/b/c") == scan.files["a/b/c"]
    assert scanner.glance("a") is None
    assert scanner.glance("no") is None


def test_what_a_runloopignore_says_holds_from_the_next_look_on(scanner, where):
    (where / "in").mkdir()
    for path in ("a.log", "b.txt", "in/c.log"):
        (where / path).write_bytes(b"x")
    assert len(scanner.look().files) == 3
    (where / ".runloopignore").write_text("*.log\n")
    assert scanner.look().files.keys() == {".runloopignore", "b.txt"}
    (where / "in" / ".runloopignore").write_text("!c.log\n")
    assert "in/c.log" in scanner.look().files
    assert "in/c.log" in scanner.look().files
    (where / ".runloopignore").write_text("*.txt\n*.log\n")
    assert scanner.look().files.keys() == {".runloopignore", "in/.runloopignore", "in/c.log"}
    (where / ".runloopignore").unlink()
    assert {"a.log", "b.txt"} <= scanner.look().files.keys()


def test_a_runloopignore_that_cant_be_read_stops_the_look_and_sends_nothing_by_mistake(scanner, where):
    (where / ".runloopignore").mkdir()
    with pytest.raises(ArchiveError, match="plain file"):
        scanner.look()


def test_a_key_is_looked_into_once_until_it_changes(scanner, where, monkeypatch):
    from runloop_jupyter.mounts.writable import scanning

    (where / "a.pem").write_text("CERTIFICATE")
    real, asked = scanning.holds_key, []
    monkeypatch.setattr(scanning, "holds_key", lambda *each: asked.append(1) or real(*each))
    assert "a.pem" in scanner.look().files
    scanner.look()
    assert asked == [1]
    (where / "a.pem").write_text("-----BEGIN PRIVATE KEY-----")
    assert (scanner.look().files, scanner.look().secrets) == ({}, ["a.pem"])


def test_a_link_to_a_file_within_is_that_file_and_every_other_link_stays(scanner, where, tmp_path):
    (tmp_path / "far").write_bytes(b"far")
    (where / "d").mkdir()
    (where / "d" / "f").write_bytes(b"near")
    for name, target in {"near": "d/f", "far": "../far", "folder": "d", "loop": "loop", "none": "none2"}.items():
        (where / name).symlink_to(target)
    scan = scanner.look()
    assert scan.files.keys() == {"d/f", "near"}
    assert scan.files["near"] == scan.files["d/f"] == scanner.glance("near")
    assert scan.odd.keys() == {"far", "folder", "loop", "none"}


def test_a_folder_that_cant_be_read_is_named_and_the_rest_is_seen(scanner, where, monkeypatch):
    (where / "closed").mkdir()
    (where / "a").write_bytes(b"")
    real = os.scandir

    def refused(at):
        if str(at).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return real(at)

    monkeypatch.setattr(os, "scandir", refused)
    scan = scanner.look()
    assert scan.files.keys() == {"a"}
    assert "Permission denied" in scan.odd["closed"]


def test_a_directory_that_is_gone_is_no_empty_one(scanner, where):
    shutil.rmtree(where)
    with pytest.raises(FileNotFoundError):
        scanner.look()


def test_a_look_can_be_stopped(scanner, where):
    (where / "a").write_bytes(b"")

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scanner.look(stop)
