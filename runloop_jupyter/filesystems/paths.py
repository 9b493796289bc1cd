"""``runloop://NAME`` taken apart: the path within a store, and the profile that reaches it.

Names are flat in a store, and a ``/`` in one makes folders here. A name that can't be a path, for it begins or ends
with a slash, has two in a row or a step upwards, is shown by its id, which names it as well: whoever copies a folder
joins its names to a path of their own, and must stay beneath that.
"""

from __future__ import annotations

from typing import Final

from runloop_jupyter import profile as profiles

SCHEME: Final = "runloop"
_PREFIX: Final = f"{SCHEME}://"
_NO_PARTS: Final = frozenset({"", ".", ".."})


def split(url: str) -> tuple[str | None, str]:
    """Return the profile that a URL or a path names, None where it names none, and the path in its store.

    Args:
        url: ``runloop://NAME``, ``runloop://PROFILE:NAME``, or either without the scheme. Only the name of a profile
            that there is counts as one, for a name may hold a colon.

    Raises:
        ProfileError: The profile file can't be read.
    """
    path = url.removeprefix(_PREFIX).strip("/")
    head, colon, rest = path.partition(":")
    if colon and "/" not in head and head in profiles.known():
        return head, rest.strip("/")
    return None, path


def joined(profile: str | None, path: str) -> str:
    """Return the URL that `split` takes apart so."""
    return f"{_PREFIX}{path}" if profile is None else f"{_PREFIX}{profile}:{path}"


def is_path(name: str) -> bool:
    """Whether a name can be one here: of parts that are something, and none a step upwards."""
    return _NO_PARTS.isdisjoint(name.split("/"))
