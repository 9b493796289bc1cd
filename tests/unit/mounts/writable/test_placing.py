import os
from datetime import UTC, datetime

import pytest

from runloop_jupyter.errors import MountError
from runloop_jupyter.mounts.writable import placing as module
from runloop_jupyter.mounts.writable.leaving_out import STAGING
from runloop_jupyter.mounts.writable.placing import Placing, Staged, conflict_name
from runloop_jupyter.mounts.writable.state import Known, State, looks_of
from runloop_jupyter.transfer import digest

NOON = datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC)


@pytest.fixture
def where(tmp_path):
    (tmp_path / "folder" / STAGING).mkdir(parents=True)
    return tmp_path / "folder"


@pytest.fixture
def state(tmp_path):
    opened = State(tmp_path / "known.jsonl")
    yield opened
    opened.close()


@pytest.fixture(params=["trading names", "without trading names", "without hard links"])
def placing(request, where, state, monkeypatch):
    if request.param != "trading names":
        monkeypatch.setattr(module, "_swapped", lambda *_: False)
    if request.param == "without hard links":

        def refused(*_, **__):
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refused)
    return Placing(None, str(where), state)


def staged(where, content=b"theirs"):
    at = where / STAGING / "0011"
    at.write_bytes(content)
    os.utime(at, (1, 1))
    return Staged(at, digest.of_file(at, lambda _: None), looks_of(at.stat()))


def seen(where):
    return {str(each.relative_to(where)): each.read_bytes() for each in where.rglob("*") if each.is_file()}


def test_a_new_file_takes_a_free_place(placing, where):
    one = staged(where)
    assert placing.put_new(one, "in/side/a")
    assert seen(where) == {"in/side/a": b"theirs"}
    assert placing.is_as_placed(one, "in/side/a") == looks_of((where / "in" / "side" / "a").stat())
    (where / "in" / "side" / "a").write_bytes(b"mine!!")
    assert placing.is_as_placed(one, "in/side/a") is None


def test_a_new_file_never_takes_the_place_of_one_that_came_meanwhile(placing, where):
    (where / "a").write_bytes(b"mine")
    assert not placing.put_new(staged(where), "a")
    assert seen(where) == {"a": b"mine"}


def test_an_unchanged_file_is_replaced(placing, where, state):
    (where / "a").write_bytes(b"old")
    assert placing.put_over(staged(where), "a", looks_of((where / "a").stat())) is None
    assert (seen(where), state.displacing) == ({"a": b"theirs"}, {})


def test_a_file_that_changed_since_it_was_looked_at_is_kept_beside(placing, where):
    (where / "a").write_bytes(b"old")
    before = looks_of((where / "a").stat())
    (where / "a").write_bytes(b"newer")
    kept = placing.put_over(staged(where), "a", before)
    assert seen(where) == {"a": b"theirs", kept: b"newer"}


def test_a_file_that_must_be_kept_is_kept_under_a_name_that_nothing_has(placing, where, monkeypatch):
    monkeypatch.setattr(module, "datetime", type("At", (), {"now": lambda _: NOON}))
    (where / "a.txt").write_bytes(b"mine")
    (where / "a (conflict 2026-11-25 120001).txt").write_bytes(b"taken")
    kept = placing.put_over(staged(where), "a.txt", None)
    assert kept == "a (conflict 2026-11-25 120001 2).txt"
    assert seen(where) == {"a.txt": b"theirs", kept: b"mine", "a (conflict 2026-11-25 120001).txt": b"taken"}


def test_where_nothing_is_any_more_a_replacement_is_a_new_file(placing, where):
    assert placing.put_over(staged(where), "gone", None) is None
    assert seen(where) == {"gone": b"theirs"}


def test_a_directory_is_never_replaced(placing, where, state):
    (where / "a").mkdir()
    (where / "a" / "b").write_bytes(b"x")
    with pytest.raises(MountError, match="is a directory here"):
        placing.put_over(staged(where), "a", None)
    assert (seen(where), state.displacing) == ({"a/b": b"x"}, {})


def test_nothing_is_placed_through_a_link(placing, where, tmp_path):
    (tmp_path / "far").mkdir()
    (where / "d").symlink_to(tmp_path / "far")
    with pytest.raises(MountError, match="d is no directory"):
        placing.put_new(staged(where), "d/a")
    assert not list((tmp_path / "far").iterdir())


@pytest.mark.parametrize("step", ["before they trade", "after they traded"])
def test_a_kernel_that_is_killed_while_two_files_trade_places_loses_neither(where, state, step):
    (where / "a").write_bytes(b"mine")
    one = staged(where)
    state.displace(one.at.name, "a", one.digest)
    if step == "after they traded":
        at, other = one.at.read_bytes(), (where / "a").read_bytes()
        one.at.write_bytes(other)
        (where / "a").write_bytes(at)
    state.close()

    again = State(state._path)
    kept = Placing(None, str(where), again).rescue()
    assert b"mine" in seen(where).values()
    assert len(kept) == (step == "after they traded")
    assert not (where / STAGING).exists()
    assert again.displacing == {}
    again.close()


def test_what_is_in_the_store_already_is_not_kept_twice_after_a_kill(where, state):
    (where / "a").write_bytes(b"theirs")
    old = staged(where, b"old")
    state.learn("a", Known(None, old.digest, "obj_1", 1))
    state.displace(old.at.name, "a", "blake3:ff")
    assert Placing(None, str(where), state).rescue() == []
    assert seen(where) == {"a": b"theirs"}


def test_a_download_that_was_cut_off_is_cleared(where, state):
    (where / STAGING / ".99.part").write_bytes(b"half")
    assert Placing(None, str(where), state).rescue() == []
    assert seen(where) == {}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.csv", "a (conflict 2026-11-25 120001).csv"),
        ("d.e/a", "d.e/a (conflict 2026-11-25 120001)"),
        (".bashrc", ".bashrc (conflict 2026-11-25 120001)"),
        ("x.tar.gz", "x (conflict 2026-11-25 120001).tar.gz"),
        ("v1.no ending but a sentence", "v1.no ending but a sentence (conflict 2026-11-25 120001)"),
        ("ä" * 125 + ".csv", "ä" * 110 + " (conflict 2026-11-25 120001).csv"),
    ],
)
def test_a_conflict_is_called_as_the_file_is_and_when_it_was_seen(path, name):
    found = conflict_name(path, NOON)
    assert found == name or (len(path) > 100 and len(found.encode()) <= 255 and found.endswith("120001).csv"))
