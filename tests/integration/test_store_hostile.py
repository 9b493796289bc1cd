"""Requests that nobody means well with, byte for byte, and what the store answers. None of them gets the bytes."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from store_process import KEY, Store
from wire import Answer, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator


# Found in no answer but the one to the right URL.
CONTENT = b"the bytes that nobody else may have"
LEAVE = f"Authorization: Bearer {KEY}"


@pytest.fixture(scope="module")
def slow(store: Store) -> Iterator[tuple[float, socket.socket]]:
    """A connection on which a header begins when the module does, and never ends; and when that was."""
    with socket.create_connection(("127.0.0.1", store.port), timeout=30) as connection:
        connection.sendall(b"GET /v1/objects HTTP/1.1\r\nHost: localhost\r\nX-Endless: ")
        yield time.monotonic(), connection


@pytest.fixture(scope="module")
def wire(store: Store, slow: tuple[float, socket.socket]) -> Iterator[Wire]:
    with Wire(store.port) as opened:
        yield opened


@pytest.fixture(scope="module")
def urls(store: Store) -> dict[str, str]:
    """Path and query of what the store presigned: of a whole object, another one, one that expires, and a new one."""
    whole, other = store.put("whole", CONTENT), store.put("other", CONTENT)
    created = store.create("new")

    def target(url: str) -> str:
        parts = urlsplit(url)
        return f"{parts.path}?{parts.query}"

    done = store.create("done")
    store.upload(done, CONTENT)
    store.post(f"/v1/objects/{done['id']}/complete")
    expired = target(store.download_url(whole["id"], duration_seconds=1))
    time.sleep(1.1)
    return {
        "id": whole["id"],
        "get": target(store.download_url(whole["id"])),
        "other": target(store.download_url(other["id"])),
        "put": target(created["upload_url"]),
        "done": target(done["upload_url"]),
        "expired": expired,
    }


def test_every_single_bit_of_a_presigned_url_counts(wire: Wire, urls: dict[str, str]) -> None:
    right = urls["get"].encode()
    assert wire.get(right).body == CONTENT
    statuses = set()
    for place in range(len(right)):
        for bit in range(8):
            wrong = bytearray(right)
            wrong[place] ^= 1 << bit
            answer = wire.get(bytes(wrong))
            assert answer.status in (400, 401, 403, 404), (place, bit, answer)
            if re.match(rb"/content/[^?#]*[?#]", wrong) and answer.status != 400:
                assert answer.status == 403, (place, bit, answer)
            assert CONTENT not in answer.body
            statuses.add(answer.status)
    assert 403 in statuses
    assert wire.get(right).body == CONTENT


def test_every_single_bit_of_an_upload_url_counts(wire: Wire, store: Store) -> None:
    created = store.create("not by others")
    right = created["upload_url"].removeprefix(store.base_url).encode()
    for place in range(len(right)):
        wrong = bytearray(right)
        wrong[place] ^= 1 << place % 7
        answer = wire.ask(b"PUT " + bytes(wrong) + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")
        assert answer.status in (400, 401, 403, 404), (place, answer)
    assert store.post(f"/v1/objects/{created['id']}/complete").status_code == 409


SHORT = {
    "to": "HTTP/1.1\nHost: localhost",
    "leave": LEAVE,
    "key": KEY,
    "length": "Content-Length",
    "chunked": "Transfer-Encoding: chunked",
    "clicked": "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate",
    "embedded": "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: no-cors",
}
# Each is: what it is, the request as it stands on the wire ({get}, {put}, … are presigned), the status.
HOSTILE = [
    # Whom it is for
    ("no Host", "GET /v1/objects HTTP/1.1\n{leave}\n\n", 400),
    ("no Host in HTTP/1.0", "GET {get} HTTP/1.0\n\n", 403),
    ("empty Host", "GET {get} HTTP/1.1\nHost:\n\n", 403),
    ("foreign Host", "GET {get} HTTP/1.1\nHost: evil.example\n\n", 403),
    ("foreign Host that begins like ours", "GET {get} HTTP/1.1\nHost: localhost.evil.example\n\n", 403),
    ("Host with a user", "GET {get} HTTP/1.1\nHost: localhost@evil.example\n\n", 403),
    ("two Hosts, ours first", "GET {get} {to}\nHost: evil.example\n\n", 400),
    ("two Hosts, ours last", "GET {get} HTTP/1.1\nHost: evil.example\nHost: localhost\n\n", 400),
    ("foreign Host where no route is", "GET /nothing HTTP/1.1\nHost: evil.example\n{leave}\n\n", 403),
    ("absolute target, foreign", "GET http://evil.example/v1/objects {to}\n{leave}\n\n", 400),
    ("absolute target, another port", "GET http://localhost:1{get} {to}\n\n", 400),
    ("asterisk", "OPTIONS * {to}\n{leave}\n\n", 400),
    ("CONNECT", "CONNECT evil.example:80 {to}\n{leave}\n\n", 400),
    # Whom it is from
    ("foreign Origin", "GET {get} {to}\nOrigin: http://evil.example\n\n", 403),
    ("null Origin", "GET {get} {to}\nOrigin: null\n\n", 403),
    ("Origin of another port", "GET {get} {to}\nOrigin: http://localhost:8888\n\n", 403),
    ("two Origins", "GET {get} {to}\nOrigin: http://localhost\nOrigin: http://evil.example\n\n", 400),
    ("image on a page", "GET {get} {to}\n{embedded}\n\n", 403),
    ("upload by a form", "PUT {put} {to}\n{clicked}\n\n", 403),
    ("click on an API link", "GET /v1/objects {to}\n{leave}\n{clicked}\n\n", 403),
    ("preflight", "OPTIONS {get} {to}\nOrigin: http://evil.example\nAccess-Control-Request-Method: GET\n\n", 403),
    # Paths
    ("two slashes", "GET //v1/objects {to}\n{leave}\n\n", 404),
    ("two slashes and a host", "GET //evil.example/v1/objects {to}\n{leave}\n\n", 404),
    ("two slashes before the bytes", "GET /{get} {to}\n\n", 401),
    ("up and out", "GET /content/../store.db {to}\n\n", 403),
    ("up and out, with the key", "GET /v1/objects/../../key {to}\n{leave}\n\n", 404),
    ("up, encoded", "GET /content/%2e%2e%2fkey {to}\n\n", 403),
    ("up, encoded, with the key", "GET /v1/objects/%2e%2e%2f%2e%2e%2fkey {to}\n{leave}\n\n", 404),
    ("up, encoded twice", "GET /v1/objects/%252e%252e%252fkey {to}\n{leave}\n\n", 404),
    ("NUL", "GET /v1/objects/{id}%00 {to}\n{leave}\n\n", 404),
    ("NUL in a presigned path", "GET /content/{id}%00?{query} {to}\n\n", 403),
    ("backslashes", "GET /content/..\\key?{query} {to}\n\n", 403),
    ("encoded slash in a presigned path", "GET /content%2f{id}?{query} {to}\n\n", 404),
    ("slash at the end", "GET /content/{id}/?{query} {to}\n\n", 403),
    ("control by way of content", "GET /content/../control/status {to}\n\n", 403),
    ("content by way of control", "GET /control/..{get} {to}\n\n", 401),
    ("capital letters", "GET /CONTENT/{id}?{query} {to}\n\n", 401),
    # Presigned URLs in other ways than they were meant
    ("expired", "GET {expired} {to}\n\n", 403),
    ("expired, with the key", "GET {expired} {to}\n{leave}\n\n", 403),
    ("no signature, with the key", "GET /content/{id} {to}\n{leave}\n\n", 403),
    ("no signature", "GET /content/{id} {to}\n\n", 403),
    ("later expiry", "GET /content/{id}?expires=9999999999&{query} {to}\n\n", 403),
    ("GET URL for PUT", "PUT {get} {to}\n{length}: 1\n\nx", 403),
    ("PUT URL for GET", "GET {put} {to}\n\n", 403),
    ("GET URL for DELETE", "DELETE {get} {to}\n\n", 403),
    ("GET URL for POST", "POST {get} {to}\n{length}: 0\n\n", 403),
    ("another method by a header", "POST {put} {to}\nX-HTTP-Method-Override: PUT\n{length}: 1\n\nx", 403),
    ("query of another object", "GET /content/{id}?{other_query} {to}\n\n", 403),
    ("PUT after complete", "PUT {done} {to}\n{length}: 1\n\nx", 409),
    # Keys
    ("two keys, ours first", "GET /v1/objects {to}\n{leave}\nAuthorization: Bearer no\n\n", 400),
    ("two keys in one", "GET /v1/objects {to}\n{leave}, Bearer no\n\n", 401),
    ("key behind a no-break space", "GET /v1/objects {to}\nAuthorization: Bearer \xa0{key}\n\n", 401),
    ("key in the query", "GET /v1/objects?access_token={key} {to}\n\n", 401),
    ("key as a cookie", "GET /v1/objects {to}\nCookie: key={key}\n\n", 401),
    ("key as Basic", "GET /v1/objects {to}\nAuthorization: Basic {key}\n\n", 401),
    ("key without a scheme", "GET /v1/objects {to}\nAuthorization: {key}\n\n", 401),
    ("very long key", "GET /v1/objects {to}\nAuthorization: Bearer " + "k" * 8000 + "\n\n", 401),
    ("key in a folded line", "GET /v1/objects {to}\nAuthorization: Bearer\n {key}\n\n", 400),
    # Sizes
    ("header of 9 kB", "GET /v1/objects {to}\nX-Long: " + "x" * 9000 + "\n\n", 431),
    ("200 headers", "GET /v1/objects {to}\n" + "X-Many: 1\n" * 200 + "\n", 431),
    ("target of 70 kB", "GET /v1/objects?name=" + "x" * 70_000 + " {to}\n{leave}\n\n", 431),
    ("body of 1 MiB", "POST /v1/objects {to}\n{leave}\n{length}: 1048577\n\n" + " " * 1048577, 413),
    ("body of an exabyte", "POST /v1/objects {to}\n{length}: 999999999999999999\n\n", 401),
    ("upload of an exabyte", "PUT {put} {to}\n{length}: 999999999999999999\n\n", 507),
    # Where a request ends
    ("both lengths", "POST /v1/objects {to}\n{leave}\n{length}: 5\n{chunked}\n\n0\n\nX", 400),
    ("two different lengths", "POST /v1/objects {to}\n{leave}\n{length}: 2\n{length}: 3\n\n{{}}", 400),
    ("negative length", "POST /v1/objects {to}\n{leave}\n{length}: -1\n\n", 400),
    ("length with a sign", "POST /v1/objects {to}\n{leave}\n{length}: +2\n\n{{}}", 400),
    ("length in hex", "PUT {put} {to}\n{length}: 0x1\n\nx", 400),
    ("length that overflows", "PUT {put} {to}\n{length}: 99999999999999999999999\n\n", 400),
    ("length behind a space", "PUT {put} {to}\nContent-Length : 1\n\nx", 400),
    ("chunked upload", "PUT {put} {to}\n{chunked}\n\n1\nx\n0\n\n", 501),
    ("chunked, with a bad size", "POST /v1/objects {to}\n{leave}\n{chunked}\n\nzz\n", 400),
    ("chunked, spelt otherwise", "POST /v1/objects {to}\n{leave}\nTransfer-Encoding: xchunked\n\n0\n\n", 400),
    ("upload without a length", "PUT {put} {to}\n\n", 411),
    ("NUL in a header", "GET /v1/objects {to}\nX-Odd: a\0b\n\n", 400),
    ("another protocol", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 400),
    ("upgrade", "GET /v1/objects {to}\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\n\n", 401),
    # Bodies
    ("not JSON", "POST /v1/objects {to}\n{leave}\n{length}: 3\n\nabc", 400),
    ("deep JSON", "POST /v1/objects {to}\n{leave}\n{length}: 100000\n\n" + "[" * 100_000, 400),
    ("wrong types", 'POST /v1/objects {to}\n{leave}\n{length}: 10\n\n{{"name":1}}', 400),
    ("gzip that says so", "POST /v1/objects {to}\n{leave}\nContent-Encoding: gzip\n{length}: 4\n\n\x1f\x8b\x08\0", 400),
]  # fmt: skip


def on_the_wire(template: str, urls: dict[str, str]) -> bytes:
    """Fill in what was presigned; a newline stands for CR LF up to the body."""
    query, other_query = urls["get"].partition("?")[2], urls["other"].partition("?")[2]
    text = template.format(**urls, **SHORT, query=query, other_query=other_query)
    return text.replace("\n", "\r\n").encode("latin-1")


@pytest.mark.parametrize(("template", "status"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_what_is_meant_badly_gets_no_bytes(store: Store, urls: dict[str, str], template: str, status: int) -> None:
    with Wire(store.port) as wire:
        answer = wire.ask(on_the_wire(template, urls), last=True)
        if not template.startswith("HEAD"):
            assert json.loads(answer.body)["message"]
    assert answer.status == status
    assert CONTENT not in answer.body
    assert KEY.encode() not in answer.raw
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert wire_after(store).status == 200


def wire_after(store: Store) -> Answer:
    """What the next one gets, who means well."""
    with Wire(store.port) as wire:
        return wire.ask(f"GET /v1/objects?limit=1 HTTP/1.1\r\nHost: localhost\r\n{LEAVE}\r\n\r\n".encode())


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
ROUTES = {
    "/v1/objects": 401,
    "/v1/objects/list_public": 401,
    "/v1/objects/metadata/keys": 401,
    "/v1/objects/metadata/keys/a/values": 401,
    "/v1/objects/{id}": 401,
    "/v1/objects/{id}/download": 401,
    "/v1/objects/{id}/complete": 401,
    "/v1/objects/{id}/delete": 401,
    "/content/{id}": 403,
    "/content/": 403,
    "/control/hello": 401,
    "/control/status": 401,
    "/control/pin": 401,
    "/control/hand-over": 401,
    "/control/gc": 401,
    "/control/import": 401,
    "/": 401,
    "/no/such/path": 401,
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_every_route_is_closed_without_leave_whatever_the_method(wire: Wire, urls: dict[str, str], method: str) -> None:
    for route, status in ROUTES.items():
        target = route.format(id=urls["id"])
        answer = wire.ask(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        assert answer.status == status, (method, route)
        assert not [name for name in answer.headers if name.startswith(("access-control", "allow"))]


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_method_is_405_with_leave(wire: Wire, method: str) -> None:
    if method in ("GET", "POST"):
        method = "PUT"
    answer = wire.ask(
        f"{method} /v1/objects HTTP/1.1\r\nHost: localhost\r\n{LEAVE}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert answer.status == 405
    assert answer.headers["allow"] == "GET,POST"


@pytest.mark.parametrize(
    "name",
    [
        'quoted".exe"; filename="other',
        "line\r\nSet-Cookie: a=b\r\n\r\n<script>",
        "nul\0 tab\t del\x7f",
        "../../etc/passwd",
        "C:\\windows\\system32",
        "grüße 数据 🐧.csv",
        "right\u202eexe.txt",
        "line\u2028separator",
        "%0d%0aX-Bad: 1",
        " . . ",
        "a" * 4000,
        "\ud83d half a pair",
    ],
)
def test_a_name_is_no_header(wire: Wire, store: Store, name: str) -> None:
    body = json.dumps({"name": name, "content_type": "text"})
    view = store.post("/v1/objects", content=body).json()
    store.upload(view, CONTENT)
    store.post(f"/v1/objects/{view['id']}/complete")
    answer = wire.get(store.download_url(view["id"]).removeprefix(store.base_url).encode())
    assert answer.body == CONTENT
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert {"set-cookie", "x-bad"}.isdisjoint(answer.headers)
    disposition = answer.headers["content-disposition"]
    assert re.fullmatch(r"attachment; filename=\"[^\"\\%/]+\"; filename\*=UTF-8''[A-Za-z0-9._~%-]+", disposition)
    assert not re.search("%(0|1|2f|5c|7f)", disposition, re.IGNORECASE)


@pytest.mark.parametrize(
    ("described", "complaint"),
    [
        ({"name": "n" * 4097}, "name is longer than 4,096 bytes"),
        ({"name": "ü" * 2049}, "name is longer than 4,096 bytes"),
        ({"metadata": {str(n): "" for n in range(257)}}, "metadata has 257 pairs; an object takes 256"),
        ({"metadata": {"k" * 1025: ""}}, "a metadata key is longer than 1,024 bytes"),
        ({"metadata": {"k": "v" * 65_537}}, "the metadata value of 'k' is longer than 65,536 bytes"),
    ],
    ids=["name", "name in UTF-8", "pairs", "key", "value"],
)
def test_what_is_too_large_to_be_said_of_an_object_is_refused(
    store: Store, described: dict[str, object], complaint: str
) -> None:
    answer = store.post("/v1/objects", json={"name": "n", "content_type": "text", **described})
    assert answer.status_code == 400
    assert complaint in answer.json()["message"]


def test_as_much_as_may_be_said_of_an_object_is_kept(store: Store) -> None:
    metadata = {f"{n:03}" + "k" * 1021: "v" for n in range(256)}
    assert store.create("n" * 4096, metadata=metadata)["metadata"] == metadata
    assert store.create("long value", metadata={"k": "v" * 65_536})["metadata"] == {"k": "v" * 65_536}


def everything(connection: socket.socket) -> bytes:
    """Return what comes until it is closed, or until nothing has come for a while."""
    said = b""
    connection.settimeout(0.3)
    with suppress(TimeoutError):
        while chunk := connection.recv(65536):
            said += chunk
    return said


def test_no_second_request_is_smuggled_in_the_body_of_the_first(store: Store) -> None:
    """Where two readers could disagree on the end of a request, there is one answer and no more."""
    inner = f"POST /v1/objects HTTP/1.1\r\nHost: localhost\r\n{LEAVE}\r\nContent-Length: 40\r\n\r\n"
    inner += json.dumps({"name": "smuggled", "content_type": "text"})
    shapes = [
        f"POST /v1/objects HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(inner)}\r\n\r\n{inner}",
        f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n{SHORT['chunked']}\r\n\r\n0\r\n\r\n{inner}",
        f"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{inner}",
        f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n{inner}",
        f"GET / HTTP/1.1\r\nHost: localhost\r\nX: 1\r\n\r\x0b\n{inner}",
    ]
    for shape in shapes:
        with socket.create_connection(("127.0.0.1", store.port), timeout=10) as connection:
            connection.sendall(shape.encode())
            said = everything(connection)
        assert len(re.findall(rb"^HTTP/1\.[01] ", said, re.MULTILINE)) == 1, shape
    assert "smuggled" not in store.names()


def test_a_header_that_never_ends_is_cut_off(wire: Wire, slow: tuple[float, socket.socket]) -> None:
    """Ten seconds after it began; most of them have gone by while the others here were tried."""
    begun, connection = slow
    until = max(begun + 14, time.monotonic() + 4)  # a busy machine may have taken longer over the others
    while time.monotonic() < until:
        try:
            connection.sendall(b"x")
        except ConnectionError:
            return
        time.sleep(0.1)
    pytest.fail("the store still listens")
