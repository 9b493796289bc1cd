"""The tutorials in JupyterLab, each run from top to bottom by somebody who has never used the package."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from lab import CHECKOUT, LabServer

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
