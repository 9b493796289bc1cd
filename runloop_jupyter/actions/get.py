"""get: an object becomes what it was put from: a value, or a local path."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from runloop_jupyter import archive
from runloop_jupyter import session as sessions
from runloop_jupyter.actions import background as behind
from runloop_jupyter.actions.folder import FetchFiles, FetchLocal, of_archive, of_one_file
from runloop_jupyter.actions.forms import FORMS, LAZY_FORMS
from runloop_jupyter.actions.known import vouch
from runloop_jupyter.actions.object import Object
from runloop_jupyter.actions.running import run
from runloop_jupyter.actions.source import FILE, FOLDER, stored_format
from runloop_jupyter.actions.within import Inside, locate, part_of
from runloop_jupyter.errors import InputError, NotEnoughMemory
from runloop_jupyter.transfer import parts_reader
from runloop_jupyter.transfer.cache import current, file_name
from runloop_jupyter.transfer.folders.listing import Listing
from runloop_jupyter.transfer.manifest import is_folder, is_head
from runloop_jupyter.transfer.reader import RangeReader, buffered
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.transfer.whole import Whole
from runloop_jupyter.values import memory, registry
from runloop_jupyter.values.codec import Wish, reads_path

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.values.codec import Codec


def get(
    what: str | Object,
    *,
    format: str | None = None,
    columns: Sequence[Hashable] | None = None,
    head: int | None = None,
    to: str | Path | None = None,
    allow_pickle: bool = False,
    trust: bool = False,
    cache: bool = True,
    background: bool = False,
) -> Any:
    """Return what was put: a value in the library it came from, a file or folder as a local path.

    Args:
        what: A name (its newest version), ``name@version``, an id, ``PROFILE:name``, or an `Object`. Where no object
            has that name, ``NAME/path`` is one file or folder in a folder: of one that is kept as files only that is
            fetched.
        format: ``pandas``, ``polars``, ``arrow``, ``numpy``, ``geopandas``, ``xarray``, ``torch``, ``image``,
            ``model``, ``text``, ``bytes``, or ``path`` for the stored file. The index of a pandas frame comes along as
            columns in ``polars`` and ``arrow``.
        columns: Only these columns of a table, in this order, and the index with ``pandas``. A label that isn't text
             is called by its ``str``, one of several levels by its tuple: ``[2020, ("mass", "mean")]``.
        head: Only so many rows of a table or an array, or lines of a text, from the beginning. Little more is fetched
             than a part that is asked for. The digest is of the whole: a table's part is held against checksums of its
             footer and pages instead, where the file has them, that of an array or a text against nothing.
        to: Write the stored bytes (a folder: its files) to this local path and return it. An existing directory
            takes them under the object's own name; an existing file is never overwritten.
        allow_pickle: Unpickle what was put with ``pickle=True``. That runs code: only for what you trust.
        trust: Rebuild a model that holds types not known to be harmless (the error without it names them), or give an
            SVG that holds scripts.
        cache: Whether what is here already will do, and what comes is kept for the next time. What is here by its id
            or its version is given without asking the store. Without it a path is a copy of your own, which goes when
            this process ends.
        background: Return a `BackgroundTransfer` at once, whose ``result()`` waits and is the value.

    A path leads to a read-only file in the cache, which is there as long as this process lives. A folder's files are
    yours to change, and go when this process ends: the same directory again as long as nobody changed anything in it,
    a new one after that. What shall stay, get with `to`.

    Raises:
        ObjectNotFound: Nothing has that name, or its newest version is gone.
        DigestMismatch: What came isn't what was put; nothing is kept.
        DecodeError: The bytes are not what their format says.
        UnsafeValue: It is a pickle and `allow_pickle` isn't set, or a model and `trust` isn't.
        NotEnoughMemory: It would not fit into the memory there is; get part of it, or its path.
        InputError: A form or a part that the object can't be given in, or a `to` that exists.

    Example:
        >>> df = rl.get("penguins")  # doctest: +SKIP
    """
    if format is not None and format not in FORMS:
        raise InputError(f"“{format}” is not a form to get things in. There are {', '.join(FORMS)}")
    if to is not None and format not in {None, "path"}:
        raise InputError(
            "to (--to) writes the stored bytes and gives their path. Leave out the form, or get without to"
        )
    wish = Wish(format, _columns(columns), _head(head), allow_pickle, trust)
    if wish.parts and (to is not None or format in {"path", "bytes"}):
        raise InputError("columns and head (--columns, --head) are for values; a path and bytes are the whole")
    session = sessions.current().as_it_is()
    label = what.name if isinstance(what, Object) else str(what)
    transfer = session.transfers.new(label, "down", session.profile.label, behind=background)
    same = {
        "format": format,
        "columns": columns,
        "head": head,
        "allow_pickle": allow_pickle,
        "trust": trust,
        "cache": cache,
    }
    transfer.again = lambda: get(what, to=to, background=background, **same)  # type: ignore[arg-type]
    # Where that is now: what goes on behind need not end in the same directory.
    to = Path(to).expanduser().absolute() if isinstance(to, str | Path) and str(to) else to

    def fetch() -> Any:
        transfer.checkpoint()
        thing, path = locate(session, what, transfer, pins=cache)
        coming = fetch_of(thing, transfer, path, caches=cache)
        if to is not None:
            return coming.to(_target(to, coming))
        if format == "path" or (format is None and coming.is_path and not wish.parts):
            got = coming.path()
        else:
            got = coming.value(wish)
        if not path and not isinstance(thing, Inside):  # which no store gives under its name
            vouch(what, thing)
        return got

    return behind.begin(session, transfer, fetch) if background else run(session, transfer, fetch)


def fetch_of(
    thing: Object, transfer: Transfer, path: str = "", *, caches: bool = True
) -> Fetch | FetchFiles | FetchLocal:
    """Return the ways to have an object here, or what is at a path in a folder.

    Args:
        thing: The object.
        transfer: Told how far it is; its `cancel` stops this.
        path: What is wanted of a folder; empty for all of it.
        caches: Whether what is here already will do, and what comes is kept.

    Raises:
        ObjectNotFound: Nothing is at that path.
        TransferError: What is in the folder can't be had.
        StoreError: The store refused.
    """
    if not is_folder(thing.view):
        whole = Fetch(thing, transfer, caches=caches)
        return of_archive(thing, path, whole.path, transfer) if path else whole
    part = part_of(thing, path, transfer, caches=caches)
    if isinstance(part, Inside):
        return Fetch(part, transfer, caches=caches)
    if isinstance(part, Listing):
        return FetchFiles(thing, part, path, transfer, caches=caches)
    return of_one_file(thing, part, path, transfer, caches=caches)


class Fetch:
    """The ways to have one object here, as what it was put from."""

    def __init__(self, thing: Object, transfer: Transfer, *, caches: bool = True) -> None:
        self._thing = thing
        self._transfer = transfer
        self._caches = caches
        self._bytes = Whole(thing.store.objects, thing.store.identity.id, thing.view, transfer, caches=caches)
        self.is_folder = thing.kind == FOLDER
        # What another client made says nothing of itself: it is the file that it was.
        self.is_path = self.is_folder or thing.format in {FILE, None}

    @property
    def name(self) -> str:
        """The local name of the stored file or folder."""
        ending = "" if self.is_path else registry.suffix(self._thing.format, self._thing.name)
        return file_name(self._thing.name, ending)

    @property
    def _codec(self) -> Codec | None:
        """Who reads what it was put as; None for what was a file, and for what nobody here reads."""
        return None if self.is_path else registry.known(self._thing.format)

    def path(self) -> Path:
        """Return a local path: of a folder, one whose files may be changed."""
        return self._cached_folder() if self.is_folder else self._bytes.path(self.name)

    def to(self, target: Path, *, settled: bool = True) -> Path:
        """Write to a local path; without `settled` a small file's name is on the disk once its directory is."""
        if not self.is_folder:
            return self._bytes.to(target, settled=settled)
        with self._bytes.here() or self._bytes.spooled() as file:
            self._unpack(file, target, durable=True)
        return target

    def value(self, wish: Wish) -> Any:
        """Return the value that it was put from, in the form that is wished for."""
        thing = self._thing
        if self.is_folder and wish.form != "bytes":
            raise InputError(f"“{thing.name}” is a folder; it comes as a path, or as bytes (its tar.gz)")
        if not self.is_path and wish.form != "bytes":
            registry.codec_named(thing.format or "")  # that nothing reads it is said before it is fetched
        try:
            if wish.form == "bytes":
                memory.check(thing.size)
                with self._bytes.file() as file:
                    return file.read()
            with self._file(wish) as file:
                return self._decoded(file, wish)
        except NotEnoughMemory as error:
            raise NotEnoughMemory(f"“{thing.name}” was not read: {error}") from None

    def _decoded(self, file: BinaryIO, wish: Wish) -> Any:
        thing = self._thing
        format_ = stored_format(thing.format, file, thing.name)
        if format_ is None:
            word = wish.form or "a value"
            raise InputError(f"“{thing.name}” can't be read as {word}. Get it as a path or as bytes")
        self._transfer.begin(Phase.READING)
        return registry.decode(format_, file, thing.facts, wish, self._transfer.checkpoint)

    def _file(self, wish: Wish) -> BinaryIO:
        """Return the object's bytes as a file: by ranges where part of them will do, on disk where they must stay.

        Raises:
            InputError: It can't be given in part; nothing was fetched for that.
        """
        known = self._codec
        lazy = reads_path(known) if known else wish.form in LAZY_FORMS
        if lazy:
            return self._bytes.path(self.name).open("rb")
        if not wish.parts:
            return self._bytes.file()
        file = self._bytes.here() or buffered(self._ranges())
        # Of a file that came another way its first bytes say what it is.
        format_ = stored_format(self._thing.format, file, self._thing.name)
        if format_ is not None:
            registry.check_parts(registry.codec_named(format_), wish)
        return file

    def _ranges(self) -> RangeReader | parts_reader.PartsReader:
        objects, view = self._thing.store.objects, self._thing.view
        if is_head(view):
            return parts_reader.of_set(objects, view, self._transfer)
        return RangeReader(objects, view, self._transfer.checkpoint)

    def _cached_folder(self) -> Path:
        """Give out a copy to change: what a user changes in one must not show up in the next."""

        def unpack(folder: Path) -> None:
            with self._bytes.file() as file:
                self._unpack(file, folder, durable=False)

        key = (self._thing.store.identity.id, self._thing.id) if self._caches else object()
        return current().copies.give(key, self.name, unpack)

    def _unpack(self, file: BinaryIO, folder: Path, *, durable: bool) -> None:
        self._transfer.begin(Phase.READING)
        archive.unpack(
            file,
            folder,
            checkpoint=self._transfer.checkpoint,
            declared=_declared(self._thing),
            durable=durable,
        )


