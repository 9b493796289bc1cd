"""Sending over a network that misbehaves: a whole object or one clear error, and nothing left behind."""

import json
import os

import pytest
from leftovers import look
from misbehaving import answers, echoes, forgets_the_request, loses_reply, never_heard, says, with_body
from network import (
    DATA,
    MIB,
    assert_clear,
    assert_nothing_left,
    bad_network,
    give_up_soon,
    kernel_dies,
    stored_names,
    while_it,
)

import runloop_jupyter as rl
from runloop_jupyter import errors, session
from runloop_jupyter.actions.recover import recover
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.transfer import parts
from runloop_jupyter.transfer.transfer import Phase, State


@pytest.fixture
def store(monkeypatch, home):
    with bad_network(monkeypatch) as server:
        yield server


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "sent.bin"
    path.write_bytes(DATA)
    return path


BUSY = [says(503), says(503), says(429), says(500)]
MENDED = {
    "create is busy": {"create": BUSY},
    "the reply to create is lost": {"create": [loses_reply]},
    "the connection is reset before a byte is read": {"PUT": [never_heard(0)]},
    "it is reset in the middle": {"PUT": [never_heard(MIB)]},
    "it is reset at several points": {
        "PUT": [never_heard(10), never_heard(2 * MIB), never_heard(len(DATA)), loses_reply]
    },
    "the reply to the bytes is lost": {"PUT": [loses_reply]},
    "the bytes find the store busy": {"PUT": BUSY},
    "the link has expired": {"PUT": [echoes(403)]},
    "complete is busy": {"complete": BUSY},
    "the reply to complete is lost": {"complete": [loses_reply]},
    "the reply to complete is lost and forgotten": {"complete": [loses_reply, forgets_the_request]},
}


@pytest.mark.parametrize("faults", MENDED.values(), ids=MENDED)
def test_the_right_bytes_are_stored_though(faults, store, source):
    for kind, each in faults.items():
        store.will(kind, *each)
    put = rl.put(source, "mended", force=True)
    store.behave()
    assert put.view.state == "READ_ONLY"
    assert rl.get(put, format="bytes") == DATA
    assert_nothing_left(store)


def short(body):
    return json.dumps({**json.loads(body), "size_bytes": 17}).encode()


FAILED = {
    "create is refused": ("create", says(400, b'{"message": "no such thing"}'), errors.BadRequest, "no such thing"),
    "the store is full at create": ("create", says(507), errors.StoreFull, "507"),
    "the store is full at the bytes": (
        "PUT",
        says(507, b'{"message": "no room"}'),
        errors.StoreFull,
        "no room: no room",
    ),
    "the bytes are refused": (
        "PUT",
        says(400, b"<E><Code>Bad</Code><Message>why</Message></E>"),
        errors.TransferError,
        r"400: why\)",
    ),
    "chunks are refused": ("PUT", says(501), errors.TransferError, "501"),
    "no link is good": ("PUT", echoes(403), errors.LinkExpired, "“never”.*403.*Try again$"),
    "the store stays busy": ("PUT", says(503), errors.TransferError, "503.*Try again"),
    "every connection is reset": ("PUT", never_heard(1000), errors.TransferError, "Try again"),
    "complete is refused": ("complete", says(409, b'{"message": "no bytes"}'), errors.Conflict, "no bytes"),
    "complete fails": ("complete", says(500), errors.ServerError, "500"),
    "complete is never answered": ("complete", never_heard(), errors.Unreachable, "no answer"),
    "what was completed is not the bytes": ("complete", with_body(short), errors.TransferError, "17 bytes"),
}


@pytest.mark.parametrize(("kind", "fault", "error", "words"), FAILED.values(), ids=FAILED)
def test_no_object_is_left_and_one_line_says_why_when(kind, fault, error, words, store, source):
    store.will(kind, fault, for_ever=True)
    with pytest.raises(error, match=words) as caught:
        rl.put(source, "never")
    assert_clear(caught.value)
    assert_nothing_left(store)
    assert "never" not in stored_names()
    assert recover(session.current()) == []


def dead(exchange):
    exchange.stall()


