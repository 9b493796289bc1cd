"""info: everything known about one object, and a look inside that fetches no more than it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter import archive
from runloop_jupyter import session as sessions
from runloop_jupyter.actions.inside import opened
from runloop_jupyter.actions.resolve import whose
from runloop_jupyter.actions.running import ask
from runloop_jupyter.actions.source import FOLDER, stored_format
from runloop_jupyter.actions.within import Inside, listing_of, locate, part_of
from runloop_jupyter.address import version_label
from runloop_jupyter.display import humane
from runloop_jupyter.display import info as page
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.result import Result
from runloop_jupyter.display.table import Cell, Column, Table
from runloop_jupyter.errors import InputError, RunloopError
from runloop_jupyter.lookup import versions
from runloop_jupyter.transfer.manifest import is_folder, size_of
from runloop_jupyter.values import registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.display.shown import Shown
    from runloop_jupyter.session import Session
    from runloop_jupyter.transfer.folders.listing import Listing
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.values.codec import Preview
    from runloop_jupyter.wire.objects import ObjectView

VERSIONS_SHOWN: Final = 10
MEMBERS_SHOWN: Final = 20
COLUMNS_SHOWN: Final = 12
TEXT_SHOWN: Final = 2000
NUMBER: Final = re.compile(r"u?int|float|double|halffloat|decimal", re.IGNORECASE)


@dataclass(frozen=True)
class Info(Result):
    """One object, its versions, and a look inside.

    Attributes:
        object: The object.
        versions: The living versions of its name, newest first, the first ten.
        more_versions: Whether there are more.
        preview: Schema and first rows, or the beginning of a text; None where there is nothing to show.
        members: Names and sizes in an archive, as far as it was looked into; None where it is none.
        bytes_read: What the look inside fetched; 0 where the bytes are in the cache.
        trouble: Why there is no look inside, in a line.
    """

    object: Object
    versions: Sequence[ObjectView]
    more_versions: bool
    preview: Preview | None
    members: archive.Members | None
    bytes_read: int
    trouble: str | None

    def page(self) -> page.InfoPage:
        """Return the page that shows it."""
        thing, preview = self.object, self.preview
        return page.InfoPage(
            card=thing.card(),
            facts=self._facts(),
            versions=self._versions() if len(self.versions) > 1 else None,
            schema=self._schema(preview) if preview and preview.columns else None,
            head=self._head(preview) if preview and preview.head else None,
            members=self._members(self.members) if self.members and self.members.entries else None,
            preview=page.Preview(preview.text[:TEXT_SHOWN]) if preview and preview.text is not None else None,
        )

    def _facts(self) -> list[tuple[str, Fact | str]]:
        thing, facts = self.object, self.object.facts
        said: list[tuple[str, Fact | str]] = [
            ("id", Fact(thing.id, "id")),
            ("created", Fact(humane.utc(thing.view.create_time_ms), "time")),
            ("content type", thing.view.content_type),
        ]
        if thing.size is not None:
            said.append(("size", Fact(f"{humane.size(thing.size)} ({thing.size:,} bytes)", "size")))
        if thing.format:
            said.append(("format", thing.format))
        if thing.digest:
            said.append(("digest", Fact(thing.digest, "id")))
        said += [(key, str(facts[key])) for key in ("type", "library", "dtype", "note") if key in facts]
        if self.bytes_read or self.preview or self.members:
            said.append(("read for this", Fact(humane.size(self.bytes_read), "size")))
        if self.trouble:
            said.append(("inside", Fact(self.trouble, tone="warn")))
        return said

    def _versions(self) -> Table:
        rows: list[list[Cell]] = [
            [
                Fact(f"@{version_label(view.create_time_ms, view.id)}", "id"),
                humane.size(size_of(view) or 0),
                humane.utc_minute(view.create_time_ms),
                "" if view.delete_after_time_ms is None else humane.utc_minute(view.delete_after_time_ms),
            ]
            for view in self.versions
        ]
        columns = [
            Column("version", "id"),
            Column("size", "size"),
            Column("put (UTC)", "time"),
            Column("expires (UTC)", "time"),
        ]
        return Table(columns, rows, footer=["and older ones"] if self.more_versions else ())

    def _schema(self, preview: Preview) -> Table:
        rows = [[name, kind] for name, kind in preview.columns]
        return Table([Column("column"), Column("type")], rows)

    def _head(self, preview: Preview) -> Table:
        rows = [row[:COLUMNS_SHOWN] for row in preview.head]
        of = [] if preview.rows is None else [f"{len(rows):,} of {humane.plural(preview.rows, 'row')}"]
        if len(preview.columns) > COLUMNS_SHOWN:
            of.append(f"{COLUMNS_SHOWN} of {len(preview.columns):,} columns")
        columns = [Column(name, "number" if NUMBER.match(kind) else "text") for name, kind in preview.columns]
        return Table(columns[:COLUMNS_SHOWN], rows, footer=of)

    def _members(self, members: archive.Members) -> Table:
        rows = [[name, humane.size(size)] for name, size in members.entries]
        total = self.object.facts.get("files")
        shown = humane.plural(len(rows), "entry", "entries")
        if members.whole:
            footer = [shown]
        else:
            footer = [f"{len(rows):,} of {total:,}" if isinstance(total, int) else f"{shown}, and more"]
            if len(rows) < MEMBERS_SHOWN:
                footer.append("the rest lies behind more bytes than a look fetches")
        return Table([Column("member"), Column("size", "size")], rows, footer=footer)

    def __repr__(self) -> str:
        return f"<Info {self.object!r}>"

    def _shown(self) -> Shown:
        return self.page()


def info(what: str | Object) -> Info:
    """Return everything known about one object. A table's schema and head are read by ranges, not fetched whole.

    Args:
        what: A name, ``name@version``, an id, or an `Object`; ``NAME/path`` for a file in a folder kept as files.

    Raises:
        ObjectNotFound: There is none.

    Example:
        >>> rl.info("penguins")  # doctest: +SKIP
    """
    session = sessions.current()
    return ask(str(what), lambda asking: _look(_meant(session, what, asking), what, asking))


def _meant(session: Session, what: str | Object, asking: Transfer) -> Object:
    """Return the object that `what` means; a file in a folder that is kept as files as one of its own."""
    thing, path = locate(session, what, asking, asks=True)
    if not path:
        return thing
    part = part_of(thing, path, asking) if is_folder(thing.view) else None
    if not isinstance(part, Inside):
        raise InputError(f"a look at “{path}” alone would fetch all of “{thing.name}”, or it is a folder: %rl_get it")
    return part


def _look(thing: Object, what: str | Object, transfer: Transfer) -> Info:
    living = versions(thing.store, thing.name, transfer)
    found = list(islice(living, VERSIONS_SHOWN + 1))
    thing = whose(thing, what, chain(found, living))
    if thing.public:
        found = []  # those are the account's own, of the same name by chance
    preview: Preview | None = None
    members: archive.Members | None = None
    trouble, bytes_read = None, 0
    if is_folder(thing.view):
        try:
            members = _files(listing_of(thing, transfer))
        except RunloopError as error:
            trouble = str(error)
    elif thing.size:
        look = None
        try:
            with opened(thing, transfer) as look:
                preview, members = _inside(thing, look.file)
        except RunloopError as error:
            trouble = str(error)
        bytes_read = look.fetched() if look else 0
    return Info(thing, found[:VERSIONS_SHOWN], len(found) > VERSIONS_SHOWN, preview, members, bytes_read, trouble)


def _files(listing: Listing) -> archive.Members:
    entries = [(file.path, file.size) for file in listing.files] + [(path, 0) for path, _ in listing.links]
    return archive.Members(entries[:MEMBERS_SHOWN], whole=len(entries) <= MEMBERS_SHOWN)


def _inside(thing: Object, file: BinaryIO) -> tuple[Preview | None, archive.Members | None]:
    if thing.kind == FOLDER or thing.view.content_type == "tgz":
        return None, archive.members(file, MEMBERS_SHOWN)
    format_ = stored_format(thing.format, file, thing.name)
    if format_ is None:
        return None, None
    return registry.codec_named(format_).peek(file, thing.facts), None
