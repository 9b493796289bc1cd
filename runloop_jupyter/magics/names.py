"""What Tab offers of a store: names and metadata as they were a moment ago, fetched behind the user's back."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runloop_jupyter import session
from runloop_jupyter.options import RESERVED

if TYPE_CHECKING:
    from runloop_jupyter.wire.objects import ObjectView

FRESH_S: Final = 5.0
FIRST_WAIT_S: Final = 0.15
_CUT_AT: Final = 40  # the short schema cuts longer names of columns
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """One look at a store.

    Attributes:
        names: Names, newest first.
        metadata: Users' metadata keys, with their values.
        facts: What was written down of each name's newest version, JSON.
    """

    names: tuple[str, ...] = ()
    metadata: dict[str, tuple[str, ...]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def columns(self, name: str) -> list[str]:
        """Return the columns of the table called `name`, as far as its short schema has them whole."""
        try:
            facts = json.loads(self.facts.get(name, "{}"))
        except (ValueError, RecursionError):  # somebody else's words
            return []
        schema = facts.get("schema") if isinstance(facts, dict) else None
        pieces = schema.split(", ") if isinstance(schema, str) else []
        # The comma within a type, decimal128(10, 2) or struct<a: int64, b: string>, begins no column.
        parts = (piece.partition(":") for piece in pieces)
        return [column for column, _, kind in parts if kind and kind[0] != " " and len(column) < _CUT_AT]


class Names:
    """The last look at a store, renewed on a thread when it is asked for and old.

    Completion runs on the thread that also runs cells: it takes what is there and never waits for a store, but for
    a blink at the very first time.

    Args:
        profile: Whose store; by default the current one's.
    """

    def __init__(self, profile: str | None = None) -> None:
        self._profile = profile
        self._known = Known()
        self._looked = 0.0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def get(self) -> Known:
        """Return what is known, and have it renewed where it is old."""
        with self._lock:
            thread = self._thread
            if thread is None and time.monotonic() - self._looked > FRESH_S:
                thread = self._thread = threading.Thread(target=self._look, name="rl-names", daemon=True)
                thread.start()
        if thread is not None and not self._looked:
            thread.join(FIRST_WAIT_S)
        return self._known

    def _look(self) -> None:
        try:
            from runloop_jupyter.api.objects import LARGEST_PAGE, Filter
            from runloop_jupyter.transfer.manifest import is_member

            page = (
                session.current().store_named(self._profile).objects.list(Filter(state="READ_ONLY"), limit=LARGEST_PAGE)
            )
            self._known = _known([view for view in page.objects if not is_member(view)])
        except Exception:
            # Tab is no place for an error, and a thread's would be printed into somebody's cell. The magic will say it.
            log.debug("names can't be fetched", exc_info=True)
        finally:
            self._looked = time.monotonic()
            with self._lock:
                self._thread = None


def _known(views: list[ObjectView]) -> Known:
    names = dict.fromkeys(view.name for view in views)
    metadata: dict[str, dict[str, None]] = {}
    for view in views:
        for key, value in (view.metadata or {}).items():
            if not key.startswith(RESERVED):
                metadata.setdefault(key, {})[value] = None
    facts: dict[str, str] = {}
    for view in views:
        facts.setdefault(view.name, (view.metadata or {}).get("rl.facts", "{}"))
    return Known(tuple(names), {key: tuple(values) for key, values in sorted(metadata.items())}, facts)
