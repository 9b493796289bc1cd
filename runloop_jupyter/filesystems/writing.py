"""A file that becomes an object when it is closed; on any other end nothing of it does."""

from __future__ import annotations

import io
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from runloop_jupyter.content import content_type_of
from runloop_jupyter.transfer import digest, journal, spools
from runloop_jupyter.transfer.parts import upload
from runloop_jupyter.transfer.room import room
from runloop_jupyter.wire.objects import ObjectCreateParameters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.journal import Intent
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

KIND: Final = "file"
_BUFFER: Final = 1 << 20


class ObjectWriter(io.BufferedRandom):
    """A spool that is sent when it is closed. It can be read and sought in meanwhile, as HDF5 and ZIP files want.

    A ``with`` that ends by an exception discards it, and so does being forgotten without a `close`.

    Args:
        store: Where it goes.
        name: The object's name.
        metadata: What its user attaches.
        ttl_ms: How long it lives, in milliseconds; None for ever.
        transfer: Told how far it is.
        autocommit: Whether closing sends it; otherwise `commit` does, as in a transaction of fsspec's.
        sent: Told what it became.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        metadata: dict[str, str],
        ttl_ms: int | None,
        transfer: Callable[[], Transfer],
        *,
        autocommit: bool = True,
        sent: Callable[[ObjectView], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._wanted = (name, metadata, ttl_ms)
        self._transfer = transfer
        self._autocommit = autocommit
        self._sent = sent
        self._over = True
        self._spool = spools.directory() / f"{os.urandom(6).hex()}.spool"
        self._intent: Intent = journal.begin(store.identity.id, store.identity.label, name, self._spool)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            super().__init__(_Raw(os.open(self._spool, flags, 0o600), name), _BUFFER)
        except BaseException:
            self._intent.close()
            raise
        self._over = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.discard()
        self.close()

    def __enter__(self) -> Self:
        return self

    def __del__(self) -> None:
        # Forgotten: whoever wrote it never said that it is whole.
        with suppress(Exception):
            self.discard()

    def close(self) -> None:
        """Send what was written, and return once it is an object; without `autocommit` only let go of the file.

        Raises:
            TransferError: It couldn't be sent; nothing of it is left.
            StoreError: The store refused.
        """
        if self.closed:
            return
        try:
            super().close()
        except BaseException:
            self.discard()
            raise
        if self._autocommit and not self._over:
            self.commit()

    def commit(self) -> None:
        """Send it; raises as `close` does."""
        if self._over:
            return
        self._over = True
        transfer = self._transfer()
        try:
            self._sent(send(self._store, self._spool, *self._wanted, transfer, self._intent))
        except BaseException as error:
            transfer.fail(error)
            raise
        transfer.finish()

    def discard(self) -> None:
        """Throw it away."""
        if not self._over:
            self._over = True
            self._intent.close()
        with suppress(OSError, ValueError):
            super().close()


class TextWriter(io.TextIOWrapper):
    """Text on its way into an object."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            cast("ObjectWriter", self.buffer).discard()
            return
        self.close()

    def __del__(self) -> None:
        """Nothing is sent by being forgotten."""


class _Raw(io.FileIO):
    """The spool, whose full disk is one clear line."""

    def __init__(self, fd: int, name: str) -> None:
        super().__init__(fd, "r+b")
        self._of = name

    def write(self, data: Any) -> int:
        with room(spools.directory(), None, self._of):
            return super().write(data)


def send(
    store: Store,
    path: Path,
    name: str,
    metadata: dict[str, str],
    ttl_ms: int | None,
    transfer: Transfer,
    intent: Intent,
) -> ObjectView:
    """Store a file as an object, and close its intent.

    Raises:
        TransferError: It couldn't be sent; nothing of it is left.
        StoreError: The store refused.
    """
    try:
        found = path.stat()
        facts = {"digest": digest.of_file(path, transfer.advance)}
        of_file = {"rl.kind": KIND, "rl.format": KIND, "rl.facts": json.dumps(facts, separators=(",", ":"))}
        intent.with_metadata({**metadata, **of_file})
        parameters = ObjectCreateParameters(
            name=name, content_type=str(content_type_of(name)), metadata=intent.metadata, ttl_ms=ttl_ms
        )
        return upload(store.objects, path, found, parameters, transfer, intent)
    except BaseException:
        if not intent.metadata:  # from then on `upload` decides
            intent.close()
        raise
