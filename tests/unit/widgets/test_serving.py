"""What a front end asks is answered once, whatever it sends and in whatever order."""

import threading
from contextvars import ContextVar

import pytest
from comms import FakeWidget, FrontEnd
from hypothesis import given, settings
from hypothesis import strategies as st

from runloop_jupyter.errors import ObjectNotFound
from runloop_jupyter.widgets import asked
from runloop_jupyter.widgets.protocol import CHUNK_BYTES, IN_FLIGHT
from runloop_jupyter.widgets.serving import MOST_AT_ONCE, WIDTH, Serving, WithBuffers


class Gate:
    """An operation that goes on when it is let go, or is cancelled."""

    def __init__(self):
        self.began, self.go = threading.Semaphore(0), threading.Event()

    def __call__(self, asked):
        asked.on_cancel(self.go.set)
        self.began.release()
        self.go.wait(10)
        asked.checkpoint()
        return "went"


def takes(asked):
    return sum(len(chunk) for chunk in asked.receive())


def gives(asked):
    for i in range(asked.args["n"]):
        asked.give({"i": i}, bytes([i % 256]) * 10)
    return "given"


def fails(asked):
    raise ObjectNotFound("no such\nthing")


def breaks(asked):
    raise RuntimeError("https://secret.example/?signature=abc")


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def front(gate):
    slow = {"gate": gate, "takes": takes, "gives": gives}
    quick = {
        "echo": lambda it: dict(it.args),
        "fails": fails,
        "breaks": breaks,
        "bytes": lambda it: WithBuffers({"n": 1}, [b"abc"]),
        "hasty": lambda it: [it.progress({"i": i}) for i in range(1000)] and "done",
    }
    opened = FrontEnd(quick, slow)
    yield opened
    gate.go.set()
    opened.close()


def test_a_request_ends_with_its_value(front):
    assert front.ask("echo", a=1) == {"v": 1, "rid": "r1", "kind": "ok", "value": {"a": 1}}


def test_an_error_says_its_type_and_one_line(front):
    end = front.ask("fails")
    assert (end["kind"], end["error"], end["message"]) == ("err", "ObjectNotFound", "no such thing")


def test_of_a_bug_nothing_is_said_that_may_be_a_secret(front):
    end = front.ask("breaks")
    assert (end["error"], end["message"]) == ("RuntimeError", "")


def test_a_reply_may_come_with_bytes(front):
    rid = front.begin("bytes")
    front.end_of(rid)
    assert front.widget.sent[-1][1] == [b"abc"]


def test_a_slow_request_holds_up_no_quick_one(front, gate):
    for _ in range(20):
        front.begin("gate")
    assert front.ask("echo")["kind"] == "ok"


def test_a_cancelled_request_ends_as_cancelled(front, gate):
    rid = front.begin("gate")
    assert gate.began.acquire(timeout=10)
    front.say(rid, "cancel")
    assert front.end_of(rid)["error"] == "Cancelled"


def test_one_that_is_refused_while_it_runs_ends_once(front, gate):
    rids = [front.begin("gate") for _ in range(WIDTH)]
    for _ in rids:
        assert gate.began.acquire(timeout=10)
    front.say(rids[0], "chunk")  # without its bytes
    assert front.end_of(rids[0])["error"] == "BadMessage"
    # Once another has its turn one of them is over, and with the cancelled gate all are.
    assert [front.end_of(front.begin("gate"))["kind"] for _ in range(2 * WIDTH)] == ["ok"] * 2 * WIDTH
    front.ask("echo")
    assert len(front.ends(rids[0])) == 1


def test_one_that_waits_for_its_turn_is_cancelled_at_once(front, gate):
    for _ in range(WIDTH):
        front.begin("gate")
        assert gate.began.acquire(timeout=10)
    rid = front.begin("gate")
    front.say(rid, "cancel")
    assert front.end_of(rid)["error"] == "Cancelled"
    assert not gate.began.acquire(blocking=False)


def test_a_cancel_after_the_end_changes_nothing(front):
    rid = front.begin("echo")
    front.end_of(rid)
    front.say(rid, "cancel")
    front.ask("echo")
    assert len(front.ends(rid)) == 1


def test_when_the_comm_is_closed_what_runs_is_cancelled(front, gate):
    front.begin("gate")
    assert gate.began.acquire(timeout=10)
    front.widget.comm.closed({})
    assert gate.go.wait(10)


def test_all_is_sent_from_one_thread_that_is_not_the_handlers(front):
    for _ in range(5):
        front.ask("echo")
    front.ask("breaks")
    assert front.widget.threads == {"rl-publisher"}


def test_work_runs_in_the_context_of_its_request(front):
    here = ContextVar("here", default="nobody's")
    front.serving._operations["where"] = 0, lambda it: here.get()
    here.set("the request's")
    assert front.ask("where")["value"] == "the request's"


def test_requests_go_where_the_front_end_sends_them_and_not_to_the_cell_that_opened_the_widget():
    class Comm:
        def _reply_subshell_for(self, data, default):
            return "the cell"

    widget = FakeWidget()
    widget.comm = Comm()
    Serving(widget, {})
    assert widget.comm._reply_subshell_for({}, "a subshell") == "a subshell"


def test_what_is_sent_goes_in_the_context_of_the_latest_request(front):
    here = ContextVar("here", default="nowhere")
    seen = []
    send = front.widget.send
    front.serving.publisher._send = lambda content, buffers=None: (seen.append(here.get()), send(content, buffers))
    here.set("a subshell")
    front.ask("echo")
    assert seen == ["a subshell"]


