"""A JupyterLab of its own for each module: a browser shows all that is stored, and counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lab import LabServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    with LabServer(tmp_path_factory.mktemp("lab")) as server:
        yield server
