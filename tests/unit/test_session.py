"""One session a process, and nothing in it waits for a store that is slow to open."""

import os
import threading
import time

import pytest

from runloop_jupyter import session
from runloop_jupyter.errors import EmbeddedStoreError
from runloop_jupyter.local import launch


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
