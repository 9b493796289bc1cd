"""rl.catalog: everything that fits, as a sequence of any length, on the embedded store and on a service."""

from __future__ import annotations

import itertools
from datetime import timedelta

import misbehaving
import pytest
from listing import Listing, thing, things
from store_process import eventually

import runloop_jupyter as rl
from runloop_jupyter import catalogs, session
from runloop_jupyter.errors import InputError, ObjectNotFound


@pytest.fixture(scope="module")
def stored(home):
    session.reset()
    for number in range(30):
        metadata = {"model": ["vit", "unet"][number % 2], "acc": f"0.{number:02}"}
        rl.put({"n": number}, f"runs/{number:02}", metadata=metadata, ttl="3d" if number < 3 else None)
    rl.put("again", "runs/00", metadata={"model": "vit"})
    rl.put("a\n", "notes")


@pytest.fixture
def service(monkeypatch, tmp_path):
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(tmp_path))
    listing = Listing(things(3_000))
    with misbehaving.serving(listing) as server:
        monkeypatch.setenv("RUNLOOP_BASE_URL", server.url)
        monkeypatch.setenv("RUNLOOP_API_KEY", "key")
        session.reset()
        yield listing
        catalogs.close_all()
        session.current().close()


def test_what_ls_finds_the_catalog_finds(stored):
    for words in (
        {},
        {"where": {"model": "vit"}},
        {"where": ["acc>0.1", "model=unet"], "sort": "-acc"},
        {"where": {"model": ["vit", "unet"]}, "sort": "acc"},
        {"since": "1h", "sort": "name"},
        {"before": timedelta(hours=1)},
        {"expiring": "7d"},
        {"type": "json"},
        {"sort": "-size"},
        {"versions": True, "where": {"model": "vit"}},
    ):
        found = rl.catalog(**words)
        assert [each.id for each in found] == [each.id for each in rl.ls(limit=1000, **words)], words
        assert len(found) == len(list(found))


def test_a_part_of_the_name_narrows_it(stored):
    assert [each.name for each in rl.catalog("RUNS/2", sort="name")] == [f"runs/{n}" for n in range(20, 30)]
    assert not rl.catalog("nothing at all")


def test_it_is_a_sequence_of_one_moment(stored):
    found = rl.catalog(sort="name")
    first, last = found[0], found[-1]
    assert (first.name, last.name) == ("notes", "runs/29")
    assert [each.name for each in found[2:4]] == ["runs/01", "runs/02"]
    new = rl.put("later", "aaa")
    assert found[0] == first
    assert found.refresh()[0] == new
    rl.rm(new)
    assert new not in found.refresh()
    with pytest.raises(IndexError):
        found[40]


def test_what_has_gone_leaves_its_place_empty_until_it_is_refreshed(stored):
    new = rl.put("later", "aaa")
    found = rl.catalog(sort="name")
    n = len(found)
    rl.rm(new)
    catalogs.close_all()
    fresh = rl.catalog(sort="name")
    assert len(fresh) == n - 1
    found._pages.clear()
    with pytest.raises(ObjectNotFound, match="refresh"):
        found[0]
    assert [each.name for each in found[:3]] == ["notes", "runs/00"]
    assert found.refresh()[0].name == "notes"


def test_facets_count_what_fits(stored):
    facets = rl.catalog("runs/", versions=True).facets(["model"])
    assert facets["model"] == {"vit": 16, "unet": 15}
    assert facets.complete
    assert "vit" in facets.table().to_text()
    assert repr(facets) == "<CatalogFacets model of 31 objects>"


def test_it_shows_itself_like_a_table(stored):
    found = rl.catalog("runs/", where="model=vit")
    assert repr(found) == "<CatalogTable 15 objects>"
    text = found.table().to_text()
    assert "15 of 15 objects" in text
    assert "×2" in text
    assert "<table" in found._repr_html_()
    assert list(found.to_pandas()["name"]) == [each.name for each in found]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"search": "runs/*"}, "pattern"),
        ({"sort": "shape"}, "no order by shape"),
        ({"sort": ""}, "is no column"),
        ({"since": "1d", "before": "2d"}, "no time at all"),
        ({"where": "=x"}, "no key"),
    ],
)
def test_what_cant_be_meant_is_said(stored, words, said):
    with pytest.raises(InputError, match=said):
        rl.catalog(**words)


def test_a_service_is_walked_through_and_then_searched(service):
    found = rl.catalog(where={"shard": "3"})
    eventually(lambda: found.fresh.whole)
    found.refresh()
    expected = [view for view in service.all if view.metadata == {"shard": "3"}]
    assert len(found) == len(expected)
    assert found[1].id == expected[1].id
    assert [each.id for each in itertools.islice(found, 300)] == [view.id for view in expected[:300]]
    assert found.facets(["shard"])["shard"]["3"] == len(expected)
    service.put(thing(5_000, metadata={"shard": "3"}))
    assert found.refresh()[0].name == "thing-005000"


def test_a_service_that_isnt_wholly_known_is_said_to_be(service):
    service.late_s = 1
    found = rl.catalog()
    assert not found.fresh.whole
    assert repr(found).startswith("<CatalogTable ≥ ")
    assert "known so far" in found.table().to_text()
