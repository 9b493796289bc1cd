"""What moves, what moved, what was cut off: shown, stopped, tried again, resumed."""

import gc
import os
import threading
import weakref
from pathlib import Path

import pandas as pd
import pytest
from leftovers import look
from network import kernel_dies
from shells import ok

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.actions.recover import recover
from runloop_jupyter.errors import InputError
from runloop_jupyter.transfer import journal

pytestmark = pytest.mark.usefixtures("fresh_shell")


@pytest.fixture(autouse=True)
def _clean():
    session.reset()
    yield
    rl.transfers().cancel()
    assert not look()


@pytest.fixture
def held():
    release = threading.Event()
    for _ in range(4):
        session.current().transfers.lanes.submit(lambda: release.wait(30))
    yield release
    release.set()


@pytest.fixture
def unfinished():
    """A put whose connection was lost for good: it is packed, and nothing of it is stored."""
    source = {"a": list(range(100)), "never the same twice": os.urandom(8).hex()}
    with pytest.MonkeyPatch.context() as patch:

        def lost(*args, **more):
            raise rl.errors.Unreachable("the store gives no answer: reset")

        patch.setattr(session.current().store.objects, "create", lost)
        with pytest.raises(rl.errors.Unreachable, match="kept: %rl_transfers resume sends it"):
            rl.put(source, "moves/unfinished", metadata={"k": "v"}, ttl="30d")
    return source


def states():
    return {each.label: each.state for each in rl.transfers()}


def test_without_any_it_says_so(run):
    assert "nothing moves, and nothing is unfinished" in run("%rl_transfers").out


def test_what_runs_comes_first_then_what_is_unfinished_then_what_ended(run, held, unfinished):
    rl.put("x", "moves/done")
    rl.put("x", "moves/waits", background=True)
    assert list(states().items()) == [
        ("moves/waits", "running"),
        ("moves/unfinished", "unfinished"),
        ("moves/done", "done"),
    ]
    out = rl.transfers().table().to_text(width=200)
    assert "speed" in out
    assert "waiting" in out
    assert "unfinished: the store gives no answer" in out
    held.set()


def test_its_text_is_the_same_each_time_where_nothing_moves(run):
    rl.put("x", "moves/text")
    first = str(run("%rl_transfers").value.table())
    assert first == str(run("%rl_transfers").value.table())
    assert rl.transfers()[0].id not in first  # nothing can be done with it, and an id differs each time


def test_an_unfinished_put_is_sent_as_it_was_to_be(run, unfinished):
    assert "moves/unfinished" in ok(run("%rl_transfers resume")).name
    thing = rl.ls("moves/unfinished")[0]
    assert rl.get(thing) == unfinished
    assert thing.metadata == {"k": "v"}
    assert thing.expires is not None
    assert "unfinished" not in states().values()
    assert not look()


def test_only_one_of_two_who_resume_it_sends_it(unfinished):
    one, other = rl.transfers()[0], rl.transfers()[0]
    assert one.state == "unfinished"
    one.resume()
    with pytest.raises(InputError, match="is gone, or isn't whole"):
        other.resume()


def test_a_spool_that_is_not_whole_any_more_is_not_sent(unfinished):
    (spool,) = [intent.spool for intent in journal.unfinished()]
    with Path(spool).open("ab") as file:
        file.write(b"more")
    with pytest.raises(InputError, match=r"isn't whole\. Put it again"):
        rl.transfers().resume()


def test_a_spool_of_the_same_size_and_time_and_other_bytes_is_not_sent(unfinished):
    (intent,) = journal.unfinished()
    spool = Path(intent.spool)
    before = spool.stat()
    with spool.open("r+b") as file:
        file.write(b"!")
    os.utime(spool, ns=(before.st_mtime_ns, before.st_mtime_ns))
    with pytest.raises(rl.errors.TransferError, match="isn't whole any more; it was cleared"):
        rl.transfers().resume()
    assert not look()


def test_cancelling_an_unfinished_put_clears_it(run, unfinished):
    (info,) = [each for each in rl.transfers() if each.state == "unfinished"]
    ok(run(f"%rl_transfers cancel {info.id[:6]}"))
    assert not look()


def test_what_failed_can_be_called_again_once_it_can_succeed(run, tmp_path):
    ok(run("going = %rl_get moves/later --background"))
    assert run("going.result()").error
    rl.put([7], "moves/later")
    (info,) = [each for each in rl.transfers() if each.state == "failed"]
    ok(run(f"again = %rl_transfers retry {info.id}"))
    assert ok(run("again.result()")) == [7]


def test_a_frame_that_failed_is_not_held_for_the_sake_of_a_retry(monkeypatch):
    frame = pd.DataFrame({"x": [1]})
    monkeypatch.setattr("runloop_jupyter.actions.put.deliver", _refused)
    with pytest.raises(rl.errors.BadRequest):
        rl.put(frame, "moves/frame")
    gone = weakref.ref(frame)
    del frame
    gc.collect()
    assert gone() is None
    with pytest.raises(InputError, match="isn't there any more; put it again"):
        next(each for each in rl.transfers() if each.state == "failed").retry()
    kernel_dies()
    recover(session.current())


def _refused(*args, **more):
    raise rl.errors.BadRequest("no")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("stop", "There are cancel, retry, resume"),
        ("cancel", "cancel ID, or --all"),
        ("cancel nope", "no transfer has an id that begins with 'nope'"),
        ("cancel nope --all", "--all or an id"),
        ("retry", "retry ID"),
        ("--all", "--all is for cancel and resume"),
        ("resume", "nothing is unfinished"),
    ],
)
def test_what_cannot_be_meant_is_one_clear_error(run, line, said):
    error = run(f"%rl_transfers {line}").error
    assert isinstance(error, InputError)
    assert said in str(error)


def test_tab_offers_the_verbs_and_the_ids_that_each_can_take(shell, unfinished):
    from runloop_jupyter.magics.completion import Completer

    (info,) = [each for each in rl.transfers() if each.state == "unfinished"]
    offer = Completer(shell)._offers

    def texts(before, last):
        from runloop_jupyter.magics.line import unfinished as words

        known, word = words(f"{before}{last}")
        return [each.text for each in offer("rl_transfers", "%", known, word)]

    assert texts("", "re") == ["retry", "resume"]
    assert texts("resume ", "") == [info.id]
    assert texts("retry ", "") == []


def test_what_is_put_since_is_not_replaced_by_what_was_unfinished(unfinished):
    rl.put("newer", "moves/unfinished")
    assert all(each.state != "unfinished" for each in rl.transfers())
    with pytest.raises(InputError, match="nothing is unfinished"):
        rl.transfers().resume()
    assert rl.get("moves/unfinished") == "newer"
    kernel_dies()  # its create was never answered: the next load looks whether it made something
    recover(session.current())


def test_of_two_who_claim_one_intent_one_gets_it(unfinished):
    (intent,) = journal.unfinished()
    mine = journal.claim(intent, "0123456789ab")
    with pytest.raises(InputError, match="is being resumed elsewhere, or is gone"):
        journal.claim(intent, "ba9876543210")
    mine.stop("enough")


def test_kept_spools_go_where_the_disk_is_short_and_that_is_said(unfinished, monkeypatch):
    from runloop_jupyter.transfer import spools

    monkeypatch.setattr(spools, "SHORT", 1 << 60)
    put = rl.put("x", "moves/short", force=True)
    assert "the unfinished put of “moves/unfinished” was cleared: the disk is short" in put.outcome.notes
    kernel_dies()  # what it may have left in the store is in the journal yet
    recover(session.current())
