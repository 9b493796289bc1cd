"""Objects that come with an id and a past of their own."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from runloop_jupyter.index import connect
from runloop_jupyter.local.arrivals import Arrivals
from runloop_jupyter.local.bag import Description
from runloop_jupyter.local.blobs import Blobs
from runloop_jupyter.local.database import SCHEMA
from runloop_jupyter.local.ids import make_id
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.local.objects import Objects
from runloop_jupyter.local.refusal import Refusal
from runloop_jupyter.wire.objects import ObjectCreateParameters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_800_000_000.0


class Clock:
    """A time that a test moves."""

    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Iterator[tuple[Objects, Arrivals]]:
    layout = Layout(tmp_path)
    with closing(connect(layout.database, SCHEMA)) as connection:
        blobs = Blobs(layout)
        objects = Objects(connection, blobs, clock)
        yield objects, Arrivals(connection, objects, blobs, clock)


@pytest.fixture
def objects(opened: tuple[Objects, Arrivals]) -> Objects:
    return opened[0]


@pytest.fixture
def arrivals(opened: tuple[Objects, Arrivals]) -> Arrivals:
    return opened[1]


def described(**changes: Any) -> Description:
    known: dict[str, Any] = {
        "id": make_id(5_000_000),
        "name": "older",
        "content_type": "text",
        "create_time_ms": 1_700_000_000_000,
        "size_bytes": 5,
        "sha256": "-",
        "metadata": {"a": "b"},
    }
    return Description(**(known | changes))


def taken(arrivals: Arrivals, tmp_path: Path, description: Description, *, restore: bool = False) -> str:
    arrived = tmp_path / "arrived"
    arrived.write_bytes(b"bytes")
    return arrivals.take_in(description, arrived, restore=restore)


def test_it_is_whole_from_the_first_moment_with_its_own_past(
    objects: Objects, arrivals: Arrivals, tmp_path: Path
) -> None:
    description = described(delete_after_time_ms=int(NOW * 1000) + 1)
    assert taken(arrivals, tmp_path, description) == "taken"
    view = objects.get(description.id)
    assert (view.state, view.name, view.metadata, view.size_bytes) == ("READ_ONLY", "older", {"a": "b"}, 5)
    assert (view.create_time_ms, view.delete_after_time_ms) == (1_700_000_000_000, int(NOW * 1000) + 1)
    assert not (tmp_path / "arrived").exists()


def test_what_is_left_of_its_time_is_kept(objects: Objects, arrivals: Arrivals, tmp_path: Path, clock: Clock) -> None:
    description = described(delete_after_time_ms=int(NOW * 1000) + 5000)
    taken(arrivals, tmp_path, description)
    clock.now += 5
    assert arrivals.overdue() == 1
    assert arrivals.overdue() == 1
    assert objects.sweep() == 1
    assert arrivals.overdue() == 0
    assert objects.get(description.id).state == "DELETED"


@pytest.mark.parametrize("restore", [False, True])
def test_what_is_past_its_time_is_not_taken(arrivals: Arrivals, tmp_path: Path, restore: bool) -> None:
    description = described(delete_after_time_ms=int(NOW * 1000))
    assert taken(arrivals, tmp_path, description, restore=restore) == "expired"
    assert arrivals.states([description.id]) == {}


@pytest.mark.parametrize("restore", [False, True])
def test_what_is_here_is_never_replaced(objects: Objects, arrivals: Arrivals, tmp_path: Path, restore: bool) -> None:
    waiting = objects.create(ObjectCreateParameters(name="waiting", content_type="text"))
    assert taken(arrivals, tmp_path, described(id=waiting.id, name="other"), restore=restore) == "here"
    assert objects.get(waiting.id) == waiting


def test_a_failure_leaves_neither_object_nor_bytes(
    arrivals: Arrivals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = described()
    with monkeypatch.context() as patched:
        patched.setattr(arrivals._index, "put", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            taken(arrivals, tmp_path, description)
    assert arrivals.states([description.id]) == {}
    assert not list(Layout(tmp_path).blobs.rglob("obj_*"))
    assert taken(arrivals, tmp_path, description) == "taken"


def test_new_objects_stay_newer_than_those_that_were_taken_in(
    objects: Objects, arrivals: Arrivals, tmp_path: Path
) -> None:
    ahead = described(id=make_id(int((NOW + 86_400) * 1000) << 12))
    taken(arrivals, tmp_path, ahead)
    created = objects.create(ObjectCreateParameters(name="new", content_type="text"))
    assert created.id > ahead.id


@pytest.mark.parametrize(
    "changes",
    [{"id": "obj_x"}, {"content_type": "x"}, {"create_time_ms": -1}, {"name": "n" * 5000}],
    ids=lambda changes: next(iter(changes)),
)
def test_what_no_object_can_be_is_refused(arrivals: Arrivals, tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        taken(arrivals, tmp_path, described(**changes))
