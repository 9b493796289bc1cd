"""The thread that walks through a service's listing, and keeps what is known of it true.

Of several kernels one walks, and the others read; whoever does it is told by a claim that ends with its process. Each
asks about the rows that its own browsers show.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final

from runloop_jupyter.api.objects import LARGEST_PAGE
from runloop_jupyter.backoff import full_jitter
from runloop_jupyter.catalogs.book import Book, Superseded
from runloop_jupyter.catalogs.charge import Charge
from runloop_jupyter.catalogs.checking import ONE_BY_ONE, Checks
from runloop_jupyter.catalogs.gaps import Gap, Kind
from runloop_jupyter.catalogs.pages import FIRST, Pages
from runloop_jupyter.catalogs.place import TOP, Damaged, is_damage
from runloop_jupyter.catalogs.progress import Progress, Seen
from runloop_jupyter.catalogs.wishes import EVERY_S, Wish, Wishes
from runloop_jupyter.errors import BadRequest, NotFound, RunloopError, StoreError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.catalogs.place import Place
    from runloop_jupyter.wire.objects import ObjectListView

LOOK_EVERY_S: Final = 10.0
"""How often new objects are looked for, while somebody asks."""
_ASKED_S: Final = 60.0
"""For so long after a question somebody asks."""
_CLAIM_EVERY_S: Final = 2.0
_CHECK_EVERY_S: Final = 2.0
_UNFINISHED_EVERY_S: Final = 15.0
_UNFINISHED_MS: Final = 86_400_000
_SWEEP_EVERY_MS: Final = 86_400_000
_LONGEST_WAIT_S: Final = 60.0
_MOST: Final = 5_000_000
_LET_GO_S: Final = 1.0
_ROOM: Final = 512 << 20
_STANDS: Final = 3
_STEPS_BACK: Final = 5
_AS_IT_IS: Final = "\0"
log = logging.getLogger(__name__)


class Walker:
    """Walks on a thread of its own, from `start` until the process ends, and begins when it is let go.

    Args:
        place: Where what is found is kept.
        objects: Gives the service, of which the first time takes as long as loading all that it needs.
        label: The service, as a person reads it.
        look_every_s: How often to look for new objects.

    Attributes:
        first: Set once something is known, or it is known why not.
        error: What the service answered last, where that was an error.
    """

    def __init__(
        self, place: Place, objects: Callable[[], Objects], label: str, *, look_every_s: float = LOOK_EVERY_S
    ) -> None:
        self.first = threading.Event()
        self.error: RunloopError | None = None
        self.checks = Checks(objects)
        self._place = place
        self._label = label
        self._pages = Pages(objects)
        self._look_every_s = look_every_s
        self._token = secrets.token_hex(8)
        self._charge = Charge(place.claim)
        self._seen = Seen(place.progress)
        self._wishes = Wishes(place.directory)
        self._mine = Progress()
        self._book: tuple[str, sqlite3.Connection, Book] | None = None
        self._wake = threading.Condition()
        self._may_go = threading.Event()
        self._due: dict[str, float] = {}
        self._asked = time.monotonic()
        self._why_not: str | None = None
        self._refresh = False
        self._refreshes = False
        self._told = threading.Event()
        self._answered = False
        self._sweep = False
        self._failures = 0
        self._stands = 0
        self._back = 0

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="rl-walker", daemon=True).start()

    def go(self) -> None:
        """Let it begin: nobody waits for an answer that needs no service."""
        self._may_go.set()

    def progress(self) -> Progress:
        """Return how far the walk is, whoever walks."""
        if self._charge.is_ours or self._mine.trouble is not None:
            return self._mine
        seen = self._seen.read()
        # Who wrote it may be dead, and is seen to be within a moment.
        return seen if self._charge.tried else Progress(looked_ms=seen.looked_ms)

    def asked(self) -> None:
        """Take notice that somebody wants to know."""
        now = time.monotonic()
        was, self._asked = self._asked, now
        if now - was > 1:
            self._wake_up()

    def refresh(self, *, whole: bool = False) -> None:
        """Look for new objects now, however long the service asked to wait; or go through all of it again."""
        with self._wake:
            self._refresh = True
            self._sweep |= whole
            self._wake.notify()

    def try_again(self, seconds: float) -> None:
        """Ask the service now, unless it asked to be left alone, and wait up to `seconds` for what it says."""
        if getattr(self.error, "wait_s", None) is not None:
            return
        self._told.clear()
        self.refresh()
        self._told.wait(seconds)

    def online(self, why_not: str | None) -> None:
        """Ask the service, or don't."""
        self._why_not = why_not
        self._wake_up()

    def release(self) -> None:
        """Let others walk: this process is about to end."""
        self._charge.end()

    def renew(self) -> None:
        """Say that this process walks on; called every few seconds, from another thread."""
        self._charge.renew()

    def _wake_up(self) -> None:
        with self._wake:
            self._wake.notify()

    def _run(self) -> None:
        self._may_go.wait(_LET_GO_S)
        while True:
            try:
                self._round()
            except Damaged:
                pass  # another file is there by the next round
            except Superseded:
                self._lose()
            except sqlite3.Error as error:
                self._disk_trouble(error)
            except Exception as error:
                log.exception("the walk stumbled")
                self._say(trouble=f"the catalog stumbled ({type(error).__name__}): what it knows may be old")
                self._wait(5.0)
            finally:
                self.first.set()
                if self._refreshes:
                    self._refreshes = False
                    self._told.set()
            self._wait(self._idle())

    def _round(self) -> None:
        self._refreshes = self._refresh
        book = self._current()
        if self._is_due("expire", 1.0):
            book.expire(round(time.time() * 1000))
        if self._why_not is not None:
            self._say(trouble=self._why_not)
            self._due.pop("look", None)
            return
        if self._charge.is_ours:
            self._grant()
        refresh, self._refresh = self._refresh, False
        if refresh:
            self._refreshes, self._failures = True, 0
            self._due.clear()
        if self._due.get("again", 0) > time.monotonic():
            return
        self._answered = False
        try:
            if self._has_claim(book):
                self._walk(book)
            else:
                self._wish(look=refresh)
            if self.checks.due and self._is_due("check", _CHECK_EVERY_S) and not _fills(book):
                self.checks.ask(book)
            # Who walks is out of trouble once the service has answered, and not where it merely wasn't asked.
            if self._due.get("again", 0) <= time.monotonic() and (self._answered or not self._charge.is_ours):
                self._failures, self.error = 0, None
                self._say(trouble=None)
        except (StoreError, Unreachable) as error:
            self._failed(error)

    def _grant(self) -> None:
        """Do for others what they wish."""
        if wished := self._wishes.new():
            self._asked = time.monotonic()
        self._refresh |= bool(wished - {Wish.ASKED})
        self._sweep |= Wish.SWEEP in wished

    def _wish(self, *, look: bool) -> None:
        """Have whoever walks do it for this one too."""
        if self._sweep:
            self._sweep = False
            self._wishes.say(Wish.SWEEP)
        elif look:
            self._wishes.say(Wish.LOOK)
        elif time.monotonic() - self._asked < _ASKED_S and self._is_due("wish", EVERY_S):
            self._wishes.say(Wish.ASKED)

    def _walk(self, book: Book) -> None:
        """Do one step of what is most wanted: a look for new objects, a page of what isn't known, a page of a sweep."""
        gaps = book.gaps()
        now_ms = round(time.time() * 1000)
        asked = time.monotonic() - self._asked < _ASKED_S
        if self._sweep:
            self._sweep = False
            book.begin_sweep(now_ms)
            gaps = book.gaps()
        if (asked and self._is_due("look", self._look_every_s)) and not (gaps and gaps[0].ceiling == TOP):
            self._say(walking=bool(gaps))
            self._page(book, Gap(), FIRST)
            self._say(looked_ms=now_ms, walking=bool(gaps))
        if asked and self._is_due("unfinished", _UNFINISHED_EVERY_S):
            self.checks.confirm(book, book.unfinished(now_ms - _UNFINISHED_MS, ONE_BY_ONE))
        if gaps:
            self._say(walking=True)
            began = gaps[0].ceiling == TOP
            self._page(book, gaps[0], FIRST if began else LARGEST_PAGE)
            if began:
                self._due["look"] = time.monotonic() + self._look_every_s
                self._say(looked_ms=now_ms)
        elif self._mine.walking:
            self._say(walking=False)
        if not gaps and asked and now_ms - int(book.said("swept_ms") or "0") > _SWEEP_EVERY_MS:
            book.begin_sweep(now_ms)

    def _page(self, book: Book, gap: Gap, limit: int) -> None:
        """Fetch and take in the next page of a gap."""
        page = self._fetch(book, gap, limit)
        if page is None:
            return
        self.checks.are_there(page.objects if limit == FIRST else page.objects[:FIRST])
        before, stored = gap.after_id, gap.ceiling != TOP or not book.said("swept_ms")
        last = page.objects[-1].id if page.objects else ""
        goes_on = page.has_more and last not in ("", before)
        if goes_on and limit == LARGEST_PAGE:
            self._pages.fetch_ahead(last)
        merged = book.merge(gap, page.objects, has_more=page.has_more, token=self._token)
        if merged.ended and stored and gap.kind is not Kind.SWEEP and not _fills(book):
            book.is_whole(round(time.time() * 1000))
        self.first.set()
        if missing := self.checks.doubtful(merged.missing):
            self.checks.confirm(book, missing, missing=True)
        self._stands = 0 if merged.moved or merged.ended else self._stands + 1
        if not merged.ended and (not goes_on or self._stands >= _STANDS):
            self._stop(f"{self._label} lists the same objects again and again: what comes after them isn't known")
        elif gap.kind is not Kind.SWEEP and not merged.ended:
            if book.count() > _MOST:
                self._stop(f"{self._label} has more than {_MOST:,} objects: the older ones aren't known")
            elif self._place.free() < _ROOM:
                self._stop(f"the disk of {self._place.directory} is nearly full: what is older isn't known")

    def _fetch(self, book: Book, gap: Gap, limit: int) -> ObjectListView | None:
        try:
            page = self._pages.fetch(gap.after_id, limit)
        except (NotFound, BadRequest):
            if not gap.after_id:
                raise
            # What it was to come after has gone. What is before that will do, and in the end the beginning.
            self._back += 1
            before = book.before(gap) if self._back <= _STEPS_BACK else None
            if before is not None:
                book.move(gap, before)
            elif gap.kind is Kind.SWEEP:
                book.begin_sweep(round(time.time() * 1000))
            else:
                book.begin_again()
            return None
        self._back, self._answered = 0, True
        return page

    def _stop(self, why: str) -> None:
        """Walk no further until somebody asks for it, or for an hour."""
        self._stands = 0
        self._due["again"] = time.monotonic() + 3600
        self._say(walking=False, trouble=why)

    def _has_claim(self, book: Book) -> bool:
        """Whether this process walks; another's claim is looked at every few seconds."""
        if self._charge.is_ours:
            return True
        if not self._is_due("claim", _CLAIM_EVERY_S):
            return False
        if not self._charge.take():
            self.first.set()
            return False
        self._mine = Progress(looked_ms=self._seen.read().looked_ms)
        self._wishes.forget()
        book.take_over(self._token)
        self._place.tidy()
        return True

    def _lose(self) -> None:
        """Let another process walk, which took this one for dead."""
        self._charge.give_up()
        self._mine = Progress()

    def _current(self) -> Book:
        """Return the file that holds now.

        Raises:
            Damaged: It can't be read; it was thrown away.
        """
        name = self._place.current()
        if self._book is not None:
            if self._book[0] == name:
                return self._book[2]
            self._book[1].close()
            self._book = None
        try:
            connection = self._place.connect(name, writes=True)
        except Damaged:
            self._place.throw_away(name)
            raise
        book = Book(connection)
        self._book = name, connection, book
        if self._charge.is_ours:
            book.take_over(self._token)
        return book

    def _disk_trouble(self, error: sqlite3.Error) -> None:
        if is_damage(error):
            log.warning("the index of %s is damaged (%s): it is made anew", self._label, error)
            if self._book is not None:
                name, connection, _ = self._book
                self._book = None
                connection.close()
                self._place.throw_away(name)
            return
        self._say(
            trouble=f"the index in {self._place.directory} can't be written ({error}). "
            "RUNLOOP_JUPYTER_CACHE may name a directory that can"
        )
        self._wait(5.0)

    def _failed(self, error: RunloopError) -> None:
        """Say what is wrong, and wait, longer each time."""
        self.error = error
        asked = getattr(error, "wait_s", None)
        wait = asked if asked is not None else 0.5 + full_jitter(self._failures, 1.0, _LONGEST_WAIT_S)
        self._failures += 1
        self._due = {"again": time.monotonic() + wait}  # and then all that it was in the middle of
        self._say(trouble=str(error))

    def _say(
        self, *, looked_ms: int | None = None, walking: bool | None = None, trouble: str | None = _AS_IT_IS
    ) -> None:
        """Write down how far this process is, where it is another word than the last. What isn't given stays."""
        now = Progress(
            looked_ms=self._mine.looked_ms if looked_ms is None else looked_ms,
            walking=self._mine.walking if walking is None else walking,
            trouble=self._mine.trouble if trouble == _AS_IT_IS else trouble,
        )
        if now != self._mine:
            self._mine = now
            if self._charge.is_ours:
                now.write(self._place.progress)

    def _is_due(self, what: str, every_s: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + every_s
        return True

    def _idle(self) -> float:
        """Return how long there is nothing to do."""
        now = time.monotonic()
        if self._refresh:
            return 0.0
        again = self._due.get("again", 0.0) - now
        if self._why_not is not None or again > 0:
            return min(max(again, 0.2), 1.0)
        if self._charge.is_ours and self._mine.walking and self._mine.trouble is None:
            return 0.0
        return 0.5 if now - self._asked < _ASKED_S else 2.0

    def _wait(self, seconds: float) -> None:
        with self._wake:
            if seconds > 0 and not self._refresh:
                self._wake.wait(seconds)


def _fills(book: Book) -> bool:
    return any(gap.kind is not Kind.SWEEP for gap in book.gaps())
