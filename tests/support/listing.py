"""A hosted service that lists, and no more: no filter, no counts, no feed of changes. Objects come and go under it."""

from __future__ import annotations

import bisect
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from misbehaving import Answer

from runloop_jupyter.wire.json import encode
from runloop_jupyter.wire.objects import ObjectListView, ObjectView

if TYPE_CHECKING:
    from collections.abc import Iterable

_JSON = {"Content-Type": "application/json"}


class Listing:
    """The service's objects: a backend for `misbehaving.serving`.

    Attributes:
        pages: ``starting_after`` and ``limit`` of each page that was asked for.
        views: Ids that were asked for one by one.
        keys: The bearer tokens that came.
        late_s: How long each page takes.
    """

    def __init__(self, views: Iterable[ObjectView] = ()) -> None:
        self._oldest_first: list[ObjectView] = list(views)[::-1]
        self._ranks: dict[str, int] = {view.id: rank for rank, view in enumerate(self._oldest_first)}
        self._order: list[int] = list(range(len(self._oldest_first)))
        self._gone: dict[str, ObjectView] = {}
        self._lock = threading.Lock()
        self.pages: list[tuple[str, int]] = []
        self.views: list[str] = []
        self.keys: set[str] = set()
        self.late_s = 0.0

    @property
    def all(self) -> list[ObjectView]:
        """Everything listed, newest first."""
        with self._lock:
            return [self._oldest_first[rank] for rank in reversed(self._order)]

    def put(self, *views: ObjectView) -> None:
        """List more: the last of them is the newest of all."""
        with self._lock:
            for view in views:
                self._ranks[view.id] = len(self._oldest_first)
                self._order.append(len(self._oldest_first))
                self._oldest_first.append(view)

    def change(self, view: ObjectView) -> None:
        """Let one be another."""
        with self._lock:
            self._oldest_first[self._ranks[view.id]] = view

    def delete(self, *ids: str) -> None:
        """List some no more."""
        with self._lock:
            for each in ids:
                rank = self._ranks[each]
                del self._order[bisect.bisect_left(self._order, rank)]
                self._gone[each] = self._oldest_first[rank]

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        url = urlsplit(path)
        self.keys.add(headers.get("authorization", ""))
        if url.path == "/v1/objects" and method == "GET":
            return self._page(dict(parse_qsl(url.query)))
        object_id = url.path.removeprefix("/v1/objects/").removesuffix("/delete")
        if object_id not in self._ranks:
            return Answer(404, _JSON, b'{"message": "no such object"}')
        if url.path.endswith("/delete"):
            self.delete(object_id)
        self.views.append(object_id)
        view = self._oldest_first[self._ranks[object_id]]
        if object_id in self._gone:
            view = ObjectView(
                id=view.id, name=view.name, state="DELETED", content_type="text", create_time_ms=view.create_time_ms
            )
        return Answer(200, _JSON, encode(view))

    def _page(self, query: dict[str, str]) -> Answer:
        after, limit = query.get("starting_after", ""), int(query.get("limit", 20))
        self.pages.append((after, limit))
        time.sleep(self.late_s)
        with self._lock:
            end = len(self._order)
            if after:
                if after not in self._ranks or after in self._gone:
                    return Answer(404, _JSON, b'{"message": "no such cursor"}')
                end = bisect.bisect_left(self._order, self._ranks[after])
            start = max(0, end - limit)
            objects = [self._oldest_first[rank] for rank in reversed(self._order[start:end])]
        return Answer(200, _JSON, encode(ObjectListView(objects=objects, has_more=start > 0)))


def thing(number: int, **more: Any) -> ObjectView:
    """Return a small object, number by number a second later."""
    said: dict[str, Any] = {
        "id": f"obj_{number:08}",
        "name": f"thing-{number:06}",
        "state": "READ_ONLY",
        "content_type": "text",
        "create_time_ms": 1_790_000_000_000 + 1000 * number,
        "size_bytes": number,
        "metadata": {"shard": str(number % 7)},
    }
    return ObjectView(**{**said, **more})


def things(n: int) -> list[ObjectView]:
    """Return so many, newest first."""
    return [thing(number) for number in reversed(range(n))]
