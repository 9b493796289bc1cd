"""An object's bytes to a page, a few chunks at a time: from the cache, or fetched as the page takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runloop_jupyter.actions.get import Fetch
from runloop_jupyter.actions.inside import opened
from runloop_jupyter.browser import protocol
from runloop_jupyter.browser.place import stops_with
from runloop_jupyter.errors import DigestMismatch, InputError
from runloop_jupyter.transfer import digest
from runloop_jupyter.transfer.manifest import is_folder
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.widgets.protocol import CHUNK_BYTES

if TYPE_CHECKING:
    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.browser.place import Place
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.widgets.asked import Asked


def download(place: Place, asked: Asked) -> Any:
    """Answer ``download``: bytes go as progress ``{name, done, total}`` with a buffer each."""
    said = protocol.read(asked.args, protocol.IdArgs)
    thing = place.object(said.id)
    if is_folder(thing.view):
        raise InputError(f"“{thing.name}” is kept as files, and is no one file to download. Mount it, or get it")
    transfer = place.session.transfers.new(thing.name, "down", place.store.identity.label)
    transfer.heard = True  # whatever goes wrong is said to the page
    stops_with(asked, transfer)
    try:
        name, size = _give(thing, transfer, asked)
    except BaseException as error:
        transfer.fail(error)
        raise
    transfer.finish()
    return {"name": name, "size": size}


def _give(thing: Object, transfer: Transfer, asked: Asked) -> tuple[str, int]:
    fetch, total, done = Fetch(thing, transfer), thing.size or 0, 0
    name = f"{fetch.name}.tar.gz" if fetch.is_folder and not fetch.name.endswith(".tar.gz") else fetch.name
    algorithm = thing.digest.partition(":")[0] if thing.digest else digest.DEFAULT
    hasher = digest.hasher(algorithm)
    transfer.begin(Phase.RECEIVING, total)
    if total:
        with opened(thing, transfer, ahead=True) as bytes_:
            while chunk := bytes_.file.read(CHUNK_BYTES):
                hasher.update(chunk)
                done += len(chunk)
                asked.give({"name": name, "done": done, "total": total}, chunk)
                transfer.advance(len(chunk))
    # The page has the bytes by now; it keeps a file only of what was whole.
    if thing.digest and thing.digest != f"{algorithm}:{hasher.hexdigest()}":
        raise DigestMismatch(f"what came of “{thing.name}” isn't what was put; don't keep it")
    return name, done
