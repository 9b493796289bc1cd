"""What the store has of a writable folder: the newest version of each file, and whether it is news."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runloop_jupyter.api.objects import Filter
from runloop_jupyter.errors import TransferError
from runloop_jupyter.filesystems import entries
from runloop_jupyter.lookup import PAGE, is_alive
from runloop_jupyter.transfer import digest
from runloop_jupyter.transfer.manifest import FOLDER, facts_of, is_member, size_of
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.transfer.whole import Whole
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from runloop_jupyter.mounts.writable.state import Known
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

ONE_BY_ONE: Final = 8
"""Names up to which each is asked for by itself; the newest of more are found in one walk."""
UPLOAD_MS: Final = 3_600_000
"""How much older than another that came before it a version may be: its upload took as long as a link is good."""


def files(store: Store, prefix: str) -> tuple[dict[str, ObjectView], int]:
    """Return the newest version of each file of a folder, by its path there, and how many folders are among them.

    Folders that are kept as files, or as archives, are no files: they are counted and left out.
    """
    found = {path[len(prefix) :]: view for path, view in entries.beneath(store, prefix.rstrip("/")).items()}
    plain = {path: view for path, view in found.items() if not _is_folder(view)}
    return plain, len(found) - len(plain)


class Latest:
    """Says what the newest version of a file is, before it is sent.

    A few are each asked for when their turn comes, a page at most, as a put does. Many are found in one walk through
    the folder's list, newest first, back to where it was walked through before. What such a look doesn't find isn't
    lost for that: it is a version still, only an older one.

    Args:
        store: The store.
        prefix: How the names of the folder's objects begin, with a slash behind it.
        known: What is known of its files; read while others write.
    """

    def __init__(self, store: Store, prefix: str, known: Mapping[str, Known]) -> None:
        self._store = store
        self._prefix = prefix
        self._known = known
        self._seen_ms = 0
        self._news: set[str] = set()

    def listed(self, views: Mapping[str, ObjectView]) -> None:
        """Take in a list of all there is, of which most has come in by now."""
        self._news = set()
        self._take(views)

    def of(self, paths: Collection[str]) -> Callable[[str], ObjectView | None]:
        """Return what gives the newest version of each of `paths`, None where there is none."""
        if len(paths) <= ONE_BY_ONE:
            return self._ask
        found = self._walk()
        self._take(found)
        return lambda path: self._ask(path) if path in self._news else found.get(path)

    def _ask(self, path: str) -> ObjectView | None:
        view = _newest(self._store, self._prefix + path)
        if view is None or not is_news(view, self._known.get(path)):
            self._news.discard(path)
        return view

    def _take(self, views: Mapping[str, ObjectView]) -> None:
        # What is news is asked for whenever its turn comes, for the next walk won't reach it.
        self._news |= {path for path, view in views.items() if is_news(view, self._known.get(path))}
        self._seen_ms = max([self._seen_ms, *(view.create_time_ms for view in views.values())])

    def _walk(self) -> dict[str, ObjectView]:
        found: dict[str, ObjectView] = {}
        for page in self._store.objects.pages(Filter(name=self._prefix, state=ObjectState.READ_ONLY), first=PAGE):
            for view in page.objects:
                if view.name.startswith(self._prefix) and is_alive(view) and not is_member(view):
                    found.setdefault(view.name[len(self._prefix) :], view)
            if page.objects and page.objects[-1].create_time_ms < self._seen_ms - UPLOAD_MS:
                break
        return found


def is_put_as_folder(store: Store, name: str) -> bool:
    """Whether the newest version under a name is a folder, as files or as an archive, as far as a page tells."""
    view = _newest(store, name)
    return view is not None and _is_folder(view)


def is_news(view: ObjectView, base: Known | None) -> bool:
    """Whether a version came after the one that is known; an older one is the newest only because that is gone."""
    return base is None or (view.id != base.id and view.create_time_ms >= base.created_ms)


def said_digest(view: ObjectView) -> str | None:
    """Return the digest that a version says it has; None where it says none."""
    said = facts_of(view.metadata).get("digest")
    return said if isinstance(said, str) and ":" in said else None


def is_same(store: Store, view: ObjectView, file: Path, digest_: str, transfer: Transfer) -> bool:
    """Whether a version has the bytes of a file.

    Args:
        store: Its store.
        view: The version.
        file: The file.
        digest_: Of the file, ``blake3:…``.
        transfer: Its `cancel` stops this. Where the version says no digest and is as large, it is fetched.
    """
    if _is_folder(view):
        return False
    said = said_digest(view)
    if said is not None:
        algorithm = said.partition(":")[0]
        if algorithm == digest.DEFAULT:
            return said == digest_
        try:
            return digest.of_file(file, lambda _: transfer.checkpoint(), algorithm) == said
        except TransferError:  # a later version's
            return False
    if size_of(view) != file.stat().st_size:
        return False
    hasher = digest.hasher()
    with Whole(store.objects, store.identity.id, view, transfer).spooled() as bytes_:
        bytes_.seek(0)
        transfer.begin(Phase.HASHING, size_of(view))
        while piece := bytes_.read(digest.CHUNK):
            hasher.update(piece)
            transfer.advance(len(piece))
    return f"{digest.DEFAULT}:{hasher.hexdigest()}" == digest_


def _newest(store: Store, name: str) -> ObjectView | None:
    page = store.objects.list(Filter(name=name, state=ObjectState.READ_ONLY), limit=PAGE)
    return next((view for view in page.objects if view.name == name and is_alive(view) and not is_member(view)), None)


def _is_folder(view: ObjectView) -> bool:
    return (view.metadata or {}).get("rl.kind") == FOLDER
