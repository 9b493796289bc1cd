"""A link in JupyterLab: masked wherever it is looked at, and copied by its button."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import nbformat
import pytest
from lab import ARTIFACTS, CONTRASTS
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import LabServer, OpenNotebook
    from playwright.sync_api import Locator, Page

LEGIBLE = 4.5
SIGNED = re.compile(r"signature=\w{8}")
IN_A_SHADOW = f"host => ({CONTRASTS})(host.shadowRoot)"
BUTTONS = "[data-lm-suppress-shortcuts]"

CELLS = [
    "%load_ext runloop_jupyter\nimport time\n%config RunloopMagics.progress = False",
    "birds = 'gulls and terns'\n%rl_put birds",
    "%rl_url birds --expires 12h",
    "%rl_url birds --expires 2s",
    "import ipywidgets\n[widget.get_state() for widget in ipywidgets.Widget.widgets.values()]",
]
LINK, SHORT, STATE = 2, 3, 4


@pytest.fixture(scope="module")
def clipboard(page: Page) -> Page:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return page


@pytest.fixture(scope="module")
def notebook(clipboard: Page, lab: LabServer) -> OpenNotebook:
    notebook = lab.open(clipboard, lab.write("link.ipynb", CELLS))
    notebook.run_all()
    expect(button(notebook)).to_be_visible()
    return notebook


@pytest.fixture
def other_page(page: Page, lab: LabServer) -> Iterator[Page]:
    other = page.context.new_page()
    yield other
    other.close()


def button(notebook: OpenNotebook, cell: int = LINK) -> Locator:
    return notebook.outputs(cell).get_by_role("button", name="Copy link")


def said(notebook: OpenNotebook, cell: int = LINK) -> Locator:
    return notebook.outputs(cell).get_by_role("status")


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def shown_of_a_card(page: Page) -> str:
    return page.locator(".rl-card").filter(has_text="link").first.inner_text()


def assert_is_the_card_and_no_more(page: Page) -> None:
    text = shown_of_a_card(page)
    assert "birds link · only on this computer" in text
    assert "works until 20" in text
    assert "/•••" in text
    assert not re.search(r"[0-9a-f]{8}-\d", text), "the key of the button's place is nothing to read"
    assert page.locator(BUTTONS).count() == 0
    assert page.get_by_text(re.compile("(error|loading).*widget", re.IGNORECASE)).count() == 0


def test_a_click_puts_a_link_that_works_on_the_clipboard(notebook: OpenNotebook) -> None:
    button(notebook).click()
    expect(said(notebook)).to_have_text("Copied")
    assert httpx.get(copied(notebook.page), trust_env=False).text == "gulls and terns"
    expect(said(notebook)).to_have_text("", timeout=4000)


def test_the_link_is_nowhere_but_on_the_clipboard(notebook: OpenNotebook) -> None:
    button(notebook).click()
    expect(said(notebook)).to_have_text("Copied")
    assert SIGNED.search(copied(notebook.page))
    notebook.saved()
    assert not SIGNED.search(notebook.path.read_text())
    assert "_esm" in notebook.outputs(STATE).inner_text()
    assert not SIGNED.search(notebook.outputs(STATE).inner_text())
    assert not SIGNED.search(notebook.page.content())


def test_the_card_alone_is_saved(notebook: OpenNotebook) -> None:
    (output,) = notebook.saved().cells[LINK].outputs
    assert set(output.data) == {"text/html", "text/plain"}


def test_the_keyboard_copies_and_no_key_is_a_command_to_the_notebook(notebook: OpenNotebook) -> None:
    cells = notebook.page.locator(".jp-Notebook-cell").count()
    notebook.page.evaluate("navigator.clipboard.writeText('')")
    button(notebook).focus()
    for key in ("b", "d", "d", "x"):
        notebook.page.keyboard.press(key)
    notebook.page.keyboard.press("Enter")
    expect(said(notebook)).to_have_text("Copied")
    assert SIGNED.search(copied(notebook.page))
    assert notebook.page.locator(".jp-Notebook-cell").count() == cells


def test_a_button_answers_while_a_cell_runs(notebook: OpenNotebook) -> None:
    notebook.page.evaluate(
        "() => { jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({ code: 'time.sleep(4)' }) }"
    )
    notebook.page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"
    )
    button(notebook).click()
    expect(said(notebook)).to_have_text("Copied", timeout=2000)
    notebook.wait_for_kernel()


def test_an_expired_link_says_so(notebook: OpenNotebook) -> None:
    notebook.page.wait_for_timeout(2000)
    button(notebook, SHORT).click()
    expect(said(notebook, SHORT)).to_contain_text("expired 20")


def test_where_the_browser_forbids_it_the_link_can_be_copied_by_hand_and_goes_away(notebook: OpenNotebook) -> None:
    page = notebook.page
    page.evaluate("""() => {
        window.kept = [navigator.clipboard.write, navigator.clipboard.writeText, document.execCommand];
        navigator.clipboard.write = navigator.clipboard.writeText = () => Promise.reject(new Error('no'));
        document.execCommand = () => false;
    }""")
    try:
        button(notebook).click()
        field = notebook.outputs(LINK).get_by_role("textbox", name="The link, to copy by hand")
        expect(field).to_be_focused()
        expect(said(notebook)).to_contain_text("press Ctrl+C")
        page.keyboard.press("Control+c")
        expect(field).to_have_count(0)
        assert SIGNED.search(copied(page))
        button(notebook).click()
        expect(field).to_be_focused()
        page.keyboard.press("Escape")
        expect(field).to_have_count(0)
        expect(button(notebook)).to_be_focused()
    finally:
        page.evaluate(
            "() => { [navigator.clipboard.write, navigator.clipboard.writeText, document.execCommand] = window.kept }"
        )


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"])
def test_every_text_can_be_read_in_each_theme(notebook: OpenNotebook, theme: str) -> None:
    notebook.use_theme(theme)
    button(notebook).click()
    expect(said(notebook)).to_have_text("Copied")
    notebook.screenshot(f"link-{theme.split(maxsplit=1)[1].lower().replace(' ', '-')}")
    host = notebook.outputs(LINK).locator(BUTTONS)
    seen = [*notebook.contrasts(".rl-out"), *host.evaluate(IN_A_SHADOW)]
    assert {"Copy link", "Copied"} <= {each["text"] for each in seen}
    assert [each for each in seen if each["ratio"] < LEGIBLE] == []


def test_a_page_that_is_opened_again_has_its_buttons_while_the_kernel_lives(
    notebook: OpenNotebook, lab: LabServer
) -> None:
    notebook.saved()
    lab.open(notebook.page, notebook.path)
    expect(button(notebook)).to_be_visible()
    button(notebook).click()
    expect(said(notebook)).to_have_text("Copied")
    assert SIGNED.search(copied(notebook.page))


def test_after_a_restart_the_button_says_that_the_kernel_is_gone(notebook: OpenNotebook, lab: LabServer) -> None:
    notebook.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    notebook.wait_for_kernel()
    button(notebook).click()
    expect(said(notebook)).to_have_text("kernel gone: run the cell again")
    # Opened again, with a kernel that knows nothing of it.
    notebook.saved()
    lab.open(notebook.page, notebook.path)
    notebook.page.wait_for_timeout(500)
    assert_is_the_card_and_no_more(notebook.page)
    notebook.run_all()
    expect(button(notebook)).to_be_visible()


def test_when_the_kernel_is_shut_down_the_button_says_so(notebook: OpenNotebook) -> None:
    expect(button(notebook)).to_be_visible()
    notebook.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    button(notebook).click()
    expect(said(notebook)).to_have_text("kernel gone: run the cell again")


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notebook as nbclient leaves it, widget state and all."""
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS[:4]])
    NotebookClient(document, timeout=60, kernel_name="python3").execute()
    assert "application/vnd.jupyter.widget-state+json" in document.metadata.widgets
    path = tmp_path_factory.mktemp("executed") / "link.ipynb"
    nbformat.write(document, path)
    assert not SIGNED.search(path.read_text())
    return path


