"""Objects that are parts of sets, as `transfer.manifest` makes them: what the index has to know to leave them out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from runloop_jupyter.wire.browse import Query
    from runloop_jupyter.wire.objects import ObjectView

KIND: Final = "rl.kind"
PART: Final = "part"
_NAME: Final = re.compile(r"\.rl-part-[0-9]{5,}\Z")


def is_part(view: ObjectView) -> bool:
    """Whether an object is part of a set. One that was deleted has no metadata any more; its name tells."""
    if view.metadata:
        return view.metadata.get(KIND) == PART
    return view.state == ObjectState.DELETED and _NAME.search(view.name) is not None


def asks_for_parts(query: Query) -> bool:
    """Whether a query means parts of sets too, because it says so."""
    return PART in query.where.get(KIND, ()) or any(
        each.key == KIND and each.sign == "=" and PART in each.values for each in query.conditions
    )
