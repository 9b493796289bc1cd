"""A process killed in the middle of a large download: the next one goes on with what it had.

``python tests/faults/test_engine_kill.py --long [N]`` kills N (60) downloads at random moments.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from far_object import DATA, RANGE, FarObject, far_object
from misbehaving import answers

SUPPORT = Path(__file__).parents[1] / "support"
CHILD = """
import sys
import pytest
from pathlib import Path
from far_object import FarObject, far_object
from runloop_jupyter.transfer import arriving
arriving.SAVED_EVERY_S = 0.02
with far_object(pytest.MonkeyPatch()) as far:
    far.server.shutdown()
    far.server = type("Server", (), {"url": sys.argv[1]})
    print("begins", flush=True)
    far.fetch(Path(sys.argv[2]))
"""


@pytest.fixture
def far(monkeypatch, tmp_path):
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(tmp_path / "cache"))
    with far_object(monkeypatch) as far:
        yield far


def slowly(exchange):
    time.sleep(0.15)
    answers(exchange)


def begin(far: FarObject, target: Path) -> subprocess.Popen[str]:
    far.server.will("GET", slowly, for_ever=True)
    path = os.pathsep.join([str(SUPPORT), *sys.path])
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, far.server.url, str(target)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begins\n"
    return child


def kill(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    if child.stdout:
        child.stdout.close()


def kept(where: Path) -> list[str]:
    return sorted(each.suffix for each in (where / "cache" / "partial").glob("*"))


def test_the_next_download_goes_on_with_what_a_killed_one_had(far, tmp_path):
    target = tmp_path / "far.bin"
    child = begin(far, target)
    while len(far.server.asked("GET")) < 4:
        time.sleep(0.01)
    time.sleep(0.05)
    kill(child)
    assert not target.exists()
    assert kept(tmp_path) == [".json", ".part"]
    far.server.behave()
    far.fetch(target)
    assert target.read_bytes() == DATA
    assert far.came() <= len(DATA) - 2 * RANGE
    assert kept(tmp_path) == []


def test_what_a_living_process_fetches_is_left_to_it(far, tmp_path):
    target = tmp_path / "theirs.bin"
    child = begin(far, target)
    while len(far.server.asked("GET")) < 3:
        time.sleep(0.01)
    far.fetch(tmp_path / "ours.bin")
    assert child.wait(30) == 0
    kill(child)
    assert target.read_bytes() == (tmp_path / "ours.bin").read_bytes() == DATA
    assert kept(tmp_path) == []


def test_what_lay_for_a_week_is_removed_by_whoever_downloads_next(far, tmp_path):
    child = begin(far, tmp_path / "far.bin")
    while len(far.server.asked("GET")) < 4:
        time.sleep(0.01)
    kill(child)
    long_ago = time.time() - 8 * 24 * 3600
    for path in (tmp_path / "cache" / "partial").glob("*"):
        os.utime(path, (long_ago, long_ago))
    far.server.behave()
    far.store(DATA[::-1])
    far.fetch(tmp_path / "other.bin")
    assert kept(tmp_path) == []


def main(count: int) -> int:
    seen: Counter[str] = Counter()
    for seed in range(count):
        with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
            where, moment = Path(name), random.Random(seed).uniform(0, 1.2)
            patch.setenv("RUNLOOP_JUPYTER_CACHE", str(where / "cache"))
            with far_object(patch) as far:
                child = begin(far, where / "far.bin")
                time.sleep(moment)
                kill(child)
                done = (where / "far.bin").exists()
                far.server.behave()
                (where / "far.bin").unlink(missing_ok=True)
                far.fetch(where / "far.bin")
                right = (where / "far.bin").read_bytes() == DATA and kept(where) == []
                less = far.came() < len(DATA)
                seen["VIOLATION" if not right else "was done" if done else "resumed" if less else "from the start"] += 1
    for what, times in sorted(seen.items()):
        print(f"{times:5} {what}")
    print(f"{count} kills, {seen['VIOLATION']} violations")
    return 1 if seen["VIOLATION"] else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[2]) if sys.argv[2:] else 60))
