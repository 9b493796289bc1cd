"""One session a process; which store it opens, and nothing in it waits for one that is slow to open."""

import os
import pickle
import threading
import time

import pytest

from runloop_jupyter import profile_file, session
from runloop_jupyter.errors import EmbeddedStoreError, ProfileError
from runloop_jupyter.local import launch
from runloop_jupyter.profile import Profile
from runloop_jupyter.secret import Secret


def test_transfers_are_there_while_a_store_is_being_opened(monkeypatch):
    opening, done = threading.Event(), threading.Event()

    def slow(*args):
        opening.set()
        done.wait(10)
        raise EmbeddedStoreError("slow")

    monkeypatch.setattr(launch, "ensure", slow)
    here = session.Session()

    def open_it():
        with pytest.raises(EmbeddedStoreError):
            _ = here.store

    thread = threading.Thread(target=open_it)
    thread.start()
    opening.wait()
    began = time.monotonic()
    assert list(here.transfers) == []
    assert time.monotonic() - began < 1
    done.set()
    thread.join()


def test_everybody_in_a_process_gets_the_same_session_and_a_forked_child_its_own():
    here = session.current()
    assert session.current() is here
    child = os.fork()
    if child == 0:
        os._exit(0 if session.current() is not here else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(tmp_path))


def service(name="work", url="https://work.example", key="key-1"):
    return Profile(name, "profiles.toml", url, Secret(key))


def in_child(check):
    """Fork, and return whether `check` holds in the child."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_forked_child_goes_on_with_the_profile_that_was_chosen():
    session.current().use(service())
    assert in_child(lambda: session.current().profile == service() and session.current().chosen)


@pytest.mark.parametrize("other", [service(key="key-2"), service(url="https://other.example")], ids=["key", "URL"])
def test_a_profile_with_another_key_or_url_is_another_store_and_the_old_one_stays_as_it_was(other):
    here = session.Session()
    here.use(service())
    old = here.store
    here.use(other)
    assert here.store is not old
    assert here.store.identity != old.identity
    assert old.profile == service()
    here.use(service())
    assert here.store is old


def test_a_source_that_is_broken_is_said_and_read_again_and_hinders_no_choice(monkeypatch):
    monkeypatch.setenv("RUNLOOP_BASE_URL", "https://work.example")
    here = session.current()
    with pytest.raises(ProfileError, match="RUNLOOP_API_KEY is not"):
        _ = here.profile
    here.use(service())
    assert here.profile == service()
    session.reset()
    monkeypatch.setenv("RUNLOOP_API_KEY", "key-1")
    assert session.current().profile.name == "env"


@pytest.mark.usefixtures("_own_home")
def test_a_pickled_store_is_found_under_whatever_name_it_is_known_by_now():
    pickled = pickle.dumps(session.open_store(service("once")))
    profile_file.keep("now", "https://work.example", Secret("key-1"))
    profile_file.keep("other", "https://other.example", Secret("key-1"))
    session.reset()
    assert pickle.loads(pickled).profile.name == "now"


@pytest.mark.usefixtures("_own_home")
def test_a_pickled_store_is_not_mistaken_for_another_of_its_name():
    pickled = pickle.dumps(session.open_store(service("work")))
    profile_file.keep("work", "https://work.example", Secret("key-2"))
    session.reset()
    with pytest.raises(ProfileError, match="another store"):
        pickle.loads(pickled)


@pytest.mark.usefixtures("_own_home")
def test_a_pickled_store_that_this_kernel_has_open_needs_no_file():
    here = session.current()
    here.use(service())
    store = here.store
    (profile_file.read().path).write_text("broken")
    assert pickle.loads(pickle.dumps(store)) is store


def test_no_key_is_in_a_pickle():
    assert b"key-1" not in pickle.dumps(session.open_store(service()))


def test_within_a_session_it_is_the_current_one_on_that_thread_alone():
    outside, seen = session.current(), []
    inner = session.Session(service())
    with session.within(inner):
        thread = threading.Thread(target=lambda: seen.append(session.current()))
        thread.start()
        thread.join()
        assert session.current() is inner
    assert session.current() is outside
    assert seen == [outside]


def test_a_session_as_it_is_keeps_its_profile_or_the_one_it_is_given_and_shares_the_transfers():
    here = session.Session(service("one"))
    kept, other = here.as_it_is(), here.as_it_is(service("two"))
    here.use(service("three"))
    assert [each.profile.name for each in (kept, other, here)] == ["one", "two", "three"]
    assert kept.transfers is other.transfers is here.transfers
