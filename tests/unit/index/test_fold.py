"""How names are compared."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.index.fold import fold, trigrams


@given(st.text())
def test_case_and_composition_make_no_difference(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(text)
    assert fold(text.casefold()) == fold(text)


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_what_sqlite_would_stop_at_is_replaced() -> None:
    assert fold("a\0b") == "a\ufffdb"


@given(st.text(max_size=20))
def test_trigrams_cover_the_text_once_each(text: str) -> None:
    found = trigrams(text)
    assert len(set(found)) == len(found)
    assert all(len(each) == 3 and each in text for each in found)
    assert set(found) == {text[start : start + 3] for start in range(max(len(text) - 2, 0))}
