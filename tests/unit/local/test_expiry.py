"""Objects past their time, also where more come due at once than can be deleted while somebody waits."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from runloop_jupyter.index import Filter, connect
from runloop_jupyter.local import objects as operations
from runloop_jupyter.local.arrivals import Arrivals
from runloop_jupyter.local.bag import Description
from runloop_jupyter.local.blobs import Blobs
from runloop_jupyter.local.database import SCHEMA
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.local.objects import Objects
from runloop_jupyter.local.refusal import Refusal
from runloop_jupyter.wire.objects import ObjectCreateParameters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runloop_jupyter.wire.objects import ObjectListView, ObjectView

MANY = 180
LATER = 1_800_000_000.0


class Opened:
    """A store at a time that a test moves, and what it was made of."""

    def __init__(self, root: Path) -> None:
        layout = Layout(root)
        self.now = LATER - 5
        self.connection = connect(layout.database, SCHEMA)
        self.root = root
        self.blobs = Blobs(layout)
        self.objects = Objects(self.connection, self.blobs, lambda: self.now)
        self.arrivals = Arrivals(self.connection, self.objects, self.blobs, lambda: self.now)

    def close(self) -> None:
        self.connection.close()

    def put(self, name: str, ttl_ms: int | None) -> ObjectView:
        wanted = ObjectCreateParameters(name=name, content_type="text", metadata={"a": "b"}, ttl_ms=ttl_ms)
        made: list[ObjectView] = []

        def work() -> bytes:
            made.append(self.objects.create(wanted))
            return b""

        self.objects.once(None, "", work)
        (self.root / "arrived").write_bytes(b"x")
        self.objects.place(made[0].id, self.root / "arrived")
        self.objects.once(None, "", lambda: bytes(self.objects.complete(made[0].id).id, "ascii"))
        return made[0]

    def listed(self, **params: str) -> list[ObjectView]:
        pages: Iterator[ObjectListView | None] = self.objects.list(
            Filter(**params), limit=5000, starting_after=None, count=False
        )
        return [view for page in pages if page is not None for view in page.objects]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    monkeypatch.setattr(operations, "_SWEEP_SECONDS", 0.0)  # one transaction's worth, however fast the machine
    with closing(Opened(tmp_path)) as opened:
        yield opened


def test_what_waits_to_be_deleted_is_seen_as_deleted_in_lists_and_by_id(store: Opened) -> None:
    due = [store.put(f"due-{n}", 5000) for n in range(MANY)]
    kept = store.put("kept", 6000)
    store.now = LATER
    listed = store.listed(state="READ_ONLY")
    assert store.arrivals.overdue() > 0
    assert {view.id for view in listed if view.state == "READ_ONLY"} == {kept.id}
    assert all(view.metadata is None for view in listed if view.state == "DELETED")
    last = store.objects.get(due[-1].id)
    assert (last.state, last.metadata) == ("DELETED", None)
    assert store.arrivals.states([due[-1].id, kept.id]) == {due[-1].id: "DELETED", kept.id: "READ_ONLY"}


@pytest.mark.parametrize("use", ["readable", "complete", "uploading"])
def test_what_waits_to_be_deleted_can_not_be_used(store: Opened, use: str) -> None:
    due = [store.put(f"due-{n}", 5000) for n in range(MANY)]
    store.now = LATER
    with pytest.raises(Refusal, match="DELETED"):
        getattr(store.objects, use)(due[-1].id)


def test_it_is_deleted_a_few_at_a_time_until_none_is_left(store: Opened) -> None:
    due = [store.put(f"due-{n}", 5000) for n in range(MANY)]
    store.now = LATER
    swept = []
    while n := store.objects.sweep():
        swept.append(n)
    assert (sum(swept), max(swept) < MANY) == (MANY, True)
    assert store.arrivals.overdue() == 0
    assert [store.blobs.size(view.id) for view in due] == [None] * MANY
    assert [view.state for view in store.listed()] == ["DELETED"] * MANY


def test_what_was_put_back_before_its_old_time_was_swept_keeps_the_new_one(store: Opened) -> None:
    view = store.put("back again", 5000)
    store.now = LATER
    description = Description(
        id=view.id,
        name=view.name,
        content_type="text",
        create_time_ms=view.create_time_ms,
        size_bytes=1,
        sha256="-",
        metadata={},
        delete_after_time_ms=int(LATER * 1000) + 9000,
    )
    (store.root / "arrived").write_bytes(b"x")
    assert store.arrivals.take_in(description, store.root / "arrived", restore=True) == "taken"
    while store.objects.sweep():
        pass
    assert store.objects.get(view.id).state == "READ_ONLY"
    assert store.blobs.size(view.id) == 1