def test_an_untrusted_notebook_shows_the_card(executed: Path, lab: LabServer, page: Page) -> None:
    path = lab.notebooks / "untrusted-link.ipynb"
    path.write_bytes(executed.read_bytes())
    untrusted = lab.open(page, path)
    assert page.locator(".jp-Notebook style").count() == 0
    page.wait_for_timeout(500)
    untrusted.screenshot("link-untrusted")
    assert_is_the_card_and_no_more(page)


@pytest.mark.parametrize("template", ["lab", "classic"])
def test_a_converted_notebook_shows_the_card(executed: Path, other_page: Page, template: str) -> None:
    html, _ = HTMLExporter(template_name=template).from_filename(str(executed))
    converted = executed.with_suffix(f".{template}.html")
    converted.write_text(html)
    # What the pages would load from elsewhere (the widgets' own scripts too) isn't there; they must do without.
    other_page.route("http*://**", lambda route: route.abort())
    other_page.goto(converted.as_uri())
    other_page.screenshot(path=ARTIFACTS / f"link-nbconvert-{template}.png", full_page=True)
    assert_is_the_card_and_no_more(other_page)
    seen = [each for root in other_page.locator(".rl-out").all() for each in root.evaluate(CONTRASTS)]
    assert [each for each in seen if each["ratio"] < LEGIBLE] == []
