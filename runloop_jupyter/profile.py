"""Profiles: how a store is reached.

Key and URL always come from one source, the first of these that names any:

1. what is named explicitly: ``%rl_use``, ``%rl_login``, ``PROFILE:name``,
2. the environment: ``RUNLOOP_API_KEY``, with ``RUNLOOP_BASE_URL`` where it isn't the hosted service,
3. in Colab, the secrets of the same names,
4. the default of ``profiles.toml`` (see `profile_file`),
5. the embedded store on this computer.

A key that is refused is an error, never a reason to try the next.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from runloop_jupyter import profile_file
from runloop_jupyter.errors import ProfileError
from runloop_jupyter.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runloop_jupyter.profile_file import Contents

HOSTED_URL: Final = "https://api.runloop.ai"
EMBEDDED: Final = "local"
ENVIRONMENT: Final = "env"
COLAB: Final = "colab"
# What names a source can't name an entry of the profile file.
RESERVED: Final = frozenset({EMBEDDED, ENVIRONMENT, COLAB})

_PLAIN: Final = re.compile(r"[!-~]+")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
# An account's key by its prefix, or any long one by its mixture.
_KEY_LIKE: Final = re.compile(
    r"(?:ak|sk)[_-](?=\D*\d)\w{16,}|(?=\D*\d)(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])[\w-]{24,}", re.ASCII
)


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

    @property
    def said(self) -> str:
        """The store and how it is reached: ``api.runloop.ai (profile work, key from profiles.toml)``."""
        if self.embedded:
            return f"{self.label} on this computer ({self.source})"
        return f"{self.label} (profile {self.name}, key from {self.source})"

    @property
    def identity(self) -> StoreIdentity | None:
        """Which store it reaches; None for the embedded store, which says its own when it is started."""
        if self.base_url is None or self.key is None:
            return None
        return StoreIdentity(account_identity(self.base_url, self.key), self.label)


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

    @property
    def embedded(self) -> bool:
        """Whether it is an embedded store's: a UUID has dashes, a service's identity none."""
        return "-" in self.id


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
    if profile := from_environment(os.environ if environ is None else environ):
        return profile
    silent = ""
    try:
        if profile := from_colab():
            return profile
    except _ColabIsSilent:
        silent = "; Colab's secrets gave no answer"
    return _default_in_file() or Profile(EMBEDDED, f"no key{silent}")


def embedded() -> Profile:
    """Return the profile of the embedded store."""
    return Profile(EMBEDDED, "no key")


def from_environment(environ: Mapping[str, str]) -> Profile | None:
    """Return the profile that the environment names, None where it names none.

    Raises:
        ProfileError: A URL without a key, or one that can't be used.
    """
    key, url = Secret(environ.get("RUNLOOP_API_KEY", "")), environ.get("RUNLOOP_BASE_URL", "")
    if not key:
        if url:
            raise ProfileError(
                "RUNLOOP_BASE_URL is set but RUNLOOP_API_KEY is not. Set both, or neither for the embedded store"
            )
        return None
    return Profile(ENVIRONMENT, "RUNLOOP_API_KEY", checked_url(url or HOSTED_URL, "RUNLOOP_BASE_URL"), checked_key(key))


class _ColabIsSilent(Exception):
    """Colab's secrets can be asked for only where its own page is open."""


def from_colab() -> Profile | None:
    """Return the profile that Colab's secrets name, None outside of Colab and where they name none.

    Raises:
        ProfileError: This notebook may not read them, or they can't be used.
    """
    key = _colab_secret("RUNLOOP_API_KEY")
    if not key:
        return None
    url = _colab_secret("RUNLOOP_BASE_URL") or Secret(HOSTED_URL)
    return Profile(
        COLAB, "Colab's secrets", checked_url(url.reveal(), "Colab's secret RUNLOOP_BASE_URL"), checked_key(key)
    )


def named(name: str) -> Profile:
    """Return the profile called `name`.

    Raises:
        ProfileError: There is none.
    """
    if name == EMBEDDED:
        return embedded()
    if name == ENVIRONMENT:
        if profile := from_environment(os.environ):
            return profile
        raise ProfileError("env is what RUNLOOP_API_KEY says, and that isn't set")
    if name == COLAB and "google.colab" in sys.modules:
        try:
            if profile := from_colab():
                return profile
        except _ColabIsSilent:
            raise ProfileError("Colab's secrets gave no answer. Try again, or log in with %rl_login") from None
        raise ProfileError("Colab has no secret RUNLOOP_API_KEY. Add one (the key on the left), or use %rl_login")
    contents = profile_file.read()
    if name in contents.profiles and name not in RESERVED:
        return _from_file(name, contents)
    names = known()
    close = difflib.get_close_matches(name, names, n=2)
    near = f". Close: {', '.join(close)}" if close else ""
    add = f". %rl_login {name} adds it" if _NAME.fullmatch(name) and name not in RESERVED else ""
    raise ProfileError(f"there is no profile “{name}”. Known: {', '.join(names)}{near}{add}")


