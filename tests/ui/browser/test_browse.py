"""The browser in JupyterLab: what a person sees and does, also while a cell runs."""

from __future__ import annotations

import re
import time
from statistics import median
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect
from shown import Shown

if TYPE_CHECKING:
    from lab import LabServer, OpenNotebook
    from playwright.sync_api import Page

SETUP = """%load_ext runloop_jupyter
%config RunloopMagics.progress = False
import time
import pandas as pd
import runloop_jupyter as rl
frame = pd.DataFrame({"epoch": range(200), "loss": 0.5, "split": "val"})
for month in (9, 10, 11):
    for model in ("resnet50", "vit-b16"):
        for part in ("val", "train"):
            rl.put(frame, f"runs/2026-{month:02}/{model}/{part}_metrics", metadata={"model": model, "acc": month / 20})
rl.put(frame.head(3), "runs/2026-11/resnet50/val_metrics", metadata={"model": "resnet50", "acc": 0.913})
rl.put("# Notes\\non sampling", "notes.md", ttl="6d")
rl.put({"lr": 0.1}, "config")
"""
CELLS = [SETUP, "b = rl.browse()\nb", "b.selection"]
OPENED = 1
# In the store itself, objects that were begun and never finished; and what lies where uploads are spooled.
LEFT = """
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.session import current
from runloop_jupyter.transfer import spools
begun = current().store.objects.list(Filter(state="UPLOADING")).objects
said = ([each.name for each in begun], list(spools.directory().iterdir()))
"""
WORDS = ("config", "train", "notes", "vit", "val", "2026-10", "resnet")


@pytest.fixture(scope="module")
def notebook(page: Page, lab: LabServer) -> OpenNotebook:
    notebook = lab.open(page, lab.write("browse.ipynb", CELLS))
    notebook.run_all()
    expect(notebook.outputs(OPENED).get_by_role("grid")).to_be_visible(timeout=20_000)
    return notebook


@pytest.fixture(scope="module")
def shown(notebook: OpenNotebook) -> Shown:
    return Shown(notebook.outputs(OPENED).get_by_role("region", name="Object browser"))


@pytest.fixture(autouse=True)
def _all_of_it(notebook: OpenNotebook, shown: Shown) -> None:
    notebook.run("b.query = ''; b.selection = []")
    expect(shown.row("config")).to_be_visible()


def test_it_opens_with_everything_in_it(shown: Shown) -> None:
    expect(shown.row("val_metrics")).to_be_visible()
    expect(shown.filters).to_contain_text("resnet50")
    shown.picture("browse-open")


def test_searching_narrows_the_list(shown: Shown) -> None:
    shown.search.fill("train")
    expect(shown.rows).to_have_count(6)
    assert all("train" in text for text in shown.rows.all_inner_texts())
    shown.picture("browse-search")
    shown.search.fill("")
    expect(shown.row("config")).to_be_visible()


def test_a_row_is_looked_into_and_selected_in_python(notebook: OpenNotebook, shown: Shown) -> None:
    shown.row("2026-11/resnet50/val").click()
    expect(shown.preview).to_contain_text("epoch")
    expect(shown.preview).to_contain_text("newest of 2")
    assert "val_metrics" in notebook.run("b._callbacks.wait(5); said = [thing.name for thing in b.selection]")
    shown.picture("browse-preview")


def test_a_text_is_shown_as_text(shown: Shown) -> None:
    shown.row("notes.md").click()
    expect(shown.preview).to_contain_text("# Notes")


@pytest.mark.parametrize(
    "code",
    [
        "time.sleep(5)",
        "import ipywidgets; ipywidgets.IntSlider().value = 3; b.columns = ['acc']; time.sleep(5)",
        "end = time.time() + 5\nwhile time.time() < end: pass",
    ],
    ids=["sleeping", "that wrote a widget's trait", "computing"],
)
def test_a_cell_that_runs_delays_no_search_by_100_ms(notebook: OpenNotebook, shown: Shown, code: str) -> None:
    idle = median(shown.searches(WORDS))
    notebook.start(code)
    busy = shown.searches(WORDS)
    had_ended = notebook.page.evaluate("window.hasEnded")
    notebook.page.wait_for_function("window.hasEnded")
    shown.search.fill("")
    assert not had_ended
    assert median(busy) < idle + 100, (idle, busy)


def test_python_narrows_what_is_shown(notebook: OpenNotebook, shown: Shown) -> None:
    notebook.run("b.query = {'where': 'model=vit-b16', 'search': 'val'}")
    expect(shown.rows).to_have_count(3)


def test_what_comes_is_seen_by_itself_and_what_came_while_nobody_saw_the_browser_when_somebody_does(
    notebook: OpenNotebook, shown: Shown
) -> None:
    notebook.run("b.query = 'arriv'")
    expect(shown.rows).to_have_count(0)
    notebook.run("rl.put('one', 'arrives')")
    expect(shown.rows).to_have_count(1, timeout=10_000)
    output = notebook.outputs(OPENED)
    output.evaluate("each => { each.style.display = 'none'; }")
    notebook.page.wait_for_timeout(1500)  # it looks every second whether it is seen
    notebook.run("rl.put('two', 'arrived')")
    output.evaluate("each => { each.style.display = ''; }")
    expect(shown.rows).to_have_count(2, timeout=10_000)
    notebook.run("rl.rm('arrives'); rl.rm('arrived')")


def test_a_file_that_is_dropped_becomes_an_object(notebook: OpenNotebook, shown: Shown) -> None:
    shown.drop(shown.file("dropped.bin", 3 << 20))
    shown.picture("browse-upload")
    shown.dialog.get_by_role("button", name=re.compile("^Upload")).click()
    expect(shown.row("dropped.bin")).to_be_visible(timeout=10_000)
    assert "3145728" in notebook.run("said = rl.ls('dropped.bin')[0].size")


