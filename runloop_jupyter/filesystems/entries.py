"""What a store has, as a tree of files and folders: of each name its newest version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.address import version_label
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.content import content_type_of
from runloop_jupyter.filesystems.paths import is_path
from runloop_jupyter.lookup import is_alive
from runloop_jupyter.transfer.manifest import facts_of, is_folder, is_member, size_of
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.folders.listing import File
    from runloop_jupyter.wire.objects import ObjectView

FIRST: Final = 500
"""Objects of the first page; what is looked for is most often there."""
Entry = dict[str, Any]


def file_entry(path: str, view: ObjectView) -> Entry:
    """Return what fsspec says of a file: an object.

    Beside fsspec's own ``name``, ``size`` (bytes) and ``type`` these are ``id``, ``version``, ``created`` (UTC),
    ``mtime`` (the same in seconds since the epoch), ``expires`` (UTC; None for never), ``content_type``, ``metadata``
    and ``digest`` (None where nobody said).
    """
    ends = view.delete_after_time_ms
    return {
        "name": path,
        "size": size_of(view),
        "type": "file",
        "id": view.id,
        "version": version_label(view.create_time_ms, view.id),
        "created": _moment(view.create_time_ms),
        "mtime": view.create_time_ms / 1000,
        "expires": None if ends is None else _moment(ends),
        "content_type": view.content_type,
        "metadata": dict(view.metadata or {}),
        "digest": facts_of(view.metadata).get("digest"),
    }


def inner_entry(path: str, file: File, head: ObjectView) -> Entry:
    """Return what fsspec says of a file in a folder that is kept as files; its ``version`` is that of the folder."""
    return {
        **file_entry(path, head),
        "size": file.size,
        "id": file.pieces[0].id if file.pieces else None,
        "content_type": str(content_type_of(path)),
        "metadata": {},
        "digest": file.digest,
    }


def left(entry: Entry) -> timedelta | None:
    """Return how long a file has yet to live; a second at the least, None for ever."""
    ends: datetime | None = entry["expires"]
    return None if ends is None else max(timedelta(seconds=1), ends - datetime.now(UTC))


def folder_entry(path: str) -> Entry:
    """Return what fsspec says of a folder, which is there as long as something is in it."""
    return {"name": path, "size": 0, "type": "directory"}


def beneath(store: Store, folder: str, checkpoint: Callable[[], None] = lambda: None) -> dict[str, ObjectView]:
    """Return what is in a folder, at whatever depth: the newest version of each name, by path.

    A name whose newest version is deleted, or past its time, is not there: what came before it is no substitute.

    Args:
        store: Which.
        folder: A path; the empty one for all there is.
        checkpoint: Called for each object; may raise to stop.

    Raises:
        StoreError, Unreachable: As for any call.
    """
    prefix = f"{folder}/" if folder else ""
    newest: dict[str, ObjectView] = {}
    oldest_ms = None
    for view in _walk(store, prefix, ObjectState.READ_ONLY):
        checkpoint()
        if view.name.startswith(prefix):
            newest.setdefault(view.name, view)
            oldest_ms = view.create_time_ms
    if oldest_ms is not None:
        for gone in _walk(store, prefix, ObjectState.DELETED):
            checkpoint()
            if gone.create_time_ms < oldest_ms:
                break
            kept = newest.get(gone.name)
            # An upload that was stopped leaves a deleted object that never had bytes: no version of anything.
            if kept is not None and gone.size_bytes is not None and gone.create_time_ms > kept.create_time_ms:
                newest[gone.name] = gone
    alive = (view for view in newest.values() if is_alive(view))
    return {view.name if is_path(view.name) else view.id: view for view in alive if folder == "" or is_path(view.name)}


def children(folder: str, files: dict[str, ObjectView]) -> list[Entry]:
    """Return the entries right in a folder, in the order of their names, of what is `beneath` it."""
    start = len(folder) + 1 if folder else 0
    found: dict[tuple[str, bool], Entry] = {}
    for path, view in files.items():
        name, slash, _ = path[start:].partition("/")
        at = path[:start] + name
        as_folder = bool(slash) or is_folder(view)
        if (at, as_folder) not in found:
            found[at, as_folder] = folder_entry(at) if as_folder else file_entry(at, view)
    return [found[key] for key in sorted(found)]


def folders(folder: str, paths: Iterable[str]) -> set[str]:
    """Return the folders beneath a folder, at whatever depth, that paths beneath it lead through."""
    found: set[str] = set()
    for path in paths:
        above = path.rpartition("/")[0]
        while above and above != folder and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    return found


def _walk(store: Store, prefix: str, state: ObjectState) -> Iterator[ObjectView]:
    wanted = Filter(name=prefix or None, state=state)
    for page in store.objects.pages(wanted, first=FIRST):
        yield from (view for view in page.objects if not is_member(view))


def _moment(milliseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):  # a store may answer with any integer
        return datetime.fromtimestamp(0, UTC)
