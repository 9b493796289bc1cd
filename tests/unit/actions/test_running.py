"""Work on a thread, and what is shown of it meanwhile."""

import time

import pytest

from runloop_jupyter import session
from runloop_jupyter.actions import running
from runloop_jupyter.display import progress


@pytest.fixture
def shown(monkeypatch):
    """What the user sees, a line each time it changes."""
    lines = []

    class Surface:
        def show(self, snapshot, left_s):
            lines.append(progress.progress_text(snapshot, left_s))

        def clear(self):
            lines.append("")

    monkeypatch.setattr(progress, "find_surface", Surface)
    return lines


def slow_walk(looking):
    looking.reach(15_000)
    time.sleep(0.8)
    return "found"


def test_a_look_that_takes_long_says_how_many_objects_it_has_looked_at(shown):
    assert running.look(session.current(), "ls runs", slow_walk) == "found"
    assert "ls runs  looking · 15,000 objects" in shown
    assert shown[-1] == ""


def test_a_quick_look_shows_nothing(shown):
    assert running.look(session.current(), "ls", lambda looking: "found") == "found"
    assert shown == []


def test_a_look_shows_nothing_where_progress_is_switched_off(shown):
    session.current().shows_progress = False
    assert running.look(session.current(), "ls", slow_walk) == "found"
    assert shown == []
