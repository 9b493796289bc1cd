"""What the embedded store adds to what its index tells browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runloop_jupyter.index import connect
from runloop_jupyter.local.blobs import Blobs
from runloop_jupyter.local.browse import Browse
from runloop_jupyter.local.database import SCHEMA
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.local.objects import Objects
from runloop_jupyter.wire.browse import PageAsked, Query
from runloop_jupyter.wire.objects import ObjectCreateParameters

if TYPE_CHECKING:
    from pathlib import Path


def test_an_object_that_lost_its_bytes_is_no_whole_one_before_all_files_were_looked_at(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    connection = connect(layout.database, SCHEMA)
    blobs = Blobs(layout)
    objects = Objects(connection, blobs)
    for name in ("kept", "lost"):
        wanted = ObjectCreateParameters(name=name, content_type="text")
        object_id = objects.once(None, "create", lambda wanted=wanted: objects.create(wanted).id.encode()).decode()
        (tmp_path / "bytes").write_bytes(b"bytes")
        objects.place(object_id, tmp_path / "bytes")
        objects.once(None, "complete", lambda object_id=object_id: objects.complete(object_id).id.encode())
    objects.content(object_id).unlink()
    browse = Browse(connection, objects)

    def states() -> list[tuple[str, str]]:
        page: Any = [step for step in browse.page(PageAsked(query=Query())) if step is not None][-1]
        return [(row.object.name, row.object.state) for row in page.rows]

    assert states() == [("lost", "ERROR"), ("kept", "READ_ONLY")]
    objects.checked = True
    assert states() == [("lost", "READ_ONLY"), ("kept", "READ_ONLY")]  # nobody looks again at what was whole
    connection.close()
