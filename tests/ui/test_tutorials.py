"""The tutorials in JupyterLab, each run from top to bottom by somebody who has never used the package."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from lab import ARTIFACTS, CHECKOUT, CONTRASTS, LabServer
from nbconvert import HTMLExporter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

LEGIBLE = 4.5
NOTEBOOKS = CHECKOUT / "notebooks"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A server of its own, with an embedded store that nothing was put into."""
    with LabServer(tmp_path_factory.mktemp("tutorials")) as server:
        shutil.copytree(NOTEBOOKS, server.notebooks, dirs_exist_ok=True)
        yield server


@pytest.mark.parametrize("tutorial", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_tutorial_runs_whole_and_can_be_read_in_both_themes(tutorial: Path, lab: LabServer, page: Page) -> None:
    notebook = lab.open(page, lab.notebooks / tutorial.name)
    notebook.command("notebook:clear-all-cell-outputs")
    notebook.run_all()
    for cell in notebook.saved().cells:
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", []):
            assert cell.execution_count or not cell.source, f"did not run: {cell.source}"
            assert [output for output in cell.outputs if output.output_type == "error"] == [], cell.source
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.use_theme(theme)
        notebook.screenshot(f"{tutorial.stem}-{theme.split()[-1].lower()}")
        seen = notebook.contrasts(".rl-out")
        assert seen
        assert [each for each in seen if each["ratio"] < LEGIBLE] == []


SECRET = re.compile(r"(signature|sig|token|X-Amz-\w+)=[0-9A-Za-z_%-]{8,}|Bearer \S{8,}|\bak_\w{8,}", re.IGNORECASE)
RELATIVE = re.compile(r"\b(an?|\d+) ?(s|sec\w*|min\w*|h|hours?|d|days?|weeks?) (ago|left)\b|\bjust now\b|\byesterday\b")


@pytest.mark.parametrize("tutorial", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_tutorial_converted_to_html_is_readable_and_says_nothing_that_is_secret_or_grows_old(
    tutorial: Path, page: Page, tmp_path: Path
) -> None:
    html, _ = HTMLExporter(template_name="lab").from_filename(str(tutorial))
    converted = tmp_path / f"{tutorial.stem}.html"
    converted.write_text(html)
    reader = page.context.new_page()
    try:
        reader.route("http*://**", lambda route: route.abort())
        reader.goto(converted.as_uri())
        reader.screenshot(path=ARTIFACTS / f"nbconvert-{tutorial.stem}.png", full_page=True)
        outputs = reader.locator(".jp-OutputArea-output").all_inner_texts()
        seen = [each for root in reader.locator(".rl-out").all() for each in root.evaluate(CONTRASTS)]
    finally:
        reader.close()
    assert seen
    assert [each for each in seen if each["ratio"] < LEGIBLE] == []
    said = "\n".join(outputs)
    assert not SECRET.search(html), SECRET.search(html)
    assert not RELATIVE.search(said), RELATIVE.search(said)
    assert "widget" not in said.lower(), "a widget that can't be drawn says so where the output should be"
