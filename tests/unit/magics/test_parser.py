"""Options of a magic."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from runloop_jupyter.actions.forms import KINDS
from runloop_jupyter.actions.object import can_be_typed
from runloop_jupyter.address import quoted
from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.options import PARSERS
from runloop_jupyter.magics.parser import HelpAsked, pairs
from runloop_jupyter.values import registry


def read(line, names=None, magic="rl_put"):
    return PARSERS[magic].read(line, names or {})


@pytest.mark.parametrize(
    "line",
    [
        "df -m a=1 b=2 -n x",
        "-m a=1 b=2 -n x df",
        "-n x -m a=1 -m b=2 df",
        "-m a=1 b=2 df -n x",
        "df -n x --metadata a=1 --metadata b=2",
    ],
)
def test_pairs_may_stand_anywhere_and_swallow_nothing(line):
    said = read(line)
    assert (said.what, said.name, said.metadata) == ("df", "x", ["a=1", "b=2"])


def test_a_pair_may_hold_spaces_equals_signs_and_json():
    said = read("""df -m "note=a = b" 'cfg={"a": 1}'""")
    assert pairs(said.metadata, "-m") == {"note": "a = b", "cfg": '{"a": 1}'}


@pytest.mark.parametrize("word", ["novalue", "=x"])
def test_a_pair_without_key_or_equals_sign_is_refused(word):
    with pytest.raises(InputError, match="is not KEY=VALUE"):
        pairs([word], "-m")


@pytest.mark.parametrize("line", ["", "df --nope", "df extra", "df -n", "df --ttl"])
def test_what_cannot_be_meant_is_one_line_that_can_be_caught(line):
    with pytest.raises(InputError, match=r"^%rl_put: .*--help$"):
        read(line)


def test_options_are_not_guessed_from_their_beginnings():
    with pytest.raises(InputError):
        read("df --forc")


def test_an_unknown_number_is_one_line():
    with pytest.raises(InputError, match="--limit"):
        read("--limit many", magic="rl_ls")


@pytest.mark.parametrize("magic", PARSERS)
def test_each_magic_has_help_with_examples(magic):
    with pytest.raises(HelpAsked) as asked:
        read("--help", magic=magic)
    text = str(asked.value)
    assert f"%{magic}" in text
    assert "Examples:" in text
    for flag, does in PARSERS[magic].flags:
        assert flag in text
        assert does


def test_each_example_of_the_help_can_be_read():
    names = {"df": 1}
    for magic, parser in PARSERS.items():
        for line in parser.epilog.splitlines()[1:]:
            parser.read(line.split(f"%{magic}", 1)[1], names)


def test_the_kinds_that_help_and_tab_name_are_those_that_are_stored():
    assert set(KINDS) == {kind for _, kind, _ in registry.formats()} | {"file", "folder"}


def test_a_variable_alone_keeps_its_value_for_what_and_is_text_elsewhere():
    thing = object()
    said = read("$thing -n run-$i --ttl $t", {"thing": thing, "i": 3, "t": "7d"})
    assert said.what.value is thing
    assert said.what.variable == "thing"
    assert type(said.name) is str
    assert (said.name, said.ttl) == ("run-3", "7d")


NAMES = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1)


@given(NAMES, st.sampled_from(["", "'", '"']))
@example("-dash", "")
@example("--", "")
@example("--help", "")
@example("-n=x", '"')
@example("a{b}c", "")
@example("{{d['a b']}}", "'")
@example("local:z", "")
@example("$df", '"')
@example('it\'s a "name"\\', "")
@example("; # x", "")
@example(" ", "")
@example("what?", "")
@example("\u200b", "")
def test_any_name_means_itself_when_it_is_typed_as_it_is_shown(name, begun):
    typed = quoted(name, begun)
    assert typed.startswith(begun) or begun == '"'
    assert read(typed, magic="rl_get").what.value == name
    assert [word.value for word in read(f"a {typed} -y", magic="rl_rm").what] == ["a", name]
    assert read(f"df -n {typed} --force").name == name


@given(NAMES.filter(can_be_typed))
@example("runs/2026-01-02")
@example("'\\")
@example("triple'''quotes")
def test_any_name_comes_through_ipython_as_it_is_shown(name):
    line = f"%rl_get {quoted(name)}"
    transform = TransformerManager().transform_cell
    said = f"get_ipython().run_line_magic('rl_get', {quoted(name)!r})\n"
    assert transform(line) == said
    assert transform(f"df = {line}") == f"df = {said}"


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("runs/a-1.csv", "runs/a-1.csv"),
        ("größe", "größe"),
        ("~/x", "~/x"),
        ("two words", "'two words'"),
        ("-dash", "'-dash'"),
    ],
)
def test_a_name_is_quoted_only_where_it_must_be(name, typed):
    assert quoted(name) == typed


@pytest.mark.parametrize("name", ["a\u200bb", "a\u202eb", "a\u00a0b", "\ue000", "a\nb", "\u3164", "a\u200db"])
def test_what_cannot_be_seen_cannot_be_typed(name):
    assert not can_be_typed(name)


@pytest.mark.parametrize("name", ["a b", "größe", "می\u200cخواهم", "👩\u200d🔬", "数据", "$x"])
def test_what_can_be_seen_can_be_typed(name):
    assert can_be_typed(name)


def test_the_value_of_a_variable_is_never_an_option():
    said = read("$x -n $x -m $x", {"x": "-k=v"})
    assert (said.what, said.name, said.metadata) == ("-k=v", "-k=v", ["-k=v"])
    assert read("$x", {"x": "--help"}, magic="rl_get").what == "--help"


def test_a_number_in_a_variable_keeps_its_sign():
    assert read("--limit $n", {"n": -3}, magic="rl_ls").limit == -3


def test_options_after_a_quoted_word_are_still_options():
    said = read("'-x' --to '-y' --allow-pickle", magic="rl_get")
    assert (said.what, said.to, said.allow_pickle) == ("-x", "-y", True)


@pytest.mark.parametrize("line", ["--sort -size", "--sort=-size", "--sort '-size'", "x --sort -size --limit 3"])
def test_what_is_sorted_by_may_begin_with_a_dash(line):
    assert read(line, magic="rl_ls").sort == "-size"


@pytest.mark.parametrize("line", ["--sort", "--sort --limit 3", "--sort -w a=1", "--limit -size"])
def test_an_option_is_not_taken_for_what_is_sorted_by(line):
    with pytest.raises(InputError, match=r"^%rl_ls: "):
        read(line, magic="rl_ls")
