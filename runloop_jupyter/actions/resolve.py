"""From what a person typed to the one object that it means."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from runloop_jupyter import address, profile
from runloop_jupyter.actions.object import Object
from runloop_jupyter.errors import (
    AddressError,
    InputError,
    ObjectNotFound,
)
from runloop_jupyter.lookup import by_id, newest, not_found, version_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runloop_jupyter.address import Address
    from runloop_jupyter.session import Session, Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView


def store_and_address(session: Session, text: str) -> tuple[Store, Address]:
    """Take `text` apart and return the store that it speaks of.

    Raises:
        AddressError: It can't be read.
        InputError: It isn't text.
        ProfileError: Its profile can't be had.
    """
    if not isinstance(text, str):
        raise InputError(f"{text!r} is a {type(text).__name__}. Give a name, name@version, an id or an Object")
    place = address.parse(text, profiles=profile.known() if ":" in text else ())
    return session.store_named(place.profile), place


def resolve(session: Session, what: str | Object, looking: Transfer, *, explains: bool = True) -> Object:
    """Return the object that `what` means: an id that exists, else a name (its newest version), else name@version.

    Args:
        session: Whose current store a name without a profile is in.
        what: What was typed, or an object.
        looking: Told how many objects were looked at, where a walk through many is needed; its `cancel` stops that.
        explains: Whether it is found out why there is none and what comes close; for whoever says that.

    Raises:
        ObjectNotFound: There is none; the message names what comes close.
        NewestGone: The newest version under the name was deleted or has expired.
        VersionNotFound: The name exists, that version doesn't.
        SeveralMatch: The version reference fits several.
    """
    if isinstance(what, Object):
        # Asked again: it may have been deleted, or its time may have come, since it was found.
        if view := by_id(what.store, what.id):
            return what.as_found(view)
        raise ObjectNotFound(f"{what.id} (“{what.name}”) is not in the {what.store.identity.label} any more")
    try:
        store, place = store_and_address(session, what)
    except AddressError:
        if what and (view := newest(session.store, what, looking)):
            return Object(view, session.store)
        raise
    # A name may look like a URL or like PROFILE:name, and an exact name wins.
    if place.text != what and (view := newest(session.store, what, looking)):
        return Object(view, session.store)
    if place.looks_like_id and (view := by_id(store, place.text)):
        return Object(view, store)
    if view := newest(store, place.text, looking):
        return Object(view, store)
    if place.versioned:
        return Object(version_of(store, *place.versioned, looking), store)
    if not place.looks_like_id and "/" not in place.text and (view := by_id(store, place.text)):
        return Object(view, store)
    raise not_found(store, place.text) if explains else ObjectNotFound(f"no object is named “{place.text}”")


def whose(thing: Object, what: str | Object, living: Iterable[ObjectView]) -> Object:
    """Return `thing`, which was got as `what`, and say of it that it is public if it is: then no name means it.

    No store says so of an object that it is asked for by its id; that it isn't among the account's own does.

    Args:
        thing: The object.
        what: What was typed.
        living: The living versions of its name, newest first; looked at only where `what` is an id.
    """
    if not isinstance(what, str) or not what.endswith(thing.id):
        return thing
    since = thing.view.create_time_ms
    as_old = takewhile(lambda view: view.create_time_ms >= since, living)
    return thing if any(view.id == thing.id for view in as_old) else replace(thing, public=True)
