"""Folders from a notebook: what is left out is said, and room is asked for before anything is written."""

import os
import shutil

import pytest
from shells import ok

import runloop_jupyter as rl
from runloop_jupyter.errors import InputError, TransferError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "a.csv").write_text("1,2")
    return tmp_path / "study"


def test_secrets_stay_out_unless_they_are_asked_for(run, fresh_shell, folder):
    (folder / ".env").write_text("KEY=1")
    thing = ok(run("%rl_put study -n study-plain"))
    assert thing.outcome.notes == ("left out 1 file that may hold secrets: .env. Those too: --include-secrets",)
    assert not (rl.get(thing) / ".env").exists()
    thing = ok(run("%rl_put study -n study-plain --include-secrets"))
    assert thing.outcome.notes == ()
    assert (rl.get(thing) / ".env").read_text() == "KEY=1"


def test_what_runloopignore_leaves_out_is_counted(folder):
    (folder / "big.tmp").write_text("x")
    (folder / ".runloopignore").write_text("*.tmp")
    thing = rl.put(folder, "study-ignoring")
    assert thing.outcome.notes == ("left out 1 by .runloopignore",)
    assert sorted(path.name for path in rl.get(thing).iterdir()) == [".runloopignore", "a.csv"]


def test_secrets_are_asked_for_of_folders_only():
    with pytest.raises(InputError, match="--include-secrets"):
        rl.put({"a": 1}, "values", include_secrets=True)


def test_a_folder_without_room_for_its_archive_is_refused_before_it_is_packed(folder, monkeypatch):
    (folder / "large.bin").write_bytes(os.urandom(40 << 20))
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=30 << 20))
    monkeypatch.setattr("runloop_jupyter.archive.pack", None)
    with pytest.raises(TransferError, match=r"no room for “study-large”: it needs 40\.0 MiB, and 30\.0 MiB are left"):
        rl.put(folder, "study-large")