def dead_after_the_bytes(exchange):
    exchange.read()
    exchange.stall()


@pytest.mark.parametrize("fault", [dead, dead_after_the_bytes])
def test_a_line_that_goes_dead_is_left_for_another(fault, store, source, monkeypatch):
    give_up_soon(monkeypatch)
    store.will("PUT", fault)
    assert rl.get(rl.put(source, "patient", force=True), format="bytes") == DATA
    assert_nothing_left(store)


def test_a_line_that_stays_dead_is_one_clear_error(store, source, monkeypatch):
    give_up_soon(monkeypatch)
    store.will("PUT", dead, for_ever=True)
    with pytest.raises(errors.TransferError, match=r"timed out.*Try again") as caught:
        rl.put(source, "never")
    assert_clear(caught.value)
    assert_nothing_left(store)


def test_a_link_that_has_expired_is_replaced_by_a_new_object(store, source):
    store.will("PUT", echoes(403))
    put = rl.put(source, "relinked")
    old, new = store.asked("PUT")
    assert old.path != new.path
    assert [each.path.split("/")[3] for each in store.asked("delete")] == [old.path.split("/")[-1].partition("?")[0]]
    assert put.id in new.path


def test_the_reply_to_the_second_create_lost_for_good_leaves_what_the_next_load_clears(store, source):
    store.will("PUT", echoes(403))
    store.will("create", answers, loses_reply, for_ever=True)
    with pytest.raises(errors.Unreachable):
        rl.put(source, "second orphan")
    store.behave()
    assert look().uploading == ["second orphan"]
    kernel_dies()
    recover(session.current())
    assert_nothing_left(store)


def test_the_reply_to_create_lost_for_good_leaves_what_the_next_load_clears(store, source):
    store.will("create", loses_reply, for_ever=True)
    with pytest.raises(errors.Unreachable) as caught:
        rl.put(source, "orphan")
    assert_clear(caught.value)
    store.behave()
    left = look()
    assert left.uploading == left.intents == ["orphan"]
    kernel_dies()
    assert "put of “orphan”" in recover(session.current())[0]
    assert_nothing_left(store)


@pytest.mark.parametrize("fault", [says(500), never_heard(), says(401)], ids=["fails", "is lost", "is refused"])
def test_an_object_whose_delete_fails_is_cleared_by_the_next_load(fault, store, source):
    store.will("PUT", says(400), for_ever=True)
    store.will("delete", fault, for_ever=True)
    with pytest.raises(errors.TransferError, match="400") as caught:
        rl.put(source, "stays")
    assert_clear(caught.value)
    store.behave()
    left = look()
    assert left.uploading == left.intents == ["stays"]
    assert not left.spools
    kernel_dies()
    assert "cleared. Put it again" in recover(session.current())[0]
    assert_nothing_left(store)


def test_the_next_load_can_try_again_when_it_can_not_clear(store, source):
    store.will("create", loses_reply, for_ever=True)
    with pytest.raises(errors.Unreachable):
        rl.put(source, "later")
    kernel_dies()
    store.will("list", never_heard(), for_ever=True)
    assert "can't be reached to clear it" in recover(session.current())[0]
    store.behave()
    assert look().uploading == look().intents == ["later"]
    recover(session.current())
    assert_nothing_left(store)


def test_an_object_that_was_whole_when_contact_was_lost_is_kept_by_the_next_load(store, source):
    store.will("complete", loses_reply, for_ever=True)
    store.will("delete", never_heard(), for_ever=True)
    with pytest.raises(errors.Unreachable):
        rl.put(source, "whole")
    store.behave()
    kernel_dies()
    assert "it is there" in recover(session.current())[0]
    assert rl.get("whole", format="bytes") == DATA
    assert_nothing_left(store)


