"""The first rows are asked for before anybody needs them, and given to whoever asks for just those, soon."""

import threading

import pytest

from runloop_jupyter.browser import early
from runloop_jupyter.browser.early import Early
from runloop_jupyter.errors import Unreachable
from runloop_jupyter.wire.browse import Query


def test_whoever_asks_the_same_gets_the_answer_when_it_is_there():
    go = threading.Event()
    first = Early(Query(search="a"), ["x"], lambda: go.wait(10) and (["x"], "rows"))
    threading.Timer(0.05, go.set).start()
    assert first.take(Query(search="a"), ["x"]) == (["x"], "rows")


@pytest.mark.parametrize(("query", "columns"), [(Query(), ["x"]), (Query(search="a"), None)], ids=str)
def test_whoever_asks_something_else_asks_anew(query, columns):
    assert Early(Query(search="a"), ["x"], lambda: (["x"], "rows")).take(query, columns) is None


def test_an_old_answer_is_none(monkeypatch):
    monkeypatch.setattr(early, "STALE_S", -1)
    assert Early(Query(), None, lambda: ([], "rows")).take(Query(), None) is None


def test_an_error_is_left_to_whoever_asks_anew():
    def fails():
        raise Unreachable("no answer")

    assert Early(Query(), None, fails).take(Query(), None) is None
