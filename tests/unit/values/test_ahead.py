"""Making the next thing while the last is used: in order, one in advance, and no error lost."""

from __future__ import annotations

import threading

import pytest

from runloop_jupyter.values.ahead import Behind, ahead

LONG = 5  # seconds; waited in full only by what fails


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("rl-table")]


def test_items_come_in_order():
    assert list(ahead(iter(range(100)))) == list(range(100))
    assert list(ahead(iter([]))) == []
    assert list(ahead(iter([None, None]))) == [None, None]
    assert not threads()


def test_one_is_made_while_the_last_is_used_and_no_more():
    made = [threading.Event() for _ in range(4)]

    def items():
        for i, event in enumerate(made):
            event.set()
            yield i

    for i in ahead(items()):
        assert i + 1 == len(made) or made[i + 1].wait(LONG)
        assert not any(event.is_set() for event in made[i + 2 :])


def test_an_error_comes_in_its_turn():
    def items():
        yield 1
        yield 2
        raise OSError(28, "full")

    coming = ahead(items())
    assert (next(coming), next(coming)) == (1, 2)
    with pytest.raises(OSError, match="full"):
        next(coming)
    assert not threads()


def test_who_stops_early_leaves_no_thread():
    coming = ahead(iter(range(10)))
    assert next(coming) == 0
    assert threads()
    coming.close()
    assert not threads()


def test_what_is_done_behind_is_done_one_after_the_other():
    behind, go, done = Behind(), threading.Event(), []
    behind.do(lambda: (go.wait(LONG), done.append(1)))
    assert done == []  # it is under way, and this goes on
    go.set()
    behind.do(lambda: done.append(2))
    assert done[0] == 1
    behind.wait()
    assert done == [1, 2]
    behind.end()
    assert not threads()


@pytest.mark.parametrize("how", ["do", "wait"])
def test_what_went_wrong_behind_is_said_at_the_next_call_and_once(how):
    behind = Behind()
    behind.do(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        behind.do(lambda: None) if how == "do" else behind.wait()
    behind.wait()
    behind.end()


def test_the_end_waits_for_what_is_under_way_whatever_becomes_of_it():
    behind, done = Behind(), threading.Event()
    behind.do(lambda: (done.set(), 1 / 0))
    behind.end()
    assert done.is_set()
    Behind().end()
