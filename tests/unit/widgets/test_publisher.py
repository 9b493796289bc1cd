"""Replies first, little of what replaces itself, and no more messages than a server lets by."""

import contextvars
import threading

from comms import FakeWidget

from runloop_jupyter.widgets import protocol
from runloop_jupyter.widgets import publisher as publishing
from runloop_jupyter.widgets.publisher import AT_ONCE, LARGEST, PER_SECOND, Publisher


def opened(widget):
    publisher = Publisher(widget.send)
    publisher.hear(contextvars.copy_context())
    return publisher


def test_no_more_than_fifty_messages_a_second_go_out_in_the_mean():
    widget = FakeWidget()
    publisher = opened(widget)
    for i in range(60):
        publisher.reply(protocol.ok(f"r{i}", i))
    widget.wait(lambda sent: len(sent) == 60)
    took = widget.times[-1] - widget.times[0]
    assert took >= (60 - AT_ONCE - 1) / PER_SECOND * 0.95
    publisher.close()


def test_a_reply_goes_before_events_and_refusals_that_wait():
    widget = FakeWidget()
    publisher = opened(widget)
    holds, go = threading.Event(), threading.Event()
    publisher.event("slow", lambda: [holds.set(), go.wait(10)])
    assert holds.wait(10)
    publisher.refuse(protocol.err("no", "No", ""))
    publisher.event("other", lambda: 1)
    publisher.reply(protocol.ok("yes", 1))
    go.set()
    widget.wait(lambda sent: len(sent) == 4)
    assert [content.get("rid") for content, _ in widget.sent][1] == "yes"
    publisher.close()


def test_of_an_event_only_the_newest_is_sent_and_not_too_often():
    widget = FakeWidget()
    publisher = opened(widget)
    for i in range(500):
        publisher.event("moved", lambda i=i: i, 0.2)
    widget.wait(lambda sent: sent and sent[-1][0]["value"] == 499)
    assert len(widget.sent) <= 2
    publisher.close()


def test_nothing_is_said_to_a_page_that_never_asked():
    widget = FakeWidget()
    publisher = Publisher(widget.send)
    publisher.event("set", lambda: 1)
    publisher.hear(contextvars.copy_context())
    publisher.reply(protocol.ok("r", 1))
    widget.wait(lambda sent: sent)
    assert [content["kind"] for content, _ in widget.sent] == ["ok"]
    publisher.close()


def test_the_chunks_of_one_that_failed_are_dropped_and_its_error_comes_at_once():
    widget = FakeWidget()
    publisher = opened(widget)
    for i in range(100):
        publisher.chunk("r", i, b"x")
    publisher.reply(protocol.err("r", "Cancelled", ""))
    widget.wait(lambda sent: sent and sent[-1][0]["kind"] == "err")
    assert len(widget.sent) <= AT_ONCE + 3
    publisher.close()


def test_half_a_character_is_sent_as_a_mark():
    widget = FakeWidget()

    def send(content, buffers=None):
        content["value"]["name"].encode()
        widget.send(content, buffers)

    publisher = Publisher(send)
    publisher.hear(contextvars.copy_context())
    publisher.reply(protocol.ok("r", {"name": "a\ud800b"}))
    widget.wait(lambda sent: sent)
    assert widget.sent[0][0]["value"] == {"name": "a?b"}
    publisher.close()


def test_a_page_that_is_gone_is_no_error():
    def send(content, buffers=None):
        raise OSError("gone")

    publisher = Publisher(send)
    publisher.hear(contextvars.copy_context())
    publisher.reply(protocol.ok("r", 1))
    publisher.close()
    thread = publisher._thread
    if thread is not None:
        thread.join(10)
    assert publisher._thread is None


def test_what_a_page_cant_take_in_is_an_error_and_not_the_end_of_its_connection():
    widget = FakeWidget()
    publisher = opened(widget)
    publisher.reply(protocol.ok("r", "x" * (LARGEST + 1)))
    widget.wait(lambda sent: sent)
    assert widget.sent[0][0]["error"] == "TooLarge"
    publisher.close()


def test_while_there_is_nothing_to_say_no_thread_waits(monkeypatch):
    monkeypatch.setattr(publishing, "IDLE_S", 0.01)
    widget = FakeWidget()
    publisher = opened(widget)
    for i in range(3):
        publisher.reply(protocol.ok(f"r{i}", i))
        widget.wait(lambda sent, i=i: len(sent) == i + 1)
        thread = publisher._thread
        if thread is not None:
            thread.join(10)
        assert publisher._thread is None
    publisher.close()
