"""The browser in JupyterLab: what a person sees and does, also while a cell runs."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from lab import ARTIFACTS
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import LabServer, OpenNotebook
    from playwright.sync_api import Locator, Page

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


@pytest.fixture(scope="module")
def page(browser, lab: LabServer) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    yield page
    lab.end_sessions(page)
    context.close()


@pytest.fixture(scope="module")
def notebook(page: Page, lab: LabServer) -> OpenNotebook:
    notebook = lab.open(page, lab.write("browse.ipynb", CELLS))
    notebook.run_all()
    expect(rows(notebook).first).to_be_visible(timeout=20_000)
    return notebook


@pytest.fixture(autouse=True)
def _all_of_it(notebook: OpenNotebook) -> None:
    run(notebook, "b.query = ''; b.selection = []")
    expect(row(notebook, "config")).to_be_visible()


def area(notebook: OpenNotebook) -> Locator:
    return notebook.outputs(OPENED)


def rows(notebook: OpenNotebook) -> Locator:
    return area(notebook).get_by_role("row").filter(has=area(notebook).page.locator(".name"))


def row(notebook: OpenNotebook, name: str) -> Locator:
    return rows(notebook).filter(has_text=name).first


def search(notebook: OpenNotebook) -> Locator:
    return area(notebook).get_by_role("combobox", name="Search")


def preview(notebook: OpenNotebook) -> Locator:
    return area(notebook).get_by_role("complementary", name="Preview")


def run(notebook: OpenNotebook, code: str) -> str:
    """Run code in the notebook's kernel, beside its cells; return the repr of what it calls `said`."""
    reply = notebook.page.evaluate(
        """async code => {
            const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const user_expressions = { said: 'globals().get("said")' };
            return (await kernel.requestExecute({ code, user_expressions }).done).content;
        }""",
        code,
    )
    assert reply["status"] == "ok", reply
    return str(reply["user_expressions"]["said"]["data"]["text/plain"])


def start(notebook: OpenNotebook, code: str) -> None:
    """Begin to run code in the notebook's kernel."""
    notebook.page.evaluate(
        """code => {
            window.hasEnded = false;
            const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            kernel.requestExecute({ code }).done.then(() => { window.hasEnded = true; });
        }""",
        code,
    )
    notebook.page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"
    )


def shot(notebook: OpenNotebook, name: str) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    area(notebook).screenshot(path=ARTIFACTS / f"browse-{name}.png")


