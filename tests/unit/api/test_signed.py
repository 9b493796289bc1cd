"""What a presigned URL says of itself, whoever signed it and whatever it is."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.api import signed
from runloop_jupyter.secret import Secret

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261124T110000Z&X-Amz-Expires=3600&X-Amz-Signature=abc",
        "X-Goog-Date=20261124T110000Z&X-Goog-Expires=3600&X-Goog-Signature=abc",
        "expires=1795521600&signature=abc",
        "AWSAccessKeyId=a&Expires=1795521600&Signature=abc",
        "sv=2024-05-04&se=2026-11-24T12%3A00%3A00Z&sig=abc",
        "se=2026-11-24T13%3A00%3A00%2B01%3A00&sig=abc",
        "se=2026-11-24&sig=abc".replace("2026-11-24", "2026-11-24T12:00"),
    ],
)
def test_until_when_it_works_is_read_in_each_dialect(query):
    assert signed.expiry(Secret(f"https://store.example/x?{query}")) == NOON


@pytest.mark.parametrize(
    "url",
    [
        "https://store.example/x",
        "https://store.example/x?expires=",
        "https://store.example/x?expires=never",
        "https://store.example/x?expires=99999999999999999999",
        "https://store.example/x?X-Amz-Date=20261124T110000Z",
        "https://store.example/x?X-Amz-Date=today&X-Amz-Expires=3600",
        "https://store.example/x?se=soon",
        "https://[store/x?expires=1795521600",
    ],
)
def test_one_that_does_not_say_is_none(url):
    assert signed.expiry(Secret(url)) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:25356/content/obj_1?expires=1&signature=abc", "http://127.0.0.1:25356/•••"),
        ("https://bucket.s3.amazonaws.com/token-in-the-path/x?sig=abc", "https://bucket.s3.amazonaws.com/•••"),
        ("https://user:word@store.example:8443/x", "https://store.example:8443/•••"),
        ("https://[store/x?sig=abc", "•••"),
    ],
)
def test_masked_it_names_its_host_and_nothing_more(url, shown):
    assert signed.masked(Secret(url)) == shown


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1:25356", True),
        ("127.9.9.9", True),
        ("[::1]:80", True),
        ("localhost:80", True),
        ("store.localhost", True),
        ("10.0.0.7", False),
        ("bucket.s3.amazonaws.com", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
    ],
)
def test_a_loopback_host_is_this_computer(host, here):
    assert signed.is_for_this_computer(Secret(f"http://{host}/x?sig=abc")) is here


@given(st.text() | st.from_regex(r"https?://\S*\?(X-Amz-Date|se|expires)=\S*&X-Amz-Expires=\S*", fullmatch=True))
def test_nothing_is_raised_whatever_it_is(text):
    url = Secret(text)
    until = signed.expiry(url)
    assert until is None or until.tzinfo is UTC
    assert signed.masked(url).endswith("•••")
    assert signed.is_for_this_computer(url) in {True, False}
