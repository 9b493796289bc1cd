"""What a person says to a browser, as what it is asked."""

import pytest

from runloop_jupyter import profile
from runloop_jupyter.browser.asking import columns_of, place_of, query_of, with_where
from runloop_jupyter.conditions import Condition
from runloop_jupyter.errors import InputError
from runloop_jupyter.wire.browse import Query, Span


@pytest.mark.parametrize(
    ("said", "folder"), [(None, ""), ("", ""), ("runs/", "runs/"), ("local:", ""), ("local:runs/", "runs/")]
)
def test_a_place_is_a_profile_a_folder_both_or_nothing(said, folder):
    found, beneath = place_of(said)
    assert beneath == folder
    assert (found.name if found else None) == ("local" if said and said.startswith("local") else None)


@pytest.mark.parametrize("said", ["runs", "nobody:", 7])
def test_what_is_no_place_is_refused(said):
    assert "nobody" not in profile.known()
    with pytest.raises(InputError, match="is no place"):
        place_of(said)


@pytest.mark.parametrize(
    ("said", "query"),
    [
        (None, Query()),
        ("val", Query(search="val")),
        ({"where": "a=b"}, Query(where={"a": ["b"]})),
        ({"where": {"a": ["b", "c"]}}, Query(where={"a": ["b", "c"]})),
        ({"where": ["a=b", "acc>0.9"]}, Query(where={"a": ["b"]}, conditions=[Condition("acc", ">", ("0.9",))])),
        ({"size": {"since": 3}, "beneath": "runs/"}, Query(size=Span(since=3), beneath="runs/")),
        ({"size": Span(since=3)}, Query(size=Span(since=3))),
        (Query(search="x"), Query(search="x")),
    ],
    ids=str,
)
def test_a_query_may_be_said_in_several_ways(said, query):
    assert query_of(said) == query


@pytest.mark.parametrize("said", [7, {"colour": 1}, {"size": 3}, {"where": 7}, {"search": b"bytes"}], ids=str)
def test_what_is_no_query_is_refused(said):
    with pytest.raises(InputError):
        query_of(said)


def test_conditions_come_to_what_a_query_has():
    assert with_where(Query(where={"a": ["b"]}, search="x"), "c=d") == Query(where={"a": ["b"], "c": ["d"]}, search="x")


@pytest.mark.parametrize(("said", "columns"), [("a, b", ["a", "b"]), (["a", "a", "b"], ["a", "b"]), ((), [])], ids=str)
def test_columns_are_metadata_keys_each_once(said, columns):
    assert columns_of(said) == columns


@pytest.mark.parametrize("said", [7, [7], [""], ["x" + str(i) for i in range(51)]], ids=["7", "[7]", "empty", "many"])
def test_what_are_no_columns_is_refused(said):
    with pytest.raises(InputError):
        columns_of(said)


@pytest.mark.parametrize(
    "said",
    [
        Query(search=5),
        Query(search="\ud800"),
        Query(state="read_only"),
        Query(order="metadata"),
        Query(size=Span(since=1 << 70)),
        "x" * 5000,
        {"search": "\udcff"},
        {"where": {"k": [str(number) for number in range(1001)]}},
        {"conditions": [Condition("k", ">", ())]},
    ],
    ids=lambda said: repr(said)[:40],
)
def test_a_query_that_no_store_can_be_asked_is_refused_in_one_short_line(said):
    with pytest.raises(InputError) as refused:
        query_of(said)
    assert "page" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_what_is_refused_is_shown_cut():
    with pytest.raises(InputError) as refused:
        query_of(["x" * 100_000])
    assert len(str(refused.value)) < 500
