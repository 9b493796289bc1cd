"""A page that is broken, or somebody else's: it gets an error in a line, and hurts nobody."""

from __future__ import annotations

import itertools

from runloop_jupyter import errors
from runloop_jupyter.browser.doing import VariableTaken
from runloop_jupyter.widgets import asked

OPERATIONS = (
    *(
        "hello",
        "watching",
        "page",
        "facets",
        "suggest",
        "keys",
        "facts",
        "preview",
        "refresh",
        "selected",
        "get",
    ),
    *("mount", "link", "reach", "delete", "keep", "download", "upload"),
    *("cancelTransfer", "retryTransfer", "resumeTransfer"),
)
QUERIES = [
    {},
    {"search": "x" * 10_000},
    {"search": "\x00\u202e%_'\""},
    {"beneath": "../../"},
    {"state": "nonsense"},
    {"where": {"a": [], "": ["b"], "x" * 5000: ["y" * 5000]}},
    {"where": {str(i): ["v"] for i in range(500)}},
    {"conditions": [{"key": "a", "sign": ">", "values": ["nan"]}] * 50},
    {"size": {"since": -(2**70)}},
    {"size": {"since": 5, "before": 1}},
    {"put": {"since": 2**63, "before": -(2**63)}},
    {"order": "metadata", "key": "x" * 5000},
    {"lasting": True, "expires": {"since": 0}},
]
ARGS = [
    {},
    {"id": None},
    {"id": ""},
    {"id": "../../etc/passwd"},
    {"id": "x" * 100_000},
    {"id": "obj_\x00", "variable": "x", "expires": 1e308},
    {"ids": ["", "a/b", "\u202e"]},
    {"ids": ["x"] * 300, "directory": "/proc/1"},
    {"ids": [], "directory": ""},
    {"text": "\x00" * 5000},
    {"text": "=" * 3000},
    {"name": "x", "size": 2**80},
    {"name": "\x00", "size": 1},
    {"name": "a" * 5000, "size": 1, "metadata": {"": ""}},
    {"columns": ["x" * 100_000]},
    *({"query": query, "first": 0, "n": 5, "asOf": None, "columns": ["a"]} for query in QUERIES),
    *({"query": query, "keys": ["a", ""]} for query in QUERIES[:4]),
    {"query": {}, "first": 2**62, "n": 500, "asOf": "nonsense", "columns": []},
    {"query": {}, "first": 10**12, "n": 1, "asOf": None, "columns": []},
]
MEANT = {
    *(name for name, each in vars(errors).items() if isinstance(each, type)),
    *(each.__name__ for each in (VariableTaken, asked.Cancelled, asked.FrontEndGone)),
    "Cancelled",
}


def test_whatever_is_asked_is_answered_or_refused_for_a_reason_that_is_known(front, kernel):
    bugs = []
    for op, args in itertools.product(OPERATIONS, ARGS):
        rid = front.begin(op, **args)
        if op in {"upload", "download"}:
            front.say(rid, "cancel")
        end = front.end_of(rid)
        if end["kind"] == "err" and (end["error"] not in MEANT or not end["message"] or "\n" in end["message"]):
            bugs.append((op, str(args)[:120], end["error"], end["message"]))
    assert bugs == []
    assert kernel.run("1 + 1").text == "2"


def test_messages_that_are_none_leave_it_as_it_was(front, kernel):
    for content in (None, 3, [], {"v": 9, "rid": "a", "op": "page"}, {"v": 1, "rid": {}, "op": "page"}, {"op": "page"}):
        front.raw(content)
    front.say("nobody", "chunk", {}, b"x")
    front.say("nobody-2", "chunk", {})
    front.say("nobody-3", "end")
    assert front.ask("hello")["place"]["embedded"]
    assert kernel.run("1 + 1").text == "2"
