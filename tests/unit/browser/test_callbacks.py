"""Callbacks run one after the other on a thread of their own; an error in one is shown and stops no other."""

import sys
import threading

from runloop_jupyter.browser.callbacks import Callbacks


def test_callbacks_run_in_order_on_one_other_thread():
    callbacks, seen = Callbacks(), []
    for i in range(5):
        callbacks.post(f"n{i}", lambda i=i: seen.append((i, threading.current_thread().name)))
    assert callbacks.wait(10)
    assert seen == [(i, "rl-callbacks") for i in range(5)]


def test_of_those_that_wait_under_one_name_only_the_newest_runs():
    callbacks, seen, go = Callbacks(), [], threading.Event()
    callbacks.post("first", lambda: go.wait(10))
    for i in range(5):
        callbacks.post("same", lambda i=i: seen.append(i))
    go.set()
    assert callbacks.wait(10)
    assert seen == [4]


def test_an_error_is_shown_and_stops_no_other(capsys):
    callbacks, seen = Callbacks(), []
    callbacks.post("bad", lambda: 1 / 0)
    callbacks.post("good", lambda: seen.append(1))
    assert callbacks.wait(10)
    assert seen == [1]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_one_that_exits_stops_no_other(capsys):
    callbacks, seen = Callbacks(), []
    callbacks.post("bad", lambda: sys.exit(1))
    assert callbacks.wait(10)
    callbacks.post("good", lambda: seen.append(1))
    assert callbacks.wait(10)
    assert seen == [1]
    assert "SystemExit" in capsys.readouterr().err
