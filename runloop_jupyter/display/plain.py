"""Text from elsewhere, made safe to look at: nothing hidden, nothing that moves the cursor, no wider than its place."""

from __future__ import annotations

import unicodedata
from typing import Final

_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_BLANK_LETTERS: Final = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")
_JOINERS: Final = frozenset("\u200c\u200d")


def visible(text: str, keep: str = "") -> str:
    """Return `text` with what can't be seen made visible, so that two names that differ look different.

    Control characters become their pictures (``␛``); bidi controls, zero-width characters, lone surrogates and
    blank letters become ``‹U+202E›``. Joiners stay where they join (emoji, Persian, Devanagari).

    Args:
        text: Anything.
        keep: Characters to leave alone, such as a newline in a preview.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(text, at, char) if char not in keep else char for at, char in enumerate(text))


def cell_width(text: str) -> int:
    """Return how many terminal cells `text` takes."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


def fold(text: str, width: int) -> str:
    """Return `text` in at most `width` (one or more) cells; where it is longer its middle becomes an ellipsis.

    Both ends stay, for names of stored things differ at the end as often as at the beginning.
    """
    if cell_width(text) <= width:
        return text
    tail = _prefix(text[::-1], (width - 1) // 2)[::-1]
    head = _prefix(text, width - 1 - cell_width(tail))
    return f"{head}…{tail}"


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` filled with spaces to `width` cells, on its left if it is `right`-aligned."""
    space = " " * (width - cell_width(text))
    return space + text if right else text + space


def is_right_to_left(text: str) -> bool:
    """Say whether `text` has letters that run from right to left and would reorder their neighbours."""
    return not text.isascii() and any(unicodedata.bidirectional(char) in {"R", "AL", "AN"} for char in text)


def _visible(text: str, at: int, char: str) -> str:
    if char < "\x20":
        return chr(0x2400 + ord(char))
    if char == "\x7f":
        return "␡"
    if unicodedata.category(char) not in _HIDDEN_CATEGORIES and char not in _BLANK_LETTERS:
        return char
    if char in _JOINERS and _joins(text, at):
        return char
    return f"‹U+{ord(char):04X}›"


def _joins(text: str, at: int) -> bool:
    neighbours = (text[at - 1 : at], text[at + 1 : at + 2])
    return all(
        each and not each.isascii() and unicodedata.category(each) not in _HIDDEN_CATEGORIES for each in neighbours
    )


def _char_width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def _prefix(text: str, width: int) -> str:
    taken = 0
    for at, char in enumerate(text):
        taken += _char_width(char)
        if taken > width:
            return text[:at]
    return text
