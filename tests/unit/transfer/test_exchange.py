"""One HTTP exchange: what is sent, what is told of what comes back, and connections that serve again."""

import os
import ssl
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import misbehaving
import pytest
from misbehaving import Answer, says

from runloop_jupyter import errors
from runloop_jupyter.api import keepalive
from runloop_jupyter.secret import Secret
from runloop_jupyter.transfer import exchange, presigned, sending

TLS = Path(__file__).parents[2] / "support" / "tls"
SIGNATURE = "5f2b8c%2B9a1d"
DATA = os.urandom(300_000)
REFUSALS = [
    (403, errors.LinkExpired),
    (507, errors.StoreFull),
    (408, presigned.Retryable),
    (429, presigned.Retryable),
    (503, presigned.Retryable),
    (400, errors.TransferError),
    (404, errors.TransferError),
    (501, errors.TransferError),
    (302, errors.TransferError),
]


@pytest.fixture
def server():
    exchange.connections.close()
    with misbehaving.serving(misbehaving.Content(DATA)) as server:
        connected = []
        accept = server.get_request

        def counted():
            connected.append(1)
            return accept()

        server.get_request = counted
        server.connected = connected
        yield server
        exchange.connections.close()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.bin"
    path.write_bytes(DATA)
    with path.open("rb", buffering=0) as file:
        yield file


def a_url(server, path="x"):
    return Secret(f"{server.url}/{path}?expires=1795000000&signature={SIGNATURE}")


def fetched(url, headers=None):
    body, buffer = b"", memoryview(bytearray(50_000))
    with exchange.get(url, headers or {}) as answer:
        while count := answer.fill(buffer):
            body += buffer[:count]
    return body


def sent(url, source, size=300_000, headers=None):
    steps = []
    sending.put(url, headers or {}, source, size, steps.append)
    return sum(steps)


def took(exchange_):
    """Take the body of a PUT and say so."""
    exchange_.read()
    exchange_.send(Answer(200))


def test_a_get_sends_nothing_that_the_signature_does_not_cover(server):
    assert fetched(a_url(server), {"Range": "bytes=0-9"}) == DATA[:10]
    (asked,) = server.asked("GET")
    assert set(asked.headers) == {"host", "range"}
    assert asked.path == f"/x?expires=1795000000&signature={SIGNATURE}"


def test_a_put_sends_the_headers_of_the_signature_and_the_length(server, source):
    server.will("PUT", took)
    assert sent(a_url(server), source, headers={"x-amz-acl": "private"}) == len(DATA)
    (asked,) = server.asked("PUT")
    assert asked.read() == DATA
    assert asked.headers["x-amz-acl"] == "private"
    assert set(asked.headers) == {"host", "content-length", "x-amz-acl"}


def test_what_a_url_can_not_hold_is_escaped_and_nothing_else(server):
    fetched(a_url(server, "päth/a b%20c+d"))
    assert server.asked("GET")[0].path == f"/p%C3%A4th/a%20b%20c+d?expires=1795000000&signature={SIGNATURE}"


def test_a_connection_serves_again(server, source):
    server.will("PUT", took)
    for _ in range(3):
        fetched(a_url(server))
    sent(a_url(server), source)
    fetched(a_url(server))
    assert len(server.connected) == 1


def test_one_that_was_not_read_to_the_end_does_not(server):
    with exchange.get(a_url(server), {}) as answer:
        answer.fill(memoryview(bytearray(10)))
    assert fetched(a_url(server)) == DATA
    assert len(server.connected) == 2


def test_one_that_the_store_closed_meanwhile_does_not(server):
    closed = threading.Event()

    def answers_and_closes(each):
        each.send(each.honest())
        each.close()
        closed.set()

    server.will("GET", answers_and_closes)
    fetched(a_url(server))
    assert closed.wait(5)
    for _ in range(3):
        assert fetched(a_url(server)) == DATA


def test_no_more_are_kept_than_so_many(server, monkeypatch):
    monkeypatch.setattr(keepalive, "IDLE_KEPT", 2)
    together = threading.Barrier(4)

    def one():
        with exchange.get(a_url(server), {}) as answer:
            together.wait()
            while answer.fill(memoryview(bytearray(50_000))):
                pass

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(each) for each in exchange.connections._idle.values()) == 2


@pytest.mark.parametrize(("status", "kind"), REFUSALS)
def test_each_status_has_its_error_in_both_directions(status, kind, server, source):
    server.will("GET", says(status, b"why"))
    server.will("PUT", says(status, b"why"))
    with pytest.raises(kind, match=str(status) if status != 507 else "no room: why"):
        fetched(a_url(server))
    with pytest.raises(kind):
        sent(a_url(server), source)


@pytest.mark.parametrize("status", [400, 403, 503, 507])
def test_no_error_repeats_what_the_link_was_signed_with(status, server):
    server.will("GET", misbehaving.echoes(status))
    with pytest.raises((errors.RunloopError, presigned.Retryable)) as caught:
        fetched(a_url(server))
    assert "5f2b8c" not in str(caught.value)
    assert "1795000000" not in str(caught.value)


