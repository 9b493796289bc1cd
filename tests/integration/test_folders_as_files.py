"""A folder that is kept as files: only what changed moves, one of them can be had, and it is one thing to whoever looks."""

import os
import time
from pathlib import Path

import pandas as pd
import pytest
from leftovers import look
from shells import ok

import runloop_jupyter as rl
from runloop_jupyter import session as sessions
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.transfer import manifest
from runloop_jupyter.transfer.cache import current


def objects():
    return sessions.current().store.objects


def members(state="READ_ONLY"):
    where = Filter(state=state, metadata={"rl.kind": "part"})
    return [view for page in objects().pages(where) for view in page.objects]


def delete_all():
    for thing in rl.ls(limit=1000, versions=True):
        if thing.state == "READ_ONLY":
            rl.rm(thing)


@pytest.fixture(autouse=True)
def _nothing_is_left(home):
    delete_all()
    yield
    delete_all()
    assert members() == []
    assert not look()


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "scans"
    (root / "a" / "b").mkdir(parents=True)
    (root / "empty").mkdir()
    for n in range(5):
        (root / "a" / f"{n}.raw").write_bytes(os.urandom(50_000 + n))
    (root / "a" / "b" / "table.csv").write_text("x,y\n1,2\n3,4\n")
    (root / "nothing").touch()
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "latest").symlink_to("a/4.raw")
    return root


def tree(root):
    """What is in a folder, in a form to be compared."""
    found = {}
    for path in sorted(root.rglob("*")):
        at = str(path.relative_to(root))
        if path.is_symlink():
            found[at] = ("link", os.readlink(path))
        elif path.is_dir():
            found[at] = ("folder",)
        else:
            found[at] = ("file", path.read_bytes(), path.stat().st_mode & 0o111)
    return found


def test_a_folder_comes_back_as_it_was(folder, tmp_path):
    thing = rl.put(folder, format="files")
    assert (thing.kind, thing.format, thing.shape) == ("folder", "files", "9 files")
    assert tree(rl.get("scans")) == tree(folder)
    rl.get("scans", to=tmp_path / "back")
    assert tree(tmp_path / "back") == tree(folder)
