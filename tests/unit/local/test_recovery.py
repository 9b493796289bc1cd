"""Recovery, a step at a time, while objects come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runloop_jupyter.index import Filter, connect
from runloop_jupyter.local import recovery as recovery_module
from runloop_jupyter.local.blobs import Blobs
from runloop_jupyter.local.database import SCHEMA
from runloop_jupyter.local.ids import make_id
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.local.objects import Objects
from runloop_jupyter.local.recovery import Recovery
from runloop_jupyter.wire.objects import ObjectCreateParameters, ObjectState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Opened:
    """A store's inside, without its process."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.layout = Layout(root)
        self.blobs = Blobs(self.layout)
        self.connection = connect(self.layout.database, SCHEMA)
        self.objects = Objects(self.connection, self.blobs)

    def put(self, content: bytes = b"bytes") -> str:
        view = self.objects.create(ObjectCreateParameters(name="thing", content_type="binary"))
        temporary = self.layout.incoming / "one.part"
        temporary.write_bytes(content)
        self.objects.place(view.id, temporary)
        self.objects.complete(view.id)
        return view.id

    def listed(self) -> dict[str, str]:
        pages = self.objects.list(Filter(), limit=100, starting_after=None, count=False)
        page = next(page for page in pages if page is not None)
        return {each.id: each.state for each in page.objects}

    def tally(self) -> dict[str, int]:
        return {state: each.objects for state, each in self.objects.tally().items()}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(tmp_path / "store")
    yield opened
    opened.connection.close()


def one_step(recovery: Recovery) -> None:
    """However much the machine has to do."""
    next(recovery._steps)


def test_before_it_has_come_by_a_list_finds_out_by_itself(opened: Opened) -> None:
    kept, hurt = opened.put(), opened.put()
    opened.blobs.remove(hurt)
    assert opened.listed() == {kept: "READ_ONLY", hurt: "ERROR"}


def test_afterwards_a_list_looks_at_no_file(opened: Opened) -> None:
    hurt = opened.put()
    opened.objects.checked = True
    opened.blobs.remove(hurt)
    assert opened.listed() == {hurt: "READ_ONLY"}
    assert opened.objects.get(hurt).state == ObjectState.ERROR


def test_what_is_put_and_deleted_between_its_steps_is_left_as_it_is(opened: Opened) -> None:
    before = [opened.put(bytes(each)) for each in range(40)]
    recovery = Recovery(opened.connection, opened.blobs)
    one_step(recovery)  # it has its list of the objects
    new = opened.put(b"new")
    opened.objects.once(None, "", lambda: opened.objects.delete(before[0]).id.encode())
    one_step(recovery)
    opened.objects.once(None, "", lambda: opened.objects.delete(before[1]).id.encode())
    assert recovery.advance(60)
    assert (recovery.damaged, recovery.mended, recovery.removed, recovery.strays) == ([], [], 0, 0)
    assert opened.blobs.path(new).read_bytes() == b"new"
    assert opened.tally() == {"READ_ONLY": 39, "DELETED": 2}


def test_a_whole_directory_that_is_gone_is_noticed(opened: Opened) -> None:
    hurt = opened.put()
    opened.blobs.remove(hurt)
    opened.blobs.path(hurt).parent.rmdir()
    recovery = Recovery(opened.connection, opened.blobs)
    assert recovery.advance(60)
    assert recovery.damaged == [hurt]
    assert opened.tally() == {"ERROR": 1}


def test_it_says_what_it_did_and_names_only_some(opened: Opened) -> None:
    hurt = [opened.put() for _ in range(8)]
    for each in hurt:
        opened.blobs.remove(each)
    (opened.layout.incoming / "cut off.part").touch()
    recovery = Recovery(opened.connection, opened.blobs)
    recovery.advance(60)
    cut_off, damaged = recovery.lines(opened.layout)
    assert cut_off == "removed 1 uploads that were cut off"
    assert damaged.startswith("8 objects have lost their bytes")
    assert "and 3 more" in damaged
    assert sum(each in damaged for each in hurt) == 5


def test_nothing_to_do_is_nothing_said(opened: Opened) -> None:
    opened.put(b"")
    recovery = Recovery(opened.connection, opened.blobs)
    recovery.advance(60)
    assert list(recovery.lines(opened.layout)) == []


def test_a_store_that_is_looked_through_in_rounds_is_looked_through_whole(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery_module, "_TOGETHER", 10)
    kept = [opened.put() for _ in range(45)]
    hurt = kept[::3]
    for each in hurt:
        opened.blobs.remove(each)
    stray = make_id(5)
    opened.blobs.path(stray).parent.mkdir(exist_ok=True)
    opened.blobs.path(stray).touch()
    recovery = Recovery(opened.connection, Blobs(opened.layout))
    assert recovery.advance(60)
    assert sorted(recovery.damaged) == sorted(hurt)
    assert (recovery.mended, recovery.removed, recovery.strays) == ([], 0, 1)
    assert opened.tally() == {"READ_ONLY": 30, "ERROR": 15}
