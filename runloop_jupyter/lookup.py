"""Names and ids looked up in a store: which object a name, a version or an id means there."""

from __future__ import annotations

import difflib
import time
from typing import TYPE_CHECKING, Final

from runloop_jupyter import address
from runloop_jupyter.address import quoted
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.display import humane
from runloop_jupyter.errors import NewestGone, NotFound, ObjectNotFound, SeveralMatch, VersionNotFound
from runloop_jupyter.transfer.manifest import is_member
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

# Names are found by a partial filter: a page holds others too, and the right one is most often in the first.
PAGE: Final = 500
VERSIONS_NAMED: Final = 5


def by_id(store: Store, object_id: str) -> ObjectView | None:
    """Return the whole object with that id, None where there is none.

    Raises:
        ObjectNotFound: There was one; it is deleted or was never whole.
    """
    try:
        view = store.objects.get(object_id)
    except NotFound:
        return None
    if not is_alive(view):
        raise ObjectNotFound(f"{object_id} (“{view.name}”) is {_gone_word(view)} in the {store.identity.label}")
    return view


def is_alive(view: ObjectView) -> bool:
    """Whether the object can be read: whole, and not past its time."""
    return view.state == ObjectState.READ_ONLY and not _is_past(view)


def versions(store: Store, name: str, looking: Transfer) -> Iterator[ObjectView]:
    """Yield the living versions under exactly `name`, newest first; pages are fetched as they are needed.

    The filter on names is a partial one, and a service may not listen to it: such a walk can be long, so `looking` is
    told how far it is and may stop it.
    """
    looking.begin(Phase.LOOKING)
    seen = 0
    for page in store.objects.pages(Filter(name=name, state=ObjectState.READ_ONLY), first=PAGE):
        seen += len(page.objects)
        looking.reach(seen)
        yield from (view for view in page.objects if view.name == name and is_alive(view) and not is_member(view))


def gone_after(store: Store, view: ObjectView) -> ObjectView | None:
    """Return the newest version of the same name that came after `view` and is gone, as far as a page of each tells."""
    gone = _gone(store, view.name)
    return gone[0] if gone and gone[0].create_time_ms > view.create_time_ms else None


def newest(store: Store, name: str, looking: Transfer) -> ObjectView | None:
    """Return what a bare name means: its newest version; None where there is none.

    Raises:
        NewestGone: That is deleted or has expired; the message names the one before it.
    """
    view = next(versions(store, name, looking), None)
    if view and (gone := gone_after(store, view)):
        label = address.version_label(view.create_time_ms, view.id)
        raise NewestGone(
            f"the newest version of “{view.name}” ({humane.utc(gone.create_time_ms)}) is {_gone_word(gone)}. "
            f"The one before it: {quoted(view.name)}@{label}"
        )
    return view


def _gone(store: Store, name: str) -> list[ObjectView]:
    """Return versions of `name` that were whole once and are gone, newest first, as far as one page each tells."""
    views: list[ObjectView] = []
    # What has just expired may still be listed as READ_ONLY.
    for state in (ObjectState.DELETED, ObjectState.READ_ONLY):
        views += store.objects.list(Filter(name=name, state=state), limit=PAGE).objects
    # An upload that was stopped leaves a deleted object that never had bytes: no version of anything.
    gone = [
        view
        for view in views
        if view.name == name and view.size_bytes is not None and not is_alive(view) and not is_member(view)
    ]
    return sorted(gone, key=lambda view: view.create_time_ms, reverse=True)


def version_of(store: Store, name: str, reference: str, looking: Transfer) -> ObjectView:
    """Return the version of a name that a reference means: the beginning of what it is called, or ``-1``.

    Raises:
        ObjectNotFound: There is no such name.
        VersionNotFound: The name exists, that version doesn't.
        SeveralMatch: The reference fits several.
    """
    living = list(versions(store, name, looking))
    if not living:
        raise not_found(store, name)
    if reference.startswith("-"):
        return _back(store, name, living, int(reference[1:]))
    labels = {address.version_label(view.create_time_ms, view.id): view for view in living}
    found = [label for label in labels if label.startswith(reference)]
    if len(found) == 1:
        return labels[found[0]]
    if found:
        raise SeveralMatch(f"“{name}@{reference}” fits {_named(found)}. Give more of it")
    for view in _gone(store, name):
        if address.version_label(view.create_time_ms, view.id).startswith(reference):
            raise VersionNotFound(f"“{name}@{reference}” is {_gone_word(view)}. There are {_named(list(labels))}")
    raise VersionNotFound(f"“{name}” has no version {reference}. There are {_named(list(labels))}")


def _back(store: Store, name: str, living: list[ObjectView], back: int) -> ObjectView:
    """Return the version `back` places before the newest, which may be gone: it is counted all the same."""
    newer = [view for view in _gone(store, name) if view.create_time_ms > living[0].create_time_ms]
    known = [*newer, *living]
    if back >= len(known):
        raise VersionNotFound(f"“{name}” has {humane.plural(len(known), 'version')}; there is no @-{back}")
    if back < len(newer):
        raise VersionNotFound(f"“{name}@-{back}” is {_gone_word(newer[back])}. Living is {name}@-{len(newer)}")
    return known[back]


def not_found(store: Store, text: str) -> ObjectNotFound:
    """Return why nothing is called `text`: it is gone, or something else comes close."""
    where = f"in the {store.identity.label}" if store.profile.embedded else f"at {store.identity.label}"
    if gone := _gone(store, text):
        word = _gone_word(gone[0])
        return ObjectNotFound(f"“{text}” ({humane.utc(gone[0].create_time_ms)}) is {word} {where}; no version is left")
    page = store.objects.list(Filter(state=ObjectState.READ_ONLY), limit=PAGE)
    names = dict.fromkeys(view.name for view in page.objects if not is_member(view))
    # A name may have been put beneath a prefix.
    beneath = [name for name in names if name.rpartition("/")[2] == text]
    close = list(dict.fromkeys([*beneath, *difflib.get_close_matches(text, names, n=3)]))[:3]
    if not names:
        return ObjectNotFound(f"no object is named “{text}” {where}: it is empty. Put something with %rl_put")
    near = f" Close: {', '.join(close)}." if close else ""
    return ObjectNotFound(f"no object is named “{text}” {where}.{near} Try %rl_ls {quoted(text[:3])}*")


def _named(labels: list[str]) -> str:
    shown = ", ".join(f"@{label}" for label in labels[:VERSIONS_NAMED])
    return shown if len(labels) <= VERSIONS_NAMED else f"{shown} and {len(labels) - VERSIONS_NAMED} more"


def _is_past(view: ObjectView) -> bool:
    return view.delete_after_time_ms is not None and view.delete_after_time_ms <= time.time() * 1000


def _gone_word(view: ObjectView) -> str:
    if view.state == ObjectState.UPLOADING:
        return "still being uploaded"
    return "past its time to live" if _is_past(view) else "deleted"
