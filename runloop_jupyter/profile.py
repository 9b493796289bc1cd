"""Profiles: how a store is reached.

Key and URL always come from one source, the first of these that names any:

1. what the caller names explicitly,
2. the environment: ``RUNLOOP_API_KEY``, with ``RUNLOOP_BASE_URL`` where it isn't the hosted service,
3. the default in ``profiles.toml`` under ``RUNLOOP_JUPYTER_HOME`` (0600)::

       default = "work"

       [profiles.work]
       base_url = "https://api.runloop.ai"
       api_key = "…"

4. the embedded store on this computer.

A key that is refused is an error, never a reason to try the next.
"""

from __future__ import annotations

import os
import shlex
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from runloop_jupyter.errors import ProfileError
from runloop_jupyter.paths import home_path
from runloop_jupyter.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HOSTED_URL: Final = "https://api.runloop.ai"
EMBEDDED: Final = "local"


@dataclass(frozen=True)
class Profile:
    """A named way to reach a store.

    Attributes:
        name: What it is called before a colon: ``local:penguins``.
        source: Where key and URL come from, in words.
        base_url: Without a slash at its end; None for the embedded store, which says its own when it is started.
        key: The account's key; None for the embedded store, which keeps its own.
    """

    name: str
    source: str
    base_url: str | None = None
    key: Secret | None = None

    @property
    def embedded(self) -> bool:
        """Whether this is the embedded store."""
        return self.base_url is None

    @property
    def label(self) -> str:
        """The store as a person reads it: ``embedded store``, ``api.runloop.ai``."""
        return "embedded store" if self.base_url is None else urlsplit(self.base_url).netloc


@dataclass(frozen=True)
class StoreIdentity:
    """Which store something belongs to. What is kept on disk or pickled carries the id and refuses another.

    Attributes:
        id: For a service, of its URL and the account's key (the key can't be had back from it); for an embedded
            store, its own UUID.
        label: As a person reads it; the profile's.
    """

    id: str
    label: str


def account_identity(base_url: str, key: Secret) -> str:
    """Return what identifies a service under one account."""
    import hashlib  # 3 ms, which loading the extension doesn't need

    fingerprint = hashlib.sha256(b"runloop_jupyter account\0" + key.reveal().encode()).digest()
    return hashlib.sha256(base_url.encode() + b"\0" + fingerprint).hexdigest()[:32]


def active(environ: Mapping[str, str] | None = None) -> Profile:
    """Return the profile that holds when nobody names one.

    Args:
        environ: The environment to read; the process's own by default.

    Raises:
        ProfileError: A source names a store but not how to reach it, or can't be read.
    """
    return from_environment(os.environ if environ is None else environ) or _default_in_file() or embedded()


def embedded() -> Profile:
    """Return the profile of the embedded store."""
    return Profile(EMBEDDED, "no key")


def from_environment(environ: Mapping[str, str]) -> Profile | None:
    """Return the profile that the environment names, None where it names none.

    Raises:
        ProfileError: A URL without a key, or one that can't be used.
    """
    key, url = environ.get("RUNLOOP_API_KEY", ""), environ.get("RUNLOOP_BASE_URL", "")
    if not key:
        if url:
            raise ProfileError(
                "RUNLOOP_BASE_URL is set but RUNLOOP_API_KEY is not. Set both, or neither for the embedded store"
            )
        return None
    return Profile("env", "RUNLOOP_API_KEY", _checked_url(url or HOSTED_URL, "RUNLOOP_BASE_URL"), _checked_key(key))


def named(name: str) -> Profile:
    """Return the profile called `name`.

    Raises:
        ProfileError: There is none.
    """
    if name == EMBEDDED:
        return embedded()
    if name == "env" and (profile := from_environment(os.environ)):
        return profile
    path, data = _read_file()
    if name in data.get("profiles", {}):
        return _from_table(name, data["profiles"][name], path)
    raise ProfileError(f"there is no profile “{name}”. Known: {', '.join(known())}")


def known() -> list[str]:
    """Return the names of all profiles.

    Raises:
        ProfileError: The profile file can't be read.
    """
    names = [EMBEDDED, *_read_file()[1].get("profiles", {})]
    return ["env", *names] if os.environ.get("RUNLOOP_API_KEY") else names


def _default_in_file() -> Profile | None:
    path, data = _read_file()
    name = data.get("default")
    if name is None or name == EMBEDDED:
        return None
    if name not in data.get("profiles", {}):
        raise ProfileError(f"{path} has default = “{name}” but no [profiles.{name}]. Add it or change the default")
    return _from_table(name, data["profiles"][name], path)


def _read_file() -> tuple[Path, dict[str, Any]]:
    path = home_path() / "profiles.toml"
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return path, {}
    if stat.S_IMODE(mode) & 0o077:
        raise ProfileError(f"{path} holds keys and can be read by others. Run: chmod 600 {shlex.quote(str(path))}")
    import tomllib  # only where there is a file

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ProfileError(f"{path} can't be read as TOML: {error}") from None
    if not isinstance(data.get("profiles", {}), dict):
        raise ProfileError(f"{path}: profiles must be tables, [profiles.NAME]")
    return path, data


def _from_table(name: str, table: object, path: Path) -> Profile:
    if not isinstance(table, dict) or not isinstance(table.get("api_key"), str):
        raise ProfileError(f"{path}: [profiles.{name}] has no api_key. Key and URL come from one place")
    url = table.get("base_url", HOSTED_URL)
    return Profile(name, f"profile {name}", _checked_url(url, f"[profiles.{name}]"), _checked_key(table["api_key"]))


def _checked_key(key: str) -> Secret:
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ProfileError("the API key has characters that no key has (a space, a line break?). Copy it again")
    return Secret(key)


def _checked_url(url: object, source: str) -> str:
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ProfileError(f"{source} is not a URL like {HOSTED_URL}")
    if parts.username or parts.password:
        raise ProfileError(f"{source} must not carry a user or password; the key goes with RUNLOOP_API_KEY")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ProfileError(f"{source} would send the key in the clear to {parts.hostname}. Use https://")
    return parts.geturl().rstrip("/")


def _is_loopback(host: str) -> bool:
    import ipaddress  # only for a URL that isn't https

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