@pytest.fixture
def in_parts(monkeypatch):
    """Three parts and a head."""
    monkeypatch.setattr(parts, "LARGEST", len(DATA) - 1)
    monkeypatch.setattr(parts, "PART_BYTES", -(-len(DATA) // 3))


def honest(exchange):
    exchange.send(exchange.honest())


def living_parts():
    where = Filter(state="READ_ONLY", metadata={"rl.kind": "part"})
    return [view.name for page in session.current().store.objects.pages(where) for view in page.objects]


@pytest.mark.parametrize("faults", MENDED.values(), ids=MENDED)
def test_what_goes_up_in_parts_arrives_though(faults, store, source, in_parts):
    for kind, each in faults.items():
        store.will(kind, honest, *each)
    put = rl.put(source, "mended in parts", force=True)
    assert rl.get(put, format="bytes") == DATA
    rl.rm(put)
    assert living_parts() == []
    assert_nothing_left(store)


@pytest.mark.parametrize("member", [1, 2, 4])
@pytest.mark.parametrize(
    ("kind", "fault", "error"),
    [
        ("create", says(400), errors.BadRequest),
        ("PUT", says(507), errors.StoreFull),
        ("complete", says(409), errors.Conflict),
    ],
)
def test_of_what_goes_up_in_parts_nothing_is_left_when_one_fails(kind, fault, error, member, store, source, in_parts):
    store.will(kind, *[honest] * (member - 1), fault)
    with pytest.raises(error) as caught:
        rl.put(source, "never in parts")
    assert_clear(caught.value)
    assert_nothing_left(store)
    assert living_parts() == []
    assert "never in parts" not in stored_names()
    assert recover(session.current()) == []


def test_parts_that_could_not_be_cleared_are_by_the_next_load(store, source, in_parts):
    store.will("PUT", honest, honest, says(400))
    store.will("delete", never_heard(), for_ever=True)
    with pytest.raises(errors.TransferError):
        rl.put(source, "later in parts")
    kernel_dies()
    assert len(living_parts()) == 2
    store.behave()
    assert "cleared" in recover(session.current())[0]
    assert living_parts() == []
    assert_nothing_left(store)


def truncated(path):
    os.truncate(path, 1000)


def grown(path):
    with path.open("ab") as file:
        file.write(b"one line more\n")


def overwritten(path):
    with path.open("r+b") as file:
        file.write(b"other")


def removed(path):
    path.unlink()


def replaced(path):
    other = path.with_suffix(".new")
    other.write_bytes(DATA[::-1])
    other.replace(path)


@pytest.mark.parametrize(
    "change", [truncated, grown, overwritten, replaced, removed], ids=lambda change: change.__name__
)
@pytest.mark.parametrize("phase", [Phase.HASHING, Phase.SENDING])
def test_a_file_that_changes_on_the_way_becomes_no_object(change, phase, store, source):
    while_it(phase, lambda transfer: change(source), after=1)
    with pytest.raises(
        errors.TransferError, match=r"^sent\.bin (changed|can't be read any more) .*nothing was kept"
    ) as caught:
        rl.put(source, "changing")
    assert_clear(caught.value)
    assert_nothing_left(store)
    assert "changing" not in stored_names()


@pytest.mark.parametrize("phase", [Phase.PACKING, Phase.HASHING, Phase.SENDING])
def test_a_put_that_is_cancelled_leaves_nothing(phase, store):
    while_it(phase, lambda transfer: transfer.cancel())
    with pytest.raises(errors.TransferCancelled):
        rl.put(DATA, "cancelled")
    assert [each.snapshot().state for each in session.current().transfers] == [State.CANCELLED]
    assert_nothing_left(store)
    assert "cancelled" not in stored_names()


@pytest.mark.parametrize("kind", ["list", "create", "PUT"])
def test_a_put_that_is_cancelled_while_the_store_answers_leaves_nothing(kind, store):
    def answers_late(exchange):
        for transfer in session.current().transfers:
            transfer.cancel()
        exchange.send(exchange.honest())

    store.will(kind, answers_late)
    with pytest.raises(errors.TransferCancelled):
        rl.put(DATA, "cancelled")
    assert_nothing_left(store)
    assert "cancelled" not in stored_names()


def test_a_put_that_is_cancelled_once_the_store_is_finishing_it_is_whole(store):
    while_it(Phase.FINISHING, lambda transfer: transfer.cancel())
    put = rl.put(DATA, "too late")
    assert rl.get(put) == DATA
    assert_nothing_left(store)
