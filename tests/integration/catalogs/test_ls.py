"""ls on a hosted service asks an open catalog that is up to date, and is right all the same."""

from __future__ import annotations

import pytest
from catalog_support import eventually
from listing import Listing, thing, things

import runloop_jupyter as rl
from runloop_jupyter import catalogs, session


@pytest.fixture
def service(hosting, monkeypatch):
    here = hosting(Listing(things(12_000)))
    monkeypatch.setenv("RUNLOOP_BASE_URL", here.server.url)
    monkeypatch.setenv("RUNLOOP_API_KEY", "key-of-the-tests")
    session.reset()
    return here.listing


def opened():
    known = catalogs.of(session.current().store)
    eventually(lambda: known.fresh().whole)
    known.refresh()
    return known


WORDS = (
    {},
    {"pattern": "thing-0000"},
    {"pattern": "*-00001?"},
    {"where": {"shard": "3"}, "sort": "name"},
    {"where": ["shard>4"], "pattern": "THING-0110", "sort": "-size", "limit": 7},
    {"type": "text", "limit": 50},
)


def test_it_finds_the_same_with_it_as_without_and_walks_through_nothing(service):
    without = [rl.ls(**words) for words in WORDS]
    opened()
    asked = len(service.pages)
    for words, table in zip(WORDS, without, strict=True):
        found = rl.ls(**words)
        assert [each.id for each in found] == [each.id for each in table], words
        assert found.notes == table.notes
    assert not [limit for _, limit in service.pages[asked:] if limit == 5000]


def test_what_has_gone_since_is_not_shown(service):
    opened()
    gone = service.all[11_000]
    service.delete(gone.id)
    assert gone.name not in [each.name for each in rl.ls(gone.name[:11], limit=50)]


def test_one_that_is_behind_is_not_asked(service):
    known = opened()
    service.late_s = 0
    fresh = known.fresh()
    known.fresh = lambda: type(fresh)(indexed=fresh.indexed, looked_ms=(fresh.looked_ms or 0) - 60_000)
    service.put(thing(20_000))
    assert rl.ls(limit=1)[0].name == "thing-020000"
