"""Both ends speak of the same things by the same names; what a page says is read strictly."""

import re
from pathlib import Path

import msgspec
import pytest

from runloop_jupyter.browser import protocol
from runloop_jupyter.errors import InputError
from runloop_jupyter.wire.browse import Query, Span

TYPESCRIPT = (Path(__file__).parents[3] / "js" / "browser" / "protocol.ts").read_text(encoding="utf-8")
MIRRORED = {
    "Row": protocol.Row,
    "Freshness": protocol.Freshness,
    "Page": protocol.Page,
    "Facet": protocol.Facet,
    "Ranges": protocol.Ranges,
    "Facets": protocol.Facets,
    "Suggestion": protocol.Suggestion,
    "Transfer": protocol.Transfer,
    "Hello": protocol.Hello,
    "Facts": protocol.Facts,
    "Query": Query,
    "Span": Span,
}


def fields_of(interface):
    body = re.search(rf"^export interface {interface} \{{\n(.*?)^\}}", TYPESCRIPT, re.MULTILINE | re.DOTALL)[1]
    return set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE))


@pytest.mark.parametrize("interface", MIRRORED)
def test_each_thing_has_the_same_fields_on_both_sides(interface):
    assert {each.encode_name for each in msgspec.structs.fields(MIRRORED[interface])} == fields_of(interface)


def test_what_is_told_is_in_the_words_of_the_other_side():
    said = protocol.plain(protocol.TextPreview(text="x", format="text", whole=True, read=0))
    assert said == {"kind": "text", "text": "x", "format": "text", "whole": True, "read": 0}


def test_a_query_is_read_as_it_was_said():
    query = {"search": "val", "conditions": [{"key": "acc", "sign": ">", "values": ["0.9"]}], "size": {"since": 5}}
    said = protocol.read({"query": query, "first": 0, "n": 5, "asOf": None, "columns": ["acc"]}, protocol.PageArgs)
    assert (said.query.search, said.query.size.since, said.query.conditions[0].key) == ("val", 5, "acc")


@pytest.mark.parametrize(
    ("form", "args"),
    [
        (protocol.IdArgs, {}),
        (protocol.IdArgs, {"id": 3}),
        (protocol.IdArgs, {"id": "half a character \ud800"}),
        (protocol.IdArgs, {"id": "x", "other": 1}),
        (protocol.PageArgs, {"query": {"where": {"a": "b"}}}),
        (protocol.PageArgs, {"query": {"order": "colour"}}),
        (protocol.PageArgs, {"query": {"order": "metadata"}}),
        (protocol.PageArgs, {"query": {"conditions": [{"key": "a", "sign": ">", "values": []}]}}),
        (protocol.PageArgs, {"query": {"conditions": [{"key": "a", "sign": ">", "values": ["1", "2"]}]}}),
        (protocol.PageArgs, {"query": {"conditions": [{"key": "", "sign": "", "values": []}]}}),
        (protocol.PageArgs, {"query": {}, "n": True}),
        (protocol.PageArgs, {"query": {}, "columns": ["x"] * 51}),
        (protocol.IdsArgs, {"ids": "x"}),
        (protocol.UploadArgs, {"name": "x", "size": 1, "metadata": {"a": 1}}),
        (protocol.UploadArgs, {"name": "x", "size": 1.5}),
        (protocol.LinkArgs, {"id": "x", "expires": "1h"}),
    ],
    ids=ascii,
)
def test_what_cant_be_meant_is_one_clear_error(form, args):
    with pytest.raises(InputError) as caught:
        protocol.read(args, form)
    assert "\n" not in str(caught.value)


def test_args_of_any_depth_are_an_error_and_no_crash():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InputError):
        protocol.read({"id": deep}, protocol.IdArgs)
