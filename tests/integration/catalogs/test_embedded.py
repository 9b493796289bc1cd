"""The catalog of the embedded store is the store: what is put is there, and listeners are told."""

from __future__ import annotations

import pytest
from catalog_support import eventually, names

import runloop_jupyter as rl
from runloop_jupyter import catalogs, session
from runloop_jupyter.wire.browse import PageAsked, Query


@pytest.fixture
def cache_of_its_own():
    """The module's."""


def test_what_is_put_and_deleted_is_seen_and_told():
    rl.put("one", "a/one", metadata={"model": "vit"})
    known = catalogs.of(session.current().store)
    assert catalogs.of(session.current().store) is known
    assert names(known) == ["a/one"]
    assert known.fresh().whole
    assert known.keys() == [("model", 1)]
    told = []
    stop = known.changed.listen(told.append)
    eventually(lambda: bool(told))
    rl.put("two", "two")
    eventually(lambda: told[-1].indexed == 2, 10)
    stop()
    assert known.page(PageAsked(query=Query(search="one"))).total == 1


def test_a_closed_one_is_forgotten_and_the_next_is_new():
    known = catalogs.of(session.current().store)
    known.close()
    known.close()
    assert catalogs.opened(session.current().store) is None
    assert catalogs.of(session.current().store) is not known
