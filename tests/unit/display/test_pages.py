"""The pages of %rl_info and %rl."""

from __future__ import annotations

from runloop_jupyter.display.card import Card
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.help import HelpPage
from runloop_jupyter.display.info import InfoPage, Preview
from runloop_jupyter.display.table import Column, Table


def test_an_info_page_has_the_sections_it_is_given_in_order() -> None:
    page = InfoPage(
        Card("penguins", facts=["table"]),
        facts=[("id", Fact("obj_1", "id")), ("digest", "blake3:9f"), ("note", "")],
        schema=Table([Column("column"), Column("type")], [["species", "string"]]),
        preview=Preview("a\n\tb\x1b", "first 2 of 9 lines"),
    )
    assert page.to_text().splitlines() == [
        "penguins · table",
        "",
        "id      obj_1",
        "digest  blake3:9f",
        "note",
        "",
        "schema",
        "column   type",
        "───────  ──────",
        "species  string",
        "",
        "preview · first 2 of 9 lines",
        "a",
        "\tb␛",
    ]


def test_an_info_page_is_one_output_with_one_sheet_of_styles() -> None:
    page = InfoPage(Card("x"), versions=Table([Column("version", "id")], [["x@1"]]), preview=Preview("<b>"))
    html = page.to_html()
    assert html.count("<style>") == html.count("rl-out ") - html.split("</style>")[0].count("rl-out ") + 1 == 1
    assert '<pre class="rl-pre">&lt;b&gt;</pre>' in html


def test_help_lines_up_what_each_magic_does() -> None:
    page = HelpPage(
        [("%rl_put WHAT", "put it"), ("%rl_ls", "list")], status=["embedded store"], more="%rl_put? for more"
    )
    assert page.to_text().splitlines() == [
        "embedded store",
        "%rl_put WHAT  put it",
        "%rl_ls        list",
        "%rl_put? for more",
    ]
    assert '<td class="rl-mono">%rl_ls</td><td class="rl-wrap">list</td>' in page.to_html()
