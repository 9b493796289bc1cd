"""Browser, the widget: what it shows, what is selected in it, and who answers it."""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anywidget
import traitlets

from runloop_jupyter.actions.object import Object
from runloop_jupyter.browser import asking, protocol, rows
from runloop_jupyter.browser.callbacks import Callbacks
from runloop_jupyter.browser.doing import Doing
from runloop_jupyter.browser.early import Early
from runloop_jupyter.browser.lease import Lease
from runloop_jupyter.browser.listing import Listing
from runloop_jupyter.browser.moving import Moving
from runloop_jupyter.errors import InputError, ObjectNotFound, RunloopError, one_line
from runloop_jupyter.widgets.protocol import CHUNK_BYTES, IN_FLIGHT
from runloop_jupyter.widgets.serving import Serving
from runloop_jupyter.wire.browse import Freshness, Query

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence

    from runloop_jupyter.browser.place import Place
    from runloop_jupyter.widgets.asked import Asked

SCRIPT: Path = Path(__file__).parents[1] / "static" / "browser.js"
COLUMNS_CHOSEN: Final = 2
CHANGED_S: Final = 0.5
LATER_S: Final = 1.0
_LATER: Final = ("looking", "facts", "downloading", "uploading")


class _Checked(traitlets.Any):
    """A trait whose every value its validator is asked about, None too."""

    allow_none = False


