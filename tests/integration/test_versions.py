"""Names, versions and skipping, on a real embedded store."""

import time

import pytest

import runloop_jupyter as rl
from runloop_jupyter.errors import NewestGone, ObjectNotFound, SeveralMatch, VersionNotFound


@pytest.fixture
def name(request):
    return f"versions/{request.node.name}"


def test_a_then_b_then_a_is_three_versions(name):
    put = [rl.put(text, name, format="text") for text in ("A", "B", "A")]
    assert [each.outcome.sent for each in put] == [True, True, True]
    assert len({each.id for each in put}) == 3
    assert [rl.get(each.version) for each in put] == ["A", "B", "A"]


def test_the_same_bytes_again_are_not_sent(name):
    first = rl.put("A", name)
    again = rl.put("A", name)
    assert not again.outcome.sent
    assert again == first


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"k": "other"}},
        {"metadata": {}},
        {"metadata": {"k": "v"}, "ttl": "5d"},
        {"force": True, "metadata": {"k": "v"}},
    ],
    ids=["other metadata", "no metadata", "longer life", "forced"],
)
def test_the_same_bytes_are_sent_again_when_what_was_asked_for_differs(name, change):
    first = rl.put("A", name, metadata={"k": "v"}, ttl="2d")
    again = rl.put("A", name, **{"ttl": "2d", **change})
    assert again.outcome.sent
    assert again.outcome.superseded == first


def test_a_version_that_lives_for_ever_serves_for_any_time(name):
    rl.put("A", name)
    assert not rl.put("A", name, ttl="1d").outcome.sent


def test_a_notebook_run_again_at_once_sends_nothing_though_its_version_would_live_a_little_longer(name):
    rl.put("A", name, ttl="30d")
    assert not rl.put("A", name, ttl="30d").outcome.sent


def test_the_same_text_in_another_format_is_another_version(name):
    rl.put("[1]", name, format="text")
    assert rl.put([1], name).outcome.sent


def test_a_put_says_what_it_supersedes(name):
    first = rl.put("A", name)
    second = rl.put("B", name)
    assert second.outcome.superseded == first
    assert "other bytes" in second.card().to_text()


def test_name_version_back_reference_id_and_object_each_get_the_right_bytes(name):
    old, new = rl.put("old", name), rl.put("new", name)
    assert rl.get(name) == "new"
    assert rl.get(f"{name}@-1") == "old"
    assert rl.get(f"{name}@-0") == "new"
    assert rl.get(old.version) == "old"
    assert rl.get(old.id) == "old"
    assert rl.get(old) == "old"
    assert rl.get(new) == "new"
    assert rl.get(f"runloop://{old.version}") == "old"
    assert rl.get(f"local:{name}") == "new"


def test_any_unique_beginning_of_a_version_will_do_and_an_ambiguous_one_names_what_it_fits(name):
    old, new = rl.put("old", name), rl.put("new", name)
    with pytest.raises(SeveralMatch) as caught:
        rl.get(f"{name}@20")
    assert old.version.rpartition("@")[2] in str(caught.value)
    assert new.version.rpartition("@")[2] in str(caught.value)
    assert (
        rl.get(old.version[:-1]) in {"old", "new"}
        if old.version[:-1] == new.version[:-1]
        else rl.get(old.version[:-1]) == "old"
    )


def test_an_exact_name_wins_over_a_version_of_another(name):
    rl.put("one", name)
    rl.put("two", name)
    rl.put("exact", f"{name}@-1")
    assert rl.get(f"{name}@-1") == "exact"


def test_an_id_that_exists_wins_over_a_name(name):
    thing = rl.put("by id", name)
    rl.put("by name", thing.id)
    assert rl.get(thing.id) == "by id"


def test_a_deleted_newest_version_makes_the_bare_name_an_error_that_names_the_survivor(name):
    old, new = rl.put("old", name), rl.put("new", name)
    rl.rm(new)
    with pytest.raises(NewestGone) as caught:
        rl.get(name)
    assert old.version in str(caught.value)
    assert rl.get(old.version) == "old"


