"""What can be got without asking a store: objects that are here, under what can mean nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runloop_jupyter import session as sessions
from runloop_jupyter.actions.object import Object
from runloop_jupyter.actions.resolve import store_and_address
from runloop_jupyter.address import version_label
from runloop_jupyter.display import humane
from runloop_jupyter.errors import AddressError, ObjectNotFound, SeveralMatch
from runloop_jupyter.transfer import cache

if TYPE_CHECKING:
    from runloop_jupyter.session import Session, Store
    from runloop_jupyter.wire.objects import ObjectView

NAMED: Final = 5


def pinned(session: Session, what: str | Object) -> Object | None:
    """Return the object that `what` means if that can be told here, and its bytes are here; else None.

    An `Object`, an id, and ``name@version`` in full mean the same bytes for ever, so nobody need be asked. A bare name
    means whatever is the newest, which its store has to say.

    Raises:
        InputError: `what` isn't text.
        ProfileError: Its profile can't be had.
    """
    here = cache.if_any()
    if here is None:
        return None
    if isinstance(what, Object):
        view = here.known(what.store.identity.id, what.id)
        return what.as_found(view) if view else None
    try:
        store, place = store_and_address(session, what)
    except AddressError:
        return None
    if place.text != what:  # PROFILE:name, or a name that looks like it: an exact name would win
        return None
    view = None
    if place.looks_like_id:
        view = here.known(store.identity.id, place.text)
    elif place.versioned and len(place.versioned[1]) == len(version_label(0, "")):
        view = here.known_version(store.identity.id, *place.versioned)
    return Object(view, store) if view else None


def remembered(session: Session, what: str | Object) -> Object | None:
    """Return the object that `what` means as far as is known here, where ``RUNLOOP_OFFLINE`` is set; else None.

    A name means the newest that is here.

    Raises:
        ObjectNotFound: It isn't here; the message names what is.
        SeveralMatch: The version reference fits several.
        AddressError: It can't be read.
        InputError: The cache can't be written to; `what` isn't text.
        ProfileError: Its profile can't be had.
    """
    if not sessions.offline():
        return None
    if isinstance(what, Object):
        store, text = what.store, what.id
    else:
        store, place = store_and_address(session, what)
        text = place.text
    if store.profile.embedded:  # on this computer, and asked as always
        return None
    here = cache.current()
    named, views = here.known_of(store.identity.id, own=True), here.known_of(store.identity.id)
    found = next((view for view in views if view.id == text), None)
    found = found or next((view for view in named if view.name == text), None) or _version(named, text)
    if found is None:
        raise _not_here(store, text, named)
    return what.as_found(found) if isinstance(what, Object) else Object(found, store)


def vouch(what: str | Object, thing: Object) -> None:
    """Remember of `thing`, which was got as `what`, that its store gives it under its name, if that is so.

    What was got by an id may be public and somebody else's.
    """
    by_name = not what.public if isinstance(what, Object) else not what.endswith(thing.id)
    if by_name and (here := cache.if_any()):
        here.vouch(thing.store.identity.id, thing.id)


def _version(views: list[ObjectView], text: str) -> ObjectView | None:
    name, at, reference = text.rpartition("@")
    if not at or reference.startswith("-"):  # how many there are before the newest, only the store can say
        return None
    found = [
        view
        for view in views
        if view.name == name and version_label(view.create_time_ms, view.id).startswith(reference)
    ]
    if len(found) > 1:
        raise SeveralMatch(f"“{text}” fits {len(found)} versions that are here. Give more of it")
    return found[0] if found else None


def _not_here(store: Store, text: str, views: list[ObjectView]) -> ObjectNotFound:
    names = list(dict.fromkeys(view.name for view in views))
    more = f" and {humane.count(len(names) - NAMED)} more" if len(names) > NAMED else ""
    here = f"Here are {', '.join(names[:NAMED])}{more}" if names else "Nothing of it is here"
    return ObjectNotFound(
        f"“{text}” isn't in the cache, and {sessions.OFFLINE} is set, so {store.identity.label} isn't asked. {here}. "
        f"Unset {sessions.OFFLINE} to fetch it"
    )