class Browser(anywidget.AnyWidget):
    """Objects of a store, to be looked at, searched, narrowed, previewed, moved.

    It keeps the store that it was opened with. While a cell runs it goes on answering.

    `selection`, `query` and `columns` can be read, set and observed, as any trait. Set in a cell they change what is
    shown, and callbacks of `observe` run in that cell, as of any other trait. What its user does on the page changes
    them a moment later, and then callbacks run on a thread of the browser's own, one after the other: what they print,
    and an error in one, goes to the output of the cell that opened the browser. A callback that takes long delays the
    next one, and nothing else.

    Args:
        place: The store.
        query: What is shown first.
        columns: Metadata keys that are shown as columns; by default those of most objects.
        names: The notebook's variables; None where it has none that a browser can set, as in marimo.

    Attributes:
        selection: What is selected, a list of `Object` in the order of the list.
        query: What is asked for, a `Query`. Set it to one, to a text to search for, or to a dict:
            ``b.query = {"where": "acc>0.9", "beneath": "runs/"}``.
        columns: Metadata keys that are shown as columns.

    Example:
        >>> b = rl.browse(where="project=birds")  # doctest: +SKIP
        >>> b.observe(lambda change: print(change.new), "selection")  # doctest: +SKIP
    """

    # No trait but the script is synced: what is shown goes as messages, and none of it into saved notebooks.
    _esm = SCRIPT
    selection = _Checked()
    query = _Checked()
    columns = _Checked()

    def __init__(
        self,
        place: Place,
        query: Query | None = None,
        columns: Sequence[str] | None = None,
        names: MutableMapping[str, Any] | None = None,
    ) -> None:
        self._place = place
        self._names = names
        self._chooses = columns is None
        self._taken: list[object] = []  # what the page set, which needn't be told to it
        self._to_tell: dict[str, Any] = {}
        self._heard: dict[str, int] = {}
        self._lock = threading.Lock()
        self._serving: Serving | None = None
        self._name = secrets.token_hex(8)
        self._callbacks = Callbacks()
        super().__init__(selection=[], query=query or Query(), columns=list(columns or []))
        self._listing = Listing(place)
        wished = None if columns is None else self.columns
        self._early: Early | None = Early(self.query, wished, partial(self._first, self.query, wished))
        self._lease = Lease(lambda: place.catalog.changed.listen(self._changed))
        self._serving = Serving(self, *self._operations())
        self._moving = Moving(place, self._serving.publisher)
        self._serving.at_end(self._lease.close)
        self._serving.at_end(self._moving.close)

    def refresh(self) -> None:
        """Look for new objects now.

        Raises:
            StoreError: The store can't say.
        """
        self._place.catalog.refresh()

    def close(self) -> None:
        """Close it everywhere; what it moves is stopped."""
        if self._serving is not None:
            self._serving.close()
        super().close()

    def __repr__(self) -> str:
        where = self._place.store.identity.label
        return f"<Browser of the {where}: run its cell in JupyterLab to see it; without one rl.catalog()>"

    def _operations(self) -> Sequence[dict[str, Callable[[Asked], Any]]]:
        """Return what can be asked: what takes no time, what takes some, and what moves bytes."""
        doing = Doing(self._place, self._names)
        quick = {
            "hello": self._hello,
            "watching": self._watching,
            **self._listing.operations(),
            "page": self._page,
        }
        looks = {
            "selected": self._selected,
            "facts": self._facts,
            "preview": self._preview,
            "cancelTransfer": lambda asked: self._moving.cancel(asked),
            **doing.looks(),
        }
        moves = {
            "upload": self._upload,
            "download": self._download,
            "retryTransfer": lambda asked: self._moving.retry(asked),
            "resumeTransfer": lambda asked: self._moving.resume(asked),
            **doing.moves(),
        }
        return [{op: partial(self._hear, each) for op, each in group.items()} for group in (quick, looks, moves)]

    def _hear(self, operation: Callable[[Asked], Any], asked: Asked) -> Any:
        """Carry out what a page asks. It is there, so what changes is listened to."""
        if self._lease.heard():
            self._changed(self._fresh())
        return operation(asked)

    # What does these is loaded when it is first asked for, or a moment after the list is there: rows come first.

    def _facts(self, asked: Asked) -> Any:
        from runloop_jupyter.browser import facts

        return facts.facts(self._place, self._names, asked)

    def _preview(self, asked: Asked) -> Any:
        from runloop_jupyter.browser import looking

        return looking.preview(self._place, asked)

    def _upload(self, asked: Asked) -> Any:
        from runloop_jupyter.browser import uploading

        return uploading.upload(self._place, asked)

    def _download(self, asked: Asked) -> Any:
        from runloop_jupyter.browser import downloading

        return downloading.download(self._place, asked)

    # What the page says

    def _watching(self, asked: Asked) -> None:
        """Answer ``watching``: it was heard, and a catalog that stopped, or has to, finds out by being asked."""
        protocol.read(asked.args, protocol.Nothing)
        self._fresh()

    def _hello(self, asked: Asked) -> Any:
        _load_the_rest_soon()
        said = protocol.read(asked.args, protocol.HelloArgs)
        query = self.query
        wished = said.columns or (None if self._chooses else self.columns)
        early, self._early = self._early, None
        columns, page = (early and early.take(query, wished)) or self._first(query, wished)
        self._chooses = False
        self._take("columns", columns, asked)
        store, profile = self._place.store, self._place.session.profile
        return protocol.plain(
            protocol.Hello(
                session=self._name,
                place=protocol.Place(label=store.identity.label, profile=profile.name, embedded=store.profile.embedded),
                query=query,
                columns=columns,
                selection=[thing.id for thing in self.selection],
                page=page,
                transfers=self._moving.shown(),
                now=time.time_ns() // 1_000_000,
                can=protocol.Abilities(mount=sys.platform != "win32", variables=self._names is not None),
                chunk_bytes=CHUNK_BYTES,
                in_flight=IN_FLIGHT,
            )
        )

    def _first(self, query: Query, columns: list[str] | None) -> tuple[list[str], protocol.Page]:
        """Return the columns, chosen where nobody wished for any, and the first rows with them."""
        if columns is None:
            columns = [key for key, _ in self._place.catalog.keys()[:COLUMNS_CHOSEN]]
        return columns, self._listing.first(query, columns)

    def _selected(self, asked: Asked) -> None:
        said = protocol.read(asked.args, protocol.IdsArgs)
        things = []
        for object_id in dict.fromkeys(said.ids):
            asked.checkpoint()
            try:
                things.append(self._place.object(object_id))
            except ObjectNotFound:  # gone since it was shown
                continue
        self._take("selection", things, asked)

    def _page(self, asked: Asked) -> Any:
        said = protocol.read(asked.args, protocol.PageArgs)
        if said.shown:
            self._take("query", said.query, asked)
            self._take("columns", said.columns, asked)
        page = self._listing.page(said)
        asked.checkpoint()
        return page

    def _take(self, name: str, value: Any, asked: Asked) -> None:
        """Set a trait to what the page says; those who observe it are called on the callbacks' thread.

        Requests are carried out beside each other. What an earlier one said is no news after what a later one did.
        """
        with self._lock:
            if asked.number < self._heard.get(name, -1):
                return
            self._heard[name] = asked.number

        def take() -> None:
            with self._lock:
                self._taken.append(value)
            try:
                setattr(self, name, value)
            finally:
                with self._lock:
                    self._taken = [each for each in self._taken if each is not value]

        self._callbacks.post(name, take)

    # What Python says

    @traitlets.validate("selection")
    def _check_selection(self, proposal: Any) -> Any:
        value = proposal["value"]
        if self._is_taken(value):
            return value
        if not isinstance(value, Object | Iterable):
            raise InputError(f"a selection is a list of objects, and {value!r} is a {type(value).__name__}")
        most = protocol.MOST_IDS
        things = [value] if isinstance(value, Object) else list(islice(value, most + 1))
        if len(things) > most:
            raise InputError(f"a selection is of {most:,} objects at most. b.query shows those that fit, however many")
        for thing in things:
            if not isinstance(thing, Object):
                raise InputError(f"a selection is a list of objects, and {thing!r} is a {type(thing).__name__}")
            if thing.store.identity.id != self._place.store.identity.id:
                raise InputError(f"“{thing.name}” is in another store ({thing.store.identity.label})")
        self._place.remember([thing.view for thing in things])
        return things

    @traitlets.validate("query")
    def _check_query(self, proposal: Any) -> Any:
        return proposal["value"] if self._is_taken(proposal["value"]) else asking.query_of(proposal["value"])

    @traitlets.validate("columns")
    def _check_columns(self, proposal: Any) -> Any:
        return proposal["value"] if self._is_taken(proposal["value"]) else asking.columns_of(proposal["value"])

    @traitlets.observe("selection", "query", "columns")
    def _tell(self, change: Any) -> None:
        if self._serving is None or self._is_taken(change["new"]):
            return
        name, value = change["name"], change["new"]
        if name == "columns":
            self._chooses = False
        told = [thing.id for thing in value] if name == "selection" else protocol.plain(value)
        with self._lock:
            self._to_tell[name] = told
        self._serving.publisher.event("set", self._told)

    def _told(self) -> dict[str, Any]:
        with self._lock:
            told, self._to_tell = self._to_tell, {}
        return told

    def _is_taken(self, value: object) -> bool:
        with self._lock:
            return any(each is value for each in self._taken)

    def _fresh(self) -> Freshness:
        try:
            return self._place.catalog.fresh()
        except RunloopError as error:
            return Freshness(indexed=0, whole=False, trouble=one_line(str(error)))

    def _changed(self, fresh: Freshness) -> None:
        if self._serving is not None:
            told = protocol.plain(rows.freshness(fresh))
            self._serving.publisher.event("changed", lambda: {"fresh": told}, CHANGED_S)


def _load_the_rest_soon() -> None:
    def load() -> None:
        for module in _LATER:
            with suppress(ImportError):  # whoever asks for it will say so
                import_module(f"runloop_jupyter.browser.{module}")

    if not _loaded.is_set():
        _loaded.set()
        timer = threading.Timer(LATER_S, load)
        timer.daemon = True
        timer.start()


_loaded: Final = threading.Event()
