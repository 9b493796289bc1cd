"""The browser in each host that shows it: JupyterLab, Jupyter Notebook 7, marimo. The same is done in each."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from hosts import MarimoApp, NotebookServer
from playwright.sync_api import expect
from shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import LabServer, OpenNotebook
    from playwright.sync_api import Browser, Page

FILL = """
for number in range(30):
    rl.put(f"text {number}", f"texts/{number:02}", metadata={"even": str(number % 2 == 0)})
rl.put({"lr": 0.1}, "config")
"""
CELLS = [
    f"%load_ext runloop_jupyter\n%config RunloopMagics.progress = False\nimport runloop_jupyter as rl\n{FILL}",
    "b = rl.browse()\nb",
    "import time\nfrom pathlib import Path\nbegan = Path('began')\nbegan.touch()\ntime.sleep(6)\nPath('ended').touch()",
]
MARIMO = [
    f"def _():\nimport runloop_jupyter as rl{FILL}\nb = rl.browse()\nreturn (b,)",
    "def _(b):\nb\nreturn",
]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1300, "height": 1000})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def notebook_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotebookServer]:
    with NotebookServer(tmp_path_factory.mktemp("notebook")) as server:
        yield server


@pytest.fixture(scope="module", params=["JupyterLab", "Notebook 7", "marimo"])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def jupyter(host: str, request: pytest.FixtureRequest, page: Page) -> OpenNotebook | None:
    if host == "marimo":
        return None
    server: LabServer = request.getfixturevalue("lab" if host == "JupyterLab" else "notebook_server")
    notebook = server.open(page, server.write("hosts.ipynb", CELLS))
    notebook.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    for _ in CELLS[:2]:
        notebook.command("notebook:run-cell-and-select-next")
    return notebook


@pytest.fixture(scope="module")
def shown(jupyter: OpenNotebook | None, page: Page, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    if jupyter is not None:
        yield Shown(page.get_by_role("region", name="Object browser"))
        return
    with MarimoApp(tmp_path_factory.mktemp("marimo"), MARIMO) as app:
        page.goto(app.url)
        yield Shown(page.get_by_role("region", name="Object browser"))


@pytest.fixture(autouse=True)
def _all_of_it(shown: Shown, host: str) -> None:
    expect(shown.rows.first).to_be_visible(timeout=30_000)
    shown.search.fill("")
    expect(shown.row("config")).to_be_visible()


def test_it_shows_what_is_stored(shown: Shown, host: str) -> None:
    expect(shown.rows.first).to_contain_text("config")
    expect(shown.filters).to_contain_text("even")
    shown.picture(f"host-{host}")


def test_it_is_searched(shown: Shown) -> None:
    shown.search.fill("texts/07")
    expect(shown.rows).to_have_count(1)


def test_a_facet_narrows_it(shown: Shown) -> None:
    value = shown.filters.get_by_role("button", name=re.compile("^True"))
    value.click()
    expect(shown.rows).to_have_count(15)
    value.click()
    expect(shown.row("config")).to_be_visible()


def test_an_object_is_looked_into(shown: Shown) -> None:
    shown.row("config").click()
    expect(shown.preview).to_contain_text('"lr"')


def test_a_file_is_uploaded_and_deleted(shown: Shown, host: str) -> None:
    shown.choose("sent.txt")
    shown.dialog.get_by_role("button", name=re.compile("^Upload")).click()
    expect(shown.row("sent.txt")).to_be_visible(timeout=15_000)
    shown.row("sent.txt").click()
    shown.press("Delete")
    shown.dialog.get_by_role("button", name="Delete").click()
    expect(shown.row("sent.txt")).to_be_hidden(timeout=15_000)


def test_it_is_searched_while_a_cell_runs(shown: Shown, jupyter: OpenNotebook | None, host: str) -> None:
    if jupyter is None:
        return  # marimo runs cells and answers widgets on one thread: it says that it is queued, and has no busy cell
    jupyter.command("notebook:run-cell")
    deadline = time.monotonic() + 10
    while not (jupyter.path.parent / "began").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    shown.search.fill("texts/11")
    expect(shown.rows).to_have_count(1, timeout=2000)
    assert not (jupyter.path.parent / "ended").exists()
