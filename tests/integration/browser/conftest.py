"""A kernel with a browser open on a store of its own, and a front end of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from comm_front import CommFrontEnd
from kernels import Kernel

import runloop_jupyter as rl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPEN = "import runloop_jupyter as rl\nb = rl.browse(columns=['project'])"


@pytest.fixture(scope="module")
def kernel(browsed: Path) -> Iterator[Kernel]:
    where = browsed / "work"
    where.mkdir()
    started = Kernel(cwd=str(where))
    started.run("%load_ext runloop_jupyter\nimport time")
    yield started
    started.close()


@pytest.fixture(scope="module")
def browsed(home: Path) -> Path:
    """A home, and in its store a few objects of each sort."""
    frame = pd.DataFrame({"species": ["Adelie", "Gentoo"] * 50, "mass": range(100)})
    rl.put(frame, "runs/1/birds", metadata={"project": "birds", "acc": 0.5})
    rl.put(frame.head(7), "runs/1/birds", metadata={"project": "birds", "acc": 0.9})
    rl.put("# Notes\n\nof a <b>kind</b>\n", "notes.md", metadata={"project": "notes"})
    rl.put({"lr": 0.1}, "runs/1/config", ttl="6d")
    folder = home / "scans"
    folder.mkdir()
    for i in range(3):
        (folder / f"{i}.raw").write_bytes(bytes([i]) * 1000)
    rl.put(folder, "scans")
    return home


@pytest.fixture
def front(kernel: Kernel) -> Iterator[CommFrontEnd]:
    opened = CommFrontEnd(kernel, kernel.run(OPEN))
    yield opened
    opened.close()
    kernel.run("b.close()")
