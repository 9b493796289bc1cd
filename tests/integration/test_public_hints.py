"""A public object that was named by its id: what is offered next names it by its id too, and works."""

import re

import pytest
from shells import ok

import runloop_jupyter as rl

pytestmark = pytest.mark.usefixtures("fresh_shell")


@pytest.fixture
def penguins():
    """A public table."""
    return rl.ls("penguins", public=True, type="parquet")[0]


def hint(text):
    return re.search(r"(?:df = )?%rl_get \S+", text)[0]


@pytest.mark.parametrize("magic", ["%rl_info", "%rl_keep"])
def test_the_next_step_names_it_by_its_id_and_can_be_taken(magic, run, shell, penguins):
    shown = ok(run(f"{magic} {penguins.id}"))
    text = shown.page().to_text() if magic == "%rl_info" else shown.card().to_text()
    assert hint(text) == f"df = %rl_get {penguins.id}"
    assert penguins.version not in text
    ok(run(hint(text)))
    assert len(shell.user_ns["df"]) == 344


def test_ones_own_of_the_same_name_are_no_versions_of_it(run, penguins):
    rl.put("mine", "penguins")
    rl.put("mine too", "penguins")
    shown = ok(run(f"%rl_info {penguins.id}"))
    assert shown.versions == []
    assert len(ok(run("%rl_info penguins")).versions) == 2
    rl.rm("penguins", all_versions=True)


@pytest.mark.parametrize("magic", ["%rl_info", "%rl_keep"])
def test_what_is_ones_own_is_offered_by_its_name_however_it_was_named(magic, run):
    first = rl.put("one", "hints/own")
    for text in ("two", "three"):
        rl.put(text, "hints/own")
    for what in ("hints/own", first.id):
        shown = ok(run(f"{magic} {what}"))
        text = shown.page().to_text() if magic == "%rl_info" else shown.card().to_text()
        assert hint(text) == "%rl_get hints/own"


def test_an_own_one_older_than_all_versions_that_are_shown_is_still_ones_own(run):
    first = rl.put("0", "hints/many")
    for number in range(12):
        rl.put(str(number), "hints/many", force=True)
    assert not ok(run(f"%rl_info {first.id}")).object.public


def test_a_public_one_that_is_kept_under_another_name_replaces_nothing(penguins):
    kept = rl.keep(penguins.id, "hints/kept")
    assert rl.get("hints/kept").equals(rl.get(penguins.id))
    assert kept.outcome.superseded is None
    assert not kept.public
    assert hint(kept.card().to_text()).endswith("hints/kept")
