"""Objects from one store into another: every version, the oldest first, with what its maker attached.

What arrives says where it came from (``from`` in its ``rl.facts``: the id it had there), by which a copy that was cut
off goes on where it was, and one that is made again sends only what is new.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter.actions.copied import Row
from runloop_jupyter.actions.find import literal_part, matcher
from runloop_jupyter.actions.latest import AskOnce
from runloop_jupyter.actions.object import Object
from runloop_jupyter.actions.places import is_pattern
from runloop_jupyter.actions.resolve import resolve
from runloop_jupyter.actions.send import intended, open_spool
from runloop_jupyter.address import version_label
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.errors import InputError, NewestGone, ObjectNotFound
from runloop_jupyter.filesystems.reading import cached
from runloop_jupyter.lookup import is_alive
from runloop_jupyter.transfer import journal
from runloop_jupyter.transfer.cache import copy as copy_bytes
from runloop_jupyter.transfer.folders import members
from runloop_jupyter.transfer.folders.contents import InStore
from runloop_jupyter.transfer.folders.fetching import Fetching
from runloop_jupyter.transfer.folders.sending import Base, Sending
from runloop_jupyter.transfer.manifest import facts_of, is_folder, is_member, of_whole, size_of
from runloop_jupyter.transfer.parts import download, upload
from runloop_jupyter.transfer.portion import Portion
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.wire.objects import ObjectCreateParameters, ObjectState

if TYPE_CHECKING:
    from runloop_jupyter.actions.places import ObjectsAt
    from runloop_jupyter.session import Session, Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

FROM: Final = "from"


class Carrying:
    """What is to be carried, by name.

    Args:
        session: The kernel's.
        source: Objects: by a pattern every version of what fits, otherwise the one that is meant.
        target: Where to: the empty path keeps the names, one that ends with ``/`` goes before them, any other is the
            name of the one object.
        whole: Told how many objects were looked at; its `cancel` stops that.

    Attributes:
        versions: Of each name in the target those to carry, the oldest first.
        failed: Names that can't be carried, and why.
        there: How many versions are there already.

    Raises:
        ObjectNotFound: Nothing fits.
        InputError: Several can't have one name.
    """

    def __init__(self, session: Session, source: ObjectsAt, target: ObjectsAt, whole: Transfer) -> None:
        self.versions: dict[str, list[ObjectView]] = {}
        self.failed: dict[str, Exception] = {}
        self.there = 0
        self._source = source.store
        self._target = target.store
        self._whole = whole
        self._shared: dict[str, Base] = {}
        if source.store.identity == target.store.identity and (not target.path or target.path == source.path):
            raise InputError(f"{source} and {target} are the same store. Give another profile, or another name")
        if is_pattern(source.path) or not source.path:
            self._all_that_fits(source.path or "*", target)
        else:
            self._one(session, source, target)
        self._pass_over_what_is_there()

    def sizes(self) -> dict[str, int]:
        """Return how many bytes each name comes to."""
        return {name: sum(size_of(view) or 0 for view in views) for name, views in self.versions.items()}

    def carry(self, name: str, part: Transfer) -> list[Row]:
        """Carry the versions of a name, and return a row for each.

        Raises:
            TransferError: One of them couldn't be; those before it are there.
            StoreError: A store refused.
        """
        if name in self.failed:
            raise self.failed[name]
        rows, done = [], 0
        self._shared.pop(name, None)
        part.begin(Phase.SENDING, sum(size_of(view) or 0 for view in self.versions[name]))
        for view in self.versions[name]:
            part.checkpoint()
            left = _left_ms(view)
            if left is not None and left < 1000:  # it ended meanwhile
                continue
            made = self._folder(view, name, part) if is_folder(view) else self._object(view, name, Portion(part, done))
            rows.append(Row(_version(view), size_of(view), _version(made), "new"))
            done += size_of(view) or 0
        return rows

    def _object(self, view: ObjectView, name: str, part: Portion) -> ObjectView:
        """Fetch an object, verified, and put it with its metadata and what is left of its time to live."""
        target, size = self._target, size_of(view) or 0
        with intended(target, name, part) as (intent, spool):
            with room(spool.parent, size, view.name), open_spool(spool) as file:
                _fetch(self._source, view, file, part)
            intent.with_metadata(_marked(view))
            return upload(target.objects, spool, spool.stat(), _parameters(view, name), part, intent)

    def _folder(self, view: ObjectView, name: str, part: Transfer) -> ObjectView:
        """As `_object`, for a folder that is kept as files: what the version carried before it has is shared."""
        source, target = self._source, self._target
        listing = members.read(source.objects, source.identity.id, view, part)
        fetching = Fetching(source.objects, source.identity.id, view.name, listing, part)
        intent = journal.begin(target.identity.id, target.identity.label, name, None)
        where = target.objects, target.identity.id
        parameters, base = _parameters(view, name), self._shared.get(name)
        sent = Sending(*where, listing, InStore(fetching.write), parameters, part, intent, base).run()
        self._shared[name] = Base(sent.head, members.read(*where, sent.head, part))
        return sent.head

    def _all_that_fits(self, pattern: str, target: ObjectsAt) -> None:
        if target.path and not target.path.endswith("/"):
            raise InputError(f"several objects can't have one name: {target}/ puts it before theirs")
        fits, found = matcher(pattern), defaultdict[str, list["ObjectView"]](list)
        self._whole.begin(Phase.LOOKING)
        looked = 0
        for page in self._source.objects.pages(Filter(name=literal_part(pattern), state=ObjectState.READ_ONLY)):
            looked += len(page.objects)
            self._whole.reach(looked)
            for view in page.objects:
                if fits(view.name) and is_alive(view) and not is_member(view):
                    found[view.name].append(view)
        if not found:
            raise ObjectNotFound(f"no object fits {pattern!r} in the {self._source.identity.label}")
        latest = AskOnce(self._source, found.keys(), self._whole)
        for name, views in sorted(found.items()):
            if latest.is_gone_after(views[0]):
                self.failed[target.path + name] = NewestGone("its newest version is gone. Copy one by name@version")
            else:
                self.versions[target.path + name] = views[::-1]

    def _one(self, session: Session, source: ObjectsAt, target: ObjectsAt) -> None:
        view = resolve(session, Object(_named(source, self._whole), source.store), self._whole).view
        name = target.path if target.path and not target.path.endswith("/") else target.path + view.name
        self.versions[name] = [view]

    def _pass_over_what_is_there(self) -> None:
        there = defaultdict[str, set[str]](set)
        common = next(iter(self.versions)) if len(self.versions) == 1 else None
        for page in self._target.objects.pages(Filter(name=common, state=ObjectState.READ_ONLY)):
            self._whole.checkpoint()
            for view in page.objects:
                if view.name in self.versions and isinstance(before := facts_of(view.metadata).get(FROM), str):
                    there[view.name].add(before)
        for name, views in list(self.versions.items()):
            left = [view for view in views if view.id not in there[name]]
            self.there += len(views) - len(left)
            if left:
                self.versions[name] = left
            else:
                del self.versions[name]


def _named(source: ObjectsAt, looking: Transfer) -> ObjectView:
    found: ObjectView = source.fs.view(source.path)
    looking.checkpoint()
    return found


def _fetch(source: Store, view: ObjectView, file: BinaryIO, part: Portion) -> None:
    said = facts_of(view.metadata).get("digest")
    if here := cached(source, view):
        with here:
            copy_bytes(here, file, part.advance)
    else:
        download(source.objects, view, file, part, said if isinstance(said, str) else None)


def _parameters(view: ObjectView, name: str) -> ObjectCreateParameters:
    return ObjectCreateParameters(
        name=name, content_type=view.content_type, metadata=_marked(view), ttl_ms=_left_ms(view)
    )


def _version(view: ObjectView) -> str:
    return f"{view.name}@{version_label(view.create_time_ms, view.id)}"


def _marked(view: ObjectView) -> dict[str, str]:
    metadata = of_whole(view.metadata)
    facts = {**facts_of(metadata), FROM: view.id}
    return {**metadata, "rl.facts": json.dumps(facts, ensure_ascii=False, separators=(",", ":"))}


def _left_ms(view: ObjectView) -> int | None:
    ends = view.delete_after_time_ms
    return None if ends is None else round(ends - time.time() * 1000)
