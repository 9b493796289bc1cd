"""A widget as its kernel's end sees it, without a kernel: what is sent is kept, what it hears is said by a test."""

from __future__ import annotations

import threading
import time
from itertools import count

from runloop_jupyter.widgets.serving import Serving


class FakeComm:
    """A comm that can be closed by its front end."""

    def __init__(self):
        self.closed = lambda message: None

    def on_close(self, callback):
        self.closed = callback


class FakeWidget:
    """Keeps what is sent, each with the time and the thread."""

    def __init__(self):
        self.comm = FakeComm()
        self.sent = []
        self.times = []
        self.threads = set()
        self._came = threading.Condition()
        self.hear = None

    def on_msg(self, callback):
        self.hear = callback

    def send(self, content, buffers=None):
        with self._came:
            self.sent.append((content, [bytes(each) for each in buffers or ()]))
            self.times.append(time.monotonic())
            self.threads.add(threading.current_thread().name)
            self._came.notify_all()

    def wait(self, is_so, timeout=10):
        """Wait until `is_so` of what was sent; return what it returned."""
        with self._came:
            assert self._came.wait_for(lambda: is_so(self.sent), timeout), self.sent[-5:]
            return is_so(self.sent)


class FrontEnd:
    """A front end of a widget that serves groups of operations."""

    def __init__(self, *groups):
        self.widget = FakeWidget()
        self.serving = Serving(self.widget, *groups)
        self._rids = count(1)

    def say(self, rid, op, args=None, buffers=()):
        self.raw({"v": 1, "rid": rid, "op": op, "args": args or {}}, buffers)

    def raw(self, content, buffers=()):
        self.widget.hear(self.widget, content, list(buffers))

    def begin(self, op, **args):
        rid = f"r{next(self._rids)}"
        self.say(rid, op, args)
        return rid

    def ask(self, op, **args):
        return self.end_of(self.begin(op, **args))

    def ends(self, rid):
        return [content for content, _ in list(self.widget.sent) if is_end(content, rid)]

    def end_of(self, rid, timeout=10):
        return self.widget.wait(lambda sent: next((c for c, _ in sent if is_end(c, rid)), None), timeout)

    def progress(self, rid):
        return [
            (content["value"], buffers)
            for content, buffers in list(self.widget.sent)
            if content.get("rid") == rid and content["kind"] == "progress"
        ]

    def events(self, name):
        return [c["value"] for c, _ in list(self.widget.sent) if c["kind"] == "event" and c["event"] == name]

    def close(self):
        self.serving.close()


def is_end(content, rid):
    return content.get("rid") == rid and content["kind"] in {"ok", "err"}
