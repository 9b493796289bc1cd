"""What expires soon is said once in a kernel that somebody sits before, and nobody waits for it."""

import time

import pytest
from kernels import Kernel

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.actions import expiring
from runloop_jupyter.local import launch

LINE = "expire within 48 h: %rl_ls --expiring 2d"


@pytest.fixture(scope="module")
def _own_store(home):
    """A store in which nothing else expires."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNLOOP_JUPYTER_HOME", str(home / "expiring"))
        session.reset()
        yield
        launch.stop()
        session.reset()


@pytest.fixture(scope="module")
def soon(_own_store):
    """Two names that expire within 48 hours, one of them with two versions, and some that don't."""
    rl.put("1", "soon/one", ttl="1h")
    rl.put("2", "soon/one", ttl="2h")
    rl.put("1", "soon/two", ttl="47h")
    rl.put("1", "soon/later", ttl="50h")
    rl.put("1", "soon/never")


def found(before_ms=None):
    here = session.current()
    assert here.store
    expiring.look(here, time.time() * 1000 if before_ms is None else before_ms)
    deadline = time.monotonic() + 10
    while (said := expiring.line(here)) is None and time.monotonic() < deadline and before_ms is None:
        time.sleep(0.01)
    return said


@pytest.mark.usefixtures("soon")
def test_names_are_counted_as_the_command_shows_them_and_said_once():
    assert found() == f"2 objects {LINE}"
    assert len(rl.ls(expiring="2d")) == 2
    assert expiring.line(session.current()) is None
    expiring.look(session.current(), time.time() * 1000)
    time.sleep(0.3)
    assert expiring.line(session.current()) is None


@pytest.mark.usefixtures("soon")
def test_of_what_was_put_since_nothing_is_said():
    since = min(each.view.create_time_ms for each in rl.ls("soon/", versions=True))
    assert found(before_ms=since) is None
    time.sleep(0.5)
    assert expiring.line(session.current()) is None


@pytest.mark.usefixtures("soon")
def test_a_look_that_ends_early_says_of_how_many_it_speaks(monkeypatch):
    monkeypatch.setattr(expiring, "LOOK_AT_MOST", 3)
    objects = session.current().store.objects
    monkeypatch.setattr(objects, "pages", lambda where, real=objects.pages: real(where, limit=3))
    assert found() == "1 object of the newest 3 expires within 48 h: %rl_ls --expiring 2d"


def test_nothing_is_looked_for_before_a_store_is_open():
    expiring.look(session.current(), time.time() * 1000)
    assert session.current().opened is None
    assert session.current() not in expiring._looks


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("attended", [True, False])
def test_the_magic_after_the_first_says_it_and_only_to_somebody(attended):
    kernel = Kernel()
    try:

        def run(code):
            return kernel.wait(kernel.client.execute(code, allow_stdin=attended)).text

        assert LINE not in run("%load_ext runloop_jupyter")
        assert LINE not in run("%rl_status")
        run("import time; time.sleep(1)")
        assert (LINE in run("%rl_status")) == attended
        assert LINE not in run("%rl_status")
    finally:
        kernel.close()
