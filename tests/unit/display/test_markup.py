"""HTML that is escaped by construction."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.display.markup import Html, element, join, root
from runloop_jupyter.display.styles import STYLE


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


# HTML itself can't carry a NUL or a bare CR; text gets rid of both before it comes here.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


@given(TEXT, TEXT)
def test_any_text_and_attribute_come_back_from_a_parser_as_they_were(text: str, title: str) -> None:
    seen = read(element("span", text, title=title))
    assert seen.tags == [("span", {"title": title})]
    assert seen.text == text


def test_markup_is_escaped_once_and_only_if_it_is_text() -> None:
    inner = element("b", "a & b")
    assert element("div", inner, "<i>") == "<div><b>a &amp; b</b>&lt;i&gt;</div>"
    assert join(" < ", [inner, "x"]) == "<b>a &amp; b</b> &lt; x"


def test_an_attribute_of_none_is_left_out() -> None:
    assert element("td", cls="rl-r", title=None, aria_label="n") == '<td class="rl-r" aria-label="n"></td>'


def test_an_output_carries_its_styles_and_no_script() -> None:
    html = root(Html("<p>x</p>"))
    assert [tag for tag, _ in read(html).tags] == ["div", "style", "p"]


def test_formula_typesetters_of_jupyterlab_and_nbconvert_pass_an_output_by() -> None:
    classes = str(read(root()).tags[0][1]["class"]).split()
    assert {"mathjax_ignore", "tex2jax_ignore"} <= set(classes)


def test_the_styles_are_small() -> None:
    assert len(STYLE.encode()) < 2560


def test_every_rule_is_confined_to_this_packages_outputs() -> None:
    selectors = [each for rule in re.findall(r"([^{}]+)\{", STYLE) for each in re.split(r",(?![^()]*\))", rule)]
    assert len(selectors) > 20
    assert [each for each in selectors if ".rl-out" not in each] == []
