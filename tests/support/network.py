"""The embedded store over a network that misbehaves when it is told to, and what must hold whatever it does."""

from __future__ import annotations

import json
import random
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import misbehaving
from leftovers import look

from runloop_jupyter import errors, session
from runloop_jupyter.actions.recover import recover
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.local import launch
from runloop_jupyter.paths import home_dir
from runloop_jupyter.transfer import presigned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from runloop_jupyter.transfer.transfer import Phase, Snapshot, Transfer

MIB = 1 << 20
DATA = random.Random(7).randbytes(3 * MIB + 4321)
SECRET = re.compile(r"(signature|expires|X-Amz-\w+)=[^•]|Bearer [^•]")


@contextmanager
def bad_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[misbehaving.Server]:
    """Make the embedded store, behind a server for the tests to command, the store of the session.

    Nobody waits between tries.
    """
    endpoint = launch.ensure()
    with misbehaving.serving(misbehaving.Upstream(endpoint.base_url)) as server:
        monkeypatch.setenv("RUNLOOP_BASE_URL", server.url)
        monkeypatch.setenv("RUNLOOP_API_KEY", endpoint.key.reveal())
        monkeypatch.setattr(random, "uniform", lambda low, high: low)
        monkeypatch.setattr(presigned, "_client", None)
        session.reset()
        yield server
        kernel_dies()
        server.behave()
        recover(session.current())  # whatever a failed test left is not the next one's
        session.reset()
        if presigned._client is not None:
            presigned._client.close()


def give_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less than half a second for a line that is dead; call it before any bytes are moved."""
    monkeypatch.setattr(presigned, "TIMEOUT", httpx.Timeout(0.4))


def stored_names() -> list[str]:
    """Return the names of the objects that are whole."""
    objects = session.current().store.objects
    return [view.name for page in objects.pages(Filter(state="READ_ONLY")) for view in page.objects]


def kernel_dies() -> None:
    """From here on no intent has a living owner."""
    for path in (home_dir() / "journal").glob("*.json"):
        intent = json.loads(path.read_bytes())
        intent["owner"]["born"] = "0"
        path.write_text(json.dumps(intent))


def while_it(phase: Phase, act: Callable[[Transfer], None], after: int = 0) -> None:
    """Act once, in the thread of each transfer to come, when it has done at least `after` bytes of a phase."""

    def begun(transfer: Transfer) -> None:
        def look_at(now: Snapshot) -> None:
            if now.phase is phase and now.done >= after:
                stop()
                act(transfer)

        stop = transfer.changed.listen(look_at)

    session.current().transfers.added.listen(begun)


def assert_clear(error: errors.RunloopError) -> None:
    """One line that says what happened, and no secret in it nor in any frame that a verbose traceback would show."""
    said = str(error)
    assert said
    assert said == errors.one_line(said)
    assert len(said) < 400
    assert "://" not in said
    shown = [said, str(error.details)]
    tb = error.__traceback__
    while tb:
        if "/tests/" not in tb.tb_frame.f_code.co_filename:
            shown += [repr(value) for value in tb.tb_frame.f_locals.values()]
        tb = tb.tb_next
    key = launch.ensure().key.reveal()
    for text in shown:
        assert not SECRET.search(text), text
        assert key not in text


def assert_nothing_left(server: misbehaving.Server) -> None:
    """Not in the store, not in a spool, not in the journal, not in the cache."""
    server.behave()
    assert not look()
