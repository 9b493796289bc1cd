"""How a person names a stored thing: a name, ``name@version``, an id, ``PROFILE:name`` or ``runloop://NAME``.

Names are not unique: each put under one name is a version. A version is called by its time and a hash of its id,
``20261103T141502Z-3fa9c``, and any unique prefix of that will do; ``@-1`` is the one before the newest.

What a text means in the end is for the store to say (an id that exists wins over a name, an exact name wins over
``name@version``); this module only takes it apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import AddressError

if TYPE_CHECKING:
    from collections.abc import Collection

SCHEME: Final = "runloop://"
MAX_NAME_BYTES: Final = 1024

_VERSION: Final = re.compile(r"-\d{1,6}|\d{1,8}|\d{8}T\d{0,6}|\d{8}T\d{6}Z|\d{8}T\d{6}Z-[0-9a-f]{0,5}")
_ID: Final = re.compile(r"obj_[A-Za-z0-9_-]{4,}")
_UNQUOTED: Final = re.compile(r"[\w@%+=:,./~][\w@%+=:,./~-]*")


@dataclass(frozen=True)
class Address:
    """One text, taken apart.

    Attributes:
        text: What names the object within its store, as typed: a name, an id, or ``name@version``.
        profile: The profile it was said to be in; None for the current one.
    """

    text: str
    profile: str | None = None

    @property
    def looks_like_id(self) -> bool:
        """Whether the text has the form of an object id, so that asking for it by id comes first."""
        return _ID.fullmatch(self.text) is not None

    @property
    def versioned(self) -> tuple[str, str] | None:
        """Return ``(name, version reference)`` where the text can be read so, else None."""
        name, at, reference = self.text.rpartition("@")
        if at and name and _VERSION.fullmatch(reference):
            return name, reference
        return None


def parse(text: str, *, profiles: Collection[str] = ()) -> Address:
    """Take `text` apart.

    Args:
        text: As typed.
        profiles: Known profile names; only these are read as ``PROFILE:``, for a name may hold a colon.

    Raises:
        AddressError: Empty, or a URL of another scheme.
    """
    profile = None
    if text.startswith(SCHEME):
        text = text.removeprefix(SCHEME)
    elif scheme := re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        raise AddressError(f"{scheme.group()}… is not a place for objects. Use a name, an id or {SCHEME}NAME")
    else:
        head, colon, rest = text.partition(":")
        if colon and head in profiles:
            profile, text = head, rest
    if not text:
        raise AddressError("the name is empty. Give a name, an id or name@version")
    return Address(text, profile)


def check_name(name: str) -> str:
    """Return `name` if an object can be stored under it.

    Raises:
        AddressError: Empty, too long, or with characters that no one can type or print.
    """
    if not isinstance(name, str):
        raise AddressError(f"the name {name!r} is a {type(name).__name__}. Give text")
    if not name or name.isspace():
        raise AddressError("the name is empty. Give one with -n NAME (name= in Python)")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise AddressError(f"the name {name!a} is not valid Unicode. Give another with -n NAME") from None
    if size > MAX_NAME_BYTES:
        raise AddressError(
            f"the name has {size:,} bytes; at most {MAX_NAME_BYTES:,} fit. Give a shorter one with -n NAME"
        )
    if any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise AddressError(f"the name {name!a} has control characters. Give another with -n NAME")
    return name


def version_label(create_time_ms: int, object_id: str) -> str:
    """Return what a version is called: ``20261103T141502Z-3fa9c``, its UTC time and a hash of its id.

    Args:
        create_time_ms: Milliseconds since 1970-01-01 UTC.
        object_id: The object's id.
    """
    import hashlib  # 3 ms, which loading the extension doesn't need

    try:
        moment = datetime.fromtimestamp(create_time_ms // 1000, UTC)
        stamp = f"{moment.year:04d}{moment:%m%dT%H%M%SZ}"  # strftime's %Y doesn't pad on Linux
    except (OverflowError, ValueError, OSError):  # a store may answer with any integer
        stamp = "00000000T000000Z"
    return f"{stamp}-{hashlib.sha256(object_id.encode()).hexdigest()[:5]}"


def quoted(name: str, begun: str = "") -> str:
    """Return `name` as it must be typed on a magic's line, whatever is in it.

    Args:
        name: Any text.
        begun: The quote that was typed already, to be kept where the name allows.
    """
    doubled = re.sub(r"[${}]", r"\g<0>\g<0>", name)
    if begun == '"' and not re.search(r'["\\]', name):
        return f'"{doubled}"'
    if begun != "'" and _UNQUOTED.fullmatch(doubled):
        return doubled
    return "'" + doubled.replace("'", "'\"'\"'") + "'"
