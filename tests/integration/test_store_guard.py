"""Who gets in, against a real process."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from store_process import Store

ROUTES = [
    ("POST", "/v1/objects"),
    ("GET", "/v1/objects"),
    ("GET", "/v1/objects/list_public"),
    ("GET", "/v1/objects/metadata/keys"),
    ("GET", "/v1/objects/metadata/keys/a/values"),
    ("GET", "/v1/objects/obj_1"),
    ("GET", "/v1/objects/obj_1/download"),
    ("POST", "/v1/objects/obj_1/complete"),
    ("POST", "/v1/objects/obj_1/delete"),
    ("GET", "/control/hello"),
    ("GET", "/control/status"),
    ("POST", "/control/pin"),
    ("OPTIONS", "/v1/objects"),
    ("DELETE", "/v1/objects"),
    ("GET", "/"),
    ("GET", "/no/such/path"),
]


@pytest.mark.parametrize(
    "authorization", [None, "Bearer", "Bearer wrong", "Basic key-of-the-tests", "Bearer k\xe9y", ""]
)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_is_401_without_the_key(store: Store, method: str, path: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    answer = store.http.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["message"]
    assert "access-control-allow-origin" not in answer.headers


def test_the_key_does_not_open_the_control_routes(store: Store) -> None:
    assert store.get("/control/status").status_code == 401


def test_a_path_that_does_not_exist_is_404_in_json(store: Store) -> None:
    answer = store.get("/v2/objects")
    assert answer.status_code == 404
    assert answer.json()["message"]


def test_a_method_that_does_not_exist_is_405_and_says_which_do(store: Store) -> None:
    answer = store.http.patch("/v1/objects", headers=store.headers)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(",")) == {"GET", "POST"}


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.:80", "127.0.0.2", "", "[::1]:x"]
)
def test_another_host_is_403_even_with_the_key(store: Store, host: str) -> None:
    answer = store.http.get("/v1/objects", headers={**store.headers, "Host": host})
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "127.0.0.1:9000", "[::1]", "[::1]:9000"])
def test_the_end_of_a_tunnel_gets_links_that_lead_through_it(store: Store, host: str) -> None:
    answer = store.http.post(
        "/v1/objects", headers={**store.headers, "Host": host}, json={"name": "n", "content_type": "text"}
    )
    assert answer.json()["upload_url"].startswith(f"http://{host}/content/")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8888"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_another_sites_page_is_403_even_with_the_key(store: Store, headers: dict[str, str]) -> None:
    assert store.http.get("/v1/objects", headers={**store.headers, **headers}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status_code"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "http://evil.example"}, 403),
    ],
)
def test_a_link_may_be_clicked_but_not_embedded(store: Store, headers: dict[str, str], status_code: int) -> None:
    view = store.put()
    assert store.read(view["id"], **headers).status_code == status_code


def test_a_page_of_the_stores_own_origin_is_let_through(store: Store) -> None:
    headers = {"Origin": store.base_url, "Sec-Fetch-Site": "same-origin"}
    assert store.http.get("/v1/objects", headers={**store.headers, **headers}).status_code == 200


def test_the_log_has_no_secrets(serve: Callable[..., Store]) -> None:
    store = serve()
    view = store.put()
    url = store.download_url(view["id"])
    blob = store.root / "blobs" / view["id"][-2:] / view["id"]
    blob.unlink()
    blob.mkdir()
    store.http.get(url)
    store.http.get(url.replace("expires", "expired"))
    store.http.request("GET", "/v1/objects", headers={"Authorization": "Bearer guessed-key", "X-Odd": "\x01"})
    store.close()
    written = store.log()
    for secret in (url.partition("signature=")[2], store.headers["Authorization"].split()[1], "guessed-key"):
        assert secret not in written


@pytest.mark.parametrize(
    "malformed",
    [
        b"GET /content/obj?signature=s3cret HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"G=T /content/obj?signature=s3cret HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /content/obj\x01?signature=s3cret\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization : Bearer s3cret\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Key: s3cret\x01\r\n\r\n",
        b"GET /?signature=" + b"s3cret" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + b"s3cret" * 2000 + b"\r\n\r\n",
    ],
    ids=["version", "method", "path", "header name", "header value", "long line", "long header"],
)
def test_what_is_not_http_is_neither_quoted_nor_logged(serve: Callable[..., Store], malformed: bytes) -> None:
    store = serve()
    with socket.create_connection(("127.0.0.1", store.port), timeout=10) as connection:
        connection.sendall(malformed)
        answer = connection.makefile("rb").read()
    head, _, body = answer.partition(b"\r\n\r\n")
    long = len(malformed) > 8192
    assert (b" 431 " if long else b" 400 ") in head.partition(b"\r\n")[0]
    assert b"nosniff" in head
    said = (
        "the request line, a header, or all of them are too long" if long else "this can't be read as an HTTP request"
    )
    assert json.loads(body)["message"] == said
    store.close()
    assert ("a header that is too long" if long else "can't be read as HTTP") in store.log()
    assert "s3cret" not in store.log()
    assert "Traceback" not in store.log()
