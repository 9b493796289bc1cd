"""Requests of a front end: read, or refused where they say whose they are."""

import pytest

from runloop_jupyter.widgets import protocol

ASK = {"v": 1, "rid": "r1", "op": "reveal", "args": {"slot": "a-0"}}


def test_a_request_is_read_as_it_is():
    assert protocol.read(ASK) == ASK


def test_args_may_be_left_out():
    assert protocol.read({"v": 1, "rid": "r1", "op": "hello"})["args"] == {}


@pytest.mark.parametrize("content", [None, "x", 1, [], {}, {**ASK, "rid": 1}, {**ASK, "rid": ""}], ids=str)
def test_what_says_nothing_of_whose_it_is_is_no_request(content):
    assert protocol.read(content) is None


@pytest.mark.parametrize("content", [{**ASK, "v": 2}, {**ASK, "op": None}, {**ASK, "args": []}], ids=str)
def test_what_is_of_another_version_or_form_is_refused_by_its_name(content):
    with pytest.raises(protocol.BadMessage) as caught:
        protocol.read(content)
    assert caught.value.rid == "r1"
