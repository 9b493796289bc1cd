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
    reason = ""
    for attempt in range(presigned.TRIES):
        # A link for each try: one that expired in the middle is no reason to fail.
        url = objects.download_url(view.id)
        try:
            with presigned.request("GET", url, headers=incoming.headers()) as response:
                incoming.take(response)
            break
        except presigned.Retryable as error:
            reason = error.reason
        except errors.LinkExpired as error:
            reason = str(error)
        presigned.pause(attempt, transfer.checkpoint)
    else:
        raise errors.TransferError(f"“{view.name}” couldn't be fetched: {reason}. Try again")
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
        self._received = 0
        self._etag: str | None = None

    def headers(self) -> dict[str, str]:
        # Content codings would change the bytes that were hashed.
        headers = {"Accept-Encoding": "identity"}
        if self._received and self._etag:
            headers |= {"Range": f"bytes={self._received}-", "If-Range": self._etag}
        return headers

    def take(self, response: httpx.Response) -> None:
        if response.status_code != 206 and self._received:
            self._start_again()
        self._etag = response.headers.get("etag")
        for chunk in response.iter_raw(CHUNK):
            self._file.write(chunk)
            self._hasher.update(chunk)
            self._received += len(chunk)
            self._transfer.advance(len(chunk))
        if self._view.size_bytes is not None and self._received < self._view.size_bytes:
            raise presigned.Retryable(
                f"the connection ended after {self._received:,} of {self._view.size_bytes:,} bytes"
            )

    def verify(self) -> None:
        name, size = self._view.name, self._view.size_bytes
        if size is not None and self._received != size:
            raise errors.DigestMismatch(f"“{name}” came with {self._received:,} bytes, the store says {size:,}")
        found = f"{self._algorithm}:{self._hasher.hexdigest()}"
        if self._expected and found != self._expected:
            raise errors.DigestMismatch(
                f"the bytes of “{name}” are not those that were put (its digest differs); nothing was kept",
                details=f"expected {self._expected}, got {found}",
            )

    def _start_again(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._hasher = digest.hasher(self._algorithm)
        self._received = 0
        self._transfer.begin(Phase.RECEIVING, self._view.size_bytes)
