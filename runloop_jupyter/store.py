"""Store: one place that speaks the Objects API, and which place that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.profile import Profile, StoreIdentity


@dataclass(frozen=True)
class Store:
    """One place that speaks the Objects API. What is made with a store keeps it.

    How one is pickled, without a key and to be found again, the session says, which knows the others.

    Attributes:
        profile: How it is reached.
        identity: Which store it is.
        objects: Its operations.
    """

    profile: Profile
    identity: StoreIdentity
    objects: Objects

    def __repr__(self) -> str:
        return f"<Store {self.identity.label}>"
