"""Room on disk: asked for before it is needed, and missed in one clear line."""

from __future__ import annotations

import errno
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import TransferError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RESERVE: Final = 16 << 20  # a disk filled to the last byte fails whatever runs beside
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def room(directory: Path, n_bytes: int | None, what: str) -> Iterator[None]:
    """Make sure of `n_bytes` in `directory` for what is written in the block.

    Args:
        directory: Where it is written; it exists.
        n_bytes: How many bytes; None where nobody knows.
        what: What is written, for the message.

    Raises:
        TransferError: There is no room, now or in the middle.
    """
    if n_bytes and shutil.disk_usage(directory).free < n_bytes + RESERVE:
        raise _no_room(directory, what, n_bytes)
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise _no_room(directory, what, n_bytes) from None


def _no_room(directory: Path, what: str, n_bytes: int | None) -> TransferError:
    needs = f"needs {n_bytes / 2**20:,.1f} MiB" if n_bytes else "doesn't fit"
    free = shutil.disk_usage(directory).free / 2**20
    return TransferError(
        f"no room for “{what}”: it {needs}, and {free:,.1f} MiB are left in {directory}. Free some, write elsewhere, "
        "or set RUNLOOP_JUPYTER_CACHE to a directory on a larger disk"
    )
