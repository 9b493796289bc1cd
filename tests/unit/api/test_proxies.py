"""When a proxy stands before a URL: as httpx, which then does the work, has it."""

import httpx
import pytest

from runloop_jupyter.api import proxies
from runloop_jupyter.api.http import new_client

HOSTS = [
    "s3.example.com",
    "example.com",
    "notexample.com",
    "10.1.2.3",
    "127.0.0.1",
    "localhost",
    "::1",
    "fd00::1",
    "deep.s3.example.com",
]
ENVIRONMENTS = [
    {},
    {"HTTP_PROXY": "http://proxy:3128"},
    {"HTTPS_PROXY": "proxy:3128"},
    {"ALL_PROXY": "http://proxy:3128"},
    {"ALL_PROXY": "http://proxy:3128", "NO_PROXY": "example.com"},
    {"ALL_PROXY": "http://proxy:3128", "NO_PROXY": ".example.com, 10.1.2.3"},
    {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "fd00::1,localhost"},
    {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "10.1.2"},
    {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"},
    {"https_proxy": "http://proxy:3128", "no_proxy": "EXAMPLE.com"},
]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_it_is_as_httpx_has_it(environment, scheme, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with new_client(httpx.Timeout(1)) as client:
        direct = {client._transport, *(client._transport_for_url(httpx.URL(f"http://{h}")) for h in ("localhost",))}
        for host in HOSTS:
            literal = f"[{host}]" if ":" in host else host
            used = client._transport_for_url(httpx.URL(f"{scheme}://{literal}/x"))
            through = used not in direct and type(used._pool).__name__ in {"HTTPProxy", "SOCKSProxy"}
            assert proxies.applies(scheme, host) == through, host


def test_a_rule_with_a_scheme_is_left_to_httpx(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "https://example.com")
    assert proxies.applies("https", "example.com")
