"""``UPath("runloop://…")``: a path of the standard library's kind over `RunloopFileSystem`."""

from __future__ import annotations

from upath import UPath


class RunloopPath(UPath):
    """An object, or a folder of them, by its URL.

    Example:
        >>> (UPath("runloop://birds") / "penguins.csv").read_text()  # doctest: +SKIP
    """

    __slots__ = ()
