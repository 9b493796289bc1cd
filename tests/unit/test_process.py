"""A process is its id and the moment it began."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runloop_jupyter.process import start, start_ticks

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")


def test_a_process_keeps_the_moment_it_began() -> None:
    assert start_ticks(os.getpid()) == start_ticks(os.getpid()) is not None


def test_a_dead_process_began_never_reaped_or_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert start_ticks(child.pid) is None
    child.wait()
    assert start_ticks(child.pid) is None


def test_a_process_on_its_way_out_is_dead_before_it_is_a_zombie(monkeypatch: pytest.MonkeyPatch) -> None:
    name, _, rest = Path(f"/proc/{os.getpid()}/stat").read_bytes().rpartition(b")")
    fields = rest.split()
    fields[20] = b"0"  # the memory is given back; the listening sockets are next
    monkeypatch.setattr(Path, "read_bytes", lambda _: name + b") " + b" ".join(fields))
    assert start_ticks(os.getpid()) is None


def test_a_command_made_to_look_like_fields_does_not_deceive(tmp_path: Path) -> None:
    odd = tmp_path / ") Z 1 1"
    odd.symlink_to("/bin/sleep")
    with subprocess.Popen([odd, "30"]) as child:
        try:
            assert (start_ticks(child.pid) or 0) >= (start_ticks(os.getpid()) or 0) > 0
        finally:
            child.kill()


def test_a_module_started_as_a_process_is_handed_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLOOP_API_KEY", "secret")
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", "/somewhere")
    child = start("code", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    environ = Path(f"/proc/{child.pid}/environ")
    try:
        assert b"secret" not in environ.read_bytes()
        assert b"RUNLOOP_JUPYTER_HOME=/somewhere" in environ.read_bytes()
    finally:
        child.kill()
        child.communicate()
