"""Who fetches: one of many, until it is done, dead or silent."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest
from store_process import environment

from runloop_jupyter.transfer.cache import claims

TAKES = """
import sys; from pathlib import Path
from runloop_jupyter.transfer.cache import claims
assert claims.take(Path(sys.argv[1])); print("taken", flush=True); sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store" / "obj_1"


@pytest.fixture
def owner(path):
    """A process that has the claim."""
    process = subprocess.Popen(
        [sys.executable, "-c", TAKES, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout.readline() == "taken\n"
    yield process
    process.kill()
    process.communicate()


def as_of(path, **changes):
    content = json.loads(path.read_bytes().splitlines()[0])
    content["owner"] |= changes
    path.write_text(json.dumps(content))


def test_one_has_it_until_it_is_released(path):
    claim = claims.take(path)
    assert claim
    assert claims.take(path) is None
    claim.release()
    assert claims.take(path)


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_of_many_at_once_one_has_it(path, links, monkeypatch):
    if not links:
        monkeypatch.setattr(os, "link", lambda *paths, **more: (_ for _ in ()).throw(PermissionError(1, "no links")))
    for _ in range(20):
        start = threading.Barrier(8)
        taken = []

        def take(start=start, taken=taken):
            start.wait()
            taken.append(claims.take(path))

        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        held = [claim for claim in taken if claim]
        assert len(held) == 1
        held[0].release()
    assert list(path.parent.iterdir()) == []


def test_a_file_server_that_denies_a_link_which_it_made_is_seen_through(path, monkeypatch):
    def made_and_denied(source, target, real=os.link):
        real(source, target)
        raise FileExistsError(17, "File exists")

    monkeypatch.setattr(os, "link", made_and_denied)
    claim = claims.take(path)
    assert claim
    claim.release()
    assert not path.exists()


def test_a_living_owners_is_left_alone_and_a_killed_ones_is_taken_away(path, owner):
    watch = claims.Watch(path)
    assert not watch.clear_if_abandoned()
    assert path.exists()
    owner.kill()
    owner.wait()
    assert watch.clear_if_abandoned()
    assert claims.take(path)


def test_an_owner_on_another_machine_is_dead_when_it_is_silent(path, monkeypatch):
    monkeypatch.setattr(claims, "SILENCE_S", 0.2)
    claims.take(path)
    as_of(path, host="elsewhere", born="1")
    watch = claims.Watch(path)
    assert not watch.clear_if_abandoned()
    time.sleep(0.25)
    assert watch.clear_if_abandoned()


def test_who_renews_is_not_silent(path, monkeypatch):
    monkeypatch.setattr(claims, "SILENCE_S", 0.3)
    monkeypatch.setattr(claims, "RENEW_EVERY_S", 0.01)
    claim = claims.take(path)
    watch = claims.Watch(path)
    for _ in range(6):
        time.sleep(0.1)
        claim.renew()
        assert not watch.clear_if_abandoned()


def test_who_waits_sees_how_far_it_is(path, monkeypatch):
    monkeypatch.setattr(claims, "RENEW_EVERY_S", 0.0)
    claim = claims.take(path)
    watch = claims.Watch(path)
    for done in (10, 4_000_000_000):
        claim.renew(done)
        watch.clear_if_abandoned()
        assert watch.done == done
    claim.release()
    claim.renew(5)
    assert not path.exists()


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_is_wrong_by_hours_changes_nothing(hours, path):
    claims.take(path)
    os.utime(path, (time.time() + hours * 3600,) * 2)
    assert not claims.Watch(path).clear_if_abandoned()


def test_a_claim_that_changed_hands_is_left_to_its_new_owner(path):
    old = claims.take(path)
    path.unlink()
    new = claims.take(path)
    old.release()
    assert claims.take(path) is None
    new.release()
    assert claims.take(path)


def test_who_is_about_to_clear_a_dead_claim_leaves_the_one_that_came_after_it(path):
    claims.take(path)
    dead = json.loads(path.read_bytes())["token"]
    path.unlink()
    claims.take(path)
    assert not claims.Watch(path)._take_away(dead)
    assert claims.take(path) is None
    assert [each.name for each in path.parent.iterdir()] == ["obj_1"]


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b'{"owner": 3}', b'{"token": "x"}\nten', b'{"owner": {"pid": 1}}'])
def test_a_claim_that_can_not_be_read_ends_by_its_silence(junk, path, monkeypatch):
    path.parent.mkdir()
    path.write_bytes(junk)
    watch = claims.Watch(path)
    assert not watch.clear_if_abandoned()
    monkeypatch.setattr(claims, "SILENCE_S", 0.0)
    assert watch.clear_if_abandoned()
