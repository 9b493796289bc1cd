"""Whether a mount of ours is at a directory: told from the system's own list, and never from a look at it."""

from pathlib import Path

import pytest

from runloop_jupyter.mounts.fuse import unmounting

HEAD = "36 25 0:32 / "


@pytest.fixture
def mounts(monkeypatch):
    """Let the system list these mounts."""

    def listed(*lines):
        read = Path.read_text
        monkeypatch.setattr(
            Path,
            "read_text",
            lambda path, *a, **k: "\n".join(lines) if str(path) == "/proc/self/mountinfo" else read(path, *a, **k),
        )

    return listed


def a_mount(at, kind="fuse.runloop"):
    return f"{HEAD}{at} ro,nosuid,nodev - {kind} runloop ro,user_id=0"


def test_ours_is_told_from_others(mounts):
    mounts(a_mount("/data"), a_mount("/home", "ext4"), a_mount("/other", "fuse.sshfs"))
    assert unmounting.is_mounted("/data")
    assert not unmounting.is_mounted("/home")
    assert not unmounting.is_mounted("/other")
    assert not unmounting.is_mounted("/data/within")


def test_names_with_spaces_are_found(mounts):
    mounts(a_mount(r"/my\040data\134x"))
    assert unmounting.is_mounted("/my data\\x")


def test_of_several_at_one_directory_the_last_is_looked_at(mounts):
    mounts(a_mount("/data"), a_mount("/data", "ext4"))
    assert not unmounting.is_mounted("/data")


def test_where_nothing_of_ours_is_nothing_is_done(mounts, monkeypatch):
    mounts(a_mount("/home", "ext4"))
    monkeypatch.setattr(unmounting, "_system_call", lambda *a, **k: pytest.fail("somebody else's mount was touched"))
    assert unmounting.let_go("/home", lazily=True)


def test_what_is_in_use_is_said_to_be(mounts, monkeypatch):
    mounts(a_mount("/data"))
    monkeypatch.setattr(unmounting, "_system_call", lambda *a, **k: False)
    monkeypatch.setattr(unmounting, "_command", lambda *a, **k: ["false"])
    assert not unmounting.let_go("/data", lazily=False)


def test_no_target_is_taken_for_an_option(monkeypatch):
    monkeypatch.setattr(unmounting.shutil, "which", lambda name: f"/bin/{name}")
    command = unmounting._command("-z", lazily=False)
    assert command[-2:] == ["--", "-z"]
