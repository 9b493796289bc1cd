"""Transfers are told of as long as the browser is open, whatever went wrong with telling of earlier ones."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from runloop_jupyter.browser import moving
from runloop_jupyter.browser.moving import Moving
from runloop_jupyter.events import Signal


class Told:
    """In place of a publisher."""

    def __init__(self):
        self.came = threading.Event()

    def event(self, name, value):
        self.came.set()


@pytest.fixture
def opened(monkeypatch):
    transfers = SimpleNamespace(added=Signal())
    told = Told()
    opened = Moving(SimpleNamespace(session=SimpleNamespace(transfers=transfers)), told)
    yield opened, transfers, told
    opened.close()


def wait_until_it_rests(opened):
    for thread in [each for each in threading.enumerate() if each.name == "rl-moving"]:
        thread.join(10)
    assert not opened._watches


@pytest.mark.parametrize("error", [OSError("disk"), ValueError("an odd journal")], ids=repr)
def test_what_cant_be_shown_once_hides_nothing_that_comes_after_it(opened, monkeypatch, error):
    opened, transfers, told = opened

    def fails():
        raise error

    monkeypatch.setattr(opened, "shown", fails)
    transfers.added.send(None)
    wait_until_it_rests(opened)
    monkeypatch.setattr(opened, "shown", lambda: [SimpleNamespace(state="done")])
    monkeypatch.setattr(moving.protocol, "plain", lambda value: value)
    transfers.added.send(None)
    assert told.came.wait(10)
    wait_until_it_rests(opened)


def test_a_closed_one_hears_of_nothing(opened):
    opened, transfers, _ = opened
    opened.close()
    assert not transfers.added.is_heard
