"""The buttons of links: one widget a kernel, whose state holds nothing of any link."""

import json

import pytest
from comms import FrontEnd

from runloop_jupyter.errors import LinkExpired
from runloop_jupyter.widgets import copy_link

URL = "https://store.example/x?signature=sentinel-4242"


class Link:
    def __init__(self, url=URL):
        self._url = url

    def reveal(self):
        return self._url


@pytest.fixture(autouse=True)
def _new_kernel(monkeypatch):
    monkeypatch.setattr(copy_link, "_current", None)


def ask(op, **args):
    widget = copy_link._current
    front = FrontEnd({"hello": widget._hello, "reveal": widget._reveal})
    try:
        return front.ask(op, **args)
    finally:
        front.close()


def test_each_link_has_its_own_slot_however_often_it_is_shown():
    one, other = Link("https://one"), Link("https://other")
    slots = [copy_link.slot(one), copy_link.slot(other)]
    assert copy_link.slot(one) == slots[0]
    assert [ask("reveal", slot=slot)["value"] for slot in slots] == ["https://one", "https://other"]


def test_slots_begin_with_what_the_front_end_knows_this_kernel_by():
    slot = copy_link.slot(Link())
    assert slot.startswith(copy_link._current.get_state()["prefix"])


def test_the_state_holds_nothing_of_a_link():
    copy_link.slot(Link())
    state = json.dumps(copy_link._current.get_state(), default=str)
    assert "sentinel" not in state
    assert "store.example" not in state


@pytest.mark.parametrize("slot", ["", "other-0", "0", None, 7, []])
def test_a_slot_of_another_kernel_is_refused(slot):
    copy_link.slot(Link())
    answer = ask("reveal", slot=slot)
    assert answer["error"] == LinkExpired.__name__


def test_a_kernel_says_that_it_is_there():
    copy_link.slot(Link())
    assert ask("hello") == {"v": 1, "rid": "r1", "kind": "ok", "value": None}


def test_when_all_widgets_were_closed_the_next_link_gets_a_new_one():
    first = copy_link.slot(Link())
    copy_link._current.close()
    assert copy_link.slot(Link()).partition("-")[0] != first.partition("-")[0]


def test_the_script_is_part_of_the_package():
    assert "initialize" in copy_link.SCRIPT.read_text(encoding="utf-8")
