"""What is read of an answer's head is what ``http.client`` reads of it, however it comes."""

import http.client
import io
import socket

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.api import keepalive

TOKEN = st.text("abcXYZ019-_", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
NAMES = st.sampled_from(["Content-Length", "Connection", "Transfer-Encoding", "ETag"])
VALUES = st.sampled_from(["0", "3", "close", "keep-alive", "Close, te", "chunked", " 5 ", "-1", "3, 3", "x", ""])
HEADERS = st.lists(st.tuples(TOKEN, VALUE) | st.tuples(NAMES, VALUES), max_size=6)
BODY = b"3\r\nabc\r\n0\r\n\r\n"


class Came:
    """What stands in for a socket: all of it came at once."""

    def __init__(self, data):
        self._data = data

    def makefile(self, _):
        return io.BufferedReader(io.BytesIO(self._data))


def read(kind, data):
    answer = kind(Came(data), method="GET")
    try:
        answer.begin()
        body = answer.read()
    except (http.client.HTTPException, ValueError) as error:
        return type(error)
    headers = [(name, value.strip(" \t")) for name, value in answer.getheaders()]
    return answer.status, answer.reason, answer.version, headers, answer.will_close, body


@given(
    st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/1.10", "ICY"]),
    st.sampled_from(["200", "204", "304", "404", "503", "599", "099", "20x"]),
    st.sampled_from(["", " ", " OK", " Not  Found ", " \tx"]),
    HEADERS,
)
def test_it_is_read_as_http_client_reads_it(
    version,
    status,
    reason,
    headers,
):
    lines = [f"{version} {status}{reason}", *(f"{name}:{value}" for name, value in headers)]
    data = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + BODY
    assert read(keepalive._Response, data) == read(http.client.HTTPResponse, data)


ODD = {
    "a folded line": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 3\r\n\r\nabc",
    "bare line ends": b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc",
    "a name with a space": b"HTTP/1.1 200 OK\r\nA b: c\r\nContent-Length: 3\r\n\r\nabc",
    "bytes that are no text": b"HTTP/1.1 200 OK\r\nA: \xff\r\nContent-Length: 3\r\n\r\nabc",
    "no header at all": b"HTTP/1.1 200 OK\r\n\r\nabc",
    "a head that goes on": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "a head of many pages": b"HTTP/1.1 200 OK\r\n" + b"A: %s\r\n" % (b"x" * 5000) * 9 + b"Content-Length: 3\r\n\r\nabc",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nabc",
    "nothing": b"",
    "something else": b"SSH-2.0-OpenSSH_9.2\r\n",
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_what_is_odd_too(data):
    assert read(keepalive._Response, data) == read(http.client.HTTPResponse, data)


def test_a_usual_head_is_not_left_to_http_client(monkeypatch):
    monkeypatch.delattr(http.client, "parse_headers")
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\nabc"
    assert read(keepalive._Response, answer)[-1] == b"abc"


@pytest.mark.parametrize("url", ["http://a:0x/", "http://u:p@a/", "ftp://a/", "http:///x", "http://[::1/x", "x"])
def test_a_url_of_another_kind_is_left_to_httpx(url):
    assert keepalive.key_of(url) is None


def test_what_is_given_back_after_the_end_is_closed_when_nobody_has_it_any_more():
    with socket.create_server(("127.0.0.1", 0)) as server:
        key = ("http", "127.0.0.1", server.getsockname()[1])
        connections = keepalive.Connections()
        taken = connections.take(key)
        keepalive.connect(taken, httpx.Timeout(5))
        sock = keepalive.socket_of(taken)
        connections.close()
        connections.give_back(key, taken, usable=True)
        assert sock.fileno() >= 0
        del connections
        assert sock.fileno() == -1
