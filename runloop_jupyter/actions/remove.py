"""rm: delete objects, after saying which; a name with several versions is refused with the list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runloop_jupyter import session as sessions
from runloop_jupyter.actions.object import Object
from runloop_jupyter.actions.resolve import resolve, store_and_address
from runloop_jupyter.actions.running import ask
from runloop_jupyter.actions.within import Inside
from runloop_jupyter.address import Address, quoted
from runloop_jupyter.display import humane
from runloop_jupyter.errors import AddressError, InputError, Interrupted, SeveralMatch, StoreError
from runloop_jupyter.filesystems.deleting import delete_object
from runloop_jupyter.lookup import by_id, versions
from runloop_jupyter.transfer import cache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runloop_jupyter.session import Session, Store
    from runloop_jupyter.transfer.transfer import Transfer

NAMED: Final = 6


@dataclass(frozen=True)
class Removal:
    """What goes, or went.

    Attributes:
        objects: The objects.
        done: Whether they are deleted.
    """

    objects: tuple[Object, ...] = field(repr=False)
    done: bool

    @property
    def size(self) -> int:
        """Their size together in bytes."""
        return sum(thing.size or 0 for thing in self.objects)

    def __repr__(self) -> str:
        verb = "deleted" if self.done else "would delete"
        return f"{verb} {self.said}"

    @property
    def said(self) -> str:
        """``2 objects, 14.2 KiB: penguins@…, penguins@…``."""
        names = [thing.version for thing in self.objects]
        shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED:,} more" if len(names) > NAMED else "")
        return f"{humane.plural(len(names), 'object')}, {humane.size(self.size)}: {shown}"


def rm(*what: str | Object, all_versions: bool = False, dry_run: bool = False) -> Removal:
    """Delete objects. What is deleted can't be had back.

    Args:
        what: Names, ``name@version``, ids, or `Object` values. Each must be found before anything is deleted.
        all_versions: Delete every version of a name that has several.
        dry_run: Say what would go, and delete nothing.

    Raises:
        SeveralMatch: A bare name with several versions, without `all_versions`.
        ObjectNotFound: One of them isn't there; nothing is deleted.

    Example:
        >>> rl.rm("penguins@-1")  # doctest: +SKIP
    """
    removal = plan(*what, all_versions=all_versions)
    return removal if dry_run else delete(removal)


def plan(*what: str | Object, all_versions: bool = False) -> Removal:
    """Return what `rm` would delete. Arguments and errors as there."""
    if not what:
        raise InputError("what shall be deleted? Give names, name@version, ids or Object variables")
    session = sessions.current()

    def look(asking: Transfer) -> Removal:
        found: dict[str, Object] = {}
        for each in what:
            asking.checkpoint()
            found |= {thing.id: thing for thing in _meant(session, each, all_versions, asking)}
        return Removal(tuple(found.values()), done=False)

    return ask("rm", look)


def delete(removal: Removal) -> Removal:
    """Delete what a plan names.

    Raises:
        Interrupted: Ctrl-C; says how many are deleted already.
        StoreError: One can't be deleted; says how many are.
    """
    gone: list[Object] = []

    def work(asking: Transfer) -> None:
        for thing in removal.objects:
            asking.checkpoint()
            delete_object(thing.store, thing.view, asking)
            gone.append(thing)
            if here := cache.if_any():
                here.forget(thing.store.identity.id, thing.id)

    try:
        ask("rm", work)
    except Interrupted:
        raise Interrupted(f"rm was stopped after {_so_far(gone, removal)}") from None
    except StoreError as error:
        if not gone:
            raise
        raise type(error)(f"{error}; this came after {_so_far(gone, removal)}", status=error.status) from None
    return Removal(removal.objects, done=True)


def _place(session: Session, what: str, asking: Transfer) -> tuple[Store, Address]:
    """Return where to look for `what`: under exactly that name, where there is one that only looks like an address."""
    exact = session.store, Address(what)
    try:
        store, place = store_and_address(session, what)
    except AddressError:
        return exact
    if place.text != what and next(versions(session.store, what, asking), None):
        return exact
    return store, place


def _so_far(gone: Sequence[Object], removal: Removal) -> str:
    return f"deleting {len(gone)} of {humane.plural(len(removal.objects), 'object')}"


def _meant(session: Session, what: str | Object, all_versions: bool, asking: Transfer) -> Sequence[Object]:
    if isinstance(what, Inside):
        raise InputError(f"“{what.name}” is a file in a folder. Put the folder again without it")
    if isinstance(what, Object):
        return [resolve(session, what, asking)]
    store, place = _place(session, what, asking)
    if place.looks_like_id and (view := by_id(store, place.text)):
        return [Object(view, store)]
    living = [Object(view, store) for view in versions(store, place.text, asking)]
    if len(living) == 1 or (living and all_versions):
        return living
    if not living:
        return [resolve(session, what, asking)]
    named = ", ".join(f"@{thing.version.rpartition('@')[2]}" for thing in living[:NAMED])
    more = f" and {len(living) - NAMED:,} more" if len(living) > NAMED else ""
    raise SeveralMatch(
        f"“{place.text}” has {len(living)} versions: {named}{more}. "
        f"Delete one as {quoted(place.text)}@…, or all with --all-versions (all_versions=True)"
    )
