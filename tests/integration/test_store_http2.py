"""HTTP/2 in the clear, as the published client for Node begins: everything that HTTP/1.1 gives, and nothing more."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from store_process import HOME, KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from store_process import Store

HEADERS = {"Authorization": f"Bearer {KEY}"}
CREATE = {"name": "http2", "content_type": "binary"}


@pytest.fixture
def http(store: Store) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=store.base_url, http1=False, http2=True, headers=HEADERS, timeout=20) as opened:
        yield opened


def test_an_object_goes_up_and_comes_back(http: httpx.Client) -> None:
    content = os.urandom(5_000_000)
    created = http.post("/v1/objects", json=CREATE)
    assert created.http_version == "HTTP/2"
    put = http.put(created.json()["upload_url"], content=content)
    assert (put.status_code, put.http_version) == (200, "HTTP/2")
    path = f"/v1/objects/{created.json()['id']}"
    assert http.post(f"{path}/complete").json()["size_bytes"] == len(content)
    url = http.get(f"{path}/download").json()["download_url"]
    assert http.get(url).content == content
    part = http.get(url, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, content[5:10])
    assert http.post(f"{path}/delete").json()["state"] == "DELETED"


def test_answers_are_those_of_http_1(http: httpx.Client, store: Store) -> None:
    for path in ("/v1/objects?limit=1", "/v1/objects?limit=0", "/v1/objects/obj_none", "/v1/nothing"):
        ours, plain = http.get(path), store.get(path)
        assert (ours.status_code, ours.content) == (plain.status_code, plain.content)
        own = {"date", "connection"}
        assert {k: v for k, v in ours.headers.items() if k not in own} == {
            k: v for k, v in plain.headers.items() if k not in own
        }


def test_every_guard_stands(http: httpx.Client, store: Store) -> None:
    assert http.get("/v1/objects", headers={"Authorization": "Bearer guessed"}).status_code == 401
    assert http.get("/v1/objects", headers={"Host": "evil.example"}).status_code == 403
    assert http.get("/v1/objects", headers={"Origin": "http://evil.example"}).status_code == 403
    url = store.create()["upload_url"]
    assert http.put(url.replace("expires=", "expires=1"), content=b"x").status_code == 403
    assert http.get(url).status_code == 403


def test_a_body_without_a_length_is_501_as_ever(http: httpx.Client, store: Store) -> None:
    assert http.put(store.create()["upload_url"], content=iter([b"a", b"b"])).status_code == 501
    assert http.get("/v1/objects").status_code == 200


def test_a_body_that_is_not_wanted_does_not_hold_up_what_comes_after(http: httpx.Client, store: Store) -> None:
    created = store.create()
    store.delete(created["id"])
    for _ in range(3):
        try:
            assert http.put(created["upload_url"], content=bytes(2_000_000)).status_code == 409
        except httpx.RemoteProtocolError:  # the answer came, and this client was still sending
            continue
    assert http.get("/v1/objects").status_code == 200


def test_many_streams_go_side_by_side(store: Store) -> None:
    async def all_at_once() -> list[bytes]:
        async with httpx.AsyncClient(
            base_url=store.base_url, http1=False, http2=True, headers=HEADERS, timeout=30
        ) as http:

            async def round_trip(n: int) -> bytes:
                created = (await http.post("/v1/objects", json=CREATE)).json()
                await http.put(created["upload_url"], content=bytes([n]) * 200_000)
                await http.post(f"/v1/objects/{created['id']}/complete")
                url = (await http.get(f"/v1/objects/{created['id']}/download")).json()["download_url"]
                return (await http.get(url)).content

            return await asyncio.gather(*(round_trip(n) for n in range(40)))

    assert asyncio.run(all_at_once()) == [bytes([n]) * 200_000 for n in range(40)]


def events(store: Store, headers: list[tuple[str, str]]) -> list[Any]:
    """Send a request as it stands, whatever is in it, and return what comes of it."""
    h2 = H2Connection(H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False))
    h2.initiate_connection()
    h2.send_headers(1, headers, end_stream=True)
    with socket.create_connection(("127.0.0.1", store.port), timeout=3) as connection:
        connection.sendall(h2.data_to_send())
        seen: list[Any] = []
        while not any(type(each).__name__ in ("StreamReset", "StreamEnded", "ConnectionTerminated") for each in seen):
            try:
                data = connection.recv(65536)
                seen += h2.receive_data(data)
                connection.sendall(h2.data_to_send())
            except ConnectionError:  # closed by the store after what it had to say
                break
            if not data:
                break
    return seen


SMUGGLED = "\r\nHost: 127.0.0.1\r\n\r\nGET /v1/objects HTTP/1.1\r\n"


@pytest.mark.parametrize(
    "change",
    [
        {":path": "/v1/objects HTTP/1.1" + SMUGGLED},
        {":path": "/v1/objects" + SMUGGLED},
        {":method": "GET /v1/objects HTTP/1.1" + SMUGGLED},
        {":authority": "127.0.0.1" + SMUGGLED},
        {"x-more": "1" + SMUGGLED},
        {"x-more" + SMUGGLED: "1"},
    ],
)
def test_a_second_request_inside_a_header_is_refused(store: Store, change: dict[str, str]) -> None:
    right = {":method": "GET", ":path": "/v1/objects", ":scheme": "http", ":authority": f"127.0.0.1:{store.port}"}
    headers = {**right, "authorization": f"Bearer {KEY}", **change}
    assert not any(type(each).__name__ == "ResponseReceived" for each in events(store, list(headers.items())))
    assert store.get("/v1/objects").status_code == 200


def test_what_is_not_http_2_after_all_ends_the_connection(store: Store) -> None:
    with socket.create_connection(("127.0.0.1", store.port), timeout=10) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(20))  # data for no stream
        while connection.recv(65536):
            pass
    assert store.get("/v1/objects").status_code == 200


def test_a_client_that_goes_away_in_the_middle_leaves_nothing(http: httpx.Client, store: Store) -> None:
    url = store.create()["upload_url"]
    path = url.partition(str(store.port))[2]
    h2 = H2Connection()
    h2.initiate_connection()
    head = {":method": "PUT", ":path": path, ":scheme": "http", ":authority": f"127.0.0.1:{store.port}"}
    h2.send_headers(1, [*head.items(), ("content-length", "1000")])
    h2.send_data(1, b"x" * 10)
    with socket.create_connection(("127.0.0.1", store.port), timeout=10) as connection:
        connection.sendall(h2.data_to_send())
        connection.recv(65536)
    assert http.put(url, content=b"whole").status_code == 200


def test_a_store_stops_though_a_client_stays_connected(serve: Callable[..., Store]) -> None:
    store = serve()
    with httpx.Client(base_url=store.base_url, http1=False, http2=True, headers=HEADERS) as http:
        http.get("/v1/objects")
        started = time.monotonic()
        store.close()
        assert time.monotonic() - started < 5
    assert "Traceback" not in store.log()


def test_without_the_package_h2_a_client_is_told_in_http_2_to_speak_http_1(
    serve: Callable[..., Store], tmp_path: Path
) -> None:
    (tmp_path / "h2").mkdir()
    (tmp_path / "h2" / "__init__.py").write_text("raise ImportError")
    store = serve(PYTHONPATH=os.pathsep.join([str(tmp_path), str(HOME)]))
    with socket.create_connection(("127.0.0.1", store.port), timeout=10) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        answer = connection.makefile("rb").read()
    settings, away = answer[:9], answer[9:]
    assert settings == bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
    assert away[:9] == bytes([0, 0, len(away) - 9, 7, 0, 0, 0, 0, 0])
    assert away[9:17] == bytes([0, 0, 0, 0, 0, 0, 0, 13])  # no stream was looked at; HTTP_1_1_REQUIRED
    assert store.get("/v1/objects").status_code == 200
    store.close()
    assert "http2: false" in store.log()
