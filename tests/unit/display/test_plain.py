"""Text from elsewhere, made safe to look at."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.display.plain import cell_width, fold, is_right_to_left, pad, visible

ANY_TEXT = st.text(st.characters(exclude_categories=[]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("penguins", "penguins"),
        ("Zoë/数据.csv", "Zoë/数据.csv"),
        ("two\nlines", "two␊lines"),
        ("\x1b[31mred\x07", "␛[31mred␇"),
        ("\x7f\x9b", "␡‹U+009B›"),
        ("invoice\u202efdp.exe", "invoice‹U+202E›fdp.exe"),
        ("pen\u200bguins", "pen‹U+200B›guins"),
        ("pen\u200dguins", "pen‹U+200D›guins"),
        ("\ud800", "‹U+D800›"),
        ("\u3164", "‹U+3164›"),
        ("\U000e0041", "‹U+E0041›"),
        ("👩\u200d🔬.png", "👩\u200d🔬.png"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_what_cannot_be_seen_is_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(ANY_TEXT)
def test_visible_text_has_no_control_format_or_surrogate_characters(text: str) -> None:
    shown = visible(text).replace("\u200c", "").replace("\u200d", "")
    assert {unicodedata.category(char) for char in shown}.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})


@given(ANY_TEXT)
def test_visible_text_can_be_written_as_utf8(text: str) -> None:
    visible(text).encode()


@given(ANY_TEXT)
def test_what_is_visible_already_stays_as_it_is(text: str) -> None:
    assert visible(visible(text)) == visible(text)


def test_a_preview_keeps_its_lines() -> None:
    assert visible("a\n\tb\r", keep="\n\t") == "a\n\tb␍"


@given(ANY_TEXT.map(visible), st.integers(1, 40))
def test_folded_text_is_no_wider_than_its_place(text: str, width: int) -> None:
    assert cell_width(fold(text, width)) <= width


@given(ANY_TEXT.map(visible), st.integers(1, 40))
def test_text_that_fits_is_not_folded(text: str, width: int) -> None:
    assert (fold(text, width) == text) == (cell_width(text) <= width)


def test_folding_keeps_both_ends_of_a_path() -> None:
    assert fold("runs/2026-11/a-very-long-experiment/weights.safetensors", 24) == "runs/2026-11…safetensors"


def test_wide_and_combining_characters_take_their_cells() -> None:
    assert [cell_width(text) for text in ("abc", "数据", "e\u0301")] == [3, 4, 1]


def test_padding_fills_cells_on_the_side_that_is_asked_for() -> None:
    assert (pad("数", 4), pad("7", 3, right=True), pad("long", 2)) == ("数  ", "  7", "long")


def test_right_to_left_letters_are_noticed() -> None:
    assert [is_right_to_left(text) for text in ("abc", "数据", "שלום", "سلام")] == [False, False, True, True]
