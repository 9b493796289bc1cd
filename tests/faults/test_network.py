"""Fetching over a network that misbehaves: the right bytes or one clear error, and nothing left behind."""

import time

import httpx
import pytest
from misbehaving import (
    cut,
    echoes,
    from_elsewhere,
    ignores_conditions,
    ignores_ranges,
    loses_reply,
    older,
    reset,
    says,
    stalls,
    with_body,
    with_headers,
)
from network import DATA, MIB, assert_clear, assert_nothing_left, bad_network, give_up_soon, while_it

import runloop_jupyter as rl
from runloop_jupyter import errors, session
from runloop_jupyter.paths import cache_dir
from runloop_jupyter.transfer import presigned
from runloop_jupyter.transfer.transfer import Phase, State
from runloop_jupyter.wire.objects import ObjectCreateParameters


@pytest.fixture(scope="module")
def stored(home):
    """The id of an object that was put as a file."""
    path = home / "stored.bin"
    path.write_bytes(DATA)
    return rl.put(path).id


@pytest.fixture(scope="module")
def undigested(home):
    """The id of an object that another client put: nobody knows its digest."""
    objects = session.current().store.objects
    view = objects.create(ObjectCreateParameters(name="undigested.bin", content_type="binary"))
    httpx.put(view.upload_url.reveal(), content=DATA)
    return objects.complete(view.id).id


@pytest.fixture
def store(monkeypatch, home):
    with bad_network(monkeypatch) as server:
        yield server


@pytest.fixture
def target(tmp_path):
    directory = tmp_path / "target"
    directory.mkdir()
    return directory / "fetched.bin"


MENDED = {
    "the connection is reset before any answer": [loses_reply],
    "it is reset after the head": [reset(0)],
    "it is reset in the middle": [reset(MIB + 77)],
    "it is reset again and again": [reset(1), reset(MIB + 77), loses_reply, reset(2 * MIB)],
    "the body is cut short": [cut(2 * MIB + 5)],
    "it is cut short in every megabyte": [cut(MIB + 100)] * 3,
    "the link has expired": [echoes(403)],
    "the link expires in the middle": [cut(MIB + 5), says(403), says(403)],
    "the store is busy for a while": [says(503), says(503), says(429), says(500)],
    "ranges are ignored on the second try": [cut(MIB + 5), ignores_ranges],
    "the bytes are others on the second try": [older(MIB + 5)],
    "the bytes are others and nobody looks at the ETag": [older(MIB + 5), ignores_conditions],
    "another part comes than was asked for": [cut(MIB + 5), from_elsewhere],
    "there is no ETag to go on by": [with_headers(etag="", after=MIB + 5)],
    "an encoding is claimed that isn't there": [with_headers(content_encoding="gzip")],
    "something else than HTTP answers": [lambda exchange: (exchange.raw(b"SSH-2.0-OpenSSH_9.2\r\n"), exchange.close())],
}


@pytest.mark.parametrize("faults", MENDED.values(), ids=MENDED)
@pytest.mark.parametrize("digest", ["with a digest", "without a digest"])
def test_the_right_bytes_come_though(faults, digest, request, store, target):
    object_id = request.getfixturevalue("stored" if digest == "with a digest" else "undigested")
    store.will("GET", *faults)
    rl.get(object_id, to=target)
    assert target.read_bytes() == DATA
    assert_nothing_left(store)


def flipped(body):
    return body[:-1] + bytes([body[-1] ^ 1])


FAILED = {
    "one bit is wrong": (with_body(flipped), errors.DigestMismatch, "are not those that were put"),
    "too many bytes come": (with_body(lambda body: body + b"more"), errors.DigestMismatch, "the store says"),
    "it is another object": (with_body(lambda body: bytes(len(body))), errors.DigestMismatch, "not those that"),
    "the store stays busy": (says(503), errors.TransferError, "HTTP 503.*Try again"),
    "no link is good": (echoes(403), errors.TransferError, "403.*Try again"),
    "every connection is reset": (loses_reply, errors.TransferError, "Try again"),
    "every body is cut short": (cut(1000), errors.TransferError, "Try again"),
    "the bytes are gone": (says(404, b'{"message": "gone for good"}'), errors.TransferError, "404: gone for good"),
    "the store sends elsewhere": (
        says(302, location="https://elsewhere.example/?signature=x"),
        errors.TransferError,
        "302",
    ),
}


@pytest.mark.parametrize(("fault", "kind", "words"), FAILED.values(), ids=FAILED)
def test_nothing_is_kept_and_one_line_says_why_when(fault, kind, words, stored, store, target):
    store.will("GET", fault, for_ever=True)
    with pytest.raises(kind, match=words) as caught:
        rl.get(stored, to=target)
    assert_clear(caught.value)
    assert list(target.parent.iterdir()) == []
    assert_nothing_left(store)


