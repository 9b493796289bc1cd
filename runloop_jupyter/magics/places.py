"""What Tab offers of places: ``runloop://`` paths, a folder at a time, and ``PROFILE:``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runloop_jupyter.magics.names import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEME: Final = "runloop://"
URL_IN_TEXT: Final = re.compile(rf"""['"](?P<url>{SCHEME}[^'"\n]*)$""")
"""A URL that is being typed as a text of Python's: ``pd.read_parquet("runloop://pen``."""


class Places:
    """Completes places by what their stores had a moment ago.

    Args:
        names: What is known of the current store.
    """

    def __init__(self, names: Names) -> None:
        self._names: dict[str | None, Names] = {None: names}

    def offers(self, begun: str) -> Iterator[str]:
        """Yield what `begun` may go on as, whole: profiles first, then what is right in the folder.

        Args:
            begun: ``loc``, ``local:runs/``, ``runloop://local:ru``, ``runloop://runs/7``.
        """
        scheme = SCHEME if begun.startswith(SCHEME) else ""
        if not scheme and begun and SCHEME.startswith(begun):
            yield SCHEME
        rest = begun.removeprefix(scheme)
        known = _profiles()
        head, colon, path = rest.partition(":")
        if colon and head in known:
            yield from (f"{scheme}{head}:{each}" for each in self._children(head, path))
            return
        if rest or scheme:
            yield from (f"{scheme}{name}:" for name in known if name.startswith(rest))
        if scheme:
            yield from (f"{scheme}{each}" for each in self._children(None, rest))

    def _children(self, profile: str | None, path: str) -> Iterator[str]:
        """Yield the names in a profile's store that begin so, cut after their next slash."""
        names = self._names.setdefault(profile, Names(profile)).get().names
        start = path.rfind("/") + 1
        found = dict.fromkeys(
            name[: slash + 1] if (slash := name.find("/", start)) >= 0 else name
            for name in names
            if name.startswith(path)
        )
        yield from sorted(found)


def _profiles() -> list[str]:
    from runloop_jupyter import profile
    from runloop_jupyter.errors import RunloopError

    try:
        return profile.known()
    except (RunloopError, OSError):  # Tab is no place for an error; the magic will say it
        return []
