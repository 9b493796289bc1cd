"""Whether a proxy of the environment stands before a URL, by the rules that httpx has for them.

``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` (or the system's own settings, on macOS). Bytes through
a proxy are left to httpx; this only has to know when.
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.request import getproxies

HERE: Final = ("127.0.0.1", "localhost", "::1")
"""This computer itself, which no proxy ever stands before."""


def applies(scheme: str, host: str) -> bool:
    """Return whether requests to `host` go through a proxy.

    Args:
        scheme: ``http`` or ``https``.
        host: A name or an address, without brackets or port.
    """
    host = host.lower()
    if host in HERE:
        return False
    known = getproxies()
    if not (known.get(scheme) or known.get("all")):
        return False
    return not any(_exempts(rule.strip().lower(), host) for rule in known.get("no", "").split(","))


def _exempts(rule: str, host: str) -> bool:
    if not rule or "://" in rule:
        return False  # httpx tells these by scheme and port; it is asked to
    if rule == "*" or rule == host:
        return True
    try:
        ipaddress.ip_address(rule)
    except ValueError:
        # ".example.com" is what is beneath it, "example.com" that and itself; "localhost" has nothing beneath it.
        return rule != "localhost" and host.endswith(rule if rule.startswith(".") else f".{rule}")
    return False
