"""The one shared client of a kernel: its profile, the stores it has opened, its transfers.

Magics, the Python API and the browser all take it from `current`. Making one costs nothing and starts nothing; a store
is reached, and the embedded one started, when something first needs it.
"""

from __future__ import annotations

import copy
import copyreg
import os
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from runloop_jupyter import catalogs
from runloop_jupyter import profile as profiles
from runloop_jupyter.errors import Offline, ProfileError
from runloop_jupyter.profile import EMBEDDED, Profile, StoreIdentity
from runloop_jupyter.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runloop_jupyter.secret import Secret
    from runloop_jupyter.transfer.transfer import Transfers

__all__ = ["OFFLINE", "Session", "Store", "current", "offline", "open_store", "reset"]

OFFLINE: Final = "RUNLOOP_OFFLINE"


class Session:
    """What the parts of one kernel share.

    Args:
        profile: The profile that holds; by default what `profile.active` finds when it is first asked for.

    Attributes:
        chosen: Whether somebody chose the profile in this kernel, so that new kernels may find another.
        shows_progress: Whether transfers show how far they are.
    """

    def __init__(self, profile: Profile | None = None) -> None:
        self.chosen = False
        self.shows_progress = True
        self._profile = profile
        self._profile_lock = threading.Lock()
        # By what reaches a store, not by name: after a new login the same name reaches another.
        self._stores: dict[tuple[str, str | None, Secret | None], Store] = {}
        self._transfers: Transfers | None = None
        self._lock = threading.RLock()
        # Its own: whoever opens a store may hold the other one for as long as a store takes to start.
        self._transfers_lock = threading.Lock()

    @property
    def profile(self) -> Profile:
        """The current profile.

        Raises:
            ProfileError: A source names a store but not how to reach it. Asked again, it is read again.
        """
        with self._profile_lock:
            if self._profile is None:
                self._profile = profiles.active()
            return self._profile

    def use(self, profile: Profile, store: Store | None = None) -> None:
        """Let `profile` hold for what comes next. What was made with another store keeps that.

        Args:
            profile: The profile.
            store: Its store, where it is open already.
        """
        with self._profile_lock:
            self._profile, self.chosen = profile, True
        if store is not None:
            with self._lock:
                kept = self._stores.setdefault(_way(profile), store)
            if kept is not store:  # the same key again
                store.objects.service.close()

    def after_fork(self) -> Session:
        """Return a session for a child of this process: the same profile, connections of its own."""
        child = Session(self._profile)
        child.chosen, child.shows_progress = self.chosen, self.shows_progress
        return child

    def as_it_is(self, profile: Profile | None = None) -> Session:
        """Return this session as it is now, for work that goes on behind: `use` changes only what comes next.

        Args:
            profile: The one that holds there; by default the current one.
        """
        _ = self.transfers  # made by now, they are the same ones
        pinned = copy.copy(self)
        pinned._profile = profile or self.profile
        return pinned

    @property
    def store(self) -> Store:
        """The current store; the embedded one is started if it must be.

        Raises:
            EmbeddedStoreError: It can't be started.
        """
        return self.open(self.profile)

    @property
    def opened(self) -> Store | None:
        """The current store if it is open already; asking opens nothing and waits for nothing."""
        return None if self._profile is None else self._stores.get(_way(self._profile))

    @property
    def transfers(self) -> Transfers:
        """The transfers of this kernel."""
        from runloop_jupyter.transfer.transfer import Transfers

        with self._transfers_lock:
            if self._transfers is None:
                self._transfers = Transfers()
            return self._transfers

    @property
    def has_transfers(self) -> bool:
        """Whether anything was ever transferred; asking loads nothing."""
        return self._transfers is not None

    def open(self, profile: Profile) -> Store:
        """Return the store that `profile` reaches, opened once.

        Raises:
            EmbeddedStoreError: It is the embedded one and can't be started.
        """
        way = _way(profile)
        with self._lock:
            if way not in self._stores:
                self._stores[way] = open_store(profile)
            return self._stores[way]

    def store_named(self, name: str | None) -> Store:
        """Return the store of the profile called `name`, of the current profile where it is None.

        Raises:
            ProfileError: There is no such profile.
        """
        if name is None or (self._profile and name == self._profile.name):
            return self.store
        return self.open(profiles.named(name))

    def find(self, identity: StoreIdentity) -> Store | None:
        """Return the very store that has this identity, by whichever profile it can be reached; None where by none.

        Raises:
            ProfileError: The profile file can't be read.
            EmbeddedStoreError: It is an embedded one, and the one of this computer can't be started.
        """
        with self._lock:
            known = list(self._stores.values())
        for store in known:
            if store.identity.id == identity.id:
                return store
        if identity.embedded:
            store = self.open(profiles.embedded())
            return store if store.identity.id == identity.id else None
        for profile in self._services():
            if profile.identity and profile.identity.id == identity.id:
                return self.open(profile)
        return None

    def embedded_in_use(self) -> Store | None:
        """Return the embedded store if anything was ever put into it.

        Raises:
            EmbeddedStoreError: It can't be started.
        """
        from runloop_jupyter.local import launch

        return self.open(profiles.embedded()) if launch.default_root().is_dir() else None

    def embedded_place(self) -> str | None:
        """Return what a person should know of where the embedded store lies; None where there is nothing to say."""
        from runloop_jupyter.local import launch

        return launch.place()

    def _services(self) -> Iterator[Profile]:
        if self._profile is not None:
            yield self._profile
        yield from profiles.services()

    def close(self) -> None:
        """Close the connections and catalogs; what was made with a store opens them again when it needs them."""
        catalogs.close_all()
        with self._lock:
            for store in self._stores.values():
                store.objects.service.close()


