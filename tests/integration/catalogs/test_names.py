"""Tab offers what an open catalog knows beside the newest objects, and waits for nobody."""

from __future__ import annotations

import pytest
from catalog_support import eventually
from listing import Listing, thing, things

from runloop_jupyter import catalogs, session
from runloop_jupyter.magics.names import Names


@pytest.fixture
def service(hosting, monkeypatch):
    listing = Listing([*things(6_000), thing(7_000, name="ancient", metadata={"shard": "lost"})])
    here = hosting(listing)
    monkeypatch.setenv("RUNLOOP_BASE_URL", here.server.url)
    monkeypatch.setenv("RUNLOOP_API_KEY", "key-of-the-tests")
    session.reset()
    return here


def test_names_and_values_beyond_the_newest_are_offered_once_a_catalog_is_open(service):
    names = Names()
    store = session.current().store
    eventually(lambda: names.beginning_with("thing-0059") != [])
    assert names.beginning_with("anc") == []
    known = catalogs.of(store)
    eventually(lambda: known.fresh().whole)
    assert names.beginning_with("anc") == ["ancient"]
    assert names.values("shard", "lo") == ["lost"]


def test_a_catalog_that_hangs_is_not_waited_for(service, monkeypatch):
    names = Names()
    known = catalogs.of(session.current().store)
    eventually(lambda: known.fresh().whole)
    monkeypatch.setattr(known, "page", lambda _: eventually(lambda: False, 3))
    assert names.beginning_with("anc") == []
