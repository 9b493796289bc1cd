"""A service that is busy, gone or hostile: what is known is still answered, and the trouble is said."""

from __future__ import annotations

import json
import time

import pytest
from catalog_support import eventually, names
from listing import Listing, thing, things
from misbehaving import Answer, reset, says

from runloop_jupyter import catalogs
from runloop_jupyter.errors import RateLimited, ServerError, Unauthorized, Unreachable
from runloop_jupyter.wire.browse import PageAsked, Query


@pytest.mark.parametrize("fault", [says(429), says(503), reset(100)], ids=["429", "503", "reset"])
def test_a_walk_goes_on_after_trouble_and_says_so_meanwhile(hosting, fault):
    here = hosting(Listing(things(12_000)))
    here.listing.late_s = 0.1
    known = here.catalog()
    known.page(PageAsked(query=Query()))
    here.server.will("list", *[fault] * 3)
    eventually(lambda: known.fresh().trouble is not None)
    assert known.page(PageAsked(query=Query())).rows
    eventually(lambda: known.fresh().whole)
    eventually(lambda: known.fresh().trouble is None)
    assert names(known) == [view.name for view in here.listing.all]


def test_trouble_is_said_until_the_service_answers_again(hosting):
    here = hosting(Listing(things(10)))
    known = here.whole()
    here.server.will("list", reset(), for_ever=True)
    asked = len(here.server.asked("list"))
    known.refresh()
    eventually(lambda: known.fresh().trouble is not None)
    while len(here.server.asked("list")) < asked + 3:
        assert known.fresh().trouble is not None
        time.sleep(0.05)
    here.server.behave()
    eventually(lambda: known.fresh().trouble is None)
    assert here.server.asked("list")


def test_a_service_that_asks_to_wait_is_left_alone_for_so_long(hosting):
    here = hosting(Listing(things(6_000)))
    here.server.will("list", says(429, retry_after="2"), for_ever=True)
    with pytest.raises(RateLimited):
        here.catalog().page(PageAsked(query=Query()))
    asked = len(here.server.asked("list"))
    assert asked == 1
    here.server.behave()
    assert len(names(here.whole())) == 6_000


@pytest.mark.parametrize(
    ("fault", "error"),
    [(says(401), Unauthorized), (says(500), ServerError), (reset(), Unreachable)],
    ids=["401", "500", "reset"],
)
def test_where_nothing_is_known_the_services_error_is_the_answer(hosting, fault, error):
    here = hosting(Listing(things(10)))
    here.server.will("list", fault, for_ever=True)
    with pytest.raises(error):
        here.catalog().page(PageAsked(query=Query()))


def test_where_nothing_is_known_whoever_asks_again_has_the_service_asked_again(hosting):
    here = hosting(Listing(things(10)))
    here.server.will("list", says(503), for_ever=True)
    known = here.catalog()
    with pytest.raises(ServerError):
        known.page(PageAsked(query=Query()))
    for _ in range(3):  # between two tries of its own it waits ever longer
        time.sleep(1.1)
        asked = len(here.server.asked("list"))
        with pytest.raises(ServerError):
            known.page(PageAsked(query=Query()))
        assert len(here.server.asked("list")) > asked
    here.server.behave()
    time.sleep(1.1)
    assert len(known.page(PageAsked(query=Query())).rows) == 10


def test_a_key_that_is_refused_later_hides_nothing_and_is_said(hosting):
    here = hosting(Listing(things(10)))
    known = here.whole()
    here.server.will("list", says(401), for_ever=True)
    known.refresh()
    eventually(lambda: "refuses the key" in (known.fresh().trouble or ""))
    assert len(names(known)) == 10


def test_off_line_it_answers_what_it_knows_and_asks_nobody(hosting, monkeypatch):
    here = hosting(Listing(things(10)))
    known = here.whole()
    monkeypatch.setenv("RUNLOOP_OFFLINE", "1")
    eventually(lambda: "RUNLOOP_OFFLINE" in (known.fresh().trouble or ""))
    asked = len(here.server.seen)
    known.refresh()
    assert len(names(known)) == 10
    assert len(here.server.seen) == asked
    monkeypatch.delenv("RUNLOOP_OFFLINE")
    here.listing.put(thing(20))
    known.refresh()
    eventually(lambda: len(names(known)) == 11)


