"""A catalog's table has every row of its list, however slowly that becomes known, and never those of two lists."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from listing import things

from runloop_jupyter.actions import catalog
from runloop_jupyter.actions.catalog import CatalogTable
from runloop_jupyter.wire.browse import Freshness, PageView, Query, Row

ROWS = 1_200


class SlowCatalog:
    """Knows a list piece by piece: so many rows more with each question."""

    store = SimpleNamespace(identity=SimpleNamespace(label="tests"))

    def __init__(self, views, step):
        self.views = views
        self.step = step
        self.known = 0
        self.as_of = "1"
        self.asked = []

    def page(self, asked):
        self.asked.append(asked)
        self.known = min(self.known + self.step, len(self.views))
        whole = self.known == len(self.views)
        end = asked.first + asked.n
        return PageView(
            rows=[Row(object=view, versions=1) for view in self.views[: self.known][asked.first : end]],
            first=asked.first,
            total=len(self.views) if whole else self.known,
            exact=whole,
            objects=self.known,
            size_bytes=None,
            as_of=self.as_of,
            newer=False,
            fresh=Freshness(indexed=len(self.views)),
        )


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(catalog, "_AGAIN_S", 0)


def begun(slow):
    table = CatalogTable(slow, Query())
    table.begin(lambda: None)
    return table


def test_iterating_gives_every_row_of_a_list_that_takes_long():
    table = begun(SlowCatalog(things(ROWS), 70))
    assert [each.name for each in table] == [view.name for view in things(ROWS)]


def test_a_row_that_isnt_known_yet_is_waited_for():
    table = begun(SlowCatalog(things(ROWS), 70))
    assert table[ROWS - 1].name == "thing-000000"


def test_the_length_is_that_of_the_whole_list():
    assert len(begun(SlowCatalog(things(ROWS), 70))) == ROWS


def test_what_takes_long_can_be_stopped():
    class Stopped(Exception):
        pass

    def stop():
        raise Stopped

    with pytest.raises(Stopped):
        CatalogTable(SlowCatalog(things(ROWS), 1), Query()).begin(stop)


def test_of_a_list_that_had_to_be_made_anew_nothing_of_the_old_one_is_left():
    slow = SlowCatalog(things(ROWS), ROWS)
    table = begun(slow)
    assert table[0].name == f"thing-{ROWS - 1:06}"
    slow.as_of, slow.views = "2", slow.views[1:]
    assert table[600].name == slow.views[600].name
    assert table[0].name == slow.views[0].name
    assert slow.asked[-1].as_of == "2"
