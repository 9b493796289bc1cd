"""A place that can't hold a store, or holds one badly: one line that says so."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from store_process import eventually, runloop_local

from runloop_jupyter.errors import EmbeddedStoreError
from runloop_jupyter.local import launch
from runloop_jupyter.local.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


@pytest.fixture
def held_elsewhere(root: Path) -> Iterator[Path]:
    """A root whose lock another machine's daemon holds, where locks reach across machines."""
    root.mkdir(mode=0o700)
    with Layout(root).lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"host": "other-machine", "boot_id": "another-boot", "pid": 4242}, file)
        file.flush()
        yield root


def test_a_lock_that_another_machine_holds_is_named_at_once(held_elsewhere: Path) -> None:
    began = time.monotonic()
    with pytest.raises(EmbeddedStoreError, match="in use on another machine, other-machine: stop it there"):
        launch.ensure(held_elsewhere)
    with pytest.raises(EmbeddedStoreError, match="runs on other-machine"):
        launch.stop(held_elsewhere)
    assert time.monotonic() - began < 5
    served = runloop_local("serve", "--root", str(held_elsewhere))
    assert "already being served on another machine, other-machine" in served.stderr
    assert served.stderr.count("\n") == 1


def test_the_lock_says_on_which_machine_its_holder_runs(root: Path) -> None:
    endpoint = launch.ensure(root)
    holder = json.loads(Layout(root).lock.read_bytes())
    assert (holder["host"], holder["pid"]) == (os.uname().nodename, endpoint.pid)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    where = tmp_path / "mounted"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(where)], check=True)
    yield where
    with contextlib.suppress(EmbeddedStoreError):
        launch.stop(where / "store")
    subprocess.run(["umount", "-l", str(where)], check=True)


@needs_root
def test_a_store_in_memory_says_so_in_status_and_in_its_log(mounted: Path) -> None:
    root = mounted / "store"
    launch.ensure(root)
    told = launch.status(root)
    assert told is not None
    assert "is in memory (tmpfs)" in told["place"]
    assert "is in memory (tmpfs)" in runloop_local("status", "--root", str(root)).stdout
    assert "is in memory (tmpfs)" in Layout(root).log.read_text()


@needs_root
@pytest.mark.parametrize("store_is_there", [True, False])
def test_a_read_only_disk_is_one_line_that_says_what_to_do(mounted: Path, store_is_there: bool) -> None:
    root = mounted / "store"
    if store_is_there:
        launch.ensure(root)
        launch.stop(root)
    remount = ["mount", "-o", "remount,ro", str(mounted)]  # refused until the daemon has closed its last file
    eventually(lambda: subprocess.run(remount, capture_output=True, check=False).returncode == 0)
    with pytest.raises(EmbeddedStoreError) as caught:
        launch.ensure(root)
    message = str(caught.value)
    assert f"{root} can't be written to (read-only file system). Set RUNLOOP_JUPYTER_HOME" in message
    assert "\n" not in message
    served = runloop_local("serve", "--root", str(root))
    assert "can't be written to (read-only file system)" in served.stderr
    assert served.stderr.count("\n") == 1
