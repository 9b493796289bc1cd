"""Keys, presigned URLs, and the handshake."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.local import auth
from runloop_jupyter.secret import Secret

SIGNER = auth.Signer(Secret("signing"), "store-1")


def signed(method: str = "GET", object_id: str = "obj_1", expires: int = 100) -> tuple[str, str]:
    query = parse_qs(urlsplit(SIGNER.url("http://127.0.0.1:1", method, object_id, expires)).query)
    return query["expires"][0], query["signature"][0]


def test_a_presigned_url_is_good_until_its_time() -> None:
    assert SIGNER.refusal("GET", "obj_1", *signed(), now=99.9) is None
    assert "expired" in str(SIGNER.refusal("GET", "obj_1", *signed(), now=100.0))


@pytest.mark.parametrize(
    ("signer", "method", "object_id"),
    [
        (SIGNER, "PUT", "obj_1"),
        (SIGNER, "GET", "obj_2"),
        (auth.Signer(Secret("signing"), "store-2"), "GET", "obj_1"),
        (auth.Signer(Secret("another"), "store-1"), "GET", "obj_1"),
    ],
)
def test_a_signature_is_bound_to_method_object_store_and_key(signer: auth.Signer, method: str, object_id: str) -> None:
    assert signer.refusal(method, object_id, *signed(), now=0) is not None


@given(st.text(max_size=10), st.text(max_size=70))
def test_no_made_up_signature_is_taken(expires: str, signature: str) -> None:
    assert SIGNER.refusal("GET", "obj_1", expires, signature, now=0) is not None


@given(st.text(max_size=30))
def test_only_the_right_bearer_token_is_taken(token: str) -> None:
    assert auth.bearer_matches(f"Bearer {token}", Secret("right")) == (token.strip(" ") == "right")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "right",
        "Basic right",
        "Bearer",
        "Bearer right right",
        "Bearer\tright",
        "Bearer right\xa0",
        "Bearer\x85right",
    ],
)
def test_other_headers_are_not_taken(header: str | None) -> None:
    assert not auth.bearer_matches(header, Secret("right"))


def test_a_handshake_is_bound_to_its_call() -> None:
    nonce = Secret("nonce")
    header = f"{auth.CONTROL_SCHEME} abc:{auth.handshake(nonce, 'GET', '/control/hello', 'abc')}"
    assert auth.control_matches(header, nonce, "GET", "/control/hello")
    assert not auth.control_matches(header, nonce, "POST", "/control/hello")
    assert not auth.control_matches(header, nonce, "GET", "/control/status")
    assert not auth.control_matches(header, Secret("older"), "GET", "/control/hello")


def test_a_clients_handshake_is_no_daemons_proof() -> None:
    nonce = Secret("nonce")
    assert auth.handshake(nonce, "GET", "/p", "abc") != auth.proof(nonce, "/p", "abc")


@pytest.mark.parametrize("given", ["", "r", "righx", "xight", "right and more", "r\xe4ght", "\udcff"])
def test_every_secret_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    """`hmac.compare_digest` sees the whole of both, right or wrong from the first character on, and `==` neither."""
    compared: list[tuple[object, object]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return False

    monkeypatch.setattr(auth.hmac, "compare_digest", compare)
    sent = given.encode("utf-8", "surrogateescape")
    assert not auth.bearer_matches(f"Bearer {given}", Secret("right"))
    assert SIGNER.refusal("GET", "obj_1", "100", given, now=0) is not None
    assert not auth.control_matches(f"{auth.CONTROL_SCHEME} c:{given}", Secret("nonce"), "GET", "/control/hello")
    assert len(compared) == 3
    assert all(sent in pair for pair in compared)
