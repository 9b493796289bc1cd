"""``runloop://NAME`` taken apart: the path within a store, and the profile that reaches it.

Names are flat in a store, and a ``/`` in one makes folders here. A name that can't be a path, for it begins or ends
with a slash or has two in a row, is shown by its id, which names it as well.
"""

from __future__ import annotations

from typing import Final

from runloop_jupyter import profile as profiles

SCHEME: Final = "runloop"
_PREFIX: Final = f"{SCHEME}://"


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
    """Whether a name can be one here: of parts that are not empty."""
    return bool(name) and all(name.split("/"))


def parent(path: str) -> str:
    """Return the folder that a path is in; the empty one is the root's."""
    return path.rpartition("/")[0]