def drop(notebook: OpenNotebook, files: dict[str, bytes]) -> None:
    """Drop files on the table, as from a file manager."""
    transfer = notebook.page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, size] of Object.entries(files)) {
                transfer.items.add(new File([new Uint8Array(size).fill(7)], name));
            }
            return transfer;
        }""",
        {name: len(data) for name, data in files.items()},
    )
    target = area(notebook).get_by_role("grid")
    for event in ("dragenter", "dragover", "drop"):
        target.dispatch_event(event, {"dataTransfer": transfer})


def test_it_opens_with_everything_in_it(notebook: OpenNotebook) -> None:
    expect(row(notebook, "val_metrics")).to_be_visible()
    expect(area(notebook).get_by_role("complementary", name="Filters")).to_contain_text("resnet50")
    shot(notebook, "open")


def test_searching_narrows_the_list(notebook: OpenNotebook) -> None:
    search(notebook).fill("train")
    expect(rows(notebook)).to_have_count(6)
    assert all("train" in text for text in rows(notebook).all_inner_texts())
    shot(notebook, "search")
    search(notebook).fill("")
    expect(row(notebook, "config")).to_be_visible()


def test_a_row_is_looked_into_and_selected_in_python(notebook: OpenNotebook) -> None:
    row(notebook, "2026-11/resnet50/val").click()
    expect(preview(notebook)).to_contain_text("epoch")
    expect(preview(notebook)).to_contain_text("newest of 2")
    assert "val_metrics" in run(notebook, "b._callbacks.wait(5); said = [thing.name for thing in b.selection]")
    shot(notebook, "preview")


def test_a_text_is_shown_as_text(notebook: OpenNotebook) -> None:
    row(notebook, "notes.md").click()
    expect(preview(notebook)).to_contain_text("# Notes")


@pytest.mark.parametrize(
    ("code", "limit_s"),
    [
        ("time.sleep(4)", 0.6),
        ("import ipywidgets; ipywidgets.IntSlider().value = 3; b.columns = ['acc']; time.sleep(4)", 0.6),
        ("end = time.time() + 4\nwhile time.time() < end: pass", 1.2),
    ],
    ids=["sleeping", "that wrote a widget's trait", "computing"],
)
def test_searching_works_while_a_cell_runs(notebook: OpenNotebook, code: str, limit_s: float) -> None:
    start(notebook, code)
    began = time.monotonic()
    search(notebook).fill("config")
    expect(rows(notebook)).to_have_count(1, timeout=3000)
    took = time.monotonic() - began
    had_ended = notebook.page.evaluate("() => window.hasEnded")
    notebook.page.wait_for_function("() => window.hasEnded")
    search(notebook).fill("")
    assert not had_ended
    assert took < limit_s


def test_python_narrows_what_is_shown(notebook: OpenNotebook) -> None:
    run(notebook, "b.query = {'where': 'model=vit-b16', 'search': 'val'}")
    expect(rows(notebook)).to_have_count(3)


def test_what_comes_is_seen_by_itself_and_what_came_while_nobody_saw_the_browser_when_somebody_does(
    notebook: OpenNotebook,
) -> None:
    run(notebook, "b.query = 'arriv'")
    expect(rows(notebook)).to_have_count(0)
    run(notebook, "rl.put('one', 'arrives')")
    expect(rows(notebook)).to_have_count(1, timeout=10_000)
    shown = area(notebook)
    shown.evaluate("each => { each.style.display = 'none'; }")
    notebook.page.wait_for_timeout(1500)  # it looks every second whether it is seen
    run(notebook, "rl.put('two', 'arrived')")
    shown.evaluate("each => { each.style.display = ''; }")
    expect(rows(notebook)).to_have_count(2, timeout=10_000)
    run(notebook, "rl.rm('arrives'); rl.rm('arrived')")


def test_a_file_that_is_dropped_becomes_an_object(notebook: OpenNotebook) -> None:
    drop(notebook, {"dropped.bin": bytes(3 << 20)})
    dialog = area(notebook).get_by_role("dialog")
    expect(dialog).to_be_visible()
    shot(notebook, "upload")
    dialog.get_by_role("button", name=re.compile("^Upload")).click()
    expect(row(notebook, "dropped.bin")).to_be_visible(timeout=10_000)
    assert "3145728" in run(notebook, "said = rl.ls('dropped.bin')[0].size")


def test_an_upload_can_be_stopped_and_leaves_nothing(notebook: OpenNotebook) -> None:
    drop(notebook, {"stopped.bin": bytes(300 << 20)})
    area(notebook).get_by_role("dialog").get_by_role("button", name=re.compile("^Upload")).click()
    area(notebook).get_by_role("button", name="Cancel").first.click(timeout=5000)
    said = "said = (len(rl.ls('stopped.bin')), [t.state for t in rl.transfers() if t.label == 'stopped.bin'])"
    deadline = time.monotonic() + 10
    while "running" in (found := run(notebook, said)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found == "(0, ['cancelled'])"


def test_what_is_deleted_can_be_taken_back_for_a_moment(notebook: OpenNotebook) -> None:
    run(notebook, "rl.put('gone', 'to-delete'); b.query = 'to-delete'")
    row(notebook, "to-delete").click()
    notebook.page.keyboard.press("Delete")
    dialog = area(notebook).get_by_role("dialog")
    expect(dialog).to_be_visible()
    shot(notebook, "delete")
    dialog.get_by_role("button", name="Delete").click()
    area(notebook).get_by_role("button", name="Undo").click(timeout=5000)
    expect(row(notebook, "to-delete")).to_be_visible()
    assert run(notebook, "said = len(rl.ls('to-delete'))") == "1"


def test_what_is_deleted_is_gone_after_that(notebook: OpenNotebook) -> None:
    run(notebook, "rl.put('gone', 'goes'); b.query = 'goes'")
    row(notebook, "goes").click()
    notebook.page.keyboard.press("Delete")
    area(notebook).get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(rows(notebook)).to_have_count(0, timeout=15_000)
    deadline = time.monotonic() + 15
    while run(notebook, "said = len(rl.ls('goes'))") != "0" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert run(notebook, "said = len(rl.ls('goes'))") == "0"


def test_an_object_comes_into_a_variable(notebook: OpenNotebook) -> None:
    row(notebook, "config").click()
    preview(notebook).get_by_role("button", name="Get").click()
    dialog = area(notebook).get_by_role("dialog")
    dialog.get_by_label("Variable").fill("fetched")
    shot(notebook, "get")
    dialog.get_by_role("button", name="Get").click()
    expect(dialog).to_be_hidden()
    assert run(notebook, "said = fetched") == "{'lr': 0.1}"


def test_an_object_is_downloaded(notebook: OpenNotebook) -> None:
    row(notebook, "notes.md").click()
    preview(notebook).get_by_role("button", name="More to do").click()
    with notebook.page.expect_download() as downloading:
        area(notebook).get_by_role("menuitem", name="Download").click()
    assert downloading.value.suggested_filename == "notes.md"
    assert downloading.value.path().read_text() == "# Notes\non sampling"


def test_a_link_goes_to_the_clipboard_and_nowhere_else(notebook: OpenNotebook) -> None:
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    row(notebook, "notes.md").click()
    preview(notebook).get_by_role("button", name="Link").click()
    dialog = area(notebook).get_by_role("dialog")
    expect(dialog).to_contain_text("only on this computer")
    dialog.get_by_role("button", name="Copy link").click()
    expect(dialog).to_be_hidden()
    link = str(notebook.page.evaluate("navigator.clipboard.readText()"))
    assert httpx.get(link, trust_env=False).text == "# Notes\non sampling"
    notebook.saved()
    assert link.partition("signature=")[2][:16] not in notebook.path.read_text() + notebook.page.content()


def test_an_object_is_mounted(notebook: OpenNotebook) -> None:
    row(notebook, "notes.md").click()
    preview(notebook).get_by_role("button", name="Mount").click()
    dialog = area(notebook).get_by_role("dialog")
    dialog.get_by_label("Directory").fill("seen")
    dialog.get_by_role("button", name="Mount").click()
    expect(dialog).to_be_hidden(timeout=10_000)
    assert run(notebook, "import os; said = os.listdir('seen')") == "['notes.md']"
    run(notebook, "rl.umount('seen')")


def test_nothing_of_the_store_is_saved(notebook: OpenNotebook) -> None:
    notebook.saved()
    text = notebook.path.read_text()
    assert "dropped.bin" not in text
    assert "obj_" not in text


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_it_is_seen_in_each_theme(notebook: OpenNotebook, theme: str) -> None:
    notebook.use_theme(theme)
    row(notebook, "2026-11/resnet50/val").click()
    expect(preview(notebook)).to_contain_text("epoch")
    shot(notebook, theme.split(maxsplit=1)[1].lower())
    notebook.use_theme("JupyterLab Light")
