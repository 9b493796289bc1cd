import json
import os

import pytest

from runloop_jupyter.mounts import placed, sweeping, table
from runloop_jupyter.mounts.fuse import stale
from runloop_jupyter.paths import cache_dir
from runloop_jupyter.transfer.cache import claims


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def where(tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    return root


def of_a_dead_kernel(mode, where, **more):
    record = table.enter(mode, "x", where, "s", made=True, **more)
    path = cache_dir() / "mounts" / f"{record.token}.json"
    said = json.loads(path.read_bytes())
    said["owner"]["born"] = "0"
    path.write_text(json.dumps(said))
    return record


def test_one_that_never_got_to_placing_anything_leaves_its_workshop_and_that_goes(where, tmp_path):
    record = of_a_dead_kernel("link", where / "new")
    workshop = where / ".new.0123456789ab.part"
    (workshop / "tree/d").mkdir(parents=True)
    (workshop / "tree/d/x").write_text("half")
    placed.write(record.beside(placed.KIND), placed.Tree(str(where / "new"), str(workshop)), [])
    assert sweeping.sweep() == []
    assert not list(where.iterdir())
    assert not record.is_there()


def test_one_of_which_nothing_is_known_is_struck_out_and_nothing_is_touched(where):
    (where / "x").write_text("x")
    record = of_a_dead_kernel("link", where)
    assert sweeping.sweep() == []
    assert (where / "x").exists()
    assert not record.is_there()


def test_what_is_written_down_of_it_may_be_cut_off(where):
    for name in ("a", "b"):
        (where / name).write_text(name)
    record = of_a_dead_kernel("link", where)
    path = record.beside(placed.KIND)
    things = [placed.look(where, f"obj_{name}", name) for name in ("a", "b")]
    placed.write(path, placed.Tree(str(where), ""), things)
    path.write_bytes(path.read_bytes()[:-20])
    assert sweeping.sweep() == [f"b in {where}: not of the mount, so left there"]
    assert not record.is_there()


def test_of_two_who_sweep_one_does_it(where):
    record = of_a_dead_kernel("link", where)
    claim = claims.take(record.beside("claim"))
    assert sweeping.sweep() == []
    assert record.is_there()
    claim.release()
    assert sweeping.sweep() == []
    assert not record.is_there()


def test_who_was_killed_while_it_swept_keeps_nobody_from_it(where):
    record = of_a_dead_kernel("link", where)
    dead = {**vars(record.owner), "born": "0"}
    record.beside("claim").write_text(json.dumps({"token": "x", "owner": dead}) + "\n")
    sweeping.sweep()
    assert not record.is_there()
    assert os.listdir(cache_dir() / "mounts") == []  # noqa: PTH208


def test_what_the_system_refuses_is_left_to_the_next_load(where, monkeypatch):
    record = of_a_dead_kernel("link", where)
    (where / "a").write_text("a")
    placed.write(record.beside(placed.KIND), placed.Tree(str(where), ""), [placed.look(where, "obj_1", "a")])

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(placed, "remove", refuse)
        assert sweeping.sweep() == []
    assert record.is_there()
    sweeping.sweep()
    assert not where.exists()


def test_mounts_by_fuse_are_let_go_of_by_those_who_know_how(where, monkeypatch):
    record = of_a_dead_kernel("fuse", where)
    seen = []
    monkeypatch.setattr(stale, "clear", lambda of: seen.append(of.token) or len(seen) > 1)
    (said,) = sweeping.sweep()
    assert "can't be let go of yet" in said
    assert sweeping.sweep() == []
    assert seen == [record.token] * 2
