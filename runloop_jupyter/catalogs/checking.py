"""Whether what is shown is still there: few requests for many rows, as a service tells of no deletion by itself."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from runloop_jupyter.api.objects import LARGEST_PAGE
from runloop_jupyter.catalogs.gaps import Gap
from runloop_jupyter.errors import BadRequest, NotFound
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.catalogs.book import Book
    from runloop_jupyter.wire.objects import ObjectView

OLD_S: Final = 60.0
"""For so long what the service said of an object is believed."""
ALONE_S: Final = 600.0
"""The same of one that lies far from the others that are seen, and costs a request of its own."""
ONE_BY_ONE: Final = 20
"""So many are asked for by their ids at once; of more that are missing some stand for all."""
_SAMPLE: Final = 5
_ODD_S: Final = 600.0
_RUN: Final = 1000
_WORTH: Final = 3
_REQUESTS: Final = 3
_MOST: Final = 20_000


class Checks:
    """Rows that somebody sees, and when the service last said that they are there.

    Args:
        objects: Gives the service.
    """

    def __init__(self, objects: Callable[[], Objects]) -> None:
        self._objects = objects
        self._lock = threading.Lock()
        self._shown: dict[str, None] = {}
        self._said: dict[str, float] = {}
        # What a listing lacked though it is there.
        self._odd: dict[str, float] = {}

    def show(self, ids: Iterable[str]) -> bool:
        """Take notice that these are seen; return whether some should be asked about."""
        old = time.monotonic() - OLD_S
        with self._lock:
            self._shown.update((each, None) for each in ids if self._said.get(each, float("-inf")) < old)
            for each in list(self._shown)[: max(0, len(self._shown) - LARGEST_PAGE)]:
                del self._shown[each]  # they were scrolled past long ago
            return bool(self._shown)

    def are_there(self, views: Iterable[ObjectView]) -> None:
        """Take notice of what the service has just listed."""
        now = time.monotonic()
        with self._lock:
            for view in views:
                self._said[view.id] = now
                self._shown.pop(view.id, None)
            if len(self._said) > _MOST:
                self._said = {each: when for each, when in self._said.items() if now - when < ALONE_S}
                if len(self._said) > _MOST:
                    self._said = {each: when for each, when in self._said.items() if now - when < OLD_S}

    @property
    def due(self) -> bool:
        """Whether there is something to ask."""
        return bool(self._shown)

    def ask(self, book: Book) -> bool:
        """Ask about what is seen, with a few requests; return whether anything was found out.

        Raises:
            StoreError: The service answered with an error.
            Unreachable: It didn't answer.
        """
        with self._lock:
            shown = list(self._shown)
        runs, scattered = _runs(book, shown)
        single = self.unheard_of(scattered)
        changed = False
        for run in runs[:_REQUESTS]:
            changed |= self._ask_run(book, run)
        if not runs:
            changed |= self.confirm(book, single[:ONE_BY_ONE])
        with self._lock:
            for each in set(shown).difference(single, *(run.ids for run in runs)):
                self._shown.pop(each, None)  # not known any more
        return changed

    def confirm(self, book: Book, ids: Sequence[str], *, missing: bool = False) -> bool:
        """Ask for each of these, and forget those that have gone; of very many some are asked for, and stand for all.

        Args:
            book: Where they are forgotten.
            ids: Which.
            missing: Whether a listing lacked them: those that are there are then not doubted for a while.

        Returns:
            Whether anything was changed.

        Raises:
            StoreError, Unreachable: As for any call.
        """
        asked = ids if len(ids) <= ONE_BY_ONE else ids[:: -(-len(ids) // _SAMPLE)]
        gone, living = [], []
        for each in asked:
            view = self._get(each)
            if view is None or view.state == ObjectState.DELETED:
                gone.append(each)
            else:
                living.append(view)
        self.are_there(living)
        if len(asked) < len(ids) and not living:
            gone = list(ids)
        with self._lock:
            if missing:
                self._odd.update((view.id, time.monotonic()) for view in living)
            for each in gone:
                self._shown.pop(each, None)
        removed = book.remove(gone) if gone else 0
        return bool(removed) | (book.refresh(living) if living else False)

    def unheard_of(self, ids: Sequence[str]) -> list[str]:
        """Return those that would be asked for one by one, and of which the service said nothing for long enough."""
        old = time.monotonic() - ALONE_S
        with self._lock:
            return [each for each in ids if self._said.get(each, float("-inf")) < old]

    def doubtful(self, ids: Sequence[str]) -> list[str]:
        """Return those that a listing lacks without the service having said, a while ago, that they are there."""
        old = time.monotonic() - _ODD_S
        with self._lock:
            self._odd = {each: when for each, when in self._odd.items() if when > old}
            return [each for each in ids if each not in self._odd]

    def _ask_run(self, book: Book, run: _Run) -> bool:
        before = book.before(Gap(run.first)) or Gap()
        try:
            page = self._objects().list(
                limit=min(run.n + _WORTH, LARGEST_PAGE), starting_after=before.after_id or None, retries=0
            )
        except (NotFound, BadRequest):  # what it was to come after has gone itself
            return self.confirm(book, [before.after_id, *run.ids][:ONE_BY_ONE])
        self.are_there(page.objects)
        changed = book.refresh(page.objects)
        lacking = book.lacking(page.objects, run.first, run.last, to_the_end=not page.has_more)
        if lacking:
            changed |= self.confirm(book, lacking, missing=True)
        with self._lock:
            for each in run.ids:  # asked about, whatever came of it
                self._shown.pop(each, None)
        return changed

    def _get(self, object_id: str) -> ObjectView | None:
        try:
            return self._objects().get(object_id, retries=0)
        except NotFound:
            return None


class _Run:
    """Objects that lie close together in the listing.

    Attributes:
        ids: Those that are seen.
        first: Position of the first, and `last` of the last of them.
        n: How many objects are known from the first to the last.
    """

    def __init__(self, ids: list[str], first: int, last: int, n: int) -> None:
        self.ids = ids
        self.first = first
        self.last = last
        self.n = n


def _runs(book: Book, shown: Sequence[str]) -> tuple[list[_Run], list[str]]:
    """Return what can be asked for by a page of the listing each, and what is asked for one by one."""
    placed = book.places(shown)
    runs: list[_Run] = []
    single: list[str] = []
    at = 0
    while at < len(placed):
        end, n = at, 1
        while end + 1 < len(placed):
            between = book.known_between(placed[end + 1][1], placed[end][1])
            if n + between > _RUN:
                break
            n += between
            end += 1
        ids = [each for each, _ in placed[at : end + 1]]
        if len(ids) >= _WORTH:
            runs.append(_Run(ids, placed[at][1], placed[end][1], n))
        else:
            single += ids
        at = end + 1
    return runs, single
