"""What clients of all kinds put on the wire, byte by byte: curl, proxies, old libraries, and some that are broken."""

from __future__ import annotations

import gzip
import socket
import time
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from store_process import KEY

if TYPE_CHECKING:
    from store_process import Store

CREATE = b'{"name": "wire", "content_type": "text"}'


class Wire:
    """One connection to a store."""

    def __init__(self, store: Store) -> None:
        self._host = f"127.0.0.1:{store.port}".encode()
        self.socket = socket.create_connection(("127.0.0.1", store.port), timeout=10)

    def send(self, line: bytes, *headers: bytes, body: bytes = b"", host: bool = True) -> None:
        every = [line, *([b"Host: " + self._host] if host else []), b"Authorization: Bearer " + KEY.encode(), *headers]
        self.socket.sendall(b"\r\n".join(every) + b"\r\n\r\n" + body)

    def answer(self) -> tuple[int, bytes]:
        response = HTTPResponse(self.socket)
        response.begin()
        return response.status, response.read()

    def ask(self, line: bytes, *headers: bytes, body: bytes = b"", host: bool = True) -> tuple[int, bytes]:
        length = [b"Content-Length: %d" % len(body)] if body else []
        self.send(line, *length, *headers, body=body, host=host)
        return self.answer()

    def quiet(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes."""
        self.socket.settimeout(seconds)
        try:
            return not self.socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(10)


@pytest.fixture
def wire(store: Store) -> Any:
    opened = Wire(store)
    yield opened
    opened.socket.close()


def path_of(url: str) -> bytes:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}".encode()


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Type: application/json; charset=utf-8",
        b"Content-Type: text/plain",
        b"Content-Type: application/x-www-form-urlencoded",
        b"Accept: text/html",
        b"Accept-Encoding: gzip, br",
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c",
        b"Cookie: a=b",
        b"Expect: a miracle",
        b"X-Request-Id: \xff\xfe",
        b"User-Agent: \xe9",
    ],
)
def test_a_header_that_says_nothing_to_the_store_changes_nothing(wire: Wire, header: bytes) -> None:
    assert wire.ask(b"POST /v1/objects HTTP/1.1", header, body=CREATE)[0] == 200


def test_a_body_in_chunks_is_a_body(wire: Wire) -> None:
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(CREATE), CREATE)
    wire.send(b"POST /v1/objects HTTP/1.1", b"Transfer-Encoding: chunked", body=chunks)
    assert wire.answer()[0] == 200


def test_the_first_version_of_http_and_a_proxys_way_to_name_a_page_will_do(store: Store, wire: Wire) -> None:
    assert wire.ask(f"GET {store.base_url}/v1/objects HTTP/1.1".encode())[0] == 200
    assert wire.ask(b"GET /v1/objects HTTP/1.0")[0] == 200


def test_there_is_no_head(store: Store, wire: Wire) -> None:
    view = store.put()
    assert store.http.head("/v1/objects", headers=store.headers).status_code == 405
    assert store.http.head(store.download_url(view["id"])).status_code == 403


def test_a_request_id_that_is_no_text_is_one_all_the_same(store: Store, wire: Wire) -> None:
    answers = [wire.ask(b"POST /v1/objects HTTP/1.1", b"X-Request-Id: \xff\xfe\xfd", body=CREATE) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0][0] == 200


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"zstd", b"aws-chunked", b"identity"])
def test_bytes_are_kept_as_they_come_whatever_their_encoding_is_called(
    store: Store, wire: Wire, encoding: bytes
) -> None:
    created, content = store.create(), gzip.compress(b"content")
    put = b"PUT %s HTTP/1.1" % path_of(created["upload_url"])
    assert wire.ask(put, b"Content-Encoding: " + encoding, body=content)[0] == 200
    store.post(f"/v1/objects/{created['id']}/complete")
    assert store.read(created["id"]).content == content


@pytest.mark.parametrize(("query", "value"), [(b"", b"x" * 70_000), (b"?name=" + b"x" * 70_000, b"x")])
def test_a_url_or_a_header_without_an_end_is_431_in_json(wire: Wire, query: bytes, value: bytes) -> None:
    answer = wire.ask(b"GET /v1/objects%s HTTP/1.1" % query, b"X: " + value)
    assert answer == (431, b'{"message":"the request line, a header, or all of them are too long"}')


@pytest.mark.parametrize("asked", [b"bytes=\xff", b"bytes=0-1\r\nIf-Range: \xff", b"bytes=9-1\r\nX-Odd: \xff"])
def test_a_range_that_can_not_be_meant_gives_everything(store: Store, wire: Wire, asked: bytes) -> None:
    get = b"GET %s HTTP/1.1" % path_of(store.download_url(store.put()["id"]))
    assert wire.ask(get, b"Range: " + asked) == (200, b"bytes")


def test_a_body_that_waits_to_be_asked_for_is_asked_for(store: Store, wire: Wire) -> None:
    created = store.create()
    put = b"PUT %s HTTP/1.1" % path_of(created["upload_url"])
    wire.send(put, b"Expect: 100-continue", b"Content-Length: 5")
    assert wire.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert wire.quiet()
    wire.socket.sendall(b"bytes")
    assert wire.answer()[0] == 200
    assert wire.ask(b"GET /v1/objects HTTP/1.1")[0] == 200


@pytest.mark.parametrize("case", ["no key", "not this object", "no more bytes"])
def test_a_body_that_is_not_wanted_is_not_asked_for(store: Store, wire: Wire, case: str) -> None:
    view = store.create()
    url = path_of(view["upload_url"])
    if case == "no more bytes":
        store.delete(view["id"])
    line, status = {
        "no key": (b"POST /v1/objects HTTP/1.1", 401),
        "not this object": (b"PUT %s HTTP/1.1" % url.replace(b"expires=", b"expires=1"), 403),
        "no more bytes": (b"PUT %s HTTP/1.1" % url, 409),
    }[case]
    if case == "no key":
        wire.socket.sendall(line + b"\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    else:
        wire.send(line, b"Expect: 100-continue", b"Content-Length: 5")
    first = wire.socket.recv(15)
    assert first.split()[1] == b"%d" % status


def test_after_a_refusal_the_body_is_not_taken_for_a_request(store: Store, wire: Wire) -> None:
    view = store.create()
    store.delete(view["id"])
    wire.send(b"PUT %s HTTP/1.1" % path_of(view["upload_url"]), b"Expect: 100-continue", b"Content-Length: 5")
    response = HTTPResponse(wire.socket)
    response.begin()
    assert (response.status, response.headers["Connection"]) == (409, "close")


def test_a_slow_sender_is_waited_for(wire: Wire) -> None:
    wire.send(b"POST /v1/objects HTTP/1.1", b"Content-Length: %d" % len(CREATE), body=CREATE[:5])
    time.sleep(0.2)
    wire.socket.sendall(CREATE[5:])
    assert wire.answer()[0] == 200


def test_who_speaks_http_2_is_told_in_http_2_to_speak_http_1(serve: Any) -> None:
    store = serve()
    with socket.create_connection(("127.0.0.1", store.port), timeout=10) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        answer = connection.makefile("rb").read()
    settings, away = answer[:9], answer[9:]
    assert settings == bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
    assert away[:9] == bytes([0, 0, len(away) - 9, 7, 0, 0, 0, 0, 0])
    assert away[9:17] == bytes([0, 0, 0, 0, 0, 0, 0, 13])  # no stream was looked at; HTTP_1_1_REQUIRED
    assert b"http2: false" in away
    store.close()
    assert "speaks HTTP/2" in store.log()
