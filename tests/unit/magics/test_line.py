"""A magic's line as words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.actions.object import quoted
from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.line import expand, split


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("penguins", ["penguins"]),
        ("penguins ;", ["penguins"]),
        ("penguins;", ["penguins"]),
        ("'a;' ;", ["a;"]),
        ("'a;'", ["a;"]),
        (r"a\;", ["a;"]),
        ("a # comment", ["a"]),
        ("# comment", []),
        ("C# a#b", ["C#", "a#b"]),
        ("'a # b'", ["a # b"]),
        ("-m \"note=two words\" -m 'x=1'", ["-m", "note=two words", "-m", "x=1"]),
        ("cfg='{\"a\": 1}'", ['cfg={"a": 1}']),
        (r"a\ b", ["a b"]),
        ("'' x", ["", "x"]),
        ("-m lr={cfg['lr']} x", ["-m", "lr={cfg['lr']}", "x"]),
        ("\"run {d['a b']}\" x", ["run {d['a b']}", "x"]),
    ],
)
def test_a_line_is_split_as_a_shell_would(line, words):
    assert split(line) == words


@pytest.mark.parametrize("line", ["'open", 'a "b', "a\\"])
def test_a_quote_that_stays_open_is_one_clear_error(line):
    with pytest.raises(InputError, match="quote isn't closed"):
        split(line)


class Thing:
    size = 3


NAMES = {"df": object(), "n": "run-7", "i": 3, "d": {"k": "v"}, "thing": Thing()}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("plain", "plain"),
        ("$n", "run-7"),
        ("{n}", "run-7"),
        ("$df", NAMES["df"]),
        ("{df}", NAMES["df"]),
        ("$i", 3),
        ("a-$i-{n}", "a-3-run-7"),
        ("{d[k]}", "{d[k]}"),
        ("x{d['k']}", "xv"),
        ("x{thing.size}", "x3"),
        ("$$n", "$n"),
        ("{{n}}", "{n}"),
        ('{"a": 1}', '{"a": 1}'),
        ("{2024}", "{2024}"),
        ("{}", "{}"),
        ("100$", "100$"),
    ],
)
def test_variables_are_filled_in_one_word_at_a_time(word, value):
    if word == "{d[k]}":
        with pytest.raises(InputError, match="NameError"):
            expand(word, NAMES)
        return
    assert expand(word, NAMES) == value


@pytest.mark.parametrize("word", ["$nope", "{nope}", "x{nope.size}", "a$nope"])
def test_a_name_that_is_not_defined_is_an_error_and_never_silence(word):
    with pytest.raises(InputError, match="'nope' isn't defined"):
        expand(word, NAMES)


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1))
def test_any_name_can_be_typed_as_the_card_says_it(name):
    (word,) = split(quoted(name))
    assert expand(word, {}) == name


@given(st.text())
def test_any_line_splits_or_says_why_not(line):
    try:
        words = split(line)
    except InputError:
        return
    assert all(isinstance(word, str) for word in words)