def _declared(thing: Object) -> int | None:
    """Return how many bytes of files a folder was said to have when it was put."""
    said = thing.facts.get("bytes")
    return said if isinstance(said, int) else None


def _columns(said: object) -> tuple[str, ...] | None:
    if said is None:
        return None
    if isinstance(said, str) or not isinstance(said, Iterable):
        raise InputError(f"columns={said!r} (--columns) is a list of names, [{said!r}]")
    columns = tuple(each if isinstance(each, str) else str(each) for each in said)
    if not columns:
        raise InputError("columns (--columns) are one or more names of columns")
    return columns


def _head(said: object) -> int | None:
    if said is not None and (not isinstance(said, int) or isinstance(said, bool) or said < 0):
        raise InputError(f"head={said!r} (--head) is a number of rows, 0 or more")
    return said


def _target(said: object, fetch: Fetch | FetchFiles | FetchLocal) -> Path:
    if not isinstance(said, str | Path) or not str(said):
        raise InputError(f"to={said!r} is not a path")
    to = Path(said).expanduser()
    if to.is_dir():
        to = to / fetch.name
    if to.exists() or to.is_symlink():
        raise InputError(f"{str(to)!r} exists already. Remove it, or give another path")
    if not to.parent.is_dir():
        raise InputError(f"there is no directory {str(to.parent)!r} to write {to.name!r} into")
    return to.absolute()
