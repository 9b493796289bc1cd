"""A real store, reached as a hosted service is: what is put, versioned, deleted and kept in parts is browsed right."""

from __future__ import annotations

import pytest
from catalog_support import eventually, names
from store_process import KEY, open_store

import runloop_jupyter as rl
from runloop_jupyter import catalogs, session
from runloop_jupyter.wire.browse import PageAsked, Query


@pytest.fixture
def service(tmp_path, monkeypatch, cache_of_its_own):
    store = open_store(tmp_path / "store")
    monkeypatch.setenv("RUNLOOP_BASE_URL", store.base_url)
    monkeypatch.setenv("RUNLOOP_API_KEY", KEY)
    session.reset()
    yield store
    catalogs.close_all()
    session.current().close()
    store.close()


def test_a_day_of_work(service, tmp_path):
    for number in range(5):
        rl.put({"n": number}, f"runs/{number}", metadata={"model": "vit"})
    known = catalogs.of(session.current().store)
    eventually(lambda: known.fresh().whole)
    assert names(known) == [f"runs/{n}" for n in (4, 3, 2, 1, 0)]

    rl.put("again", "runs/2", metadata={"model": "unet"})
    assert names(known)[0] == "runs/2"
    assert known.page(PageAsked(query=Query())).rows[0].versions == 2
    assert names(known, where={"model": ["vit"]}) == [f"runs/{n}" for n in (4, 3, 2, 1, 0)]

    rl.rm("runs/4")
    assert "runs/4" not in names(known)

    folder = tmp_path / "folder"
    (folder / "in").mkdir(parents=True)
    for number in range(3):
        (folder / "in" / f"{number}.txt").write_text(str(number))
    rl.put(folder, "folder", format="files")
    assert names(known)[0] == "folder"
    assert not any("rl-part" in name for name in names(known))

    service.put("elsewhere")
    found = rl.catalog()
    assert found.refresh()[0].name == "elsewhere"
    assert [each.name for each in found] == [each.name for each in rl.ls(limit=100)]
    assert found[-1].get() == {"n": 0}

    known.refresh(whole=True)
    eventually(lambda: not known.fresh().walking)
    assert names(known) == [each.name for each in rl.ls(limit=100)]
