import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.mounts.writable.state import Known, State, looks_of, read

KNOWN = Known((3, 1, 2, 4), "blake3:00", "obj_1", 5)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "known.jsonl"


def test_what_was_learnt_is_known_when_it_is_opened_again_without_having_been_closed(file):
    state = State(file)
    state.learn("a", KNOWN)
    state.learn("b ü\n", KNOWN._replace(looks=None))
    state.begin("c", "blake3:01")
    state.begin("a", "blake3:02")
    state.displace("staged", "a", "blake3:03")
    again = State(file)
    assert again.known == state.known == {"a": KNOWN, "b ü\n": KNOWN._replace(looks=None)}
    assert again.sending == {"c": "blake3:01", "a": "blake3:02"}
    assert again.displacing == {"staged": ("a", "blake3:03")}
    assert read(file) == again.known
    for each in (state, again):
        each.close()
        each.close()


def test_what_is_learnt_of_a_file_ends_its_sending(file):
    state = State(file)
    state.begin("a", "blake3:01")
    state.learn("a", KNOWN)
    state.displace("staged", "a", "blake3:03")
    state.displaced("staged")
    state.close()
    again = State(file)
    assert (again.sending, again.displacing) == ({}, {})
    again.close()


@given(st.integers(0, 400), st.binary(max_size=30))
def test_a_file_cut_off_or_damaged_anywhere_gives_the_lines_before(tmp_path_factory, cut, damage):
    file = tmp_path_factory.mktemp("state") / "known.jsonl"
    state = State(file)
    paths = [f"p{i}" for i in range(6)]
    for path in paths:
        state.learn(path, KNOWN)
    state.close()
    data = file.read_bytes()
    whole = data[:cut].count(b"\n")
    file.write_bytes(data[:cut] + damage)
    again = State(file)
    assert {path: again.known.get(path) for path in paths[:whole]} == dict.fromkeys(paths[:whole], KNOWN)
    assert set(again.known.values()) <= {KNOWN}
    again.learn("after", KNOWN)
    again.close()
    assert "after" in read(file)


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"null",
        b'["="]',
        b'["=","a",[1,2,3],"d","i",1]',
        b'["=","a",[1,2,3,"x"],"d","i",1]',
        b"[" * 100_000,
        b'["x"]',
    ],
)
def test_a_line_of_another_form_is_passed_over(file, line):
    file.write_bytes(line + b"\n")
    state = State(file)
    assert (state.known, state.sending, state.displacing) == ({}, {}, {})
    state.close()


def test_a_line_that_a_full_disk_cut_off_takes_no_other_with_it(file, monkeypatch):
    state = State(file)
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: real(fd, data[:5]))
        with pytest.raises(OSError, match="space"):
            state.begin("a", "blake3:01")
    assert state.sending == {}
    state.learn("b", KNOWN)
    state.close()
    assert read(file) == {"b": KNOWN}


def test_a_file_that_grew_is_written_anew(file, monkeypatch):
    monkeypatch.setattr("runloop_jupyter.mounts.writable.state._SLACK", 10)
    state = State(file)
    for number in range(1000):
        state.learn("a", KNOWN._replace(created_ms=number))
    assert len(file.read_bytes().splitlines()) < 20
    state.close()
    assert read(file) == {"a": KNOWN._replace(created_ms=999)}


def test_every_change_of_a_file_shows_in_how_it_looks(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"one")
    before = file.stat()
    os.utime(file, ns=(1, before.st_mtime_ns))
    assert looks_of(file.stat()) != looks_of(before)
