"""url: a link that downloads an object without a key, and Link, which doesn't show it by accident."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NoReturn

from runloop_jupyter import session as sessions
from runloop_jupyter.actions.resolve import resolve
from runloop_jupyter.actions.running import ask
from runloop_jupyter.api import signed
from runloop_jupyter.display import humane
from runloop_jupyter.display.card import Card
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.host import in_notebook
from runloop_jupyter.display.result import Result
from runloop_jupyter.errors import InputError, LinkExpired
from runloop_jupyter.options import length_ms
from runloop_jupyter.transfer.manifest import is_folder, is_head

if TYPE_CHECKING:
    from typing import Any

    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.secret import Secret
    from runloop_jupyter.transfer.transfer import Transfer

LONGEST: Final = timedelta(days=7)
"""What S3 allows for a presigned URL."""

DEFAULT: Final = "1h"

HERE: Final = "only on this computer"
ANYWHERE: Final = "anyone who has it, from anywhere"
# A server's clock may differ by so much, and an answer takes its time.
_SLACK: Final = timedelta(minutes=1)


@dataclass(frozen=True, eq=False)
class Link(Result):
    """A URL that downloads one object without a key, for a time. It is a secret, and shown masked wherever it goes.

    Deleting the object is the only way to take a link back before it expires. A link keeps the store that it was made
    with. Copies are the same link; it can't be pickled.

    Attributes:
        object: What it downloads.
        expires: Until when it works (UTC): what the URL says of itself, or when the object's own time ends, if that
            is sooner.
        reach: Who can use it, in words: ``only on this computer``; ``anyone who has it, from anywhere``.
        notes: What is otherwise than was asked for, a line each.
    """

    object: Object
    expires: datetime
    reach: str
    notes: tuple[str, ...] = ()
    _url: Secret = field(repr=False, kw_only=True)

    def reveal(self) -> str:
        """Return the URL itself. Of the embedded store: after making sure that it runs.

        Raises:
            LinkExpired: It works no more.
            EmbeddedStoreError: The embedded store can't be started.
        """
        if self.expired:
            since = _said(self.expires)
            raise LinkExpired(f"the link to “{self.object.name}” expired {since}. Make a new one: %rl_url")
        store = self.object.store
        if store.profile.embedded:
            # Its port and the key that it signs with outlive it; but the port may have been taken by then.
            place = ask("url", lambda asking: store.objects.service.base_url)
            if not signed.masked(self._url).startswith(f"{place}/"):
                raise LinkExpired("the embedded store has moved to another port. Make a new link: %rl_url")
        return self._url.reveal()

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return datetime.now(UTC) >= self.expires

    def card(self, slot: str = "") -> Card:
        """Return the card that shows it, masked.

        Args:
            slot: Where a button may be put that copies it; see `Card`.
        """
        until = _said(self.expires)
        when = Fact(f"expired {until}", "time", "warn") if self.expired else Fact(f"works until {until}", "time")
        return Card(
            title=self.object.name,
            facts=["link", self.reach],
            second=[when, "only deleting the object takes it back sooner"],
            code=[Fact(signed.masked(self._url), "id"), ".reveal() gives it whole"],
            warnings=self.notes,
            slot=slot,
        )

    def __repr__(self) -> str:
        return f"<Link to {self.object.name!r} · {self.reach} · until {_said(self.expires)}>"

    def _shown(self) -> Card:
        return self.card(self._slot())

    def _slot(self) -> str:
        """Return the key of a button's place; empty where there is no notebook, or nothing that makes buttons."""
        if self.expired or not in_notebook():
            return ""
        try:
            from runloop_jupyter.widgets.copy_link import slot  # ipywidgets, and only for a link that is looked at
        except ImportError:
            return ""
        return slot(self)

    def __copy__(self) -> Link:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Link:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a link can't be pickled, for it is as good as a key; make one where it is needed")


def url(what: str | Object, *, expires: str | timedelta = DEFAULT) -> Link:
    """Make a link that downloads an object without a key, for whoever has it.

    Args:
        what: A name (its newest version), ``name@version``, an id, ``PROFILE:name``, or an `Object`.
        expires: How long it works: ``1h``, ``45m``, ``7d`` (the longest there is), or a `timedelta`.

    Raises:
        ObjectNotFound: Nothing has that name, or its newest version is gone.
        InputError: A time that can't be meant, or an object that is kept in parts.
        StoreError: The store makes no such link.

    Example:
        >>> rl.url("penguins", expires="12h").reveal()  # doctest: +SKIP
    """
    asked = timedelta(milliseconds=length_ms(expires, "expires", longest=LONGEST))
    session = sessions.current()

    def make(asking: Transfer) -> Link:
        thing = resolve(session, what, asking)
        if is_head(thing.view):
            raise InputError(f"“{thing.name}” is kept in parts, and a link would give their list. Get it as a path")
        if is_folder(thing.view):
            raise InputError(
                f"“{thing.name}” is kept as files, and a link would give their list. Put it with --as tar.gz"
            )
        asking.checkpoint()
        begun = datetime.now(UTC)
        seconds = max(1, int(asked.total_seconds()))
        url = thing.store.objects.download_url(thing.id, duration_seconds=seconds)
        return _link(thing, url, begun + timedelta(seconds=seconds))

    return ask("url", make)


def _link(thing: Object, url: Secret, asked: datetime) -> Link:
    """Return the link, with the least of what was asked for, what the URL says and what the object lives."""
    notes = []
    expires = signed.expiry(url) or asked
    if expires < asked - _SLACK:
        notes.append(f"the store gives less time than was asked for (until {_said(asked)})")
    if thing.expires is not None and thing.expires < expires:
        expires = thing.expires
        notes.append("the object itself expires then")
    reach = HERE if signed.is_for_this_computer(url) else ANYWHERE
    return Link(thing, expires, reach, tuple(notes), _url=url)


def _said(moment: datetime) -> str:
    return humane.utc(int(moment.timestamp() * 1000))
