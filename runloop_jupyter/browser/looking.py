"""A look inside one object for the preview: a few rows, a text's beginning, a picture, the files of an archive."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter import archive
from runloop_jupyter.actions.info import NUMBER
from runloop_jupyter.actions.inside import opened
from runloop_jupyter.actions.source import FOLDER, stored_format
from runloop_jupyter.actions.within import listing_of
from runloop_jupyter.browser import pictures, protocol
from runloop_jupyter.browser.rows import cut
from runloop_jupyter.display import humane
from runloop_jupyter.errors import ArchiveError
from runloop_jupyter.transfer.manifest import is_folder
from runloop_jupyter.transfer.transfer import Transfer
from runloop_jupyter.values import registry
from runloop_jupyter.widgets.serving import WithBuffers

if TYPE_CHECKING:
    from runloop_jupyter.actions.inside import Opened
    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.browser.place import Place
    from runloop_jupyter.values.codec import Preview
    from runloop_jupyter.widgets.asked import Asked

MEMBERS: Final = 200
COLUMNS: Final = 40
TEXT: Final = 64 << 10
_FRACTION: Final = re.compile(r"float|double|halffloat", re.IGNORECASE)
_TEXTS: Final = frozenset(["text", "json", "svg"])


def preview(place: Place, asked: Asked) -> object:
    """Answer ``preview``."""
    said = protocol.read(asked.args, protocol.IdArgs)
    thing = place.object(said.id)
    looking = Transfer(thing.name, "down", "")  # not one that others see
    asked.on_cancel(looking.cancel)
    shown, data = look(thing, looking)
    asked.checkpoint()
    return WithBuffers(protocol.plain(shown), [data]) if data else protocol.plain(shown)


def look(thing: Object, transfer: Transfer) -> tuple[protocol.Preview, bytes]:
    """Return what shows of an object, and of a picture its bytes.

    Raises:
        DecodeError: The bytes are not what their format says.
        TransferError: They can't be had.
        StoreError: The store refused.
    """
    if is_folder(thing.view):
        listing = listing_of(thing, transfer)
        files = [protocol.Member(path=file.path, size=file.size) for file in listing.files[:MEMBERS]]
        return protocol.ArchivePreview(members=files, more=len(listing.files) > MEMBERS, read=0), b""
    if thing.state != "READ_ONLY":
        return protocol.NoPreview(why=f"it is {thing.state.lower()}"), b""
    if not thing.size:
        return protocol.NoPreview(why="it is empty"), b""
    with opened(thing, transfer) as bytes_:
        return _inside(thing, bytes_)


def _inside(thing: Object, bytes_: Opened) -> tuple[protocol.Preview, bytes]:
    file = bytes_.file
    if thing.kind == FOLDER or thing.view.content_type in {"tgz", "tar"}:
        return _members(bytes_), b""
    if picture := pictures.measured(_head(file, pictures.HEAD if _may_be_jpeg(file) else 64)):
        return _picture(thing, picture, bytes_)
    format_ = stored_format(thing.format, file, thing.name)
    if format_ in _TEXTS:
        return _text(thing, format_, bytes_), b""
    codec = registry.known(format_)
    found = codec.peek(file, thing.facts) if codec else None
    if found is not None:
        return _value(found, format_ or "", bytes_.fetched()), b""
    if format_ is None and _is_archive(file):
        return _members(bytes_), b""
    return protocol.NoPreview(why="nothing here can look inside"), b""


def _may_be_jpeg(file: BinaryIO) -> bool:
    return _head(file, 2) == b"\xff\xd8"


def _head(file: BinaryIO, n_bytes: int) -> bytes:
    file.seek(0)
    head = file.read(n_bytes)
    file.seek(0)
    return head


def _picture(thing: Object, picture: pictures.Picture, bytes_: Opened) -> tuple[protocol.Preview, bytes]:
    size = thing.size or 0
    if size > pictures.MOST_BYTES or not 0 < picture.width * picture.height <= pictures.MOST_PIXELS:
        why = f"{picture.width:,} × {picture.height:,} pixels, {humane.size(size)}: too large to be shown here"
        return protocol.NoPreview(why=why), b""
    data = bytes_.file.read()
    shown = protocol.ImagePreview(type=picture.type, width=picture.width, height=picture.height, read=bytes_.fetched())
    return shown, data


def _text(thing: Object, format_: str, bytes_: Opened) -> protocol.Preview:
    data = _head(bytes_.file, TEXT)
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(data)
    whole = len(data) == (thing.size or 0)
    return protocol.TextPreview(text=text, format=format_, whole=whole, read=bytes_.fetched())


def _value(found: Preview, format_: str, read: int) -> protocol.Preview:
    if not found.columns:
        return protocol.TextPreview(text=found.text or "", format=format_, whole=False, read=read)
    columns = [
        protocol.Column(name=cut(name), type=cut(kind), number=NUMBER.match(kind) is not None)
        for name, kind in found.columns[:COLUMNS]
    ]
    head = [row[:COLUMNS] for row in found.head]
    return protocol.TablePreview(
        columns=columns,
        rows=[[cut(_short(cell, kind)) for cell, (_, kind) in zip(row, found.columns, strict=False)] for row in head],
        of_rows=found.rows,
        of_columns=len(found.columns),
        read=read,
    )


def _short(cell: str, kind: str) -> str:
    """Return a value as it is shown in a narrow column: of a fraction six digits."""
    if not _FRACTION.match(kind):
        return cell
    try:
        return f"{float(cell):.6g}"
    except ValueError:  # nothing, or what its library writes in its own way
        return cell


def _members(bytes_: Opened) -> protocol.Preview:
    found = archive.members(bytes_.file, MEMBERS)
    members = [protocol.Member(path=archive.shown(name), size=size) for name, size in found.entries]
    return protocol.ArchivePreview(members=members, more=not found.whole, read=bytes_.fetched())


def _is_archive(file: BinaryIO) -> bool:
    try:
        return archive.is_tar(file)
    except ArchiveError:
        return False
