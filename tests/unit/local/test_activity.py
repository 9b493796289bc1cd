"""Whether anybody uses the store: when it may stop, and when a newer daemon may take over."""

from __future__ import annotations

import time
from typing import Any

from runloop_jupyter.local.guard import Activity

HALF_AN_HOUR = 1800.0


def quiet_for(seconds: float, **more: Any) -> Activity:
    return Activity(last=time.monotonic() - seconds, **more)


def test_nothing_is_idle_while_something_is_in_flight() -> None:
    activity = quiet_for(60)
    with activity.busy():
        assert activity.idle_seconds() == 0
        assert not activity.may_be_replaced(HALF_AN_HOUR)


def test_a_daemon_that_has_been_quiet_for_a_while_may_be_replaced() -> None:
    assert quiet_for(11).may_be_replaced(HALF_AN_HOUR)
    assert not quiet_for(9).may_be_replaced(HALF_AN_HOUR)


def test_a_daemon_in_the_foreground_is_never_replaced() -> None:
    assert not quiet_for(3600).may_be_replaced(None)


def test_a_daemon_whose_address_was_given_away_is_never_replaced() -> None:
    assert not quiet_for(3600, pinned=True).may_be_replaced(HALF_AN_HOUR)


def test_a_daemon_whose_link_still_works_neither_stops_nor_is_replaced() -> None:
    activity = quiet_for(3600)
    assert activity.may_stop(HALF_AN_HOUR)
    activity.promise(60)
    activity.promise(1)
    assert not activity.may_stop(HALF_AN_HOUR)
    assert not activity.may_be_replaced(HALF_AN_HOUR)


def test_a_promise_that_is_over_holds_nothing_up() -> None:
    activity = quiet_for(3600, promised=time.monotonic() - 1)
    assert activity.may_stop(HALF_AN_HOUR)
    assert activity.may_be_replaced(HALF_AN_HOUR)
