"""How much the cache may hold."""

import shutil
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.errors import InputError
from runloop_jupyter.transfer.cache import limit

GIB = 1 << 30


def a_disk(monkeypatch, free):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10 * free, 9 * free, free))


@pytest.mark.parametrize(
    ("said", "size"),
    [
        ("20G", 20 * GIB),
        ("20g", 20 * GIB),
        ("512 MiB", 512 << 20),
        ("1.5k", 1536),
        ("0", 0),
        ("123", 123),
        ("2TB", 2 << 40),
    ],
)
def test_a_size_is_read_as_people_write_it(said, size):
    assert limit.parse(said) == size


@pytest.mark.parametrize("said", ["", "G", "-1G", "1e9", "ten", "20 G B", "∞", "0x10"])
def test_what_is_no_size_is_refused_with_the_variable_and_examples(said):
    with pytest.raises(InputError, match=r"RUNLOOP_JUPYTER_CACHE_SIZE.*20G"):
        limit.parse(said)


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_refused(said):
    with suppress(InputError):
        assert limit.parse(said) >= 0


def test_without_a_wish_it_is_a_tenth_of_what_could_be_free_and_ten_gibibytes_at_most(tmp_path, monkeypatch):
    a_disk(monkeypatch, 20 * GIB)
    assert limit.limit(tmp_path, 0) == 2 * GIB
    a_disk(monkeypatch, 500 * GIB)
    assert limit.limit(tmp_path, 0) == 10 * GIB


def test_a_cache_that_fills_does_not_lower_its_own_limit(tmp_path, monkeypatch):
    a_disk(monkeypatch, 20 * GIB)
    before = limit.limit(tmp_path, 0)
    a_disk(monkeypatch, 19 * GIB)
    assert limit.limit(tmp_path, GIB) == before


def test_what_is_set_holds_whatever_the_disk_has(tmp_path, monkeypatch):
    a_disk(monkeypatch, GIB)
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE_SIZE", " 20G ")
    assert limit.limit(tmp_path, 0) == 20 * GIB
