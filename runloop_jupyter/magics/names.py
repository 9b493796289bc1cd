"""What Tab offers of a store: names and metadata as they were a moment ago, fetched behind the user's back."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runloop_jupyter import catalogs, session
from runloop_jupyter.options import RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.catalogs import Catalog
    from runloop_jupyter.wire.objects import ObjectView

FRESH_S: Final = 5.0
FIRST_WAIT_S: Final = 0.15
CATALOG_WAIT_S: Final = 0.1
_MOST: Final = 100
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

    def beginning_with(self, text: str) -> list[str]:
        """Return names that begin with `text`: the newest, and what a catalog that is open knows beside them."""
        newest = [name for name in self.get().names if name.startswith(text)]
        return list(dict.fromkeys([*newest, *self._from_catalog(lambda known: _names_beneath(known, text))]))

    def values(self, key: str, text: str) -> list[str]:
        """Return values of a metadata key that begin with `text`, from the same two."""
        newest = [value for value in self.get().metadata.get(key, ()) if value.startswith(text)]
        return list(dict.fromkeys([*newest, *self._from_catalog(lambda known: _values(known, key, text))]))

    def _from_catalog(self, question: Callable[[Catalog], list[str]]) -> list[str]:
        """Return what a catalog answers, where one is open, knows its store and answers at once."""
        if self._profile is not None:
            return []
        store = session.current().opened
        known = None if store is None else catalogs.opened(store)
        if known is None:
            return []
        answer: list[str] = []

        def ask() -> None:
            try:
                answer.extend(question(known))
            except Exception:
                log.debug("the catalog doesn't answer", exc_info=True)

        thread = threading.Thread(target=ask, name="rl-names", daemon=True)
        thread.start()
        thread.join(CATALOG_WAIT_S)
        return [] if thread.is_alive() else answer

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


def _names_beneath(known: Catalog, text: str) -> list[str]:
    from runloop_jupyter.wire.browse import PageAsked, Query

    page = known.page(PageAsked(query=Query(beneath=text), n=_MOST))
    return [row.object.name for row in page.rows if row is not None]


def _values(known: Catalog, key: str, text: str) -> list[str]:
    from runloop_jupyter.wire.browse import SuggestAsked

    found = known.suggest(SuggestAsked(text=f"{key}={text}", limit=_MOST)).suggestions
    return [each.text for each in found if each.sort == "value" and each.key == key and each.text.startswith(text)]


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
