"""A transfer as others see it: phases, progress, the end, cancelling, and from many threads at once."""

import sys
import threading
import time

import pytest

from runloop_jupyter.errors import Interrupted, TransferCancelled, TransferError
from runloop_jupyter.transfer.transfer import REMEMBERED, Phase, State, Transfer, Transfers


@pytest.fixture
def transfer():
    return Transfer("penguins", "up", "embedded store")


def watched(transfer):
    heard = []
    transfer.changed.listen(heard.append)
    return heard


def in_threads(count, work):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def test_a_new_transfer_waits_and_says_what_goes_where(transfer):
    now = transfer.snapshot()
    assert (now.label, now.direction, now.place) == ("penguins", "up", "embedded store")
    assert (now.phase, now.state, now.done, now.total) == (Phase.WAITING, State.RUNNING, 0, None)
    assert now.ended is None
    assert now.error is None


def test_two_transfers_of_one_thing_have_ids_of_their_own(transfer):
    assert transfer.id != Transfer("penguins", "up", "embedded store").id


def test_each_phase_begins_with_nothing_done(transfer):
    transfer.begin(Phase.HASHING, 10)
    transfer.advance(10)
    transfer.begin(Phase.SENDING, 20)
    now = transfer.snapshot()
    assert (now.phase, now.done, now.total) == (Phase.SENDING, 0, 20)


def test_progress_adds_up_or_is_said_outright(transfer):
    transfer.begin(Phase.SENDING, 20)
    transfer.advance(3)
    transfer.advance(4)
    assert transfer.snapshot().done == 7
    transfer.reach(5)
    assert transfer.snapshot().done == 5


def test_a_snapshot_stays_what_it_was(transfer):
    before = transfer.snapshot()
    transfer.begin(Phase.SENDING, 20)
    transfer.finish()
    assert (before.phase, before.state) == (Phase.WAITING, State.RUNNING)


def test_watchers_hear_of_each_step_in_order(transfer):
    heard = watched(transfer)
    transfer.begin(Phase.RECEIVING, 4)
    transfer.advance(2)
    transfer.advance(2)
    transfer.finish()
    assert [(now.phase, now.done, now.state) for now in heard] == [
        (Phase.RECEIVING, 0, State.RUNNING),
        (Phase.RECEIVING, 2, State.RUNNING),
        (Phase.RECEIVING, 4, State.RUNNING),
        (Phase.RECEIVING, 4, State.DONE),
    ]


def test_a_watcher_may_cancel_what_it_watches(transfer):
    transfer.changed.listen(lambda now: transfer.cancel())
    transfer.begin(Phase.SENDING)
    with pytest.raises(TransferCancelled):
        transfer.advance(1)


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [
        (TransferError("no route"), State.FAILED, "no route"),
        (ValueError("bug"), State.FAILED, "bug"),
        (TransferCancelled("stopped"), State.CANCELLED, None),
        (KeyboardInterrupt(), State.CANCELLED, None),
        (Interrupted("stopped"), State.CANCELLED, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_how_it_ended_follows_from_the_error(transfer, error, state, said):
    transfer.fail(error)
    now = transfer.snapshot()
    assert (now.state, now.error) == (state, said)
    assert now.ended >= now.started


def test_the_first_end_is_the_end(transfer):
    transfer.finish()
    ended = transfer.snapshot().ended
    heard = watched(transfer)
    transfer.fail(ValueError("late"))
    now = transfer.snapshot()
    assert (now.state, now.error, now.ended) == (State.DONE, None, ended)
    assert heard == []


@pytest.mark.parametrize(
    "step",
    [
        Transfer.checkpoint,
        lambda each: each.begin(Phase.SENDING),
        lambda each: each.advance(1),
        lambda each: each.reach(1),
    ],
    ids=["checkpoint", "begin", "advance", "reach"],
)
def test_after_a_cancel_the_next_step_stops_the_work(transfer, step):
    transfer.cancel()
    with pytest.raises(TransferCancelled, match="“penguins” was cancelled"):
        step(transfer)
    assert transfer.snapshot().done == 0


def test_a_cancel_asks_and_the_work_ends_it(transfer):
    transfer.cancel()
    assert transfer.cancelled
    assert transfer.snapshot().state is State.RUNNING


def test_a_cancel_after_the_end_changes_nothing(transfer):
    transfer.finish()
    transfer.cancel()
    assert transfer.snapshot().state is State.DONE


def test_waiting_ends_with_the_transfer_and_not_before(transfer):
    assert not transfer.wait(0.01)
    timer = threading.Timer(0.05, transfer.finish)
    timer.start()
    assert transfer.wait(10)
    timer.join()


@pytest.fixture
def _restless():
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_restless")
def test_no_step_is_lost_when_many_threads_advance(transfer):
    transfer.begin(Phase.RECEIVING, 8 * 2000)

    def work():
        for _ in range(2000):
            transfer.advance(1)

    in_threads(8, work)
    assert transfer.snapshot().done == 8 * 2000


def test_many_threads_that_end_it_end_it_once(transfer):
    heard = watched(transfer)
    in_threads(8, transfer.finish)
    assert [now.state for now in heard] == [State.DONE]


def test_those_who_listen_hear_of_new_transfers():
    transfers, heard = Transfers(), []
    transfers.added.listen(heard.append)
    made = transfers.new("penguins", "down", "embedded store")
    assert heard == [made]
    assert list(transfers) == [made]


def test_the_last_hundred_that_ended_are_remembered():
    transfers = Transfers()
    made = [transfers.new(str(number), "up", "there") for number in range(REMEMBERED + 20)]
    for each in made:
        each.finish()
    made.append(transfers.new("one more", "up", "there"))
    assert list(transfers) == made[20:]


def test_a_failure_in_the_background_is_not_forgotten_before_somebody_was_told():
    transfers = Transfers()
    behind = transfers.new("behind", "up", "there", behind=True)
    behind.fail(TransferError("no route"))
    for number in range(REMEMBERED + 20):
        transfers.new(str(number), "up", "there").finish()
    assert transfers.unheard() == [behind]
    behind.heard = True
    assert transfers.unheard() == []


def test_what_could_call_it_again_is_let_go_of_unless_it_failed(transfer):
    other = Transfer("other", "up", "there")
    transfer.again = other.again = lambda: None
    transfer.finish()
    other.fail(TransferError("no route"))
    assert transfer.again is None
    assert other.again is not None


def test_the_time_left_follows_from_the_speed(transfer):
    transfer.begin(Phase.SENDING, 1000)
    assert transfer.snapshot().left_s is None
    time.sleep(0.5)
    transfer.advance(500)
    now = transfer.snapshot()
    assert now.left_s == pytest.approx(500 / now.rate)
    transfer.finish()
    assert transfer.snapshot().left_s is None


def test_one_that_runs_is_never_forgotten():
    transfers = Transfers()
    long = transfers.new("long", "up", "there")
    for number in range(REMEMBERED + 20):
        transfers.new(str(number), "up", "there").finish()
    assert next(iter(transfers)) is long


@pytest.mark.usefixtures("_restless")
def test_transfers_can_be_made_and_looked_at_from_many_threads():
    transfers = Transfers()

    def work():
        for number in range(200):
            transfers.new(str(number), "up", "there").finish()
            list(transfers)

    in_threads(8, work)
    assert REMEMBERED <= len(list(transfers)) <= REMEMBERED + 8
