"""Cards and lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter

from runloop_jupyter.display.card import Card
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.line import Line

PENGUINS = Card(
    "penguins",
    facts=["table", "344 × 7", Fact("14.2 KiB", "size"), "embedded store"],
    second=["project=birds", Fact("expires 2026-12-23 14:05 UTC", "time")],
    code=["df = %rl_get penguins", Fact("penguins@20261123T140511Z-3fa9c", "id")],
    warnings=["kept in memory only"],
)


def test_a_card_in_text_is_a_line_of_each_kind() -> None:
    assert PENGUINS.to_text().splitlines() == [
        "penguins · table · 344 × 7 · 14.2 KiB · embedded store",
        "project=birds · expires 2026-12-23 14:05 UTC",
        "df = %rl_get penguins    penguins@20261123T140511Z-3fa9c",
        "! kept in memory only",
    ]


def test_what_a_card_does_not_have_takes_no_line() -> None:
    assert Card("penguins", facts=["table", ""]).to_text() == "penguins · table"
    assert Card("penguins").body() == '<div class="rl-card"><div><b>penguins</b></div></div>'


def test_what_varies_stands_in_a_span_of_its_class() -> None:
    html = PENGUINS.to_html()
    assert '<span class="rl-v-size">14.2 KiB</span>' in html
    assert '<span class="rl-v-time">expires 2026-12-23 14:05 UTC</span>' in html
    assert '<span class="rl-v-id">penguins@20261123T140511Z-3fa9c</span>' in html


def test_ipython_shows_a_card_as_html_and_as_lines() -> None:
    data, _ = DisplayFormatter().format(PENGUINS)
    assert data == {"text/html": PENGUINS.to_html(), "text/plain": PENGUINS.to_text()}


@given(st.text(min_size=1))
def test_no_text_from_elsewhere_becomes_a_line_or_an_element(text: str) -> None:
    card = Card(text, facts=[text], second=[text], code=[text], warnings=[text])
    assert len(card.to_text().splitlines()) == 4
    plain = Card("x", facts=["x"], second=["x"], code=["x"], warnings=["x"])
    spans = card.to_html().count("<span") - plain.to_html().count("<span")
    assert card.to_html().count("<") - plain.to_html().count("<") == 2 * spans


def test_a_very_long_value_is_folded_and_kept_as_title() -> None:
    card = Card("x", second=["note=" + "long " * 100 + "end"])
    folded = card.to_text().splitlines()[1]
    assert len(folded) == 160
    assert folded.startswith("note=long")
    assert folded.endswith("long end")
    assert 'title="note=long' in card.to_html()


def test_a_line_is_its_facts_in_a_row() -> None:
    line = Line(["runloop: embedded store on this computer (no key)", "%rl for help"])
    assert line.to_text() == "runloop: embedded store on this computer (no key) · %rl for help"
    assert line.body() == f'<div class="rl-q">{line.to_text()}</div>'


def test_a_line_that_needs_attention_looks_so() -> None:
    assert Line(["2 objects expire within 48 h"], tone="warn").body().startswith('<div class="rl-warn">')


def test_a_place_for_a_button_is_nothing_to_read_and_varies() -> None:
    card = Card("x", code=["https://store/•••"], slot="3fa9-0")
    assert "3fa9" not in card.to_text()
    assert '<span class="rl-v-id rl-slot" hidden="hidden">3fa9-0</span>' in card.body()
    assert "rl-slot" not in Card("x", code=["y"]).body()
