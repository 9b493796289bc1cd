"""Conditions on metadata: how they are read, and of what they hold."""

import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runloop_jupyter.conditions import Condition, conditions, for_server, in_order, number, read, written
from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.options import PARSERS

SIGNS = ["=", "!=", ">", ">=", "<", "<="]


def holds(word, value):
    return read(word).holds(value)


@pytest.mark.parametrize(
    ("word", "key", "sign", "values"),
    [
        ("model=vit", "model", "=", ("vit",)),
        ("model!=vit", "model", "!=", ("vit",)),
        ("acc>0.9", "acc", ">", ("0.9",)),
        ("acc>=0.9", "acc", ">=", ("0.9",)),
        ("acc<0.9", "acc", "<", ("0.9",)),
        ("acc<=0.9", "acc", "<=", ("0.9",)),
        ("acc", "acc", "", ()),
        ("note=a = b > c", "note", "=", ("a = b > c",)),
        ("empty=", "empty", "=", ("",)),
        ("a!b=c", "a!b", "=", ("c",)),
        ('"a>b">=1', "a>b", ">=", ("1",)),
        (r'"say \"hi\" \\"=1', 'say "hi" \\', "=", ("1",)),
        ('"a*"', "a*", "", ()),
        ("two\nlines=1\n2", "two\nlines", "=", ("1\n2",)),
    ],
)
def test_a_word_is_a_key_a_sign_and_a_value(word, key, sign, values):
    assert read(word) == Condition(key, sign, values)


@given(st.text(min_size=1), st.sampled_from(SIGNS), st.text())
@example("loss>raw", ">", "=")
@example("a!", "=", "")
@example('"', "!=", '"')
@example("\\", "<", "\n")
@example("a!=b", "=", "c")
def test_any_key_can_be_said(key, sign, value):
    if sign + value[:1] in SIGNS:  # a value that begins with the rest of a longer sign is that sign
        return
    quoted = '"' + re.sub(r'(["\\])', r"\\\1", key) + '"'
    assert read(quoted + sign + value) == Condition(key, sign, (value,))
    assert read(written(key) + sign + "5") == Condition(key, sign, ("5",))
    assert read(written(key)) == Condition(key)


@pytest.mark.parametrize("word", ["acc > 0.9", "acc> 0.9", "acc >0.9 "])
def test_blanks_around_a_sign_are_for_the_eye(word):
    assert read(word) == Condition("acc", ">", ("0.9",))
    assert read("model = vit") == Condition("model", "=", ("vit",))


def test_a_blank_after_an_equals_sign_that_stands_by_the_key_is_of_the_value():
    assert read("note= indented") == Condition("note", "=", (" indented",))


@pytest.mark.parametrize("word", ["acc=>0.9", "acc=<0.9", "acc = >0.9"])
def test_signs_the_wrong_way_round_are_refused_with_both_ways_to_say_it(word):
    with pytest.raises(InputError, match=r"could mean two things.*acc[<>]=0\.9.*rl\.ls\(where=\{'acc': '[<>]0\.9'\}\)"):
        read(word)


@given(st.text())
def test_any_word_is_read_or_refused_in_one_line(word):
    with suppress(InputError):
        assert read(word).holds("0.5") in {True, False}


@pytest.mark.parametrize("word", ["", "=x", ">5", '"open', '"a"b=c', "runs/*", "file?", "[ab]"])
def test_what_has_no_key_or_looks_like_a_pattern_is_refused(word):
    with pytest.raises(InputError, match="-w"):
        read(word)


def test_a_pattern_in_the_place_of_a_condition_says_where_it_goes():
    with pytest.raises(InputError, match=r"A pattern of names goes before it: %rl_ls runs/\* -w"):
        read("runs/*")


