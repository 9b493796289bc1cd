"""What a person sees while typing and waiting: Tab in a cell, progress under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from lab import LabServer, OpenNotebook
    from playwright.sync_api import Locator, Page

CELLS = [
    "%load_ext runloop_jupyter",
    "text = 'x'\n%rl_put text -n gulls-2025 -m project=birds\n%rl_put text -n gulls-2026",
    "",
]


@pytest.fixture(scope="module")
def notebook(page: Page, lab: LabServer) -> OpenNotebook:
    notebook = lab.open(page, lab.write("typing.ipynb", CELLS))
    notebook.run_all()
    return notebook


@pytest.fixture
def editor(notebook: OpenNotebook) -> Locator:
    """The last cell's editor, empty."""
    editor = notebook.page.locator(".jp-CodeCell").last.locator(".cm-content")
    editor.click()
    notebook.page.keyboard.press("Control+a")
    notebook.page.keyboard.press("Delete")
    return editor


def press_tab_after(notebook: OpenNotebook, editor: Locator, text: str) -> None:
    editor.press_sequentially(text)
    # JupyterLab makes a cell ready for Tab a moment after it was entered; until then Tab indents.
    notebook.page.wait_for_selector(".jp-mod-focused.jp-mod-completer-enabled")
    notebook.page.keyboard.press("Tab")


def test_tab_offers_the_names_there_are_in_an_assignment(notebook: OpenNotebook, editor: Locator) -> None:
    press_tab_after(notebook, editor, "df = %rl_get gul")
    offers = notebook.page.locator(".jp-Completer-item")
    expect(offers).to_have_count(2)
    expect(offers.nth(0)).to_contain_text("gulls-2025")
    notebook.page.screenshot(path="artifacts/ui/tab.png")
    notebook.page.keyboard.press("Enter")
    expect(editor).to_have_text("df = %rl_get gulls-2025")


def test_tab_completes_an_option(notebook: OpenNotebook, editor: Locator) -> None:
    press_tab_after(notebook, editor, "%rl_put text --forc")
    expect(notebook.page.locator(".jp-Completer-item")).to_have_count(1)
    notebook.page.keyboard.press("Enter")
    expect(editor).to_have_text("%rl_put text --force")


def test_progress_shows_while_a_large_file_goes_up_and_leaves_nothing(
    notebook: OpenNotebook, editor: Locator, lab: LabServer
) -> None:
    with (lab.notebooks / "large.bin").open("wb") as file:
        file.truncate(1 << 30)
    editor.press_sequentially("%rl_put large.bin")
    notebook.page.keyboard.press("Shift+Enter")
    bar = notebook.page.locator(".rl-bar")
    expect(bar).to_be_visible(timeout=10_000)
    expect(bar).to_contain_text("large.bin")
    expect(bar).to_contain_text("GiB")
    notebook.page.screenshot(path="artifacts/ui/progress-of-a-put.png")
    expect(notebook.page.locator(".rl-card").last).to_contain_text("large.bin", timeout=60_000)
    expect(bar).to_have_count(0)
