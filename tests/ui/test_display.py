"""How the outputs look where they are looked at: JupyterLab in its themes, a notebook that isn't trusted, nbconvert."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from lab import ARTIFACTS, CONTRASTS
from nbconvert import HTMLExporter
from playwright.sync_api import expect

if TYPE_CHECKING:
    from lab import LabServer, OpenNotebook
    from playwright.sync_api import Page

GALLERY = Path(__file__).with_name("gallery.py").read_text().split("# %%\n")[1:]
TABLE = next(at for at, source in enumerate(GALLERY) if "weights.safetensors" in source)
HOSTILE = next(at for at, source in enumerate(GALLERY) if "hostile" in source)

LEGIBLE = 4.5  # WCAG 2, level AA, for text of this size

SLOW_WORK = """
import time
from runloop_jupyter.display.progress import LiveProgress, ProgressSnapshot
started = time.monotonic()
def far():
    return ProgressSnapshot("scans", "sending", int(1e8 * (time.monotonic() - started)), 10**9, started)
with LiveProgress(far) as live:
    while time.monotonic() - started < {seconds}:
        live.tick()
        time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def gallery(page: Page, lab: LabServer) -> OpenNotebook:
    notebook = lab.open(page, lab.write("gallery.ipynb", GALLERY, hide_sources=True))
    notebook.run_all()
    notebook.saved()
    return notebook


@pytest.fixture
def executed(gallery: OpenNotebook, tmp_path: Path) -> Path:
    """The gallery with its outputs, as a file of its own."""
    path = tmp_path / "saved.ipynb"
    path.write_bytes(gallery.path.read_bytes())
    return path


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"])
def test_every_text_can_be_read_in_each_theme(gallery: OpenNotebook, theme: str) -> None:
    gallery.use_theme(theme)
    gallery.screenshot(f"gallery-{theme.split(maxsplit=1)[1].lower().replace(' ', '-')}")
    seen = gallery.contrasts(".rl-out")
    assert len(seen) > 100
    assert [each for each in seen if each["ratio"] < LEGIBLE] == []


def test_hostile_names_stay_text(gallery: OpenNotebook) -> None:
    outputs = gallery.outputs(HOSTILE)
    shown = outputs.inner_text()
    assert "<img src=x onerror=alert(1)>" in shown
    assert "$x^2$ and \\(y\\)" in shown
    assert "invoice‹U+202E›fdp.exe" in shown
    assert outputs.locator("img, mjx-container, td b").count() == 0


def test_jupyterlab_does_not_stripe_centre_or_right_align_a_table(gallery: OpenNotebook) -> None:
    gallery.use_theme("JupyterLab Light")
    table = gallery.outputs(TABLE).locator("table")
    looks = table.evaluate(
        """table => ({
            rows: [...new Set([...table.querySelectorAll('tr')].map(row => getComputedStyle(row).backgroundColor))],
            name: getComputedStyle(table.querySelector('td')).textAlign,
            size: getComputedStyle(table.querySelectorAll('td')[1]).textAlign,
            fromLeft: table.getBoundingClientRect().left - table.parentElement.getBoundingClientRect().left,
        })"""
    )
    assert looks == {"rows": ["rgba(0, 0, 0, 0)"], "name": "left", "size": "right", "fromLeft": 0}


def test_a_table_too_wide_scrolls_by_itself(gallery: OpenNotebook) -> None:
    scroll = gallery.outputs(TABLE).locator(".rl-scroll")
    assert scroll.evaluate("box => box.scrollWidth > box.clientWidth")
    assert gallery.outputs(TABLE).evaluate("area => area.scrollWidth <= area.clientWidth")