@pytest.mark.parametrize(
    ("word", "value", "expected"),
    [
        ("acc>0.9", "0.91", True),
        ("acc>0.9", "0.9", False),
        ("acc>=0.9", "0.90", True),
        ("acc>0.9", "1e0", True),
        ("lr<=1e-3", "0.001", True),
        ("lr<1e-3", "9e-4", True),
        ("steps>999", "1,000", True),
        ("steps<1,000", "999", True),
        ("n>9", "10", True),
        ("n>9007199254740992", "9007199254740993", True),
        ("loss<inf", "5", True),
        ("loss>5", "inf", True),
        ("acc>0.9", "n/a", False),
        ("acc<0.9", "n/a", False),
        ("acc>0.9", "nan", False),
        ("acc<0.9", "nan", False),
        ("acc<nan", "0.5", False),
        ("acc>nan", "zebra", False),
        ("acc>0.9", "", False),
        ("acc>0.9", "9" * 50_000, False),
        ("date>=2026-11-01", "2026-11-02", True),
        ("date<2026-11-01T12:00", "2026-11-01T09:30", True),
        ("date>=2026", "2026-01-05", True),
        ("date<2026", "2025-12-31", True),
        ("date>2026-06-01", "2026", False),
        ("date>2026-06-01", "7", False),
        ("host<node-2", "node-10", True),
        ("acc=0.9", "0.90", False),
        ("acc!=0.9", "0.90", True),
        ("model!=vit", "vit", False),
        ("model!=vit", "", True),
        ("model", "", True),
    ],
)
def test_numbers_compare_as_numbers_and_dates_as_text(word, value, expected):
    assert holds(word, value) is expected


@given(st.integers(-(10**20), 10**20) | st.floats(allow_nan=False), st.integers() | st.floats(allow_nan=False))
def test_numbers_compare_as_python_compares_them(a, b):
    if len(repr(a)) > 40 or len(repr(b)) > 40:
        return
    assert holds(f"k>{a!r}", repr(b)) == (b > a)
    assert holds(f"k<={a!r}", repr(b)) == (b <= a)


@given(st.text(max_size=12), st.text(max_size=12))
def test_no_two_texts_are_both_less_and_greater(a, b):
    results = [Condition("k", sign, (a,)).holds(b) for sign in ("<", ">", "<=", ">=")]
    assert results in ([True, False, True, False], [False, True, False, True], [False, False, True, True], [False] * 4)


@pytest.mark.parametrize(
    "text", ["", "-", ".", "e5", "1,5", "12,34", "0x1", "1_000", "٣", "nan", " 1", "1 ", "1e99999"]
)
def test_what_only_resembles_a_number_is_text(text):
    assert number(text) is None


def test_values_are_put_in_order_numbers_first():
    assert sorted(["b", "10", "9", "1e1", "-1", "a"], key=in_order) == ["-1", "9", "10", "1e1", "a", "b"]


def test_python_says_the_same_as_a_line():
    words = conditions(["model=vit", "acc>0.9", "seed"])
    assert words == [Condition("model", "=", ("vit",)), Condition("acc", ">", ("0.9",)), Condition("seed")]
    assert conditions("acc>0.9") == [words[1]]
    assert conditions({"model": "vit", "acc": 0.9, "ok": True, "n": [1, "2"]}) == [
        Condition("model", "=", ("vit",)),
        Condition("acc", "=", ("0.9",)),
        Condition("ok", "=", ("true",)),
        Condition("n", "=", ("1", "2")),
    ]
    assert conditions(None) == conditions([]) == conditions({}) == []


@pytest.mark.parametrize("where", [5, ["a", 5], {"a": None}, {"a": []}, {5: "a"}, {"": "a"}, b"a=b", {"a": {"b": 1}}])
def test_what_cannot_be_meant_in_python_is_one_line(where):
    with pytest.raises(InputError):
        conditions(where)


def test_one_key_cannot_be_two_values_and_the_message_says_how_to_ask_for_either():
    with pytest.raises(InputError, match=r"model can't be both a and b.*\[\.\.\.\]"):
        conditions(["model=a", "model=b"])
    assert len(conditions(["model=a", "model=a", "acc>1", "acc<2"])) == 4


def test_only_what_must_be_equal_is_asked_of_the_store():
    assert for_server(conditions(["model=vit", "acc>0.9", "seed", "x!=1"])) == {"model": "vit"}
    assert for_server(conditions({"model": ["a", "b"]})) == {"model": ("a", "b")}


@pytest.mark.parametrize(
    ("line", "where", "pattern"),
    [
        ("-w model=vit 'acc>0.9' runs/*", ["model=vit", "acc>0.9"], "runs/*"),
        ("runs/* -w acc>0.9 -w model", ["acc>0.9", "model"], "runs/*"),
        ("""-w '"loss>raw">=0.5' x""", ['"loss>raw">=0.5'], "x"),
        ("-w model x", ["model"], "x"),
    ],
)
def test_a_line_says_conditions_and_a_pattern(line, where, pattern):
    said = PARSERS["rl_ls"].read(line, {})
    assert (said.where, said.pattern) == (where, pattern)
