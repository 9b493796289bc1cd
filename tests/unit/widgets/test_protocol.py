"""Requests of a front end: read, carried out on a thread, answered exactly once."""

import threading
import time
from contextvars import ContextVar

import pytest

from runloop_jupyter.errors import LinkExpired
from runloop_jupyter.widgets import protocol

ASK = {"v": 1, "rid": "r1", "op": "reveal", "args": {"slot": "a-0"}}


class Widget:
    """As much of an ipywidget as is served."""

    def __init__(self, sends=True):
        self.comm = object()
        self.sent = []
        self._sends = sends
        self.answered = threading.Event()

    def on_msg(self, take):
        self.take = take

    def send(self, content):
        self.answered.set()
        if not self._sends:
            raise OSError("no such socket")
        self.sent.append(content)

    def hear(self, content):
        self.take(self, content, [])
        assert self.answered.wait(5)
        return self.sent


def test_a_request_is_answered_with_its_value():
    widget = Widget()
    protocol.serve(widget, {"reveal": lambda args: f"link of {args['slot']}"})
    assert widget.hear(ASK) == [{"v": 1, "rid": "r1", "kind": "ok", "value": "link of a-0"}]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (LinkExpired("it expired"), ("LinkExpired", "it expired")),
        (ZeroDivisionError("secret"), ("ZeroDivisionError", "")),
    ],
)
def test_what_goes_wrong_is_answered_and_a_bug_says_only_its_name(error, said):
    def fails(args):
        raise error

    widget = Widget()
    protocol.serve(widget, {"reveal": fails})
    (answer,) = widget.hear(ASK)
    assert (answer["kind"], answer["error"], answer["message"]) == ("err", *said)


def test_what_is_not_known_is_answered_too():
    widget = Widget()
    protocol.serve(widget, {})
    assert widget.hear(ASK)[0]["kind"] == "err"


@pytest.mark.parametrize(
    "content",
    [None, "x", 1, [], {}, {**ASK, "v": 2}, {**ASK, "rid": 1}, {**ASK, "op": None}, {**ASK, "args": []}],
)
def test_what_is_no_request_is_passed_over(content):
    assert protocol.read(content) is None


def test_the_handler_does_not_wait_for_the_work():
    widget = Widget()
    release = threading.Event()
    protocol.serve(widget, {"reveal": lambda args: release.wait(5)})
    began = time.monotonic()
    widget.take(widget, ASK, [])
    assert time.monotonic() - began < 1
    release.set()
    assert widget.answered.wait(5)


def test_the_work_runs_in_the_context_of_its_request():
    parent = ContextVar("parent", default="nobody")
    widget = Widget()
    protocol.serve(widget, {"reveal": lambda args: parent.get()})
    parent.set("the request")
    assert widget.hear(ASK)[0]["value"] == "the request"


def test_a_front_end_that_is_gone_prints_nothing(capsys, monkeypatch):
    raised = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    widget = Widget(sends=False)
    protocol.serve(widget, {"reveal": lambda args: "https://sentinel"})
    widget.hear(ASK)
    for thread in threading.enumerate():
        if thread.name == "rl-answer":
            thread.join(5)
    assert raised == []
    assert capsys.readouterr() == ("", "")


def test_requests_go_where_the_front_end_sends_them_and_not_to_the_cell_that_opened_the_widget():
    class Comm:
        def _reply_subshell_for(self, data, default):
            return "the cell"

    widget = Widget()
    widget.comm = Comm()
    protocol.serve(widget, {})
    assert widget.comm._reply_subshell_for({}, "a subshell") == "a subshell"
