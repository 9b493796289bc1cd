"""The daemon's log: capped, for its owner alone, and without secrets."""

from __future__ import annotations

import logging
import os
import stat
from typing import TYPE_CHECKING

import pytest

from runloop_jupyter.local import daemon
from runloop_jupyter.local.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A log of a kilobyte, for the time of a test the only one."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(daemon, "_LOG_BYTES", 1024)
        yield Layout(tmp_path)
    for handler in root.handlers:
        handler.close()
    root.handlers = before
    root.setLevel(level)


@pytest.mark.usefixtures("_nobodys_umask")
def test_a_log_is_rotated_and_capped(layout: Layout) -> None:
    daemon._log_to(layout)
    for number in range(500):
        logging.getLogger("somebody").info("line %d", number)
    logs = sorted(layout.root.iterdir())
    assert [each.name for each in logs] == ["daemon.log", "daemon.log.1", "daemon.log.2"]
    assert sum(each.stat().st_size for each in logs) <= 3 * 1024
    assert {stat.S_IMODE(each.stat().st_mode) for each in logs} == {0o600}
    assert "line 499" in layout.log.read_text()


@pytest.fixture
def _nobodys_umask() -> Iterator[None]:
    """As the daemon sets it before it logs."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_a_log_has_no_secrets_tracebacks_included(layout: Layout) -> None:
    daemon._log_to(layout)
    try:
        raise ValueError("http://127.0.0.1:1/content/obj_1?expires=1&signature=0123abcd and Bearer rl_local_s3cret")
    except ValueError:
        logging.getLogger("somebody").exception("Authorization: Runloop-Control c4ll:m4c")
    written = layout.log.read_text()
    assert "ValueError" in written
    for secret in ("0123abcd", "s3cret", "c4ll", "m4c"):
        assert secret not in written
