"""Signals reach those who listen, and only them."""

from runloop_jupyter.events import Signal


def test_listeners_hear_events_until_they_stop():
    heard, signal = [], Signal()
    stop = signal.listen(heard.append)
    signal.send(1)
    stop()
    stop()
    signal.send(2)
    assert heard == [1]


def test_a_listener_that_fails_disturbs_neither_sender_nor_others(caplog):
    heard, signal = [], Signal()

    def broken(event):
        raise RuntimeError("broken")

    signal.listen(broken)
    signal.listen(heard.append)
    signal.send(1)
    assert heard == [1]
    assert "a listener failed" in caplog.text


def test_a_listener_may_leave_while_it_is_told():
    signal = Signal()
    heard = []
    stops = [signal.listen(lambda event: stops[0]()), signal.listen(heard.append)]
    signal.send(1)
    signal.send(2)
    assert heard == [1, 2]