@pytest.mark.parametrize("after", [0, MIB + 5])
def test_a_line_that_goes_dead_is_left_for_another(after, stored, store, target, monkeypatch):
    give_up_soon(monkeypatch)
    store.will("GET", stalls(after))
    rl.get(stored, to=target)
    assert target.read_bytes() == DATA
    assert_nothing_left(store)


def test_a_line_that_stays_dead_is_one_clear_error(stored, store, target, monkeypatch):
    give_up_soon(monkeypatch)
    store.will("GET", stalls(1000), for_ever=True)
    with pytest.raises(errors.TransferError, match=r"timed out.*Try again") as caught:
        rl.get(stored, to=target)
    assert_clear(caught.value)
    assert list(target.parent.iterdir()) == []
    assert_nothing_left(store)


def test_what_a_fetch_for_the_cache_got_wrong_is_not_served_later(stored, store):
    store.will("GET", with_body(flipped))
    with pytest.raises(errors.DigestMismatch):
        rl.get(stored, format="path")
    assert rl.get(stored, format="path").read_bytes() == DATA


def test_a_download_that_gets_on_is_not_given_up_however_often_it_breaks(home, store, target):
    path = home / "long.bin"
    path.write_bytes(DATA * 3)
    put = rl.put(path)
    store.will("GET", *[cut(MIB + 100)] * (2 * presigned.TRIES), for_ever=True)
    rl.get(put, to=target)
    assert target.read_bytes() == DATA * 3
    assert len(store.asked("GET")) > presigned.TRIES
    assert_nothing_left(store)


def test_a_broken_download_goes_on_where_it_broke_with_a_new_link(stored, store, target):
    store.will("GET", cut(2 * MIB + 5))
    rl.get(stored, to=target)
    first, second = store.asked("GET")
    assert second.headers["range"] == f"bytes={2 * MIB + 5}-{len(DATA) - 1}"
    assert second.headers["if-range"]
    assert "range" not in first.headers
    assert len(store.asked("link")) == 2


def test_an_endless_body_is_left_as_soon_as_it_is_too_long(stored, store, target):
    sent = []

    def endless(exchange):
        exchange.raw(b"HTTP/1.1 200 OK\r\n\r\n")
        while len(sent) < 200:
            exchange.raw(bytes(MIB))
            sent.append(MIB)

    store.will("GET", endless)
    with pytest.raises(errors.DigestMismatch, match="the store says"):
        rl.get(stored, to=target)
    assert len(sent) < 50


def test_a_store_that_asks_for_time_gets_it(stored, store, target):
    store.will("GET", says(503, retry_after="1"))
    began = time.monotonic()
    rl.get(stored, to=target)
    assert 1 <= time.monotonic() - began < 3


@pytest.mark.parametrize("asked", ["-5", "soon", "86400", "inf", "nan"])
def test_a_time_that_nobody_would_wait_is_not_waited(asked, stored, store, target):
    store.will("GET", says(503, retry_after=asked))
    began = time.monotonic()
    rl.get(stored, to=target)
    assert time.monotonic() - began < 5


def test_a_wait_for_the_store_can_be_cancelled(stored, store, target):
    transfers = session.current().transfers

    def cancel(exchange):
        says(503, retry_after="20")(exchange)
        next(iter(transfers)).cancel()

    store.will("GET", cancel)
    began = time.monotonic()
    with pytest.raises(errors.TransferCancelled):
        rl.get(stored, to=target)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("after", [0, MIB, 2 * MIB])
def test_a_get_that_is_cancelled_leaves_nothing(after, stored, store, target):
    while_it(Phase.RECEIVING, lambda transfer: transfer.cancel(), after)
    with pytest.raises(errors.TransferCancelled):
        rl.get(stored, to=target)
    assert list(target.parent.iterdir()) == []
    assert [each.snapshot().state for each in session.current().transfers] == [State.CANCELLED]
    assert_nothing_left(store)


def test_a_get_that_is_cancelled_leaves_nothing_in_the_cache(store, tmp_path):
    path = tmp_path / "uncached.bin"
    path.write_bytes(DATA)
    put = rl.put(path)
    while_it(Phase.RECEIVING, lambda transfer: transfer.cancel(), MIB)
    with pytest.raises(errors.TransferCancelled):
        rl.get(put, format="path")
    assert not [each for each in (cache_dir() / "files").rglob("*") if each.is_file() and put.id in each.parts]
    assert_nothing_left(store)