def test_an_upload_can_be_stopped_and_leaves_nothing(notebook: OpenNotebook, shown: Shown) -> None:
    shown.upload(shown.file("stopped.bin", 300 << 20))
    shown.button("Cancel").click(timeout=5000)
    said = "said = (len(rl.ls('stopped.bin')), [t.state for t in rl.transfers() if t.label == 'stopped.bin'])"
    deadline = time.monotonic() + 10
    while "running" in (found := notebook.run(said)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found == "(0, ['cancelled'])"


def test_an_upload_that_was_stopped_is_tried_again_while_a_cell_runs(notebook: OpenNotebook, shown: Shown) -> None:
    file = shown.file("again.bin", 64 << 20)
    notebook.start("from pathlib import Path\nwhile not Path('go-on').exists(): time.sleep(0.05)")
    shown.upload(file)
    shown.stop_at_half("again.bin")
    shown.retry("again.bin")
    expect(shown.row("again.bin")).to_be_visible(timeout=60_000)
    assert not notebook.page.evaluate("window.hasEnded")
    (notebook.path.parent / "go-on").touch()
    notebook.page.wait_for_function("window.hasEnded")
    stored = notebook.run(
        "import hashlib; said = hashlib.sha256(rl.get('again.bin', format='path').read_bytes()).hexdigest()"
    )
    assert stored == repr(shown.digest(file))
    assert notebook.run("said = [each.state for each in rl.ls('again.bin', versions=True)]") == "['READ_ONLY']"
    assert notebook.run(LEFT) == "([], [])"


def test_what_is_deleted_can_be_taken_back_for_a_moment(notebook: OpenNotebook, shown: Shown) -> None:
    notebook.run("rl.put('gone', 'to-delete'); b.query = 'to-delete'")
    shown.row("to-delete").click()
    notebook.page.keyboard.press("Delete")
    expect(shown.dialog).to_be_visible()
    shown.picture("browse-delete")
    shown.dialog.get_by_role("button", name="Delete").click()
    shown.button("Undo").click(timeout=5000)
    expect(shown.row("to-delete")).to_be_visible()
    assert notebook.run("said = len(rl.ls('to-delete'))") == "1"


def test_what_is_deleted_is_gone_after_that(notebook: OpenNotebook, shown: Shown) -> None:
    notebook.run("rl.put('gone', 'goes'); b.query = 'goes'")
    shown.row("goes").click()
    notebook.page.keyboard.press("Delete")
    shown.dialog.get_by_role("button", name="Delete").click()
    expect(shown.rows).to_have_count(0, timeout=15_000)
    deadline = time.monotonic() + 15
    while notebook.run("said = len(rl.ls('goes'))") != "0" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert notebook.run("said = len(rl.ls('goes'))") == "0"


def test_an_object_comes_into_a_variable(notebook: OpenNotebook, shown: Shown) -> None:
    shown.row("config").click()
    shown.preview.get_by_role("button", name="Get").click()
    shown.dialog.get_by_label("Variable").fill("fetched")
    shown.picture("browse-get")
    shown.dialog.get_by_role("button", name="Get").click()
    expect(shown.dialog).to_be_hidden()
    assert notebook.run("said = fetched") == "{'lr': 0.1}"


def test_an_object_is_downloaded(notebook: OpenNotebook, shown: Shown) -> None:
    shown.row("notes.md").click()
    shown.preview.get_by_role("button", name="More to do").click()
    with notebook.page.expect_download() as downloading:
        shown.root.get_by_role("menuitem", name="Download").click()
    assert downloading.value.suggested_filename == "notes.md"
    assert downloading.value.path().read_text() == "# Notes\non sampling"


def test_a_link_goes_to_the_clipboard_and_nowhere_else(notebook: OpenNotebook, shown: Shown) -> None:
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.row("notes.md").click()
    shown.preview.get_by_role("button", name="Link").click()
    expect(shown.dialog).to_contain_text("only on this computer")
    shown.dialog.get_by_role("button", name="Copy link").click()
    expect(shown.dialog).to_be_hidden()
    link = str(notebook.page.evaluate("navigator.clipboard.readText()"))
    assert httpx.get(link, trust_env=False).text == "# Notes\non sampling"
    notebook.saved()
    assert link.partition("signature=")[2][:16] not in notebook.path.read_text() + notebook.page.content()


def test_an_object_is_mounted(notebook: OpenNotebook, shown: Shown) -> None:
    shown.row("notes.md").click()
    shown.preview.get_by_role("button", name="Mount").click()
    shown.dialog.get_by_label("Directory").fill("seen")
    shown.dialog.get_by_role("button", name="Mount").click()
    expect(shown.dialog).to_be_hidden(timeout=10_000)
    assert notebook.run("import os; said = os.listdir('seen')") == "['notes.md']"
    notebook.run("rl.umount('seen')")


def test_nothing_of_the_store_is_saved(notebook: OpenNotebook) -> None:
    notebook.saved()
    text = notebook.path.read_text()
    assert "dropped.bin" not in text
    assert "obj_" not in text


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_it_is_seen_in_each_theme(notebook: OpenNotebook, shown: Shown, theme: str) -> None:
    notebook.use_theme(theme)
    shown.row("2026-11/resnet50/val").click()
    expect(shown.preview).to_contain_text("epoch")
    shown.picture(f"browse-{theme.split(maxsplit=1)[1].lower()}")
    notebook.use_theme("JupyterLab Light")