def test_an_untrusted_notebook_can_still_be_read(
    gallery: OpenNotebook, executed: Path, lab: LabServer, page: Page
) -> None:
    path = lab.notebooks / "untrusted.ipynb"
    notebook = nbformat.read(executed, as_version=4)
    notebook.cells[0].source += "  # by somebody else: no signature of this server's fits"
    nbformat.write(notebook, path)
    try:
        untrusted = lab.open(page, path)
        assert page.locator(".jp-Notebook style").count() == 0, "JupyterLab takes styles out of what it doesn't trust"
        untrusted.screenshot("gallery-untrusted")
        assert "runs/2026-11/weights.safetensors ×2" in untrusted.outputs(TABLE).inner_text()
        assert "$x^2$ and \\(y\\)" in untrusted.outputs(HOSTILE).inner_text()
        assert untrusted.outputs(HOSTILE).locator("img, mjx-container, td b").count() == 0
        assert [each for each in untrusted.contrasts(".rl-out") if each["ratio"] < LEGIBLE] == []
    finally:
        lab.open(page, gallery.path)


@pytest.mark.parametrize("look", [("lab", "light"), ("lab", "dark"), ("classic", "light")], ids="-".join)
def test_a_converted_notebook_can_be_read(executed: Path, page: Page, look: tuple[str, str]) -> None:
    template, theme = look
    html, _ = HTMLExporter(template_name=template, theme=theme).from_filename(str(executed))
    converted = executed.with_suffix(".html")
    converted.write_text(html)
    reader = page.context.new_page()
    # What the pages would load from elsewhere (MathJax, fonts) isn't there; they must do without.
    reader.route("http*://**", lambda route: route.abort())
    # A dark system must not turn a white page's text white.
    reader.emulate_media(color_scheme="dark")
    reader.goto(converted.as_uri())
    reader.screenshot(path=ARTIFACTS / f"nbconvert-{template}-{theme}.png", full_page=True)
    seen = [each for root in reader.locator(".rl-out").all() for each in root.evaluate(CONTRASTS)]
    reader.close()
    assert len(seen) > 100
    assert [each for each in seen if each["ratio"] < LEGIBLE] == []


@pytest.mark.parametrize(
    ("host", "ground"),
    [
        ("<body>", "#ffffff"),
        (
            '<body class="vscode-dark" style="--vscode-foreground:#ccc;--vscode-descriptionForeground:#9d9d9d">',
            "#1f1f1f",
        ),
        ('<body class="vscode-light" style="--vscode-foreground:#3b3b3b">', "#ffffff"),
        ('<html theme="dark"><body>', "#383838"),
    ],
    ids=["no host", "VS Code dark", "VS Code light", "Colab dark"],
)
def test_other_hosts_themes_are_followed(executed: Path, page: Page, host: str, ground: str) -> None:
    cells = nbformat.read(executed, as_version=4).cells
    outputs = [output.data["text/html"] for cell in cells for output in cell.outputs if "data" in output]
    reader = page.context.new_page()
    reader.set_content(f"<!doctype html>{host}<main style='background:{ground}'>{''.join(outputs)}</main>")
    seen = reader.locator("main").evaluate(CONTRASTS)
    reader.close()
    assert len(seen) > 100
    assert [each for each in seen if each["ratio"] < LEGIBLE] == []


def test_progress_is_seen_while_work_runs_and_nothing_is_saved_of_it(lab: LabServer, page: Page) -> None:
    notebook = lab.open(page, lab.write("slow.ipynb", [SLOW_WORK.format(seconds=2.5)]))
    bar = page.get_by_role("progressbar", name="scans")
    running = page.evaluate_handle("() => ({ done: jupyterapp.commands.execute('notebook:run-all-cells') })")
    expect(bar).to_be_visible()
    expect(notebook.outputs(0)).to_contain_text("sending · ")
    notebook.screenshot("progress")
    running.evaluate("run => run.done")
    expect(bar).to_have_count(0)
    assert [output.data for output in notebook.saved().cells[0].outputs] == [{}]
    expect(notebook.outputs(0).locator(".jp-OutputArea-child")).to_have_count(0)


def test_work_under_half_a_second_shows_no_progress(lab: LabServer, page: Page) -> None:
    notebook = lab.open(page, lab.write("quick.ipynb", [SLOW_WORK.format(seconds=0.3)]))
    notebook.run_all()
    assert notebook.saved().cells[0].outputs == []
