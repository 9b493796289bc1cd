"""Which metadata keys are worth a facet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runloop_jupyter.index import ObjectIndex, connect
from runloop_jupyter.index.choosing import suited
from runloop_jupyter.wire.objects import ObjectView

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    connection = connect(tmp_path / "index.db")
    index = ObjectIndex(connection)
    for number in range(400):
        metadata = {
            "rl.kind": "table",
            "rl.facts": str(number),
            "model": ["resnet50", "vit"][number % 2],
            "fold": str(number % 5),
            "acc": f"{number % 60 / 100:.3f}",
            "host": f"node-{number % 60}",
            "note": f"run {number}",
        }
        index.put(number, _view(number, metadata))
    return connection


def test_the_kind_comes_first_and_then_keys_with_few_values(connection: sqlite3.Connection) -> None:
    assert suited(connection, 3) == ["rl.kind", "model", "fold"]


def test_a_measurement_is_no_facet(connection: sqlite3.Connection) -> None:
    assert "acc" not in suited(connection, 9)
    assert "host" in suited(connection, 9)


def test_a_key_with_a_value_for_each_object_is_none(connection: sqlite3.Connection) -> None:
    assert "note" not in suited(connection, 9)


def _view(number: int, metadata: dict[str, str]) -> ObjectView:
    return ObjectView(
        id=f"obj-{number}",
        name="n",
        state="READ_ONLY",
        content_type="binary",
        create_time_ms=number,
        metadata=metadata,
    )
