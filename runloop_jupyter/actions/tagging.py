"""tags: metadata for all that is put within a block."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from runloop_jupyter.options import user_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_current: Final[ContextVar[dict[str, str]]] = ContextVar("tags", default={})  # noqa: B039 - never written into


@contextmanager
def tags(metadata: Mapping[str, object] | None = None, /, **more: object) -> Iterator[None]:
    """Add metadata to everything that is put in the block; what a put itself is given wins, and so do inner blocks.

    Args:
        metadata: Keys that are no Python names, as a dict.
        **more: The others.

    Raises:
        MetadataError: A key or value that can't be stored.

    Example:
        >>> with rl.tags(run=3):  # doctest: +SKIP
        ...     rl.put(df, "scores")
    """
    token = _current.set({**_current.get(), **user_metadata(metadata), **user_metadata(more)})
    try:
        yield
    finally:
        _current.reset(token)


def current_tags() -> dict[str, str]:
    """Return the metadata of the blocks that are open here."""
    return dict(_current.get())
