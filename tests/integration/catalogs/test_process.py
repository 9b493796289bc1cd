"""The process that keeps a catalog: it ends with its kernel, hides the key, and one question holds up no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from catalog_support import eventually, names
from listing import Listing, thing, things
from store_process import environment

from runloop_jupyter import catalogs, process
from runloop_jupyter.errors import CatalogError, InputError
from runloop_jupyter.wire.browse import FacetsAsked, PageAsked, Query, SuggestAsked

_KERNEL = """
import sys
from runloop_jupyter import catalogs, session
from runloop_jupyter.profile import Profile
from runloop_jupyter.secret import Secret
from runloop_jupyter.wire.browse import PageAsked, Query
store = session.current().open(Profile("x", "tests", sys.argv[1], Secret("key-of-the-tests")))
known = catalogs.of(store)
known.page(PageAsked(query=Query()))
print(known.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None], ids=["killed", "terminated", "ended"])
def test_it_ends_with_its_kernel_however_that_ends(hosting, cache_of_its_own, how):
    here = hosting(Listing(things(100)))
    command = [sys.executable, "-c", _KERNEL, here.server.url]
    own = environment(RUNLOOP_JUPYTER_CACHE=str(cache_of_its_own))
    with subprocess.Popen(command, env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as kernel:
        pid = int(kernel.stdout.readline())
        assert process.start_ticks(pid) is not None
        if how is None:
            kernel.stdin.close()
        else:
            kernel.send_signal(how)
        kernel.wait(10)
    eventually(lambda: process.start_ticks(pid) is None, 10)


def test_a_forked_child_keeps_no_process_alive_and_has_its_own(hosting):
    here = hosting(Listing(things(100)))
    known = here.whole()
    pid = known.pid
    child = os.fork()
    if child == 0:
        try:
            own = here.catalog()
            good = own is not known and len(own.page(PageAsked(query=Query())).rows) == 100 and own.pid != pid
            own.close()
            os._exit(0 if good else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(names(known)) == 100


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this system has no /proc")
def test_the_key_is_in_no_command_line_environment_or_file(hosting, cache_of_its_own, monkeypatch):
    monkeypatch.setenv("RUNLOOP_API_KEY", "key-of-the-tests")
    here = hosting(Listing(things(10)))
    known = here.whole()
    for name in ("cmdline", "environ"):
        assert b"key-of-the-tests" not in Path(f"/proc/{known.pid}/{name}").read_bytes()
    for path in cache_of_its_own.rglob("*"):
        if path.is_file():
            assert b"key-of-the-tests" not in path.read_bytes()
            assert path.stat().st_mode & 0o077 == 0


def test_a_page_of_many_megabytes_holds_up_no_short_question(hosting):
    big = [thing(number, metadata={"blob": "x" * 65_536}) for number in reversed(range(500))]
    here = hosting(Listing(big))
    known = here.whole()
    asked = PageAsked(query=Query(), n=500)
    assert len(known.page(asked).rows) == 500
    done = threading.Event()

    def heavy():
        for _ in range(6):
            known.page(asked)
        done.set()

    threads = [threading.Thread(target=heavy) for _ in range(2)]
    for each in threads:
        each.start()
    slowest = 0.0
    while not done.is_set():
        began = time.monotonic()
        known.fresh()
        slowest = max(slowest, time.monotonic() - began)
    for each in threads:
        each.join()
    assert slowest < 1.0


def test_each_question_of_many_at_once_has_its_own_answer(hosting):
    here = hosting(Listing(things(2_000)))
    known = here.whole()
    wrong = []

    def ask(first):
        for number in range(first, first + 40):
            page = known.page(PageAsked(query=Query(search=f"thing-{number:06}"), n=1))
            if page.rows[0].object.name != f"thing-{number:06}":
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(100 * each,)) for each in range(10)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


def test_counts_and_suggestions_are_of_all_that_is_known(hosting):
    here = hosting(Listing(things(700)))
    known = here.whole()
    facets = known.facets(FacetsAsked(query=Query(), keys=["shard"]))
    assert dict(zip(facets.keys[0].values, facets.keys[0].counts, strict=True)) == {str(n): 100 for n in range(7)}
    assert known.keys() == [("shard", 700)]
    assert [each.text for each in known.suggest(SuggestAsked(text="shard=")).suggestions][:1] == ["0"]


def test_what_cant_be_meant_is_an_input_error_here_too(hosting):
    here = hosting(Listing(things(3)))
    with pytest.raises(InputError):
        here.whole().page(PageAsked(query=Query(), n=100_000))


def test_a_directory_that_cant_be_written_is_said_in_one_line(hosting, cache_of_its_own):
    here = hosting(Listing(things(3)))
    cache_of_its_own.mkdir()
    (cache_of_its_own / "catalog").write_text("in the way")
    with pytest.raises(CatalogError, match="RUNLOOP_JUPYTER_CACHE"):
        here.catalog().fresh()


def test_a_closed_catalog_says_so_and_the_next_is_another(hosting):
    here = hosting(Listing(things(3)))
    known = here.whole()
    pid = known.pid
    catalogs.close_all()
    assert process.start_ticks(pid) is None
    with pytest.raises(CatalogError, match="closed"):
        known.fresh()
    assert here.catalog() is not known


def test_answers_come_while_the_kernel_computes(hosting):
    here = hosting(Listing(things(2_000)))
    known = here.whole()
    stop = threading.Event()

    def busy():
        total = 0
        while not stop.is_set():
            for number in range(1000):
                total += number

    thread = threading.Thread(target=busy)
    thread.start()
    took = []
    for first in range(0, 1_500, 100):
        began = time.monotonic()
        known.page(PageAsked(query=Query(), first=first, n=100))
        took.append(time.monotonic() - began)
    stop.set()
    thread.join()
    assert sorted(took)[len(took) // 2] < 0.2
