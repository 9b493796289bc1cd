"""Each tutorial once more as a reader runs it: from the top, in a kernel of its own, on an embedded store."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture(scope="module", params=sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def tutorial(request):
    notebook = nbformat.read(request.param, as_version=4)
    where = {"metadata": {"path": str(NOTEBOOKS)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute()
    return notebook


def test_it_runs_from_top_to_bottom(tutorial):
    assert all(cell.execution_count for cell in tutorial.cells if cell.cell_type == "code")


def test_it_leaves_nothing_in_the_store(tutorial):
    import runloop_jupyter as rl

    assert [each.name for each in rl.ls(limit=1000)] == []


def test_its_outputs_are_saved_so_that_it_can_be_read_without_running_it(tutorial):
    for path in NOTEBOOKS.glob("*.ipynb"):
        saved = nbformat.read(path, as_version=4)
        nbformat.validate(saved)
        assert all(cell.execution_count for cell in saved.cells if cell.cell_type == "code")
        assert any(cell.get("outputs") for cell in saved.cells)
