"""How many objects there are to whoever looks: what is kept in parts is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runloop_jupyter.api.objects import Filter
from runloop_jupyter.transfer.manifest import PART

if TYPE_CHECKING:
    from runloop_jupyter.api.objects import Objects


def count(objects: Objects, state: str | None, *, public: bool = False) -> int | None:
    """Return how many objects there are in a state, without the parts of others; None where the store doesn't count.

    Raises:
        StoreError: As every call.
    """
    ask = objects.list_public if public else objects.list
    total = ask(Filter(state=state), limit=1, include_total_count=True).total_count
    if not total:
        return total
    members = Filter(state=state, metadata={"rl.kind": PART})
    # A store that doesn't listen to metadata counts nothing here, and the parts with the rest.
    return total - (ask(members, limit=1, include_total_count=True).total_count or 0)
