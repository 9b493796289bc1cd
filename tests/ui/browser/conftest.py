"""A JupyterLab of its own for each module: a browser shows all that is stored, and counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lab import LabServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    with LabServer(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="module")
def page(browser: Browser, lab: LabServer) -> Iterator[Page]:
    """A page in which all of a browser's panes have room."""
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    yield page
    lab.end_sessions(page)
    context.close()
