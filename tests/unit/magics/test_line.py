"""A magic's line as words."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.line import expand, split, undoubled, unfinished


def texts(tokens):
    return [token.text for token in tokens]


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
    assert texts(split(line)) == words


@given(st.text("ab '\"\\\t-=x"))
def test_quotes_and_backslashes_mean_what_they_mean_to_a_shell(line):
    try:
        words = shlex.split(line)
    except ValueError:
        with pytest.raises(InputError, match="quote isn't closed"):
            split(line)
        return
    assert texts(split(line)) == words


@given(st.text("ab '\"\\{}[]$#"))
def test_a_word_remembers_how_it_was_typed(line):
    try:
        tokens = split(line)
    except InputError:
        return
    for token in tokens:
        assert line[: token.end].endswith(token.source)
        assert texts(split(token.source)) == [token.text]


@pytest.mark.parametrize(
    ("line", "before", "last"),
    [
        ("", [], ""),
        ("  ", [], ""),
        ("pen", [], "pen"),
        ("pen ", ["pen"], ""),
        ("x -n 'a b' -", ["x", "-n", "a b"], "-"),
        ("x -n 'a b' --to ", ["x", "-n", "a b", "--to"], ""),
        ("x 'a b", ["x"], "'a b"),
        ('x "a b', ["x"], '"a b'),
        ("x 'a b'", ["x"], "'a b'"),
        ("x a\\ b", ["x"], "a\\ b"),
        ("-m lr={cfg['l r']} x", ["-m", "lr={cfg['l r']}"], "x"),
        ("x \\", ["x"], "\\"),
    ],
)
def test_the_word_being_typed_is_told_from_those_before_it(line, before, last):
    tokens, fragment = unfinished(line)
    assert texts(tokens) == before
    assert fragment.source == last


@pytest.mark.parametrize("line", ["x # a", "# ", "x ; ", "x;"])
def test_no_word_is_typed_in_a_comment_or_after_the_semicolon(line):
    assert unfinished(line) is None


@given(st.text())
def test_the_word_being_typed_is_always_the_end_of_the_line(line):
    if said := unfinished(line):
        assert line.endswith(said[1].source)


@given(st.text("${}ab"))
def test_doubled_characters_are_themselves(text):
    doubled = text.replace("$", "$$").replace("{", "{{").replace("}", "}}")
    assert undoubled(doubled) == text


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


@given(st.text())
def test_any_line_splits_or_says_why_not(line):
    try:
        words = split(line)
    except InputError:
        return
    assert all(isinstance(word.text, str) for word in words)
