"""What is in use: as long as its process lives, and not a moment longer."""

import json
import os
import subprocess
import sys
import time

import pytest
from store_process import environment

from runloop_jupyter.transfer.cache import leases
from runloop_jupyter.transfer.cache.leases import Leases

HOLDS = """
import sys; from pathlib import Path
from runloop_jupyter.transfer.cache.leases import Leases
Leases(Path(sys.argv[1])).take("theirs")
print("taken", flush=True); sys.stdin.read()
"""


@pytest.fixture
def another(tmp_path):
    """A process that has taken “theirs”."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout.readline() == "taken\n"
    yield process
    process.kill()
    process.communicate()


def of_another_host(path, seconds_ago):
    lines = path.read_text().splitlines()
    lines[0] = json.dumps({**json.loads(lines[0]), "host": "elsewhere"})
    path.write_text("".join(f"{line}\n" for line in lines))
    os.utime(path, (time.time() - seconds_ago,) * 2)


def test_what_is_taken_is_held_until_it_is_given_back(tmp_path):
    mine = Leases(tmp_path)
    mine.take("a")
    mine.take("b")
    mine.take("a")
    assert Leases(tmp_path).held() == {"a", "b"}
    mine.release()
    assert Leases(tmp_path).held() == set()
    assert list(tmp_path.iterdir()) == []


def test_a_living_process_is_believed_and_a_killed_one_holds_nothing(tmp_path, another):
    mine = Leases(tmp_path)
    mine.take("mine")
    assert mine.held() == {"mine", "theirs"}
    another.kill()
    another.wait()
    assert mine.held() == {"mine"}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_process_that_has_another_ones_id_is_not_that_one(tmp_path):
    mine = Leases(tmp_path)
    mine.take("a")
    path = next(tmp_path.iterdir())
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(first), "born": "1"}), *rest]))
    assert Leases(tmp_path).held() == set()


def test_another_machine_is_believed_for_a_week_after_it_last_took_something(tmp_path):
    Leases(tmp_path).take("far")
    path = next(tmp_path.iterdir())
    of_another_host(path, leases.SILENCE_S - 60)
    assert Leases(tmp_path).held() == {"far"}
    of_another_host(path, leases.SILENCE_S + 60)
    assert Leases(tmp_path).held() == set()


def test_what_can_not_be_read_is_left_alone_for_as_long(tmp_path):
    (tmp_path / "junk").write_bytes(b"\xff\xfe")
    assert Leases(tmp_path).held() == set()
    assert (tmp_path / "junk").exists()
    os.utime(tmp_path / "junk", (1, 1))
    assert Leases(tmp_path).held() == set()
    assert not (tmp_path / "junk").exists()


def test_a_cache_that_was_removed_by_hand_is_begun_anew(tmp_path):
    mine = Leases(tmp_path / "leases")
    mine.take("a")
    next((tmp_path / "leases").iterdir()).unlink()
    mine.take("b")
    assert mine.held() == {"a", "b"}


def test_a_forked_child_takes_for_itself_and_leaves_its_parents_alone(tmp_path):
    mine = Leases(tmp_path)
    mine.take("parents")
    child = os.fork()
    if not child:
        try:
            mine.take("childs")
            mine.release()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert mine.held() == {"parents"}
