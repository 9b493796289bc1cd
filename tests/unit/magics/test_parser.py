"""Options of a magic."""

import pytest

from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.options import PARSERS
from runloop_jupyter.magics.parser import HelpAsked, pairs


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


def test_a_variable_alone_keeps_its_value_for_what_and_is_text_elsewhere():
    thing = object()
    said = read("$thing -n run-$i --ttl $t", {"thing": thing, "i": 3, "t": "7d"})
    assert said.what.value is thing
    assert said.what.variable == "thing"
    assert type(said.name) is str
    assert (said.name, said.ttl) == ("run-3", "7d")