def test_putting_the_survivors_bytes_again_mends_the_name(name):
    rl.put("old", name)
    rl.rm(rl.put("new", name))
    assert rl.put("old", name).outcome.sent
    assert rl.get(name) == "old"


def test_an_expired_newest_version_makes_the_bare_name_an_error(name):
    old = rl.put("old", name)
    rl.put("new", name, ttl="1s")
    time.sleep(1.2)
    with pytest.raises(NewestGone, match=r"past its time|deleted") as caught:
        rl.get(name)
    assert old.version in str(caught.value)


def test_deleting_an_older_version_leaves_the_name_alone(name):
    old = rl.put("old", name)
    rl.put("new", name)
    rl.rm(old)
    assert rl.get(name) == "new"


def test_a_name_whose_only_version_is_deleted_says_so(name):
    rl.rm(rl.put("A", name))
    with pytest.raises(ObjectNotFound, match=r"is deleted .*no version is left"):
        rl.get(name)


def test_a_deleted_version_asked_for_by_its_name_or_id_says_so(name):
    old = rl.put("old", name)
    rl.put("new", name)
    rl.rm(old)
    with pytest.raises(VersionNotFound, match="deleted"):
        rl.get(old.version)
    with pytest.raises(ObjectNotFound, match="deleted"):
        rl.get(old.id)


def test_a_version_that_never_was_names_those_there_are(name):
    new = rl.put("new", name)
    with pytest.raises(VersionNotFound) as caught:
        rl.get(f"{name}@1999")
    assert new.version.rpartition("@")[2] in str(caught.value)
    with pytest.raises(VersionNotFound, match="1 version"):
        rl.get(f"{name}@-1")


def test_a_name_that_was_mistyped_names_what_comes_close(name):
    rl.put("A", name)
    with pytest.raises(ObjectNotFound, match="Close: .*" + name.replace("[", r"\[")):
        rl.get(name + "x")


def test_a_part_of_a_name_is_not_the_name(name):
    rl.put("long", name + "-long")
    with pytest.raises(ObjectNotFound):
        rl.get(name)


def test_names_differ_by_case_and_by_unicode_form(name):
    rl.put("lower", name + "é")
    rl.put("decomposed", name + "e\u0301")
    rl.put("upper", (name + "é").upper())
    assert rl.get(name + "é") == "lower"
    assert rl.get(name + "e\u0301") == "decomposed"


def test_a_bare_name_with_several_versions_is_not_deleted_but_listed(name):
    old, _new = rl.put("old", name), rl.put("new", name)
    with pytest.raises(SeveralMatch, match="all-versions") as caught:
        rl.rm(name)
    assert old.version.rpartition("@")[2] in str(caught.value)
    assert rl.get(name) == "new"


def test_a_dry_run_says_what_would_go_and_deletes_nothing(name):
    rl.put("A", name)
    removal = rl.rm(name, dry_run=True)
    assert "would delete 1 object, 1 B" in repr(removal)
    assert rl.get(name) == "A"


def test_all_versions_go_when_asked(name):
    rl.put("old", name)
    rl.put("new", name)
    assert len(rl.rm(name, all_versions=True).objects) == 2
    assert len(rl.ls(name)) == 0


def test_nothing_is_deleted_when_one_of_several_names_is_not_there(name):
    rl.put("A", name)
    with pytest.raises(ObjectNotFound):
        rl.rm(name, "there is no such thing")
    assert rl.get(name) == "A"


def test_versions_are_counted_back_from_the_newest_that_was_even_if_it_is_gone(name):
    first, second, third = (rl.put(text, name) for text in ("1", "2", "3"))
    rl.rm(third)
    assert rl.get(f"{name}@-1") == "2"
    assert rl.get(f"{name}@-2") == "1"
    with pytest.raises(VersionNotFound, match="deleted"):
        rl.get(f"{name}@-0")
    assert (first.name, second.name) == (name, name)


def test_an_object_that_was_deleted_meanwhile_says_so(name):
    thing = rl.put("1", name)
    rl.rm(thing)
    with pytest.raises(ObjectNotFound, match="deleted"):
        rl.get(thing)
    with pytest.raises(ObjectNotFound, match="deleted"):
        rl.rm(thing)
