"""Why FUSE can't be had: one line for each reason, which says what to do."""

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

from runloop_jupyter.errors import MountError
from runloop_jupyter.mounts import table
from runloop_jupyter.mounts.fuse import availability as module
from runloop_jupyter.mounts.fuse import available
from runloop_jupyter.mounts.layout import lay_out
from runloop_jupyter.profile import Profile, StoreIdentity
from runloop_jupyter.session import Store
from runloop_jupyter.transfer.transfer import Transfer


@pytest.fixture
def machine(monkeypatch):
    """A machine that has all it takes; `machine(root=False, …)` takes something away."""
    exists, find_spec, which = os.path.exists, importlib.util.find_spec, shutil.which

    def set_up(
        *,
        system="linux",
        device=True,
        open_to_all=True,
        library="fuse3",
        root=True,
        program=True,
        may_mount=True,
        without=(),
    ):
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.setattr(os.path, "exists", lambda path: device if path == "/dev/fuse" else exists(path))
        monkeypatch.setattr(os, "access", lambda path, mode: open_to_all)
        monkeypatch.setattr(module, "library", lambda: library)
        monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
        monkeypatch.setattr(
            shutil, "which", lambda name, *a: ("/x" if program else None) if "fusermount" in name else which(name, *a)
        )
        monkeypatch.setattr(module, "_may_mount", lambda: may_mount)
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name, *a: None if name in without else find_spec("os", *a)
        )

    return set_up


def test_it_is_there_where_nothing_is_missing(machine):
    machine()
    assert available() is None
    machine(root=False, may_mount=False)  # fusermount3 may
    assert available() is None


@pytest.mark.parametrize(
    ("taken", "says"),
    [
        ({"device": False}, "--device /dev/fuse"),
        ({"root": False, "open_to_all": False}, "chmod 666 /dev/fuse"),
        ({"library": None}, "apt install fuse3"),
        ({"without": ("mfusepy",)}, "%pip install 'runloop_jupyter[fuse]'"),
        ({"without": ("indexed_gzip",)}, "%pip install 'runloop_jupyter[fuse]'"),
        ({"root": False, "program": False}, "fusermount3"),
        ({"may_mount": False}, "--cap-add SYS_ADMIN"),
        ({"system": "darwin", "library": None}, "macFUSE"),
        ({"system": "win32"}, "--mode link"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do_about_it(machine, taken, says):
    machine(**taken)
    missing = available()
    assert says in missing
    assert "\n" not in missing


def test_to_ask_loads_neither_libfuse_nor_anything_heavy():
    code = (
        "import sys; from runloop_jupyter.mounts import fuse; fuse.available();"
        "print([each for each in ('mfusepy', 'indexed_gzip', 'httpx', 'msgspec', 'numpy') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_wish_that_can_not_be_met_is_an_error_that_says_why(machine, monkeypatch, tmp_path):
    from runloop_jupyter.mounts.fuse import mount

    machine(device=False)
    sleeper = [sys.executable, "-c", "raise SystemExit('fuse: device not found')"]
    monkeypatch.setattr(
        mount,
        "_started",
        lambda log: subprocess.Popen(sleeper, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, bufsize=0),
    )
    store = Store(Profile("local", "a test"), StoreIdentity("one", "embedded store"), None)
    with pytest.raises(MountError, match="--device /dev/fuse"):
        mount.FuseMount(store, lay_out([]), tmp_path / "m", Transfer("x", "down", ""))
    assert not (tmp_path / "m").exists()
    assert table.everything() == []
