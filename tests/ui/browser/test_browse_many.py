"""The browser over a store of forty thousand objects: from end to end with few nodes, and what isn't here yet."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from lab import LabServer
from many_objects import many, store_with
from playwright.sync_api import expect
from shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import OpenNotebook
    from playwright.sync_api import Page

N = 40_000
MOST_NODES = 80
CELLS = ["%load_ext runloop_jupyter\nimport runloop_jupyter as rl", "b = rl.browse()\nb.query = {'folded': False}\nb"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A JupyterLab of this module's own, for its store is written before it starts."""
    root = tmp_path_factory.mktemp("many")
    store_with(root / "runloop-home" / "store", many(N, time.time_ns() // 1_000_000))
    with LabServer(root) as server:
        yield server


@pytest.fixture(scope="module")
def notebook(page: Page, lab: LabServer) -> OpenNotebook:
    notebook = lab.open(page, lab.write("many.ipynb", CELLS))
    notebook.run_all()
    return notebook


@pytest.fixture
def shown(notebook: OpenNotebook) -> Shown:
    shown = Shown(notebook.page.get_by_role("region", name="Object browser"))
    expect(shown.rows.first).to_be_visible(timeout=30_000)
    # Counted to the end.
    expect(shown.root).to_contain_text(re.compile(r"3\d,\d{3} objects"), timeout=30_000)
    return shown


def test_it_is_scrolled_from_end_to_end_with_few_rows_in_the_page(shown: Shown) -> None:
    rows = int(shown.grid.get_attribute("aria-rowcount") or 0)
    assert rows > 37_000
    found = shown.scroll_to_end(300)
    assert found["most"] <= MOST_NODES
    expect(shown.grid.locator(f"[aria-rowindex='{rows}'] .name")).to_be_visible(timeout=10_000)
    shown.grid.evaluate("grid => { grid.scrollTop = 0; }")
    expect(shown.grid.locator("[aria-rowindex='2'] .name")).to_be_visible(timeout=10_000)


def test_the_keyboard_reaches_both_ends(shown: Shown) -> None:
    rows = int(shown.grid.get_attribute("aria-rowcount") or 0)
    shown.rows.first.click()
    shown.press("End")
    expect(shown.grid.locator(f"[aria-rowindex='{rows}'][aria-selected=true]")).to_be_focused(timeout=10_000)
    shown.press("Home")
    expect(shown.grid.locator("[aria-rowindex='2'][aria-selected=true]")).to_be_focused()


def test_a_range_over_rows_that_are_not_here_says_what_it_leaves_out(shown: Shown) -> None:
    shown.press("Escape")
    shown.rows.first.click()
    shown.press("Shift+End")
    expect(shown.root.get_by_text("not loaded yet").first).to_be_visible()
    shown.press("Home")
