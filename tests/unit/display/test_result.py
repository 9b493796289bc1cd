"""A result shows itself: alone as its card or table, among others by its repr."""

from __future__ import annotations

import pytest
from IPython.lib.pretty import pretty

from runloop_jupyter.display.line import Line
from runloop_jupyter.display.result import Result, ResultList


class Words(ResultList[str]):
    def __init__(self, *words: str) -> None:
        self._words = words

    def _items(self) -> tuple[str, ...]:
        return self._words

    def _shown(self) -> Line:
        return Line(self._words)

    def __repr__(self) -> str:
        return "<Words>"


def test_alone_it_is_shown_whole_and_among_others_in_short():
    assert pretty(Words("a", "b")) == "a · b"
    assert pretty([Words("a", "b")]) == "[<Words>]"
    assert repr(Words("a", "b")) == "<Words>"
    assert "a · b" in Words("a", "b")._repr_html_()


def test_a_list_of_results_is_a_sequence():
    words = Words("a", "b", "c")
    assert (words[0], list(words[1:]), len(words), list(words)) == ("a", ["b", "c"], 3, ["a", "b", "c"])


def test_a_result_must_say_what_shows_it():
    with pytest.raises(TypeError, match="_shown"):
        type("Silent", (Result,), {})()
