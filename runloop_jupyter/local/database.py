"""The embedded store's database: the index of objects plus what only the store that holds the truth needs to know."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar, cast

from runloop_jupyter.index import INDEX, Schema
from runloop_jupyter.local.migrations import NAMES_NUMBERED, NARROWED, PAIRS_AS_WORDS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    Step = Callable[[], object]
    Group = Callable[[Sequence[Step]], Sequence[object]]

T = TypeVar("T")

SCHEMA: Final = Schema(
    version=4,
    steps=(NARROWED, PAIRS_AS_WORDS, NAMES_NUMBERED),
    script=INDEX.script
    + """
    CREATE TABLE ttl (
        due_ms   INTEGER NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (due_ms, position)
    ) WITHOUT ROWID;
    -- Objects that are deleted while their bytes may still be there: a crash between the two is made good at the start.
    CREATE TABLE doomed (
        id TEXT PRIMARY KEY
    ) WITHOUT ROWID;
    CREATE TABLE reply (
        request_id TEXT NOT NULL,
        route      TEXT NOT NULL,
        time_ms    INTEGER NOT NULL,
        body       BLOB NOT NULL,
        PRIMARY KEY (request_id, route)
    ) WITHOUT ROWID;
    CREATE INDEX reply_by_time ON reply (time_ms);
    """,
)


class Worker:
    """The one thread that uses the database, so that the event loop never waits for the disk."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        self._waiting: list[tuple[Step, asyncio.Future[object]]] = []
        self._lock = threading.Lock()

    async def __call__(self, work: Callable[[], T]) -> T:
        """Return `work()`, done in the thread after what was asked for earlier."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def together(self, step: Callable[[], T], group: Group) -> T:
        """Return `step()`, done with whatever else waits by the time the thread is free: many share one commit.

        Args:
            step: One of them.
            group: Does all of them; returns, for each, what it returned or the exception that it raised.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[object] = loop.create_future()
        with self._lock:
            self._waiting.append((step, answer))
            first = len(self._waiting) == 1
        if first:
            self._thread.submit(self._carry_out, loop, group)
        return cast("T", await answer)

    def _carry_out(self, loop: asyncio.AbstractEventLoop, group: Group) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        try:
            outcomes = group([step for step, _ in waiting])
        except BaseException as error:
            outcomes = [error] * len(waiting)
        loop.call_soon_threadsafe(_tell, [answer for _, answer in waiting], outcomes)

    def close(self) -> None:
        """End the thread after what it has to do."""
        self._thread.shutdown()


def _tell(answers: Sequence[asyncio.Future[object]], outcomes: Sequence[object]) -> None:
    for answer, outcome in zip(answers, outcomes, strict=True):
        if answer.done():  # whoever asked has gone
            continue
        if isinstance(outcome, BaseException):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)


class Replies:
    """Answers already given, by request id and route: a repeated request gets the first answer, not the work twice."""

    _KEEP_MS: Final = 3_600_000
    _KEEP: Final = 10_000

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def find(self, request_id: str, route: str) -> bytes | None:
        """Return the answer given to this request."""
        row = self._connection.execute(
            "SELECT body FROM reply WHERE request_id = ? AND route = ?", (request_id, route)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def remember(self, request_id: str, route: str, body: bytes, now_ms: int) -> None:
        """Keep an answer for an hour, in the transaction of the work that it answers."""
        self._connection.execute("INSERT OR REPLACE INTO reply VALUES (?, ?, ?, ?)", (request_id, route, now_ms, body))

    def prune(self, now_ms: int) -> None:
        """Forget answers that are older than an hour, and the oldest of more than ten thousand."""
        self._connection.execute("DELETE FROM reply WHERE time_ms < ?", (now_ms - self._KEEP_MS,))
        self._connection.execute(
            "DELETE FROM reply WHERE time_ms < (SELECT time_ms FROM reply ORDER BY time_ms DESC LIMIT 1 OFFSET ?)",
            (self._KEEP,),
        )
