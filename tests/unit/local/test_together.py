"""Requests that wait together share one commit: all of it is on the disk before any of them is answered."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from runloop_jupyter.index import connect
from runloop_jupyter.local.blobs import Blobs
from runloop_jupyter.local.database import SCHEMA, Worker
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.local.objects import Objects
from runloop_jupyter.local.refusal import Refusal
from runloop_jupyter.wire.objects import ObjectCreateParameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


class Store:
    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.connection = connect(self.layout.database, SCHEMA)
        self.objects = Objects(self.connection, Blobs(self.layout))
        self.commits = 0
        self.connection.set_trace_callback(self._traced)

    def _traced(self, statement: str) -> None:
        self.commits += statement == "COMMIT"

    def creates(self, name: str, request_id: str | None = None, content_type: str = "text") -> Callable[[], bytes]:
        wanted = ObjectCreateParameters(name=name, content_type=content_type)
        return lambda: self.objects.answer(
            request_id, "POST /v1/objects", lambda: self.objects.create(wanted).id.encode()
        )

    def names(self) -> set[str]:
        return {name for (name,) in self.connection.execute("SELECT name FROM object")}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.connection.close()


def test_they_share_a_commit(store: Store) -> None:
    outcomes = store.objects.together([store.creates(name) for name in "abc"])
    assert [type(each) for each in outcomes] == [bytes] * 3
    assert store.names() == {"a", "b", "c"}
    assert store.commits == 1


def test_what_is_refused_is_refused_alone(store: Store) -> None:
    outcomes = store.objects.together([store.creates("a"), store.creates("b", content_type="no"), store.creates("c")])
    assert isinstance(outcomes[1], Refusal)
    assert store.names() == {"a", "c"}
    assert store.commits == 1


def fails_after_a_write(store: Store) -> Callable[[], object]:
    def step() -> None:
        store.creates("half")()
        raise ValueError("in the middle")

    return step


def refuses_after_a_write(store: Store) -> Callable[[], object]:
    def step() -> None:
        store.creates("half")()
        raise Refusal(409, "in the middle")

    return step


@pytest.mark.parametrize("bad", [fails_after_a_write, refuses_after_a_write])
def test_one_that_breaks_off_in_the_middle_takes_nothing_of_the_others_along(
    store: Store, bad: Callable[[Store], Callable[[], object]]
) -> None:
    outcomes = store.objects.together([store.creates("a"), bad(store), store.creates("c")])
    assert [isinstance(each, Exception) for each in outcomes] == [False, True, False]
    assert store.names() == {"a", "c"}


def test_a_commit_that_fails_answers_none_of_them_as_done(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        """The connection, on a disk that takes no commit."""

        def __getattr__(self, name: str) -> object:
            return getattr(store.connection, name)

        def execute(self, statement: str, *values: object) -> object:
            if statement == "COMMIT":
                raise sqlite3.OperationalError("database or disk is full")
            return store.connection.execute(statement, *values)

    monkeypatch.setattr(store.objects, "_connection", Full())
    outcomes = store.objects.together([store.creates("a"), store.creates("b")])
    assert [type(each) for each in outcomes] == [sqlite3.OperationalError] * 2
    assert store.names() == set()


def test_a_request_that_comes_twice_in_one_group_is_done_once(store: Store) -> None:
    one, two = store.objects.together([store.creates("a", "request-1"), store.creates("a", "request-1")])
    assert one == two
    assert store.connection.execute("SELECT count(*) FROM object").fetchone() == (1,)


def test_those_that_come_while_the_thread_is_busy_go_as_one_group() -> None:
    groups: list[int] = []
    busy, go_on = threading.Event(), threading.Event()

    def group(steps: Sequence[Callable[[], object]]) -> list[object]:
        groups.append(len(steps))
        busy.set()
        go_on.wait(10)
        outcomes: list[object] = []
        for step in steps:
            try:
                outcomes.append(step())
            except ValueError as error:
                outcomes.append(error)
        return outcomes

    async def ask() -> list[object]:
        worker = Worker()
        first = asyncio.create_task(worker.together(lambda: 0, group))
        while not busy.is_set():
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(worker.together(lambda n=n: 6 // n, group)) for n in (1, 2, 3)]  # type: ignore[misc]
        others.append(asyncio.create_task(worker.together(lambda: int("x"), group)))
        gone = asyncio.create_task(worker.together(lambda: 9, group))
        await asyncio.sleep(0)
        gone.cancel()
        go_on.set()
        answers = await asyncio.gather(first, *others, return_exceptions=True)
        worker.close()
        return list(answers)

    *numbers, error = asyncio.run(ask())
    assert numbers == [0, 6, 3, 2]
    assert isinstance(error, ValueError)
    assert groups == [1, 5]
