"""An object becomes a file: streamed, resumed where the connection broke, verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter import errors
from runloop_jupyter.transfer import digest, presigned
from runloop_jupyter.transfer.transfer import Phase

if TYPE_CHECKING:
    import httpx

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

CHUNK: Final = 1 << 20


def download(objects: Objects, view: ObjectView, file: BinaryIO, transfer: Transfer, expected: str | None) -> None:
    """Write the bytes of an object to an empty file, and make sure that they are the right ones.

    Args:
        objects: The store.
        view: The object.
        file: Open for writing, empty, seekable.
        transfer: Told how far it is; its `cancel` stops this.
        expected: The digest that went up, ``algorithm:hex``; None where none was kept, then only the size is checked.

    Raises:
        DigestMismatch: What came isn't what went up.
        TransferCancelled: Cancelled.
        TransferError: The bytes can't be had.
        StoreError: The store refused a link.
    """
    transfer.begin(Phase.RECEIVING, view.size_bytes)
    incoming = _Incoming(view, file, transfer, expected)
    tries = presigned.Tries(f"“{view.name}” couldn't be fetched", transfer.checkpoint)
    furthest = 0
    while True:
        # A link for each try: one that expired in the middle is no reason to fail.
        url = objects.download_url(view.id)
        try:
            with presigned.request("GET", url, headers=incoming.headers()) as response:
                incoming.take(response)
            break
        except (presigned.Retryable, errors.LinkExpired) as error:
            # A large object over a bad line arrives piece by piece, however many pieces that takes.
            tries.failed(error, got_on=incoming.received > furthest)
            furthest = max(furthest, incoming.received)
    incoming.verify()


class _Incoming:
    """The bytes so far, and what they hash to."""

    def __init__(self, view: ObjectView, file: BinaryIO, transfer: Transfer, expected: str | None) -> None:
        self._view = view
        self._file = file
        self._transfer = transfer
        self._expected = expected
        self._algorithm = expected.partition(":")[0] if expected else digest.DEFAULT
        self._hasher = digest.hasher(self._algorithm)
        self.received = 0
        self._etag: str | None = None

    def headers(self) -> dict[str, str]:
        # Content codings would change the bytes that were hashed.
        headers = {"Accept-Encoding": "identity"}
        if self.received and self._etag:
            headers |= {"Range": f"bytes={self.received}-", "If-Range": self._etag}
        return headers

    def take(self, response: httpx.Response) -> None:
        if response.status_code == 206:
            self._check_continues(response)
        elif self.received:
            self._start_again()
        self._etag = response.headers.get("etag")
        for chunk in response.iter_raw(CHUNK):
            self.received += len(chunk)
            if self._view.size_bytes is not None and self.received > self._view.size_bytes:
                break  # an endless body must not fill the disk before anybody looks at its length
            self._file.write(chunk)
            self._hasher.update(chunk)
            self._transfer.advance(len(chunk))
        if self._view.size_bytes is not None and self.received < self._view.size_bytes:
            raise presigned.Retryable(
                f"the connection ended after {self.received:,} of {self._view.size_bytes:,} bytes"
            )

    def verify(self) -> None:
        name, size = self._view.name, self._view.size_bytes
        if size is not None and self.received > size:
            raise errors.DigestMismatch(
                f"“{name}” came with more bytes than the {size:,} that the store says it has; nothing was kept"
            )
        found = f"{self._algorithm}:{self._hasher.hexdigest()}"
        if self._expected and found != self._expected:
            raise errors.DigestMismatch(
                f"the bytes of “{name}” are not those that were put (its digest differs); nothing was kept",
                details=f"expected {self._expected}, got {found}",
            )

    def _check_continues(self, response: httpx.Response) -> None:
        etag = response.headers.get("etag") or self._etag
        if presigned.first_byte(response) != self.received or etag != self._etag:
            self._start_again()
            raise presigned.Retryable("the store sent another part than was asked for")

    def _start_again(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._hasher = digest.hasher(self._algorithm)
        self.received = 0
        self._transfer.begin(Phase.RECEIVING, self._view.size_bytes)