def known() -> list[str]:
    """Return the names of all profiles.

    Raises:
        ProfileError: The profile file can't be read.
    """
    names = [EMBEDDED, *(name for name in profile_file.read().profiles if name not in RESERVED)]
    return [ENVIRONMENT, *names] if os.environ.get("RUNLOOP_API_KEY") else names


def services() -> Iterator[Profile]:
    """Yield every profile of a service that can be used; those that can't be are passed over.

    Raises:
        ProfileError: The profile file can't be read.
    """
    for name in [ENVIRONMENT, COLAB, *profile_file.read().profiles]:
        try:
            profile = named(name)
        except ProfileError:
            continue
        if not profile.embedded:
            yield profile


def passed_over(profile: Profile) -> str | None:
    """Return the default of the profile file where `profile` comes before it, else None."""
    if profile.name not in {ENVIRONMENT, COLAB}:
        return None
    try:
        return profile_file.read().default
    except ProfileError:  # not asked for, so nobody need hear of it
        return None


def checked_name(name: object) -> str:
    """Return `name` if a profile can be logged in under it. A name that can't be one may be a key, and isn't repeated.

    Raises:
        ProfileError: It is one of a source's, or has characters that none has.
    """
    if isinstance(name, str) and name in RESERVED:
        raise ProfileError(f"“{name}” names what is there without a login. Give the profile another name")
    if isinstance(name, str) and _KEY_LIKE.fullmatch(name):
        raise ProfileError(
            "that looks like a key, not like a profile's name. %rl_login asks for the key. Take that one out of the "
            "notebook, and make a new one: it has been seen"
        )
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ProfileError("a profile's name has letters a-z, digits, - and _, at most 40. Give it such a one")
    return name


def checked_key(key: Secret) -> Secret:
    """Return `key` if it can be one.

    Raises:
        ProfileError: It was copied badly.
    """
    if not _PLAIN.fullmatch(key.reveal()):
        raise ProfileError("the API key has characters that no key has (a space, a line break?). Copy it again")
    return key


def checked_url(url: object, source: str) -> str:
    """Return `url` without slashes at its end if a key can be sent there.

    Args:
        url: As it was given.
        source: What names it, for the error.

    Raises:
        ProfileError: It is no URL, carries more than a place, or would send the key in the clear.
    """
    try:
        parts = urlsplit(url) if isinstance(url, str) and _PLAIN.fullmatch(url) else urlsplit("")
        host = parts.hostname if parts.port != 0 else None
    except ValueError:  # a port that is no number, brackets that don't close
        host = None
    if not host or parts.scheme not in {"http", "https"} or parts.query or parts.fragment:
        raise ProfileError(f"{source} is not a URL like {HOSTED_URL}")
    if parts.username or parts.password:
        raise ProfileError(f"{source} must not carry a user or password; the key goes by itself")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ProfileError(f"{source} would send the key in the clear to {host}. Use https://")
    return parts.geturl().rstrip("/")


def _default_in_file() -> Profile | None:
    contents = profile_file.read()
    name = contents.default
    if name is None or name == EMBEDDED:
        return None
    if name not in contents.profiles:
        raise ProfileError(
            f"{contents.path} has default = “{name}” but no [profiles.{name}]. Add it or change the default"
        )
    return _from_file(name, contents)


def _from_file(name: str, contents: Contents) -> Profile:
    entry = contents.profiles[name]
    if not entry.key:
        raise ProfileError(
            f"{contents.path}: [profiles.{name}] has no api_key. Key and URL come from one place: %rl_login {name}"
        )
    url = HOSTED_URL if entry.base_url is None else entry.base_url
    return Profile(
        name, profile_file.NAME, checked_url(url, f"{contents.path}: [profiles.{name}]"), checked_key(entry.key)
    )


def _colab_secret(name: str) -> Secret | None:
    """Return one of Colab's secrets; None outside of Colab and where there is none.

    Raises:
        ProfileError: This notebook may not read it.
        _ColabIsSilent: Nobody answers.
    """
    if "google.colab" not in sys.modules:
        return None
    try:
        from google.colab import userdata

        return Secret(str(userdata.get(name) or "").strip())
    except Exception as error:  # by name: which of them there are depends on Colab's version
        kind = type(error).__name__
    if kind == "SecretNotFoundError":
        return None
    if kind == "NotebookAccessError":
        raise ProfileError(
            f"Colab's secret {name} may not be read by this notebook. Switch its access on (the key on the left), "
            "or use another store: %rl_use local"
        )
    raise _ColabIsSilent


def _is_loopback(host: str) -> bool:
    import ipaddress  # only for a URL that isn't https

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
