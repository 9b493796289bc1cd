"""Browsing the embedded store: what the index answers, in the database's thread, and the routes that ask for it.

An extension that the published document doesn't have: ``POST /v1/objects/browse/page``, ``…/facets``, ``…/suggest``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, TypeVar

import msgspec

from runloop_jupyter.errors import InputError
from runloop_jupyter.index.browsing import Browsing
from runloop_jupyter.index.deadline import Turn
from runloop_jupyter.local.refusal import bad_request
from runloop_jupyter.wire import json
from runloop_jupyter.wire.browse import FacetsAsked, Freshness, PageAsked, PageView, Row, SuggestAsked

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Iterator

    from aiohttp import web

    from runloop_jupyter.local.database import Worker
    from runloop_jupyter.local.objects import Objects

T = TypeVar("T")

log = logging.getLogger(__name__)


class Browse:
    """Answers in steps, as `Objects.list` does. All methods run in the database's thread."""

    def __init__(
        self, connection: sqlite3.Connection, objects: Objects, clock: Callable[[], float] = time.time
    ) -> None:
        self._objects = objects
        self._browsing = Browsing(connection, self._fresh, clock, as_json=True)

    def page(self, asked: PageAsked) -> Iterator[object]:
        """Yield rows of a list. Raises Refusal 400."""
        for page in self._answer(lambda: self._browsing.page(asked)):
            if isinstance(page, PageView) and not self._objects.checked:
                yield msgspec.structs.replace(page, rows=[row and self._looked_at(row) for row in page.rows])
            else:
                yield page

    def facets(self, asked: FacetsAsked) -> Iterator[object]:
        """Yield how many objects have what. Raises Refusal 400."""
        return self._answer(lambda: self._browsing.facets(asked))

    def suggest(self, asked: SuggestAsked) -> Iterator[object]:
        """Yield what may be meant by a few letters. Raises Refusal 400."""
        return self._answer(lambda: self._browsing.suggest(asked))

    def behind(self) -> Iterator[None]:
        """Go on with what was asked for last and isn't known as a whole yet."""
        return self._browsing.behind()

    def _looked_at(self, row: Row) -> Row:
        return msgspec.structs.replace(row, object=self._objects.looked_at(row.object))

    def _answer(self, steps: Callable[[], Iterator[object]]) -> Iterator[object]:
        self._objects.sweep()
        try:
            yield from steps()
        except InputError as error:
            raise bad_request(str(error)) from None

    def _fresh(self) -> Freshness:
        return Freshness(indexed=sum(each.objects for each in self._objects.tally().values()))


class Routes:
    """The three routes.

    Args:
        browse: What answers.
        worker: The database's thread.
        answer: Answers a request with the first step that isn't None.
        body: Reads a request's body.
    """

    def __init__(
        self,
        browse: Browse,
        worker: Worker,
        answer: Callable[[Iterator[object]], Awaitable[web.Response]],
        body: Callable[[web.Request], Awaitable[bytes]],
    ) -> None:
        self._browse = browse
        self._worker = worker
        self._answer = answer
        self._body = body
        self._behind: asyncio.Task[None] | None = None
        self._reading = 0
        self._quiet = asyncio.Event()

    async def page(self, request: web.Request) -> web.Response:
        """Answer with a `PageView`."""
        return await self._read(request, PageAsked, self._browse.page)

    async def facets(self, request: web.Request) -> web.Response:
        """Answer with a `BrowseFacetsView`."""
        return await self._read(request, FacetsAsked, self._browse.facets)

    async def suggest(self, request: web.Request) -> web.Response:
        """Answer with a `SuggestView`."""
        return await self._read(request, SuggestAsked, self._browse.suggest)

    async def stop(self, _: web.Application) -> None:
        """Leave off what nobody waits for."""
        if self._behind is not None:
            self._behind.cancel()
            await asyncio.wait([self._behind])

    async def _read(self, request: web.Request, kind: type[T], work: Callable[[T], Iterator[object]]) -> web.Response:
        asked = _decode(await self._body(request), kind)
        self._reading += 1
        self._quiet.clear()
        try:
            response = await self._answer(work(asked))
        finally:
            self._reading -= 1
            if not self._reading:
                self._quiet.set()
        if self._behind is None or self._behind.done():
            self._behind = asyncio.create_task(self._go_on())
        return response

    async def _go_on(self) -> None:
        """Find the rest of what was asked for last, a moment at a time, while nobody who browses waits."""
        steps = self._browse.behind()

        def some() -> bool:
            turn = Turn()
            return any(self._reading or turn.is_over() for _ in steps)

        try:
            while await self._worker(some):
                await self._quiet.wait()
        except Exception:
            log.exception("browsing left off")


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return json.decode(body, kind)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body isn't what browsing takes: {error}") from None