def test_of_progress_that_comes_close_together_little_is_sent_and_none_after_the_end(front):
    rid = front.begin("hasty")
    front.end_of(rid)
    front.ask("echo")
    kinds = [content["kind"] for content, _ in front.widget.sent if content.get("rid") == rid]
    assert kinds.count("progress") <= 3
    assert kinds[-1] == "ok"


def send_chunks(front, rid, sizes):
    """Send chunks as they are granted, as a page does."""
    for number, size in enumerate(sizes, 1):
        front.widget.wait(
            lambda sent, number=number: any(value["credit"] >= number for value, _ in front.progress(rid))
        )
        front.say(rid, "chunk", buffers=[bytes(size)])
    front.say(rid, "end")


def test_chunks_come_as_they_are_granted(front):
    rid = front.begin("takes")
    send_chunks(front, rid, [CHUNK_BYTES] * 12 + [5])
    assert front.end_of(rid)["value"] == 12 * CHUNK_BYTES + 5
    assert max(value["credit"] - value["written"] // CHUNK_BYTES for value, _ in front.progress(rid)) <= IN_FLIGHT


def test_what_is_given_waits_for_room_and_comes_in_order(front):
    rid = front.begin("gives", n=40)
    assert front.progress(rid) == []
    for n in range(10):
        front.say(rid, "grant", {"n": 4})
        front.widget.wait(lambda sent, n=n: len(front.progress(rid)) >= 4 * (n + 1))
    assert front.end_of(rid)["value"] == "given"
    assert [value["i"] for value, _ in front.progress(rid)] == list(range(40))
    assert front.widget.sent[-1][0]["kind"] == "ok"


@pytest.mark.parametrize(
    ("chunks", "says"),
    [([CHUNK_BYTES + 1], "most"), ([1] * (IN_FLIGHT + 1), "asked for")],
    ids=["too large", "more than was granted"],
)
def test_chunks_that_may_not_be_end_their_request(front, gate, chunks, says):
    front.serving._operations["takes"] = 1, lambda it: (gate.go.wait(10), takes(it))  # none is taken meanwhile
    rid = front.begin("takes")
    for size in chunks if len(chunks) == 1 else ():
        gate.go.set()
        front.widget.wait(lambda sent: front.progress(rid))
        front.say(rid, "chunk", buffers=[bytes(size)])
    if len(chunks) > 1:
        for size in chunks:
            front.say(rid, "chunk", buffers=[bytes(size)])
        gate.go.set()
    end = front.end_of(rid)
    assert end["error"] == "InputError"
    assert says in end["message"]


@pytest.mark.parametrize(
    "content",
    [None, 3, "x", [], {}, {"v": 1}, {"v": 1, "rid": 7, "op": "echo"}, {"v": 1, "rid": "x" * 65, "op": "echo"}],
    ids=str,
)
def test_what_says_nothing_of_whose_it_is_goes_unheard(front, content):
    front.raw(content)
    front.ask("echo")
    assert len(front.widget.sent) == 1


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"v": 2, "op": "echo", "args": {}}, "BadMessage"),
        ({"v": 1, "args": {}}, "BadMessage"),
        ({"v": 1, "op": "echo", "args": []}, "BadMessage"),
        ({"v": 1, "op": "no such", "args": {}}, "UnknownOperation"),
        ({"v": 1, "op": "chunk", "args": {}}, "UnknownRequest"),
        ({"v": 1, "op": "grant", "args": {"n": 3}}, "UnknownRequest"),
    ],
    ids=str,
)
def test_what_cant_be_meant_is_refused_once(front, message, error):
    for _ in range(3):
        front.raw({"rid": "mine", **message})
    assert front.end_of("mine")["error"] == error
    front.ask("echo")
    assert len(front.ends("mine")) == 1


@pytest.mark.parametrize(
    ("op", "args", "buffers"), [("grant", {"n": "x"}, []), ("chunk", {}, []), ("chunk", {}, [b"", b""])]
)
def test_what_cant_be_added_ends_the_request_and_stops_its_work(front, gate, op, args, buffers):
    rid = front.begin("gate")
    assert gate.began.acquire(timeout=10)
    front.say(rid, op, args, buffers)
    assert front.end_of(rid)["error"] in {"BadMessage", "Cancelled"}
    assert gate.go.wait(10)


def test_ten_thousand_requests_are_refused_and_hurt_nobody(front, gate):
    for i in range(10_000):
        front.say(f"many-{i}", "gate")
    assert len(front.serving._running) == MOST_AT_ONCE
    front.say("many-0", "cancel")
    gate.go.set()
    assert front.ask("echo")["kind"] == "ok"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["echo", "takes", "gives", "fails", "cancel", "chunk", "end", "grant", "no such"]),
        ),
        max_size=30,
    )
)
def test_each_request_ends_once_whatever_comes_in_whatever_order(steps):
    front = FrontEnd({"echo": lambda it: 1, "fails": fails}, {"takes": takes, "gives": gives})
    begun = set()
    try:
        for rid, op in steps:
            if op not in {"cancel", "chunk", "end", "grant"}:
                begun.add(rid)
            front.say(rid, op, {"n": 2}, [b"x"] if op == "chunk" else [])
        for rid in begun:
            front.say(rid, "end")
            front.say(rid, "grant", {"n": 4})
        for rid in begun:
            front.end_of(rid)
        assert all(len(front.ends(rid)) == 1 for rid in begun)
    finally:
        front.close()


def test_of_a_page_that_says_nothing_for_long_no_more_is_expected(front, monkeypatch):
    monkeypatch.setattr(asked, "SILENCE_S", 0.05)
    assert front.end_of(front.begin("takes"))["error"] == "FrontEndGone"
    assert front.end_of(front.begin("gives", n=1))["error"] == "FrontEndGone"
