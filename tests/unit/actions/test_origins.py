"""Which notebook put an object: remembered on this computer, never at the cost of a put."""

import stat

import pytest

from runloop_jupyter.actions import origins


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(tmp_path / "home"))


def test_what_was_remembered_is_known_and_nothing_else():
    origins.remember("store", "obj_1", "/home/me/ü.ipynb")
    origins.remember("store", "obj_2", "/home/me/two\nlines.ipynb")
    assert origins.origin_of("store", "obj_1") == "/home/me/ü.ipynb"
    assert origins.origin_of("store", "obj_2") == "/home/me/two\nlines.ipynb"
    assert origins.origin_of("store", "obj_3") is None
    assert origins.origin_of("other", "obj_1") is None


def test_only_its_owner_can_read_it():
    origins.remember("store", "obj_1", "x")
    assert stat.S_IMODE(origins._path("store").stat().st_mode) == 0o600


def test_a_line_cut_off_hides_no_other():
    origins.remember("store", "obj_1", "x")
    with origins._path("store").open("ab") as file:
        file.write(b'["obj_2", "cut\n\xff\xfe\n[1]\n')
    origins.remember("store", "obj_3", "y")
    assert origins.origin_of("store", "obj_1") == "x"
    assert origins.origin_of("store", "obj_3") == "y"


def test_the_older_half_is_forgotten_when_it_grows(monkeypatch):
    monkeypatch.setattr(origins, "LARGEST", 1000)
    for n in range(100):
        origins.remember("store", f"obj_{n}", "notebook")
    assert origins._path("store").stat().st_size <= 1000
    assert origins.origin_of("store", "obj_99") == "notebook"
    assert origins.origin_of("store", "obj_0") is None


def test_a_home_that_cannot_be_written_to_fails_nothing(tmp_path):
    (tmp_path / "home" / "origins").mkdir(parents=True)
    (tmp_path / "home" / "origins" / "store.jsonl").mkdir()
    origins.remember("store", "obj_1", "x")
    assert origins.origin_of("store", "obj_1") is None
    assert [each.name for each in (tmp_path / "home" / "origins").iterdir()] == ["store.jsonl"]
