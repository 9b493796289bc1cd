"""What catalogs keep is seen and cleared with the cache, and a kernel that has one open fills it again."""

from __future__ import annotations

from catalog_support import eventually, names
from listing import Listing, things

import runloop_jupyter as rl
from runloop_jupyter import catalogs


def test_catalogs_are_cleared_with_the_cache_once_no_kernel_uses_them(hosting):
    here = hosting(Listing(things(500)))
    here.whole()
    used = rl.cache()
    assert used.catalogs > 100_000
    assert "of catalogs" in used.card().to_text()
    assert used.clear().catalogs >= used.catalogs
    catalogs.close_all()
    cleared = used.clear()
    assert cleared.catalogs == 0
    assert cleared.freed > 100_000


def test_one_that_is_cleared_while_it_is_used_is_filled_again(hosting):
    here = hosting(Listing(things(500)))
    known = here.whole()
    rl.cache().clear(everything=True)
    eventually(lambda: names(known) == [view.name for view in here.listing.all])
