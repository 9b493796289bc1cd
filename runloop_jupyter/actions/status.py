"""status: who and where: the store, how it is reached, what it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runloop_jupyter import profile as profiles
from runloop_jupyter import profile_file
from runloop_jupyter import session as sessions
from runloop_jupyter.actions.counted import count
from runloop_jupyter.actions.running import ask
from runloop_jupyter.actions.use import precedence, way
from runloop_jupyter.display import humane
from runloop_jupyter.display.card import Card
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.result import Result
from runloop_jupyter.errors import ProfileError, Unauthorized
from runloop_jupyter.transfer.transfer import State
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from runloop_jupyter.profile import Profile, StoreIdentity
    from runloop_jupyter.session import Session


@dataclass(frozen=True)
class Status(Result):
    """Where this kernel's objects go.

    Attributes:
        profile: How the store is reached.
        identity: Which store it is.
        base_url: Where it answers.
        objects: How many objects can be read; None where the store doesn't count.
        running: How many transfers run.
        profiles: The names of all profiles that can be used.
        notes: Which source comes before which, and what else needs attention; a line each.
    """

    profile: Profile
    identity: StoreIdentity
    base_url: str
    objects: int | None
    running: int
    profiles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def card(self) -> Card:
        """Return the card that shows it."""
        second: list[Fact | str] = [] if self.objects is None else [humane.plural(self.objects, "object")]
        if self.running:
            second.append(humane.plural(self.running, "running transfer"))
        if len(self.profiles) > 1:
            second.append(f"profiles: {', '.join(self.profiles)}")
        return Card(
            title=self.identity.label,
            facts=way(self.profile),
            second=second,
            code=[Fact(self.base_url, "id"), Fact(f"store {self.identity.id}", "id")],
            warnings=self.notes,
        )

    def __repr__(self) -> str:
        return f"<Status {self.identity.label}>"

    def _shown(self) -> Card:
        return self.card()


def status() -> Status:
    """Return where this kernel's objects go; the store is asked, so an answer means that it can be reached.

    Raises:
        Unauthorized: The key is refused.
        Unreachable: The store doesn't answer.
    """
    session = sessions.current()
    try:
        return ask("status", lambda asking: _look(session))
    except Unauthorized as error:
        # Every other refusal says to ask here where the key comes from.
        profile = session.profile
        mend = f"log in again: %rl_login {profile.name}" if profile.source == profile_file.NAME else "set another there"
        said = f"{profile.label} refuses the key from {profile.source} (profile {profile.name}); {mend}"
        raise Unauthorized(said, status=401, request_id=error.request_id, details=error.details) from None


def _look(session: Session) -> Status:
    store = session.store
    total = count(store.objects, ObjectState.READ_ONLY)
    running = sum(each.snapshot().state is State.RUNNING for each in session.transfers)
    notes = precedence(session)
    if store.identity.embedded and (place := session.embedded_place()):
        notes = [*notes, place]
    try:
        known = tuple(profiles.known())
    except ProfileError as error:  # the store was reached without that file
        known, notes = (), [*notes, str(error)]
    return Status(
        store.profile,
        store.identity,
        store.objects.service.base_url,
        total,
        running,
        known,
        tuple(notes),
    )
