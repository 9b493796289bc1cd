"""The browser for those who don't see it, or have no mouse: axe-core's rules in each state, and a session by keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import rules
from playwright.sync_api import expect
from rules import violations
from shown import Shown

if TYPE_CHECKING:
    from lab import LabServer, OpenNotebook
    from playwright.sync_api import Page

CELLS = [
    """%load_ext runloop_jupyter
%config RunloopMagics.progress = False
import io, tarfile
import pandas as pd
import runloop_jupyter as rl
from pathlib import Path
frame = pd.DataFrame({"epoch": range(200), "loss": 0.5, "split": "val"})
for month in (9, 10, 11):
    for model in ("resnet50", "vit-b16"):
        rl.put(frame, f"runs/2026-{month:02}/{model}/metrics", metadata={"model": model, "acc": month / 20})
Path("weights").mkdir(exist_ok=True)
Path("weights/a.bin").write_bytes(bytes(3000))
Path("weights/b.bin").write_bytes(bytes(5000))
rl.put(Path("weights"), "weights")
rl.put("# Notes\\non sampling", "notes.md", ttl="6d")
rl.put({"lr": 0.1}, "config")
""",
    "b = rl.browse()\nb",
]


@pytest.fixture(scope="module")
def notebook(page: Page, lab: LabServer) -> OpenNotebook:
    notebook = lab.open(page, lab.write("accessible.ipynb", CELLS))
    notebook.run_all()
    rules.bring(page)
    return notebook


@pytest.fixture
def shown(notebook: OpenNotebook, page: Page) -> Shown:
    shown = Shown(page.get_by_role("region", name="Object browser"))
    shown.root.scroll_into_view_if_needed()
    if shown.search.count():
        shown.press("Escape")
        shown.search.fill("")
    expect(shown.row("config")).to_be_visible(timeout=20_000)
    return shown


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"])
def test_the_table_and_the_look_into_one_break_no_rule(shown: Shown, notebook: OpenNotebook, theme: str) -> None:
    notebook.use_theme(theme)
    shown.row("2026-11").click()
    expect(shown.preview).to_contain_text("epoch")
    found = violations(shown)
    shown.picture(f"browse-{theme.replace(' ', '-').lower()}")
    notebook.use_theme("JupyterLab Light")
    assert not found


@pytest.mark.parametrize("name", ["weights", "notes.md", "config"])
def test_looks_into_others_break_no_rule(shown: Shown, name: str) -> None:
    shown.row(name).click()
    expect(shown.preview.get_by_role("button", name="Get", exact=True)).to_be_visible()
    expect(shown.preview.locator("pre, .members").first).to_be_visible()
    assert not violations(shown)


@pytest.mark.parametrize("button", ["Get", "Mount", "Link"])
def test_dialogs_break_no_rule(shown: Shown, button: str) -> None:
    shown.row("config").click()
    shown.preview.get_by_role("button", name=button, exact=True).click()
    expect(shown.dialog).to_be_visible()
    found = violations(shown)
    shown.picture(f"browse-{button.lower()}")
    shown.press("Escape")
    expect(shown.dialog).to_be_hidden()
    assert not found


def test_what_asks_before_a_deletion_breaks_no_rule(shown: Shown) -> None:
    shown.row("config").click()
    shown.press("Delete")
    expect(shown.dialog).to_be_visible()
    found = violations(shown)
    shown.press("Escape")
    assert not found


def test_what_asks_before_an_upload_breaks_no_rule(shown: Shown) -> None:
    shown.choose("one.txt", "two.txt")
    found = violations(shown)
    shown.picture("browse-upload")
    shown.press("Escape")
    expect(shown.dialog).to_be_hidden()
    assert not found


def test_the_menu_breaks_no_rule(shown: Shown) -> None:
    shown.row("config").click(button="right")
    expect(shown.root.get_by_role("menu")).to_be_visible()
    found = violations(shown)
    shown.press("Escape")
    assert not found


def test_an_empty_list_breaks_no_rule(shown: Shown) -> None:
    shown.search.fill("nothing is called that")
    expect(shown.root).to_contain_text("Nothing fits")
    found = violations(shown)
    shown.picture("browse-nothing-fits")
    shown.button("Clear filters").click()
    assert not found


def test_suggestions_break_no_rule(shown: Shown) -> None:
    shown.search.fill("mod")
    expect(shown.root.get_by_role("option").first).to_be_visible()
    found = violations(shown)
    shown.picture("browse-suggestions")
    shown.press("Escape")
    shown.search.fill("")
    assert not found


def test_a_narrow_one_breaks_no_rule(shown: Shown, page: Page) -> None:
    page.set_viewport_size({"width": 760, "height": 1000})
    shown.row("config").click()
    found = violations(shown)
    shown.picture("browse-narrow")
    page.set_viewport_size({"width": 1500, "height": 1000})
    assert not found


def test_a_whole_session_is_held_by_keys_alone(shown: Shown, notebook: OpenNotebook, page: Page) -> None:
    notebook.run("rl.put('by keys', 'keys/first'); rl.put('by keys too', 'keys/second')")
    shown.row("config").click()
    cells = page.locator(".jp-CodeCell").count()
    # Find.
    shown.press("/")
    page.keyboard.type("keys/")
    expect(shown.rows).to_have_count(2)
    # Look into.
    shown.press("Enter")
    expect(shown.grid.locator(":focus")).to_have_count(1)
    shown.press("Home", "ArrowDown", "ArrowUp", "End")
    expect(shown.preview).to_contain_text("by keys")
    # Get.
    shown.press("Enter")
    expect(shown.preview.locator(":focus")).to_have_count(1)
    shown.preview.get_by_role("button", name="Get", exact=True).focus()
    shown.press("Enter")
    expect(shown.dialog).to_be_visible()
    shown.press("Control+a")
    page.keyboard.type("by_keys")
    shown.press("Enter")
    expect(shown.dialog).to_be_hidden()
    expect(shown.root).to_contain_text("by_keys")
    assert notebook.run("said = by_keys") == "'by keys'"
    # Delete both, and take it back.
    shown.rows.first.press("Escape")
    shown.press("Control+a", "Delete")
    expect(shown.dialog).to_contain_text("2")
    shown.dialog.get_by_role("button", name="Delete").focus()
    shown.press("Enter")
    expect(shown.button("Undo")).to_be_focused()
    shown.press("Enter")
    expect(shown.rows).to_have_count(2)
    assert notebook.run("said = len(rl.ls('keys/'))") == "2"
    assert page.locator(".jp-CodeCell").count() == cells


def test_letters_typed_in_it_are_no_shortcuts_of_the_notebook(shown: Shown, page: Page) -> None:
    cells = page.locator(".jp-CodeCell").count()
    shown.press("/")
    shown.press("Control+a", "Delete")
    shown.row("config").click()
    shown.press("b", "a", "d", "d", "x", "m")
    assert page.locator(".jp-CodeCell").count() == cells
    assert page.locator(".jp-MarkdownCell").count() == 0


def test_what_is_left_of_it_without_its_kernel_breaks_no_rule(shown: Shown, notebook: OpenNotebook) -> None:
    notebook.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    expect(shown.root).to_contain_text(re.compile("kernel", re.IGNORECASE), timeout=20_000)
    found = violations(shown)
    shown.picture("browse-gone")
    assert not found
