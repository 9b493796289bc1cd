"""Several kernels of one machine over one catalog: one walks, all read, and a dead one is replaced."""

from __future__ import annotations

import os
import random
import signal
import time

from catalog_support import eventually, names
from listing import Listing, thing, things

from runloop_jupyter.catalogs.hosted import HostedCatalog
from runloop_jupyter.wire.browse import PageAsked, Query


def kernel(here):
    """A catalog of its own, as another kernel would have it."""
    return HostedCatalog(here.store(), lambda _: None)


def test_one_of_two_kernels_walks_and_both_know(hosting):
    here = hosting(Listing(things(20_000)))
    here.listing.late_s = 0.1
    first, second = kernel(here), kernel(here)
    try:
        for each in (first, second):
            each.page(PageAsked(query=Query()))
        eventually(lambda: first.fresh().whole and second.fresh().whole, 60)
        expected = [view.name for view in here.listing.all]
        assert names(first) == names(second) == expected
        fills = [after for after, limit in here.listing.pages if limit == 5000]
        assert len(fills) == len(set(fills))
        here.listing.put(thing(30_000))
        # Whichever of them is asked to look, the one that walks does.
        for number, each in ((30_000, first), (30_001, second)):
            here.listing.put(thing(number))
            each.refresh()
            for other in (first, second):
                eventually(lambda other=other, number=number: names(other)[0] == f"thing-{number:06}", 8)
    finally:
        first.close()
        second.close()


def test_a_walker_that_was_killed_is_replaced_by_one_that_goes_on(hosting):
    here = hosting(Listing(things(40_000)))
    here.listing.late_s = 0.3
    first = kernel(here)
    first.page(PageAsked(query=Query()))
    second = kernel(here)
    second.page(PageAsked(query=Query()))
    try:
        eventually(lambda: second.fresh().indexed > 10_000, 60)
        os.kill(first.pid, signal.SIGKILL)
        asked = len(here.listing.pages)
        here.listing.late_s = 0
        eventually(lambda: second.fresh().whole, 60)
        assert names(second) == [view.name for view in here.listing.all]
        assert len([limit for _, limit in here.listing.pages[asked:] if limit == 5000]) <= 7
    finally:
        first.close()
        second.close()


def test_what_one_kernel_deletes_the_other_knows(hosting):
    here = hosting(Listing(things(100)))
    first, second = kernel(here), kernel(here)
    try:
        for each in (first, second):
            eventually(lambda each=each: each.fresh().whole)
        told = []
        second.changed.listen(told.append)
        here.store().objects.delete(here.listing.all[50].id)
        eventually(lambda: len(names(second)) == 99, 10)
        eventually(lambda: bool(told), 10)
    finally:
        first.close()
        second.close()


def test_kills_at_any_moment_leave_nothing_wrong(hosting):
    rng = random.Random(4)
    here = hosting(Listing(things(15_000)))
    for number in range(12):
        each = kernel(here)
        each.page(PageAsked(query=Query()))
        time.sleep(rng.random() * 1.2)
        os.kill(each.pid, signal.SIGKILL)
        each.close()
        here.listing.put(*(thing(20_000 + 100 * number + more) for more in range(rng.randrange(100))))
        here.listing.delete(*(view.id for view in rng.sample(here.listing.all[:300], 3)))
    last = kernel(here)
    try:
        eventually(lambda: last.fresh().whole, 60)
        last.refresh(whole=True)
        eventually(lambda: names(last) == [view.name for view in here.listing.all])
        page = last.page(PageAsked(query=Query(folded=False)))
        assert (page.total, page.exact) == (len(here.listing.all), True)
    finally:
        last.close()


def test_an_index_that_is_damaged_while_two_use_it_is_made_anew_for_both(hosting, cache_of_its_own):
    here = hosting(Listing(things(5_000)))
    first, second = kernel(here), kernel(here)
    try:
        for each in (first, second):
            eventually(lambda each=each: each.fresh().whole)
        (path,) = cache_of_its_own.glob("catalog/*/*/index-*.db")
        with path.open("r+b") as file:
            file.seek(8192)
            file.write(os.urandom(path.stat().st_size - 8192))
        here.store().objects.delete(here.listing.all[0].id)
        expected = [view.name for view in here.listing.all]
        eventually(lambda: names(first) == names(second) == expected)
    finally:
        first.close()
        second.close()
