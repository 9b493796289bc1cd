"""An object as the table of objects has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runloop_jupyter.index.fold import fold
from runloop_jupyter.index.parts import is_part

if TYPE_CHECKING:
    from runloop_jupyter.wire.objects import ObjectView

INSERT: Final = "INSERT INTO object VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def row(position: int, view: ObjectView, named: int) -> tuple[object, ...]:
    """Return what `INSERT` takes.

    Args:
        position: Where the object stands in the order.
        view: The object.
        named: The number of its name.
    """
    return (
        position,
        view.id,
        view.name,
        fold(view.name),
        view.state,
        view.content_type,
        view.create_time_ms,
        view.size_bytes,
        view.delete_after_time_ms,
        view.metadata is not None,
        is_part(view),
        named,
    )
