"""The browser in JupyterLab when its store can't be had: at the start, in the middle, and once it is there again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import misbehaving
import pytest
import rules
from lab import LabServer, stop
from misbehaving import Upstream, never_heard, says
from playwright.sync_api import expect
from rules import violations
from shown import Shown
from store_process import KEY, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import OpenNotebook
    from misbehaving import Fault, Server
    from playwright.sync_api import Browser, Page
    from store_process import Store

CELLS = ["%load_ext runloop_jupyter\nimport runloop_jupyter as rl\nb = rl.browse()\nb"]
KINDS = ("list", "view", "link", "GET")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("far") / "store")
    for number in range(30):
        opened.put(f"runs/{number:02}/notes.md", b"# Notes of the run\n", metadata={"model": "vit"})
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def service(store: Store) -> Iterator[Server]:
    with misbehaving.serving(Upstream(store.base_url)) as server:
        yield server


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, service: Server) -> Iterator[LabServer]:
    environment = {"RUNLOOP_BASE_URL": service.url, "RUNLOOP_API_KEY": KEY}
    with LabServer(tmp_path_factory.mktemp("lab"), environment) as server:
        yield server


@pytest.fixture(scope="module")
def notebook(page: Page, lab: LabServer, service: Server) -> OpenNotebook:
    fails(service, never_heard())
    notebook = lab.open(page, lab.write("trouble.ipynb", CELLS))
    notebook.run_all()
    rules.bring(page)
    return notebook


@pytest.fixture
def shown(notebook: OpenNotebook, page: Page) -> Shown:
    shown = Shown(page.get_by_role("region", name="Object browser"))
    shown.root.scroll_into_view_if_needed()
    return shown


def fails(service: Server, fault: Fault) -> None:
    for kind in KINDS:
        service.will(kind, fault, for_ever=True)


def test_a_service_that_cannot_be_reached_says_so_and_is_tried_again(shown: Shown, service: Server) -> None:
    expect(shown.root).to_contain_text("gives no answer", timeout=30_000)
    shown.picture("browse-unreachable")
    found = violations(shown)
    service.behave()
    shown.button("Try again").click()
    expect(shown.row("runs/29")).to_be_visible(timeout=10_000)
    assert not found


def test_one_that_goes_away_leaves_what_was_known(shown: Shown, service: Server) -> None:
    expect(shown.row("runs/29")).to_be_visible(timeout=10_000)
    fails(service, never_heard())
    shown.root.get_by_role("button", name=re.compile("indexed")).click()
    expect(shown.button("can't look for new ones")).to_be_visible(timeout=10_000)
    shown.search.fill("runs/1")
    expect(shown.rows).to_have_count(10)
    shown.row("runs/12").click()
    expect(shown.preview).to_contain_text("gives no answer", timeout=20_000)
    shown.picture("browse-offline")
    found = violations(shown)
    service.behave()
    shown.preview.get_by_role("button", name="Try again").click()
    expect(shown.preview).to_contain_text("Notes of the run")
    expect(shown.root.get_by_role("button", name=re.compile("indexed"))).to_be_visible(timeout=30_000)
    shown.search.fill("")
    assert not found


def test_one_that_refuses_the_key_is_seen_to(shown: Shown, service: Server) -> None:
    fails(service, says(401, b'{"message": "no such key"}', Content_Type="application/json"))
    shown.row("runs/21").click()
    expect(shown.preview).to_contain_text("refuses the key (no such key)")
    expect(shown.preview.get_by_role("button", name="Try again")).to_have_count(1)
    shown.picture("browse-refused")
    found = violations(shown)
    service.behave()
    shown.preview.get_by_role("button", name="Try again").click()
    expect(shown.preview).to_contain_text("Notes of the run")
    assert not found


def test_a_store_of_this_machine_that_stops_and_cannot_start_says_why(browser: Browser, tmp_path: Path) -> None:
    at = tmp_path / "runloop-home" / "store"
    with LabServer(tmp_path) as lab:
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        notebook = lab.open(page, lab.write("trouble.ipynb", [*CELLS, "rl.put('# Notes', 'notes.md')"]))
        notebook.run_all()
        rules.bring(page)
        shown = Shown(page.get_by_role("region", name="Object browser"))
        shown.root.scroll_into_view_if_needed()
        expect(shown.row("notes.md")).to_be_visible(timeout=20_000)
        stop(at)
        at.rename(at.with_name("elsewhere"))
        at.write_text("not a directory")
        shown.search.fill("notes")
        expect(shown.root).to_contain_text("The store can't be started", timeout=30_000)
        shown.picture("browse-not-started")
        found = violations(shown)
        at.unlink()
        at.with_name("elsewhere").rename(at)
        shown.button("Try again").click()
        expect(shown.row("notes.md")).to_be_visible(timeout=20_000)
        page.close()
    assert not found
