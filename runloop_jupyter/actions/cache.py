"""cache: what is kept of fetched objects on this machine, and how to be rid of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runloop_jupyter.actions.object import Object
from runloop_jupyter.actions.running import ask
from runloop_jupyter.address import version_label
from runloop_jupyter.catalogs import kept
from runloop_jupyter.display import humane
from runloop_jupyter.display.card import Card
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.result import Result
from runloop_jupyter.errors import InputError, ObjectNotFound
from runloop_jupyter.transfer.arriving import cut_off
from runloop_jupyter.transfer.cache import current
from runloop_jupyter.transfer.manifest import is_folder, is_member, set_of

if TYPE_CHECKING:
    from pathlib import Path

    from runloop_jupyter.transfer.cache import Cache
    from runloop_jupyter.transfer.cache.refs import Ref

CHANGED_NAMED: Final = 5


@dataclass(frozen=True)
class CacheUse(Result):
    """What the cache held when it was looked at.

    Attributes:
        where: Its directory.
        size: Bytes of the objects in it, and of downloads that were cut off.
        limit: Bytes that they may have; what was longest not used goes first.
        objects: How many objects are in it.
        in_use: How many of them a running process has open or was given as a path.
        in_use_size: Their bytes.
        copies: How many directories were given out to be changed.
        changed: Those of them that somebody changed, which stay for a week after that.
        freed: Bytes that were just removed; None where nothing was to be.
        cut_off: How many downloads were cut off and wait to be gone on with.
        cut_off_size: Their bytes.
        catalogs: Bytes of what is known of services' listings, beside `size` and its limit.
    """

    where: Path
    size: int
    limit: int
    objects: int
    in_use: int
    in_use_size: int
    copies: int
    changed: tuple[Path, ...] = ()
    freed: int | None = None
    cut_off: int = 0
    cut_off_size: int = 0
    catalogs: int = 0

    def clear(self, *what: str | Object, everything: bool = False) -> CacheUse:
        """Remove objects from the cache, and what came of downloads that were cut off. What is in use stays.

        Without saying which, catalogs too: they are filled again when they are next asked for.

        The store keeps them.

        Args:
            what: Names (all their versions), ``name@version``, ids or Objects, of whichever store; none for all.
            everything: Also what is in use: paths that running notebooks were given lead nowhere then.

        Returns:
            What the cache holds now.

        Raises:
            ObjectNotFound: One of them isn't in the cache; nothing is removed.
            InputError: Both are given, or one of them is something else.

        Example:
            >>> rl.cache().clear("penguins")  # doctest: +SKIP
        """
        if what and everything:
            raise InputError("either some objects or everything (--all) is to be cleared; give one of them")

        def work() -> CacheUse:
            here = current()
            refs = list(here.refs.all()) if what else []
            waiting = [(each.store, each.object) for each in cut_off(here.root)] if what else []
            wanted = {found for each in what for found in _meant(each, refs, waiting)} if what else None
            freed = here.upkeep.clear(wanted, in_use=everything)
            if wanted is None:
                freed += kept.clear(in_use=everything)
                here.upkeep.sweep()
            return _look(here, freed)

        return ask("cache", lambda asking: work())

    def card(self) -> Card:
        """Return the card that shows it."""
        second: list[Fact | str] = []
        if self.freed is not None:
            second.append(Fact(f"{humane.size(self.freed)} removed", "size"))
        if self.in_use:
            second.append(Fact(f"{humane.size(self.in_use_size)} in use by running notebooks", "size"))
        if self.cut_off:
            downloads = humane.plural(self.cut_off, "unfinished download")
            second.append(Fact(f"{humane.size(self.cut_off_size)} of {downloads}", "size"))
        if self.catalogs:
            second.append(Fact(f"{humane.size(self.catalogs)} of catalogs", "size"))
        if self.copies:
            second.append(humane.plural(self.copies, "copy given out", "copies given out"))
        return Card(
            title="cache",
            facts=[
                Fact(f"{humane.size(self.size)} of {humane.size(self.limit)}", "size"),
                humane.plural(self.objects, "object"),
                "on this computer",
            ],
            second=second,
            code=[Fact(str(self.where), "id")],
            warnings=self._warnings(),
        )

    def _warnings(self) -> list[Fact | str]:
        if not self.changed:
            return []
        shown = ", ".join(map(str, self.changed[:CHANGED_NAMED]))
        more = f" and {len(self.changed) - CHANGED_NAMED} more" if len(self.changed) > CHANGED_NAMED else ""
        return [Fact(f"changed by you, and kept a week after that: {shown}{more}", "id")]

    def __repr__(self) -> str:
        return f"<CacheUse {humane.size(self.size)} of {humane.size(self.limit)}>"

    def _shown(self) -> Card:
        return self.card()


def cache() -> CacheUse:
    """Return what is kept of fetched objects on this machine. Its ``clear`` removes them.

    ``RUNLOOP_JUPYTER_CACHE_SIZE`` says how much may be kept (``20G``; ``0`` for nothing), ``RUNLOOP_JUPYTER_CACHE``
    where.

    Raises:
        InputError: The cache can't be written to, or its size can't be read.

    Example:
        >>> rl.cache()  # doctest: +SKIP
    """
    return ask("cache", lambda asking: _look(current()))


def _look(here: Cache, freed: int | None = None) -> CacheUse:
    usage = here.upkeep.usage()
    return CacheUse(
        here.root,
        usage.size,
        usage.limit,
        usage.objects,
        usage.in_use,
        usage.in_use_size,
        usage.copies,
        usage.changed,
        freed,
        usage.cut_off,
        usage.cut_off_size,
        kept.size(),
    )


def _meant(what: str | Object, refs: list[Ref], waiting: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return store and id of what is meant: among what is here, and, by its id, among what was cut off."""
    if isinstance(what, Object):
        key = (what.store.identity.id, what.id)
        found = [each for each in [*((ref.store, ref.view.id) for ref in refs), *waiting] if each == key]
    elif isinstance(what, str):
        found = [(ref.store, ref.view.id) for ref in refs if what in {ref.view.name, ref.view.id, _version(ref)}]
        found += [each for each in waiting if each[1] == what]
    else:
        raise InputError(f"{what!r} is a {type(what).__name__}. Give a name, name@version, an id or an Object")
    if not found:
        names = list(dict.fromkeys(ref.view.name for ref in refs if not is_member(ref.view)))
        close = difflib.get_close_matches(str(what), names, n=3)
        near = f". Close: {', '.join(close)}" if close else ""
        name = what.name if isinstance(what, Object) else what
        raise ObjectNotFound(f"“{name}” is not in the cache{near}. Nothing was removed")
    # Of a folder that is kept as files its files too: nobody calls them by their own names.
    of_found = [ref for ref in refs if (ref.store, ref.view.id) in found and is_folder(ref.view)]
    sets = {(ref.store, set_of(ref.view.metadata)) for ref in of_found}
    files = [ref for ref in refs if is_member(ref.view) and (ref.store, set_of(ref.view.metadata)) in sets]
    return found + [(ref.store, ref.view.id) for ref in files]


def _version(ref: Ref) -> str:
    return f"{ref.view.name}@{version_label(ref.view.create_time_ms, ref.view.id)}"
