"""What all tests share: no test touches the user's own home, key or store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runloop_jupyter import session

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home and a cache of the module's own, and whatever embedded store was started in it stopped at the end.

    Not one for all: which modules share a process is for the runner to say, and much looks at all there is in a store.
    """
    from runloop_jupyter.local import launch

    where = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("RUNLOOP_", "RUNTOOLS_")):
                patch.delenv(name)
        patch.setenv("RUNLOOP_JUPYTER_HOME", str(where / "data"))
        patch.setenv("RUNLOOP_JUPYTER_CACHE", str(where / "cache"))
        patch.setenv("IPYTHONDIR", str(where / "ipython"))
        session.reset()
        yield where
        session.reset()
        launch.stop()


@pytest.fixture(scope="session")
def fuse(tmp_path_factory: pytest.TempPathFactory) -> None:
    """FUSE, for tests that mount by it."""
    from fuse_system import refusal

    from runloop_jupyter.mounts.fuse import availability

    missing = availability.available()
    if missing is None and os.geteuid() == 0 and (why := refusal(tmp_path_factory.mktemp("fuse"))):
        missing = f"this machine lets nobody mount ({why})"
    if missing is None:
        return
    if os.geteuid() == 0 and Path("/dev/fuse").exists() and availability.library() is None:
        pytest.fail(f"NOTHING OF FUSE IS TESTED: {missing} (make fuse)")
    pytest.skip(f"NOTHING OF FUSE IS TESTED: {missing}")


@pytest.fixture(autouse=True)
def _fresh_session() -> Iterator[None]:
    session.reset()
    yield
    session.reset()