def current() -> Session:
    """Return the session of this process, made on first use. A forked child goes on with its parent's profile."""
    global _current, _pid
    if (here := _here.get()) is not None:
        return here
    with _lock:
        if _current is None:
            _current, _pid = Session(), os.getpid()
        elif _pid != os.getpid():
            _current, _pid = _current.after_fork(), os.getpid()
        return _current


@contextmanager
def within(session: Session) -> Iterator[None]:
    """Let `session` be the current one in the block, on this thread alone: what is done there keeps its store."""
    token = _here.set(session)
    try:
        yield
    finally:
        _here.reset(token)


def reset() -> None:
    """Forget the session: the next `current` reads profile and environment anew."""
    global _current
    with _lock:
        if _current is not None and _pid == os.getpid():
            _current.close()
        _current = None


_lock = threading.RLock()
_current: Session | None = None
_here: ContextVar[Session | None] = ContextVar("runloop_session", default=None)
_pid = 0


def _way(profile: Profile) -> tuple[str, str | None, Secret | None]:
    return profile.name, profile.base_url, profile.key


def offline() -> bool:
    """Whether ``RUNLOOP_OFFLINE`` says that no service is to be asked. The embedded store is this computer's own."""
    return os.environ.get(OFFLINE, "").strip().lower() not in {"", "0", "false", "no", "off"}


def open_store(profile: Profile) -> Store:
    """Return a store of its own for `profile`, which no session knows of.

    Raises:
        EmbeddedStoreError: It is the embedded one and can't be started.
    """
    # Here, not above: loading the extension must not load httpx.
    from runloop_jupyter.api.http import Service
    from runloop_jupyter.api.objects import Objects

    if profile.base_url is None:
        return _open_embedded(profile)
    if profile.key is None or profile.identity is None:
        raise ProfileError(f"profile {profile.name} has a URL but no key")
    url, key = profile.base_url, profile.key

    def reach() -> tuple[str, Secret]:
        if offline():
            raise Offline(f"{OFFLINE} is set, so {profile.label} isn't asked. Unset it to go on line")
        return url, key

    return Store(profile, profile.identity, Objects(Service(url, key, label=profile.label, reach=reach)))


def _open_embedded(profile: Profile) -> Store:
    from runloop_jupyter.api.http import Service
    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.local import launch

    first = endpoint = launch.ensure()

    def reach() -> tuple[str, Secret]:
        nonlocal endpoint
        if not launch.still_serves(endpoint):
            endpoint = launch.ensure()
        if endpoint.store_id != first.store_id:
            raise ProfileError("the embedded store was replaced by another one. Restart the kernel to use that")
        return endpoint.base_url, endpoint.key

    service = Service(first.base_url, first.key, label=f"the {profile.label}", reach=reach)
    return Store(profile, StoreIdentity(first.store_id, profile.label), Objects(service))


def _same_store(name: str, identity: StoreIdentity) -> Store:
    if store := current().find(identity):
        return store
    if name == EMBEDDED:
        raise ProfileError(
            "this was made with another store: the embedded store of another home (RUNLOOP_JUPYTER_HOME) or computer. "
            "Open it there"
        )
    raise ProfileError(
        f"this was made with another store ({identity.label}, profile {name}, under the key it had then), which no "
        f"profile here reaches. Open it where one does, or log in with that key: %rl_login"
    )


def _reduced(store: Store) -> tuple[object, tuple[str, StoreIdentity]]:
    # A pickle names the store and carries no key; whoever loads it must be able to reach that very store.
    return _same_store, (store.profile.name, store.identity)


copyreg.pickle(Store, _reduced)  # type: ignore[arg-type]
