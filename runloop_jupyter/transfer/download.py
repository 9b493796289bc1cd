"""An object becomes a file: by parallel ranges, resumed where it broke, verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter import errors
from runloop_jupyter.transfer import presigned, ranges
from runloop_jupyter.transfer.checking import Check
from runloop_jupyter.transfer.partial import Partial
from runloop_jupyter.transfer.receiving import Changed, Incoming, RangesIgnored
from runloop_jupyter.transfer.transfer import Phase

if TYPE_CHECKING:
    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

PARALLEL_FROM: Final = 2 * ranges.LEAST  # bytes; less is one request on the calling thread


def download(
    objects: Objects, view: ObjectView, file: BinaryIO | Partial, transfer: Transfer, expected: str | None
) -> None:
    """Bring the bytes of an object into a file, and make sure that they are the right ones.

    Args:
        objects: The store.
        view: The object.
        file: A file open for writing and reading, empty, with a descriptor; or a `Partial`, whose bytes from an
            earlier download are gone on from.
        transfer: Told how far it is; its `cancel` stops this.
        expected: The digest that went up, ``algorithm:hex``; None where none was kept, then only the size is checked.

    Raises:
        DigestMismatch: What came isn't what went up.
        TransferCancelled: Cancelled.
        TransferError: The bytes can't be had.
        StoreError: The store refused a link.
        OSError: There is no room for them.
    """
    partial = file if isinstance(file, Partial) else Partial(file)
    partial.only_under(digest=expected is not None)
    check = Check(partial, expected.partition(":")[0] if expected else None, view.size_bytes)
    incoming = Incoming(objects, view, partial, transfer, check, digested=expected is not None)
    while True:
        resumed = partial.resumed
        try:
            _receive(incoming, view, partial, transfer)
        except errors.DigestMismatch:
            raise
        except BaseException:
            if partial.is_kept:
                transfer.keep()
            raise
        check.catch_up(transfer.checkpoint)
        if not expected or f"{expected.partition(':')[0]}:{check.hexdigest()}" == expected:
            return
        if not resumed:
            raise errors.DigestMismatch(
                f"the bytes of “{view.name}” are not those that were put (its digest differs); nothing was kept",
                details=f"expected {expected}, got {check.hexdigest()}",
            )
        # What a power cut or another hand did to bytes that lay here for a while is no fault of the store's.
        _again(partial, check)


def _receive(incoming: Incoming, view: ObjectView, partial: Partial, transfer: Transfer) -> None:
    """Bring all of it, from the beginning once more where the object turned out to be another one on the way."""
    changed = False
    while True:
        transfer.begin(Phase.RECEIVING, view.size_bytes)
        transfer.reach(partial.there.total)
        try:
            if incoming.left >= PARALLEL_FROM and not incoming.in_one_piece:
                partial.allocate(view.size_bytes or 0)
                ranges.receive(incoming)
            else:
                _in_one_stream(incoming)
        except Changed:
            if changed:
                raise errors.TransferError(
                    f"“{view.name}” changed in the store while it was fetched, twice; nothing was kept. Try again"
                ) from None
            changed = True
            _again(partial, incoming.check)
        except RangesIgnored:
            incoming.in_one_piece = True
            _again(partial, incoming.check)
        else:
            transfer.reach(partial.there.total)  # what came twice was counted twice
            return


def _in_one_stream(incoming: Incoming) -> None:
    tries = presigned.Tries(f"“{incoming.view.name}” couldn't be fetched", incoming.transfer.checkpoint)
    furthest = 0  # of those that had to begin at the beginning
    while not incoming.is_whole:
        incoming.check.catch_up(incoming.transfer.checkpoint)
        before = incoming.received
        lane = incoming.next_lane()
        try:
            incoming.take(lane)
        except (presigned.Retryable, errors.LinkExpired) as error:
            incoming.links.failed(error, lane.link)
            # A large object over a bad line arrives piece by piece, however many pieces that takes.
            came = incoming.received - before
            tries.failed(error, got_on=came >= presigned.GOT_ON and came > furthest)
            if incoming.in_one_piece:
                furthest = max(furthest, came)
                _again(incoming.partial, incoming.check)


def _again(partial: Partial, check: Check) -> None:
    partial.restart()
    check.restart()
