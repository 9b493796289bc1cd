"""The face of every mount, however it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runloop_jupyter.transfer.transfer import Transfer


class Counts(msgspec.Struct, frozen=True):
    """What a mount moved since it was made.

    Attributes:
        read: Bytes given to whoever reads there; None where nobody counts them, for the system gives them by itself.
        fetched: Bytes that came from the store.
        requests: How many times the store was asked.
    """

    read: int | None = None
    fetched: int = 0
    requests: int = 0


class Mounted(Protocol):
    """Stored things under a directory of this computer, until `unmount`.

    Attributes:
        mode: ``link``, ``fuse`` or ``write``.
        where: The directory, absolute.
        size: Bytes of what it shows; None where nobody knows.
        notes: What its user should know of it, a line each.
        trouble: What is wrong with it now, a line; None where nothing is.
    """

    @property
    def mode(self) -> str:
        """How it is made: ``link``, ``fuse`` or ``write``."""

    @property
    def where(self) -> Path:
        """The directory, absolute."""

    @property
    def size(self) -> int | None:
        """Bytes of what it shows; None where nobody knows."""

    @property
    def notes(self) -> Sequence[str]:
        """What its user should know of it, a line each."""

    @property
    def trouble(self) -> str | None:
        """What is wrong with it now, a line; None where nothing is."""

    def status(self) -> str:
        """Return how it stands, a line; empty where there is nothing to say."""

    def counts(self) -> Counts:
        """Return what it moved so far."""

    @property
    def is_mounted(self) -> bool:
        """Whether `unmount` has something to do."""

    def unmount(self, transfer: Transfer | None = None) -> None:
        """Let go of the directory; done already, it does nothing.

        Args:
            transfer: Told how far it is, where that takes long; its `cancel` stops it, and it stays mounted.

        Raises:
            MountError: Somebody is at work there, or something couldn't be saved.
            TransferCancelled: Cancelled.
        """