def test_a_listing_that_goes_in_circles_is_left(hosting):
    listing = Listing(things(300))

    def circles(method, path, headers, body):
        answer = listing(method, path, headers, body)
        said = json.loads(answer.body)
        if "starting_after" in path:
            said["objects"] = json.loads(listing("GET", "/v1/objects?limit=200", headers, b"").body)["objects"]
        return Answer(200, answer.headers, json.dumps({**said, "has_more": True}).encode())

    here = hosting(listing)
    here.server.backend = circles
    known = here.catalog()
    eventually(lambda: "again and again" in (known.fresh().trouble or ""))
    assert len(names(known)) == 200
    assert not known.fresh().whole
    asked = len(here.server.seen)
    assert names(known)
    assert len(here.server.seen) <= asked + 1


def test_a_page_that_claims_more_and_has_nothing_ends_the_walk(hosting):
    here = hosting(Listing())
    empty = Answer(200, {"Content-Type": "application/json"}, b'{"objects": [], "has_more": true}')
    here.server.will("list", lambda exchange: exchange.send(empty), for_ever=True)
    known = here.catalog()
    eventually(lambda: "again and again" in (known.fresh().trouble or ""))
    assert len(here.server.seen) < 4


def test_odd_objects_are_listed_as_far_as_they_can_be(hosting):
    odd = [
        {"id": "obj_1", "name": "lone \ud800 surrogate", "metadata": {"k\udfff": "v\ud800"}},
        {"id": "obj_2", "name": "late", "create_time_ms": 10**40, "size_bytes": 10**30},
        {"id": "obj_2", "name": "twice"},
        {"id": "obj_3", "name": "early", "create_time_ms": -(10**40), "delete_after_time_ms": 10**40},
        {"id": "obj_4", "name": "a\0b\n<script>", "metadata": {"": "", "x" * 3000: "y" * 65536}},
        {"id": "", "name": ""},
        {"id": "obj_5", "name": "new", "state": "FROZEN_BY_A_NEWER_SERVICE"},
        {"id": "obj_6", "name": "plain"},
    ]
    usual = {"state": "READ_ONLY", "content_type": "text", "create_time_ms": 1_790_000_000_000, "size_bytes": 1}
    body = json.dumps({"objects": [{**usual, **each} for each in odd], "has_more": False}).encode()
    here = hosting(Listing())
    answer = Answer(200, {"Content-Type": "application/json"}, body)
    here.server.will("list", lambda exchange: exchange.send(answer), for_ever=True)
    known = here.whole()
    assert names(known) == ["lone \ufffd surrogate", "late", "early", "a\0b\n<script>", "", "plain"]


def test_an_end_that_comes_too_early_is_not_believed(hosting):
    here = hosting(Listing(things(3_000)))
    known = here.whole()
    short = json.loads(here.listing("GET", "/v1/objects?limit=10", {}, b"").body)
    body = json.dumps({**short, "has_more": False}).encode()
    here.server.will("list", lambda exchange: exchange.send(Answer(200, {}, body)), for_ever=True)
    known.refresh(whole=True)
    eventually(lambda: len(here.listing.views) >= 5)
    here.server.behave()
    assert len(names(known)) == 3_000


def test_a_cursor_that_the_service_knows_no_more_is_replaced_by_one_before_it(hosting):
    here = hosting(Listing(things(20_000)))
    here.listing.late_s = 0.3
    eventually(lambda: here.catalog().fresh().indexed > 5_000)
    catalogs.close_all()
    here.listing.late_s = 2
    known = here.catalog().fresh().indexed
    catalogs.close_all()
    here.listing.delete(here.listing.all[known - 1].id)
    here.listing.late_s = 0
    here.whole()
    here.catalog().refresh(whole=True)
    eventually(lambda: names(here.catalog()) == [view.name for view in here.listing.all])
