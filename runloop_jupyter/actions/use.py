"""use: another profile holds for what comes next in this kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runloop_jupyter import profile as profiles
from runloop_jupyter import profile_file
from runloop_jupyter import session as sessions
from runloop_jupyter.actions.running import ask
from runloop_jupyter.display.card import Card
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.result import Result
from runloop_jupyter.errors import ProfileError

if TYPE_CHECKING:
    from pathlib import Path

    from runloop_jupyter.profile import Profile
    from runloop_jupyter.session import Session


@dataclass(frozen=True)
class InUse(Result):
    """The profile that holds from now on.

    Attributes:
        profile: How the store is reached.
        kept: The file that says so to new kernels; None where this kernel alone was told.
        notes: What its user should know, a line each.
    """

    profile: Profile
    kept: Path | None = None
    notes: tuple[str, ...] = ()

    def card(self) -> Card:
        """Return the card that shows it."""
        return Card(
            title=self.profile.label,
            facts=way(self.profile),
            second=["used for what comes next", "the default" if self.kept else "in this kernel"],
            code=[] if self.kept is None else [Fact(f"kept in {self.kept}", "id")],
            warnings=self.notes,
        )

    def __repr__(self) -> str:
        return f"<InUse {self.profile.label}, profile {self.profile.name}>"

    def _shown(self) -> Card:
        return self.card()


def use(profile: str, *, default: bool = False) -> InUse:
    """Use another profile for what comes next in this kernel.

    What was made before keeps the store that it was made with: objects, tables of them, transfers that run.

    Args:
        profile: ``local`` (the embedded store), ``env`` (what the environment says), or one that was logged in.
        default: New kernels use it too, unless their environment says otherwise.

    Raises:
        ProfileError: There is no such profile, or it can't be the default. Nothing was changed.

    Example:
        >>> rl.use("local")  # doctest: +SKIP
    """
    if not isinstance(profile, str):
        raise ProfileError(f"{profile!r} is a {type(profile).__name__}. Give a profile's name: rl.use('local')")
    found, kept = profiles.named(profile), None
    if default:
        if profile in {profiles.ENVIRONMENT, profiles.COLAB}:
            raise ProfileError(f"“{profile}” comes before every default by itself, where {found.source} is set")
        kept = ask("profiles", lambda asking: profile_file.set_default(profile))
    session = sessions.current()
    session.use(found)
    return InUse(found, kept, tuple(precedence(session)))


def way(profile: Profile) -> list[Fact | str]:
    """Return how a store is reached, as facts for a card."""
    if profile.embedded:
        return ["on this computer", "no key needed"]
    return [f"profile {profile.name}", f"key from {profile.source}"]


def precedence(session: Session) -> list[str]:
    """Return which source comes before which, a line each, where a user might take it for another."""
    here = session.profile
    if not session.chosen:
        default = profiles.passed_over(here)
        return [f"{here.source} comes before the default in {profile_file.NAME}, “{default}”"] if default else []
    try:
        others = profiles.active()
    except ProfileError as error:
        return [f"new kernels will stop at this: {error}"]
    if _reaches_the_same(others, here):
        return []
    if others.name == here.name:
        return [f"“{here.name}” has another key or URL by now, which this kernel doesn't use: %rl_use {here.name}"]
    because = f" {others.source} comes before {profile_file.NAME}" if profiles.passed_over(others) else ""
    return [f"in this kernel only; new ones use {others.said}.{because}".rstrip(".")]


def _reaches_the_same(one: Profile, other: Profile) -> bool:
    return (one.name, one.base_url, one.key) == (other.name, other.base_url, other.key)
