"""What a mount is asked to show: one object, names beneath a folder, what fits a pattern or a query, a whole store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from runloop_jupyter import lookup
from runloop_jupyter.actions.find import everything
from runloop_jupyter.actions.object import Object
from runloop_jupyter.actions.places import is_pattern
from runloop_jupyter.actions.resolve import resolve, store_and_address
from runloop_jupyter.actions.source import FOLDER
from runloop_jupyter.actions.within import locate
from runloop_jupyter.errors import AddressError, InputError, NewestGone, ObjectNotFound
from runloop_jupyter.filesystems import entries, paths
from runloop_jupyter.filesystems.several import at_once
from runloop_jupyter.transfer.manifest import whole

if TYPE_CHECKING:
    from runloop_jupyter.conditions import Condition
    from runloop_jupyter.session import Session, Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

FEW: Final = 200
"""Names that are looked up each by itself."""
Found = list[tuple[str, "ObjectView"]]
"""Objects, each with the path that it wants; the empty one where it may be the whole mount."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for, to be looked up again for a mount that follows.

    Attributes:
        session: Whose profiles count.
        what: What was typed, an `Object`, or None for all that the conditions hold of.
        where: What must hold of the metadata.
    """

    session: Session
    what: str | Object | None
    where: tuple[Condition, ...] = ()

    def __str__(self) -> str:
        """Return it as it would be typed."""
        name = self.what.version if isinstance(self.what, Object) else self.what or ""
        said = [str(each) for each in self.where]
        return " ".join([*[name] * bool(name), *["-w", *said] * bool(said)])

    @property
    def changes(self) -> bool:
        """Whether it may mean other objects later."""
        return not isinstance(self.what, Object)

    def find(self, looking: Transfer) -> tuple[Store, Found]:
        """Return the store, and the objects as they are now.

        Args:
            looking: Told how many objects were looked at; its `cancel` stops this.

        Raises:
            ObjectNotFound: There is none; the message names what comes close.
            InputError: It is a path in a folder.
            RunloopError: As `resolve` raises.
        """
        if isinstance(self.what, Object):
            thing = resolve(self.session, self.what, looking)
            return thing.store, [_alone(thing)]
        store, text = _store_and_text(self.session, self.what)
        if self.where or (is_pattern(text) and lookup.newest(store, text, looking) is None):  # an exact name wins
            views = everything(store, text or None, self.where, looking)
            if self.where:  # a store that listens leaves out newer versions of which it doesn't hold
                views = _newest(store, views, looking)
            if not views:
                raise ObjectNotFound(f"nothing fits {self}. %rl_ls shows what there is")
            return store, [(view.name, view) for view in views]
        if not text:
            return store, [(view.name, view) for view in _beneath(store, "", looking).values()]
        return self._named(store, text, looking)

    def _named(self, store: Store, text: str, looking: Transfer) -> tuple[Store, Found]:
        folder = text.rstrip("/")
        if not text.endswith("/"):
            try:
                thing, path = locate(self.session, self.what or "", looking, pins=False, asks=True)
            except ObjectNotFound as error:
                missing = error
            else:
                if path:
                    raise InputError(
                        f"“{text}” is in the folder “{thing.name}”. Mount that: its files come as they are read"
                    )
                return thing.store, [_alone(thing)]
        else:
            missing = ObjectNotFound(f"nothing is named “{text}…”. %rl_ls shows what there is")
        beneath = _beneath(store, folder, looking)
        if not beneath:
            raise missing
        return store, [(path.removeprefix(f"{folder}/"), view) for path, view in beneath.items()]


def _store_and_text(session: Session, what: str | None) -> tuple[Store, str]:
    if not what:
        return session.store, ""
    profile, path = paths.split(what)
    if not path:  # PROFILE: alone
        return session.store_named(profile), ""
    try:
        store, address = store_and_address(session, what)
    except AddressError:
        return session.store, what
    return store, address.text


def _beneath(store: Store, folder: str, looking: Transfer) -> dict[str, ObjectView]:
    return {path: whole(view) for path, view in entries.beneath(store, folder, looking.checkpoint).items()}


def _newest(store: Store, views: list[ObjectView], looking: Transfer) -> list[ObjectView]:
    """Return those that their names mean: an older version that fits is no substitute for the newest."""
    if len(views) > FEW:  # one walk, rather than a question for each
        newest = {view.name: view.id for view in entries.beneath(store, "", looking.checkpoint).values()}
        return [view for view in views if newest.get(view.name) == view.id]

    def is_newest(view: ObjectView) -> bool:
        looking.checkpoint()
        try:
            found = lookup.newest(store, view.name, looking)
        except NewestGone:
            return False
        return found is not None and found.id == view.id

    those = at_once([partial(is_newest, view) for view in views], "raise")
    return [view for view, is_it in zip(views, those, strict=True) if is_it]


def _alone(thing: Object) -> tuple[str, ObjectView]:
    """Return one object: a folder may be all of the mount, a file has its own name in it."""
    return "" if thing.kind == FOLDER else thing.name.rstrip("/").rpartition("/")[2], thing.view


def folder_of(wanted: Wanted) -> tuple[Store, str]:
    """Return the store, and the name that objects beneath a folder begin with.

    Raises:
        InputError: It is a pattern, a whole store, or an object.
    """
    store, text = _store_and_text(wanted.session, wanted.what if isinstance(wanted.what, str) else None)
    name = text.strip("/")
    if not name or is_pattern(name) or not paths.is_path(name):
        raise InputError(
            f"“{text}” is no name for a folder to write in. Give one without * ? [: %rl_mount --write runs/7 DIR"
        )
    return store, name
