"""The one shared client of a kernel: its profile, the stores it has opened, its transfers.

Magics, the Python API and the browser all take it from `current`. Making one costs nothing and starts nothing; a store
is reached, and the embedded one started, when something first needs it.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runloop_jupyter import profile as profiles
from runloop_jupyter.errors import ProfileError
from runloop_jupyter.profile import Profile, StoreIdentity

if TYPE_CHECKING:
    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.secret import Secret
    from runloop_jupyter.transfer.transfer import Transfers


@dataclass(frozen=True)
class Store:
    """One place that speaks the Objects API. What is made with a store keeps it.

    Attributes:
        profile: How it is reached.
        identity: Which store it is.
        objects: Its operations.
    """

    profile: Profile
    identity: StoreIdentity
    objects: Objects

    def __reduce__(self) -> tuple[object, tuple[str, StoreIdentity]]:
        # A pickle names the store and carries no key; whoever loads it must be able to reach that very store.
        return _same_store, (self.profile.name, self.identity)

    def __repr__(self) -> str:
        return f"<Store {self.identity.label}>"


class Session:
    """What the parts of one kernel share.

    Args:
        profile: The profile that holds; by default what `profile.active` finds.

    Raises:
        ProfileError: A source names a store but not how to reach it.
    """

    def __init__(self, profile: Profile | None = None) -> None:
        self.profile = profile or profiles.active()
        self.shows_progress = True
        self._stores: dict[str, Store] = {}
        self._transfers: Transfers | None = None
        self._lock = threading.RLock()
        # Its own: whoever opens a store may hold the other one for as long as a store takes to start.
        self._transfers_lock = threading.Lock()

    @property
    def store(self) -> Store:
        """The current store; the embedded one is started if it must be.

        Raises:
            EmbeddedStoreError: It can't be started.
        """
        return self.open(self.profile)

    @property
    def transfers(self) -> Transfers:
        """The transfers of this kernel."""
        from runloop_jupyter.transfer.transfer import Transfers

        with self._transfers_lock:
            if self._transfers is None:
                self._transfers = Transfers()
            return self._transfers

    def open(self, profile: Profile) -> Store:
        """Return the store that `profile` reaches, opened once.

        Raises:
            EmbeddedStoreError: It is the embedded one and can't be started.
        """
        with self._lock:
            if profile.name not in self._stores:
                self._stores[profile.name] = _open(profile)
            return self._stores[profile.name]

    def store_named(self, name: str | None) -> Store:
        """Return the store of the profile called `name`, of the current profile where it is None.

        Raises:
            ProfileError: There is no such profile.
        """
        if name is None or name == self.profile.name:
            return self.store
        return self.open(profiles.named(name))

    def close(self) -> None:
        """Close the connections; what was made with a store opens them again when it needs them."""
        with self._lock:
            for store in self._stores.values():
                store.objects.service.close()


def current() -> Session:
    """Return the session of this process, made on first use and anew after a fork.

    Raises:
        ProfileError: A source names a store but not how to reach it.
    """
    global _current, _pid
    with _lock:
        if _current is None or _pid != os.getpid():
            _current, _pid = Session(), os.getpid()
        return _current


def reset() -> None:
    """Forget the session: the next `current` reads profile and environment anew."""
    global _current
    with _lock:
        if _current is not None and _pid == os.getpid():
            _current.close()
        _current = None


_lock = threading.RLock()
_current: Session | None = None
_pid = 0


def _open(profile: Profile) -> Store:
    # Here, not above: loading the extension must not load httpx.
    from runloop_jupyter.api.http import Service
    from runloop_jupyter.api.objects import Objects

    if profile.base_url is None:
        return _open_embedded(profile)
    if profile.key is None:
        raise ProfileError(f"profile {profile.name} has a URL but no key")
    identity = StoreIdentity(profiles.account_identity(profile.base_url, profile.key), profile.label)
    return Store(profile, identity, Objects(Service(profile.base_url, profile.key, label=profile.label)))


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
    store = current().store_named(name)
    if store.identity.id != identity.id:
        raise ProfileError(
            f"this was made with another store ({identity.label}); profile {name} now reaches {store.identity.label}. "
            "Open it where that store can be reached"
        )
    return store