BROKEN_URLS = [
    "http://127.0.0.1:1/x",
    "http://127.0.0.1:0x/x",
    "gopher://127.0.0.1/x",
    "http:///x",
    "x",
    "http://[::1/x",
]


@pytest.mark.parametrize("url", BROKEN_URLS)
def test_a_link_that_can_not_be_used_is_an_error_without_it(url):
    with pytest.raises((errors.TransferError, presigned.Retryable)) as caught:
        fetched(Secret(f"{url}?signature={SIGNATURE}"))
    shown, tb = [str(caught.value)], caught.value.__traceback__
    while tb:
        if "/tests/" not in tb.tb_frame.f_code.co_filename:
            shown += [repr(value) for value in tb.tb_frame.f_locals.values()]
        tb = tb.tb_next
    assert not [each for each in shown if "5f2b8c" in each]


def test_a_store_that_refuses_in_the_middle_is_heard_there(server, tmp_path):
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(200 << 20)
    server.will("PUT", lambda each: (each.raw(b"HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nwhy"), each.close()))
    steps = []
    with path.open("rb", buffering=0) as file, pytest.raises(errors.LinkExpired, match="403: why"):
        sending.put(a_url(server), {}, file, 200 << 20, steps.append)
    assert sum(steps) < 100 << 20


def test_a_store_that_refuses_and_reads_no_further_is_not_waited_for(server, tmp_path):
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(200 << 20)

    def refuses(each):
        each.raw(b"HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nwhy")
        each.stall()

    server.will("PUT", refuses)
    began = time.monotonic()
    with path.open("rb", buffering=0) as file, pytest.raises(errors.LinkExpired, match="403: why"):
        sending.put(a_url(server), {}, file, 200 << 20, lambda count: None)
    assert time.monotonic() - began < 5


def test_a_file_that_is_shorter_than_was_said_is_told(server, source):
    server.will("PUT", took)
    with pytest.raises(sending.Shorter):
        sent(a_url(server), source, len(DATA) + 1)


def test_a_store_that_takes_its_time_over_the_answer_can_be_left(server, source):
    def cancelled(count):
        if not count:
            raise errors.TransferCancelled("cancelled")

    server.will("PUT", lambda each: (each.read(), each.stall()))
    with pytest.raises(errors.TransferCancelled):
        sending.put(a_url(server), {}, source, len(DATA), cancelled)


@pytest.mark.parametrize("framing", ["chunked", "until the end"])
def test_a_body_of_unknown_length_is_read_to_its_end(framing, server):
    def unsized(each):
        if framing == "chunked":
            each.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for start in range(0, len(DATA), 70_000):
                piece = DATA[start : start + 70_000]
                each.raw(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            each.raw(b"0\r\n\r\n")
        else:
            each.raw(b"HTTP/1.1 200 OK\r\n\r\n" + DATA)
            each.close()

    server.will("GET", unsized)
    assert fetched(a_url(server)) == DATA
    assert fetched(a_url(server)) == DATA


@contextmanager
def encrypted(server):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    yield Secret(f"https://127.0.0.1:{server.server_port}/x?signature={SIGNATURE}")


def test_over_tls_both_ways_hold_too(server, source, monkeypatch):
    monkeypatch.setattr(keepalive, "tls_context", lambda: ssl.create_default_context(cafile=TLS / "certificate.pem"))
    server.will("PUT", took)
    with encrypted(server) as url:
        assert fetched(url) == DATA
        assert sent(url, source) == len(DATA)
    assert server.asked("PUT")[0].read() == DATA
    assert len(server.connected) == 1


def test_an_authority_that_is_not_trusted_is_said(server, monkeypatch):
    monkeypatch.setattr(server, "handle_error", lambda *_: None)
    with encrypted(server) as url, pytest.raises(presigned.Retryable, match=r"(?i)certificate.verify.failed"):
        fetched(url)


def test_what_is_trusted_is_what_the_calls_of_the_api_trust(monkeypatch):
    from runloop_jupyter.api.http import tls_context

    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "certificate.pem"))
    tls_context.cache_clear()
    try:
        assert [each["subject"] for each in tls_context().get_ca_certs()] == [((("commonName", "localhost"),),)]
    finally:
        tls_context.cache_clear()


def test_through_a_proxy_both_ways_hold_too(server, source, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setattr(presigned, "_client", None)
    server.will("PUT", took)
    url = Secret(f"http://store.example/x?signature={SIGNATURE}")
    try:
        assert fetched(url, {"Range": "bytes=10-19", "Accept-Encoding": "identity"}) == DATA[10:20]
        assert sent(url, source) == len(DATA)
    finally:
        presigned._client.close()
    assert isinstance(presigned._client, httpx.Client)
    assert server.asked("PUT")[0].path.startswith("http://store.example/x?")


def test_a_child_makes_connections_of_its_own(server):
    fetched(a_url(server))
    pid = os.fork()
    if not pid:
        code = 1
        try:
            code = 0 if fetched(a_url(server)) == DATA else 2
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    fetched(a_url(server))
    assert len(server.connected) == 2
