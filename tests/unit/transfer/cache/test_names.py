"""Names of files in the cache: whatever a store says, nothing escapes."""

import os
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runloop_jupyter.transfer.cache import names

# Any code point, halves of surrogate pairs too, with what matters to paths made frequent.
NAMES = st.text(st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from("./\\ _~-:*\x00\n\u202e")))
SUFFIXES = st.sampled_from(["", ".parquet", ".npy", ".txt", ".json"])
LONGEST = 150


@given(NAMES, SUFFIXES)
@example("..", ".parquet")
@example("", ".parquet")
@example(".", "")
@example("a/../..", "")
@example("\ud800", "")
@example("é" * 400, ".parquet")
@example("x." + "y" * 400, "")
@example("." + "x" * 400, ".txt")
@example("\U0001f427" * 100 + ".tar.gz", "")
def test_whatever_an_object_is_called_its_file_is_one_visible_name(name, suffix):
    found = names.file_name(name, suffix)
    assert found
    assert "/" not in found
    assert "\\" not in found
    assert "\x00" not in found
    assert not found.startswith((".", " "))
    assert len(os.fsencode(found)) <= LONGEST
    assert all(character.isprintable() or unicodedata.category(character) not in {"Cc", "Cs"} for character in found)
    assert found.lower().endswith(suffix)


@given(name=NAMES, suffix=SUFFIXES)
def test_that_name_stays_in_its_directory(name, suffix, tmp_path_factory):
    found = tmp_path_factory.getbasetemp() / names.file_name(name, suffix)
    assert found.resolve().parent == tmp_path_factory.getbasetemp().resolve()


@given(NAMES, SUFFIXES)
def test_a_name_that_is_a_file_name_already_stays(name, suffix):
    once = names.file_name(name, suffix)
    assert names.file_name(once, suffix) == once


@pytest.mark.parametrize(
    ("name", "suffix", "expected"),
    [
        ("penguins", ".parquet", "penguins.parquet"),
        ("penguins.parquet", ".parquet", "penguins.parquet"),
        ("PENGUINS.PARQUET", ".parquet", "PENGUINS.PARQUET"),
        ("runs/2026-11/val metrics", ".parquet", "val metrics.parquet"),
        ("folder/", "", "folder"),
        ("../../etc/passwd", "", "passwd"),
        ("..", ".parquet", "object.parquet"),
        (".bashrc", "", "bashrc"),
        ("C:\\boot.ini", "", "C__boot.ini"),
        ("данные.csv", "", "данные.csv"),
        ("e\u0301.csv", "", "\u00e9.csv"),
        ("gpj.\u202eexe", "", "gpj._exe"),
    ],
)
def test_a_file_is_called_as_its_object_as_far_as_it_can_be(name, suffix, expected):
    assert names.file_name(name, suffix) == expected


def test_a_long_name_keeps_its_ending():
    assert names.file_name("x" * 300 + ".tar", "").endswith("xxx.tar")


@given(NAMES, NAMES)
@example("..", "__")
@example("", "_")
@example("a/b", "a_b")
@example("x" * 400, "x" * 401)
def test_whatever_a_store_calls_its_objects_each_has_one_directory_of_its_own(one, other):
    first, second = names.part(one), names.part(other)
    assert re.fullmatch("[A-Za-z0-9_-]{1,100}", first)
    assert (first == second) == (one == other)


def test_a_plain_id_is_called_what_it_is():
    assert names.part("obj_31aZ-x") == "obj_31aZ-x"
