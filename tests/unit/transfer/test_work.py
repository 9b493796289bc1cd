"""Work on a thread: what it returns, what it raises, and how soon Ctrl-C gives the prompt back."""

import signal
import threading
import time

import pytest

from runloop_jupyter.errors import Interrupted, TransferCancelled, TransferError
from runloop_jupyter.transfer.transfer import State, Transfer
from runloop_jupyter.transfer.work import CLEAN_UP_S, carry_out


@pytest.fixture
def transfer():
    return Transfer("penguins", "up", "embedded store")


@pytest.fixture
def stuck():
    """Work that listens to nobody until the test is over."""
    release, began = threading.Event(), threading.Event()

    def work():
        began.set()
        release.wait()
        raise TransferCancelled("at last")

    work.began = began
    yield work
    release.set()


def press_ctrl_c():
    """To the main thread, as the system does: one that waits must wake."""
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def interrupt_once(event):
    """Return a tick that is interrupted as soon as `event` is set."""
    done = []

    def tick():
        if event.is_set() and not done:
            done.append(True)
            raise KeyboardInterrupt

    return tick


def test_the_result_comes_back_and_the_transfer_is_done(transfer):
    assert carry_out(transfer, lambda: 42) == 42
    assert transfer.snapshot().state is State.DONE


@pytest.mark.parametrize("error", [TransferError("no route"), ValueError("bug"), SystemExit(3)], ids=repr)
def test_an_error_comes_back_as_it_is_and_the_transfer_has_failed(transfer, error):
    def work():
        raise error

    with pytest.raises(type(error)) as caught:
        carry_out(transfer, work)
    assert caught.value is error
    assert transfer.snapshot().state is State.FAILED


def test_a_cancelled_transfer_ends_as_cancelled(transfer):
    def work():
        transfer.cancel()
        transfer.checkpoint()

    with pytest.raises(TransferCancelled):
        carry_out(transfer, work)
    assert transfer.snapshot().state is State.CANCELLED


def test_the_work_is_on_a_thread_of_its_own(transfer):
    assert carry_out(transfer, threading.current_thread) is not threading.current_thread()


def test_ticks_come_on_the_calling_thread_while_the_work_goes_on(transfer):
    ticks, enough = [], threading.Event()

    def tick():
        ticks.append(threading.current_thread())
        if len(ticks) == 3:
            enough.set()

    carry_out(transfer, lambda: enough.wait(10), tick)
    assert set(ticks) == {threading.current_thread()}
    assert enough.is_set()


def test_a_transfer_has_ended_by_the_time_its_result_is_here(transfer):
    states = []
    transfer.changed.listen(lambda now: states.append(now.state))
    carry_out(transfer, lambda: None)
    assert states == [State.DONE]


def test_ctrl_c_stops_work_that_listens_and_says_that_nothing_is_left(transfer):
    began = threading.Event()

    def work():
        while True:
            began.set()
            transfer.checkpoint()
            time.sleep(0.01)

    with pytest.raises(Interrupted, match="“penguins” was stopped; nothing of it was left"):
        carry_out(transfer, work, interrupt_once(began))
    assert transfer.snapshot().state is State.CANCELLED


def test_of_many_that_were_stopped_it_says_how_many_stay(transfer):
    began = threading.Event()

    def work():
        transfer.count(37, 1000)
        while True:
            began.set()
            transfer.checkpoint()
            time.sleep(0.01)

    with pytest.raises(Interrupted, match=r"was stopped; 37 of 1,000 are through and stay, nothing of the others"):
        carry_out(transfer, work, interrupt_once(began))


def test_ctrl_c_gives_the_prompt_back_within_a_second_from_work_that_is_stuck(transfer, stuck):
    began = time.monotonic()
    with pytest.raises(Interrupted, match="what is left of it is being cleared away"):
        carry_out(transfer, stuck, interrupt_once(stuck.began))
    assert time.monotonic() - began < 1
    assert transfer.cancelled


def test_an_interrupt_of_the_system_is_one_too(transfer, stuck):
    def press():
        stuck.began.wait()
        press_ctrl_c()

    threading.Thread(target=press).start()
    with pytest.raises(Interrupted):
        carry_out(transfer, stuck)


def test_a_second_ctrl_c_does_not_wait_for_the_cleaning_up(transfer, stuck):
    def press():
        stuck.began.wait()
        press_ctrl_c()
        while not transfer.cancelled:
            time.sleep(0.005)
        press_ctrl_c()

    threading.Thread(target=press).start()
    began = time.monotonic()
    with pytest.raises(Interrupted, match="being cleared away"):
        carry_out(transfer, stuck)
    assert time.monotonic() - began < CLEAN_UP_S


def test_work_that_was_whole_before_it_could_be_stopped_says_so(transfer):
    began = threading.Event()

    def work():
        began.set()
        while not transfer.cancelled:
            time.sleep(0.005)
        return "whole"

    with pytest.raises(Interrupted, match="“penguins” was done before it could be stopped"):
        carry_out(transfer, work, interrupt_once(began))
    assert transfer.snapshot().state is State.DONE


def test_an_interrupt_is_a_keyboard_interrupt_without_a_trace_of_the_waiting(transfer, stuck):
    with pytest.raises(KeyboardInterrupt) as caught:
        carry_out(transfer, stuck, interrupt_once(stuck.began))
    assert caught.value.__suppress_context__
