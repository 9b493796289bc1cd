"""Names for variables and directories that are made of an object's, and are free."""

import keyword

from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.browser.facts import free_directory, free_variable


@given(st.text(max_size=80), st.sets(st.text(max_size=8), max_size=3))
def test_whatever_an_object_is_called_its_variable_can_be_typed_and_is_free(name, names):
    word = free_variable(name, names)
    assert word.isidentifier()
    assert not keyword.iskeyword(word)
    assert word not in names


def test_a_variable_is_called_as_the_last_part_of_a_name():
    assert free_variable("runs/2026-11/val metrics.tar.gz", ()) == "val_metrics"
    assert free_variable("7 birds", ()) == "_7_birds"
    assert free_variable("class", ()) == "class_"


def test_a_directory_is_one_that_isnt_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "val").mkdir()
    assert free_directory("runs/val") == "val-2"
    assert free_directory("..") == "object"
