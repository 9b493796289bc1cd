"""The catalog of a hosted service: filled, resumed, kept up to date, and never wrong after a kill."""

from __future__ import annotations

import os
import signal
import time

import pytest
from catalog_support import eventually, names
from listing import Listing, thing, things

from runloop_jupyter import catalogs
from runloop_jupyter.wire.browse import PageAsked, Query


def expected(listing):
    return [view.name for view in listing.all]


def test_the_first_rows_are_there_while_the_rest_is_still_walked_through(hosting):
    here = hosting(Listing(things(40_000)))
    here.listing.late_s = 0.2
    page = here.catalog().page(PageAsked(query=Query()))
    assert [row.object.name for row in page.rows] == expected(here.listing)[:100]
    assert not page.fresh.whole
    assert page.fresh.walking
    here.listing.late_s = 0
    assert names(here.whole()) == expected(here.listing)
    assert {limit for _, limit in here.listing.pages[:5]} == {200, 5000}


def test_a_walk_that_was_stopped_goes_on_where_it_was(hosting):
    here = hosting(Listing(things(40_000)))
    here.listing.late_s = 0.3
    eventually(lambda: here.catalog().fresh().indexed >= 10_000)
    catalogs.close_all()
    asked = len(here.listing.pages)
    here.listing.late_s = 0
    again = here.whole()
    assert names(again) == expected(here.listing)
    fills = [after for after, limit in here.listing.pages[asked:] if limit == 5000]
    assert len(fills) <= 7
    assert "" not in fills


def test_objects_that_were_put_elsewhere_are_seen_with_the_next_look(hosting):
    here = hosting(Listing(things(3_000)))
    known = here.whole()
    here.listing.put(*(thing(number) for number in range(3_000, 3_010)))
    known.refresh()
    eventually(lambda: known.fresh().indexed == 3_010)
    assert names(known) == expected(here.listing)


def test_many_new_objects_close_up_with_what_is_known_also_when_the_walk_is_stopped_between(hosting):
    here = hosting(Listing(things(3_000)))
    here.whole()
    catalogs.close_all()
    here.listing.put(*(thing(number) for number in range(3_000, 20_000)))
    here.listing.late_s = 0.3
    eventually(lambda: here.catalog().fresh().indexed > 5_000)
    assert not here.catalog().fresh().whole
    catalogs.close_all()
    here.listing.put(*(thing(number) for number in range(20_000, 20_100)))
    here.listing.late_s = 0
    known = here.whole()
    eventually(lambda: known.fresh().indexed == 20_100)
    assert names(known) == expected(here.listing)


def test_what_is_shown_and_has_gone_is_told_and_goes(hosting):
    here = hosting(Listing(things(3_000)))
    known = here.whole()
    told = []
    stop = known.changed.listen(told.append)
    gone = here.listing.all[1_500:1_520]
    here.listing.delete(*(view.id for view in gone))
    asked = PageAsked(query=Query(), first=1_490, n=50)
    before = len(here.listing.pages) + len(here.listing.views)

    def is_seen():
        known.page(asked)
        return known.fresh().indexed == 2_980

    eventually(is_seen)
    eventually(lambda: told[-1].indexed == 2_980)
    stop()
    assert names(known) == expected(here.listing)
    assert len(here.listing.pages) + len(here.listing.views) - before < 40


def test_the_newest_that_have_gone_are_missed_by_the_next_look(hosting):
    here = hosting(Listing(things(500)))
    known = here.whole()
    here.listing.delete(here.listing.all[0].id, here.listing.all[5].id)
    known.refresh()
    eventually(lambda: known.fresh().indexed == 498)
    assert names(known) == expected(here.listing)


def test_going_through_all_of_it_again_finds_whatever_has_gone(hosting):
    here = hosting(Listing(things(12_000)))
    known = here.whole()
    here.listing.delete(*(view.id for view in here.listing.all[7_000:7_900]))
    known.refresh(whole=True)
    eventually(lambda: known.fresh().indexed == 11_100)
    assert known.fresh().whole
    assert names(known) == expected(here.listing)


def test_an_upload_that_is_finished_elsewhere_is_looked_at_again(hosting):
    now = round(time.time() * 1000)
    here = hosting(Listing(things(500)))
    here.listing.put(thing(1_000, state="UPLOADING", size_bytes=None, create_time_ms=now, metadata=None))
    here.listing.put(*(thing(number, create_time_ms=now + number) for number in range(2_000, 2_300)))
    known = here.whole()
    assert "thing-001000" not in names(known)
    here.listing.change(thing(1_000, create_time_ms=now))
    known.refresh()
    eventually(lambda: "thing-001000" in names(known))


def test_what_is_past_its_time_is_in_no_list_though_nobody_said_so(hosting):
    soon = round(time.time() * 1000) + 1_500
    here = hosting(Listing(things(10)))
    here.listing.put(thing(20, delete_after_time_ms=soon))
    known = here.whole()
    assert names(known)[0] == "thing-000020"
    eventually(lambda: names(known)[0] == "thing-000009")


def test_what_this_kernel_deletes_is_gone_at_once(hosting):
    here = hosting(Listing(things(100)))
    known = here.whole()
    store = here.store()
    store.objects.delete(here.listing.all[10].id)
    eventually(lambda: len(names(known)) == 99, 10)


