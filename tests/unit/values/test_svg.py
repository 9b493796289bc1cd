"""SVG is stored as the text it is, and comes back to be shown only where showing it runs nothing."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.display import SVG

from runloop_jupyter.errors import DecodeError, InputError, UnsafeValue
from runloop_jupyter.values import registry
from runloop_jupyter.values.codec import Wish

CIRCLE = '<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>'
DOCTYPE = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'


class Graph:
    def __init__(self, text, png=None):
        self.text, self.png = text, png

    def _repr_svg_(self):
        return self.text

    def _repr_png_(self):
        return self.png


def test_an_svg_comes_back_as_one(store):
    stored = store(SVG(CIRCLE))
    back = stored.read()
    assert type(back) is SVG
    assert back.data == SVG(CIRCLE).data
    assert "note" not in stored.facts


def test_what_shows_itself_as_svg_is_stored_as_its_text_and_says_so(store):
    text = f"<?xml version='1.0'?>\n{DOCTYPE}\n<!-- made by graphviz -->\n{CIRCLE}"
    stored = store(Graph(text, png=b"\x89PNG\r\n\x1a\n"))
    assert stored.read(form="text") == text
    assert stored.facts["note"].startswith("the picture that the")
    assert type(stored.read()) is SVG


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<g onclick='alert(1)'/>",
        "<g ONLOAD='alert(1)'/>",
        "<a href='javascript:alert(1)'/>",
        "<a xlink:href=' java\nscript:alert(1)' xmlns:xlink='http://www.w3.org/1999/xlink'/>",
        "<use href='data:text/html,x'/>",
        "<foreignObject><p/></foreignObject>",
        "<x:iframe xmlns:x='http://www.w3.org/1999/xhtml'/>",
        "<set attributeName='onclick' to='alert(1)'/>",
        "<set attributeName='href' to='&#106;avascript:alert(1)'/>",
        "<?xml-stylesheet href='a.xsl'?>",
    ],
)
def test_what_can_run_code_needs_trust_and_is_text_without(store, inside):
    text = f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>'
    stored = store(Graph(text))
    with pytest.raises(UnsafeValue, match=r"--trust \(trust=True\), or take it as text"):
        stored.read()
    assert stored.read(form="text") == text
    assert type(stored.read(trust=True)) is SVG


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg>",
        b"<svg><a></svg>",
        b"<html/>",
        b"\xff\xfe<svg/>",
        b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg>&a;</svg>",
        b"<!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg>&a;</svg>",
    ],
)
@pytest.mark.parametrize("trust", [False, True])
def test_what_is_no_svg_or_declares_entities_is_a_decode_error(data, trust):
    with pytest.raises(DecodeError):
        registry.decode("svg", io.BytesIO(data), {}, Wish(trust=trust))


def test_an_svg_can_not_be_given_as_numpy(store):
    with pytest.raises(InputError, match="it can as image, text"):
        store(SVG(CIRCLE)).read(form="numpy")


def test_a_value_that_draws_itself_and_is_more_is_refused():
    kind = type("BaseGeometry", (Graph,), {"__module__": "shapely.geometry"})
    with pytest.raises(Exception, match=r"has no stored form; put shapely\.to_wkb"):
        registry.codec_for(kind(CIRCLE))


@given(st.text(max_size=80))
@settings(max_examples=150, deadline=None)
def test_any_text_inside_raises_nothing_but_codec_errors(text):
    file = io.BytesIO(f"<svg>{text}</svg>".encode(errors="replace"))
    try:
        registry.decode("svg", file, {})
    except (DecodeError, UnsafeValue) as error:
        assert "\n" not in error._render_traceback_()[0]  # noqa: PT017
