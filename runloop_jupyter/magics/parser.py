"""argparse for a magic's line: errors as one line that can be caught, help that shows examples."""

from __future__ import annotations

import argparse
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, NoReturn

from runloop_jupyter.errors import InputError
from runloop_jupyter.magics import line as lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runloop_jupyter.magics.line import Token


_PAIR: Final = re.compile("[=<>]")


class HelpAsked(Exception):
    """Carries the help that was asked for."""


class Parser(argparse.ArgumentParser):
    """The options of one magic.

    Args:
        magic: Its name with percent signs, ``%rl_put``.
        summary: What it does, a sentence.
        examples: Lines to try.
    """

    def __init__(self, magic: str, summary: str, examples: Sequence[str]) -> None:
        super().__init__(
            prog=magic,
            description=summary,
            epilog="Examples:\n" + "\n".join(f"  {example}" for example in examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            add_help=False,
        )
        self.add_argument("--help", action="store_true", help="show this help")
        self._pairs: set[str] = set()
        self._dashed: set[str] = set()

    def add_pairs(self, *flags: str, metavar: str, help: str) -> None:  # noqa: A002 - argparse's own word
        """Add an option that takes one or more ``k=v`` or ``k>v`` words and may be repeated."""
        self.add_argument(*flags, action="append", default=[], metavar=metavar, help=help)
        self._pairs |= set(flags)

    def add_dashed(self, flag: str, *, metavar: str, help: str) -> None:  # noqa: A002 - argparse's own word
        """Add an option whose value may begin with a dash, ``--sort -size``, unless that is an option of its own."""
        self.add_argument(flag, metavar=metavar, help=help)
        self._dashed.add(flag)

    def read(self, line: str, names: Mapping[str, Any]) -> argparse.Namespace:
        """Return what `line` says.

        Args:
            line: What follows the magic's name.
            names: Variables for ``$name`` and ``{name}``.

        Raises:
            InputError: Something in it can't be meant.
            HelpAsked: ``--help`` is in it.
        """
        words = [Word(token, names) for token in lines.split(line)]
        if any(word.typed == "--help" for word in words):
            raise HelpAsked(self.format_help().rstrip())
        said = self.parse_args(self._arguments(self._spread(words)))
        for key, value in vars(said).items():
            # Only what is put or fetched may be a variable's value; the rest is text and nothing more.
            setattr(said, key, _each(value, _word if key == "what" else _text))
        return said

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print and exit on."""
        raise InputError(f"{self.prog}: {message}. Try {self.prog} --help")

    @property
    def flags(self) -> list[tuple[str, str]]:
        """The long form of each option, and what it does."""
        actions = [action for action in self._actions if action.option_strings]
        return [(action.option_strings[-1], action.help or "") for action in actions]

    @property
    def takes_words(self) -> bool:
        """Whether it takes anything but options."""
        return any(not action.option_strings for action in self._actions)

    def _arguments(self, words: Sequence[Word]) -> list[_Argument]:
        """Return the words as argparse sees them."""
        flags = {flag for action in self._actions for flag in action.option_strings}
        before = ["", *words]
        return [
            _Argument(word, is_value=previous in self._dashed and word not in flags and not word.startswith("--"))
            for previous, word in zip(before, words, strict=False)
        ]

    def _spread(self, words: Sequence[Word]) -> list[Word]:
        """Repeat an option before each of its pairs: argparse would take what follows them for pairs too."""
        spread: list[Word] = []
        option: Word | None = None
        previous: Word | None = None
        for word in words:
            if word.may_be_option and word in self._pairs:
                option = word
            elif option and previous is not option:
                if _PAIR.search(word) and not word.may_be_option:
                    spread.append(option)
                else:
                    option = None
            spread.append(word)
            previous = word
        return spread


class Word(str):
    """A word after expansion, that remembers where it came from.

    Attributes:
        typed: As it was typed, quotes and all.
        variable: The name, where the word was one variable alone.
        value: That variable's value; the text itself where it wasn't.
    """

    typed: str
    variable: str | None
    value: Any

    def __new__(cls, token: Token, names: Mapping[str, Any]) -> Word:
        """Expand `token`. Its text is the variable's value where that has a short one, else what was typed."""
        value = lines.expand(token.text, names)
        word = super().__new__(cls, str(value) if isinstance(value, str | int | float | PurePath) else token.text)
        word.typed = token.source
        word.variable = lines.variable(token.text)
        word.value = value
        return word

    @property
    def may_be_option(self) -> bool:
        """Whether its dash was typed bare: ``'-dash'`` and a variable's value are never options."""
        return self.typed.startswith("-")


class _Argument(str):
    """A word as argparse sees it, which takes whatever begins with a dash for an option, but for a space before."""

    word: Word

    def __new__(cls, word: Word, *, is_value: bool) -> _Argument:
        hidden = word.startswith("-") and (is_value or not word.may_be_option)
        argument = super().__new__(cls, f" {word}" if hidden else word)
        argument.word = word
        return argument


def _each(value: Any, become: Callable[[Any], Any]) -> Any:
    return [become(each) for each in value] if isinstance(value, list) else become(value)


def _word(value: Any) -> Any:
    return value.word if isinstance(value, _Argument) else value


def _text(value: Any) -> Any:
    return str(value.word) if isinstance(value, _Argument) else value


def pairs(words: Sequence[str], option: str) -> dict[str, str]:
    """Return ``k=v`` words as a dict.

    Raises:
        InputError: A word without a ``=``, or without a key.
    """
    found = {}
    for word in words:
        key, equals, value = str(word).partition("=")
        if not equals or not key:
            raise InputError(f"{option} {word!r} is not KEY=VALUE")
        found[key] = value
    return found