def test_what_this_kernel_puts_is_there_at_once_and_hides_nobody_elses(hosting):
    here = hosting(Listing(things(300)))
    known = here.whole()
    others = [thing(number) for number in range(300, 320)]
    here.listing.put(*others)
    mine = [thing(number) for number in range(400, 450)]
    here.listing.put(*mine)
    asked = len(here.listing.pages)
    for view in mine:
        here.store().objects.changed.send(view)
    eventually(lambda: known.page(PageAsked(query=Query())).rows[0].object.name == "thing-000449", 10)
    known.refresh()
    eventually(lambda: known.fresh().indexed == 370)
    assert names(known) == expected(here.listing)
    assert len(here.listing.pages) > asked


def test_the_next_kernel_begins_with_what_the_last_one_knew(hosting):
    here = hosting(Listing(things(10_000)))
    here.whole()
    catalogs.close_all()
    asked = len(here.listing.pages)
    again = here.catalog()
    assert again.fresh().whole
    assert names(again) == expected(here.listing)
    assert 5000 not in [limit for _, limit in here.listing.pages[asked:]]


def test_the_walk_of_one_account_is_never_anothers(hosting):
    here = hosting(Listing(things(50)))
    here.whole("first")
    here.listing.delete(*(view.id for view in here.listing.all))
    here.listing.put(thing(77))
    assert names(here.whole("second")) == ["thing-000077"]
    assert here.listing.keys == {"Bearer first", "Bearer second"}


def test_a_process_that_dies_is_started_again_once_and_says_so(hosting):
    here = hosting(Listing(things(200)))
    known = here.whole()
    os.kill(known.pid, signal.SIGKILL)
    assert len(names(known)) == 200
    assert "was started again" in known.fresh().trouble
    os.kill(known.pid, signal.SIGKILL)
    from runloop_jupyter.errors import CatalogError

    with pytest.raises(CatalogError, match="ends again and again"):
        names(known)


def test_who_listens_is_told_that_the_process_died_and_hears_of_changes_from_the_next(hosting):
    here = hosting(Listing(things(200)))
    known = here.whole()
    told = []
    known.changed.listen(told.append)
    os.kill(known.pid, signal.SIGKILL)
    eventually(lambda: any("process ended" in (each.trouble or "") for each in told))
    known.fresh()
    here.store().objects.delete(here.listing.all[50].id)
    eventually(lambda: told[-1].indexed == 200 and names(known) and len(names(known)) == 199)
    assert told[-1].whole


@pytest.mark.parametrize("how", ["overwritten", "cut", "emptied"])
def test_a_damaged_index_is_made_anew(hosting, cache_of_its_own, how):
    here = hosting(Listing(things(3_000)))
    here.whole()
    catalogs.close_all()
    (path,) = cache_of_its_own.glob("catalog/*/*/index-*.db")
    data = bytearray(path.read_bytes())
    if how == "overwritten":
        data[8192 : len(data)] = os.urandom(len(data) - 8192)
    path.write_bytes({"overwritten": bytes(data), "cut": bytes(data[: len(data) // 2]), "emptied": b""}[how])
    assert names(here.whole()) == expected(here.listing)


def test_what_was_copied_from_another_account_is_not_believed(hosting, cache_of_its_own):
    here = hosting(Listing(things(30)))
    here.whole("first")
    catalogs.close_all()
    (first,) = cache_of_its_own.glob("catalog/*")
    second = here.store("second").identity.id
    first.rename(first.parent / second)
    here.listing.delete(*(view.id for view in here.listing.all[:10]))
    assert names(here.whole("second")) == expected(here.listing)


def test_what_is_known_is_answered_before_a_slow_service_says_anything(hosting):
    here = hosting(Listing(things(200)))
    here.whole()
    catalogs.close_all()
    here.listing.late_s = 5
    began = time.monotonic()
    assert len(here.catalog().page(PageAsked(query=Query())).rows) == 100
    assert time.monotonic() - began < 3


def test_what_this_kernel_did_is_known_by_its_next_question_also_while_the_service_is_slow(hosting):
    here = hosting(Listing(things(300)))
    known = here.whole()
    here.listing.late_s = 5
    known.refresh()
    eventually(lambda: here.listing.pages[-1][0] == "")
    here.store().objects.changed.send(thing(900))
    assert known.page(PageAsked(query=Query(), n=1)).rows[0].object.name == "thing-000900"


def test_scattered_rows_are_asked_for_once_and_then_left_alone_for_a_while(hosting):
    listing = Listing(thing(n, metadata={"rare": "yes"} if n % 1500 == 0 else None) for n in reversed(range(12_000)))
    here = hosting(listing)
    known = here.whole()
    rare = {"where": {"rare": ["yes"]}}
    gone = thing(3_000).id
    listing.delete(gone)
    eventually(lambda: len(names(known, **rare)) == 7)
    asked = len(listing.views)
    assert asked <= 8
    for _ in range(5):
        names(known, **rare)
    known.refresh()
    eventually(lambda: listing.pages[-1][0] == "")
    assert len(listing.views) == asked
