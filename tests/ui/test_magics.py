"""The magics in JupyterLab, as a user runs them: cell by cell, on the embedded store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from lab import LabServer, OpenNotebook
    from playwright.sync_api import Page

LEGIBLE = 4.5

CELLS = [
    "%load_ext runloop_jupyter",
    "import pandas as pd\npenguins = pd.DataFrame({'species': ['Adelie', 'Gentoo'], 'bill_mm': [39.1, 47.3]})",
    "%rl_put penguins -m project=birds --ttl 30d",
    "%rl_ls",
    "df = %rl_get penguins\ndf.equals(penguins)",
    "%rl_info penguins",
    "%rl",
    "%rl_get pengiuns",
]
LOAD, _, PUT, LS, GET, INFO, HELP, MISSING = range(len(CELLS))


@pytest.fixture(scope="module")
def notebook(page: Page, lab: LabServer) -> OpenNotebook:
    notebook = lab.open(page, lab.write("magics.ipynb", CELLS))
    notebook.run_all()
    return notebook


def test_loading_says_where_objects_go(notebook: OpenNotebook) -> None:
    expect(notebook.outputs(LOAD)).to_contain_text("runloop: embedded store on this computer (no key) · %rl for help")


def test_put_shows_a_card_with_how_to_get_it_back(notebook: OpenNotebook) -> None:
    card = notebook.outputs(PUT).locator(".rl-card")
    expect(card).to_contain_text("penguins table · 2 × 2")
    expect(card).to_contain_text("project=birds · expires ")
    expect(card).to_contain_text("%rl_get penguins")


def test_ls_shows_what_was_put(notebook: OpenNotebook) -> None:
    expect(notebook.outputs(LS).get_by_role("cell", name="penguins")).to_be_visible()


def test_get_gives_an_equal_frame(notebook: OpenNotebook) -> None:
    expect(notebook.outputs(GET)).to_contain_text("True")


def test_info_shows_the_head_of_the_table(notebook: OpenNotebook) -> None:
    expect(notebook.outputs(INFO).get_by_role("cell", name="Gentoo")).to_be_visible()


def test_an_error_is_one_line_that_says_what_to_do(notebook: OpenNotebook) -> None:
    shown = notebook.outputs(MISSING).inner_text()
    assert shown.strip().startswith("ObjectNotFound")
    assert "Traceback" not in shown


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_every_text_of_the_magics_can_be_read(notebook: OpenNotebook, theme: str) -> None:
    notebook.use_theme(theme)
    notebook.screenshot(f"magics-{theme.split()[-1].lower()}")
    seen = notebook.contrasts(".rl-out")
    assert len(seen) > 30
    assert [each for each in seen if each["ratio"] < LEGIBLE] == []
