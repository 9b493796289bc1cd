"""get_all: many objects become files beneath a directory, several at a time, and nothing that is there is touched."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, overload

from runloop_jupyter import session as sessions
from runloop_jupyter.actions import background as behind
from runloop_jupyter.actions.batch import Fetched
from runloop_jupyter.actions.bulk import Bulk
from runloop_jupyter.actions.find import literal_part, matcher, store_and_pattern
from runloop_jupyter.actions.get import Fetch, fetch_of
from runloop_jupyter.actions.latest import AskOnce
from runloop_jupyter.actions.object import Object
from runloop_jupyter.actions.resolve import resolve
from runloop_jupyter.actions.running import run
from runloop_jupyter.actions.walk import Walk
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.atomic import fsync_dir
from runloop_jupyter.display import humane
from runloop_jupyter.errors import InputError, NewestGone, ObjectNotFound
from runloop_jupyter.lookup import is_alive
from runloop_jupyter.transfer import cache, digest
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runloop_jupyter.actions.background import BackgroundTransfer
    from runloop_jupyter.session import Session
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

_WILD: Final = re.compile(r"[*?\[]")


@overload
def get_all(what: str | Iterable[str | Object], *, to: str | Path, background: Literal[False] = False) -> Fetched: ...


@overload
def get_all(
    what: str | Iterable[str | Object], *, to: str | Path, background: bool
) -> Fetched | BackgroundTransfer: ...


def get_all(
    what: str | Iterable[str | Object], *, to: str | Path, background: bool = False
) -> Fetched | BackgroundTransfer:
    """Write the stored bytes of many objects (of folders: their files) beneath a directory.

    Several come at a time, and one that fails stops no other. A file that is there already stays as it is: with the
    same bytes it counts as had, otherwise its object is refused by name. So are names that would leave the directory,
    and those that would be one file. The same call again gets only what is missing.

    Args:
        what: A pattern, ``runs/7/*``, of which each name keeps what comes after the part without wildcards; or names
            and `Object` values, whose files are called by the last part of their names.
        to: The directory; made if it is missing.
        background: Return a `BackgroundTransfer` at once, and get behind.

    Raises:
        ObjectNotFound: Nothing fits.
        InputError: A `to` that is no directory.
        SomeFailed: Some are here and some aren't: how many, and why; ``failed`` has each by its name.

    Example:
        >>> rl.get_all("runs/7/*", to="runs")  # doctest: +SKIP
    """
    if not str(to):
        raise InputError("to='' is not a path")
    directory = Path(to).expanduser().absolute()
    if not directory.is_dir() and (directory.exists() or directory.is_symlink() or not directory.parent.is_dir()):
        raise InputError(f"{str(directory)!r} is no directory, and can't be made one. Give another")
    if not isinstance(what, str):
        what = _things(what)
    session = sessions.current().as_it_is()
    label = what if isinstance(what, str) else humane.plural(len(what), "object")
    whole = session.transfers.new(label, "down", session.profile.label, behind=background)
    whole.again = lambda: get_all(what, to=directory, background=background)

    def work() -> Fetched:
        whole.checkpoint()
        found = _fitting(session, what, whole) if isinstance(what, str) else _named(session, what, whole)
        return _Work(found, directory, whole).carry_out()

    return behind.begin(session, whole, work) if background else run(session, whole, work)


class _Found:
    """What is to be got: objects by their names, the local name of each, and what can't be had."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.local: dict[str, str] = {}
        self.failed: dict[str, Exception] = {}

    def add(self, name: str, thing: Object, local: str) -> None:
        self.objects[name], self.local[name] = thing, local


class _Work:
    """Fetches several at a time into files that aren't there yet."""

    def __init__(self, found: _Found, directory: Path, whole: Transfer) -> None:
        self._found = found
        self._directory = directory
        self._whole = whole
        self._targets: dict[str, Path] = {}
        self._refused: dict[str, Exception] = dict(found.failed)

    def carry_out(self) -> Fetched:
        self._plan()
        self._directory.mkdir(exist_ok=True)
        sizes = {name: thing.size or 0 for name, thing in self._found.objects.items()}
        getting = Bulk(self._whole, {**dict.fromkeys(self._refused, 0), **sizes}, self._one, Phase.RECEIVING)
        try:
            getting.carry_out()
        finally:
            # Of all the names in a directory at once: each by itself takes as long as a small file does.
            parents = {path.parent for path, new in getting.done.values() if new}
            for directory in {each for parent in parents for each in (parent, *parent.parents)}:
                if not directory.is_relative_to(self._directory):
                    continue
                with suppress(OSError):  # somebody removed it meanwhile
                    fsync_dir(directory)
        getting.check("here", "The same call again gets only what is missing")
        rows = [(name, *getting.done[name]) for name in sorted(getting.done)]
        return Fetched([(name, self._found.objects[name], path, new) for name, path, new in rows], self._directory)

    def _plan(self) -> None:
        """Decide on each local name; refuse those that would leave the directory or be one file."""
        taken: dict[str, str] = {}
        for name, thing in self._found.objects.items():
            *above, last = self._found.local[name].split("/")
            if any(part.strip(" .") == "" for part in above) or last.strip(" .") == "":
                self._refused[name] = InputError("a name for no file beneath a directory. Get it by itself")
                continue
            inner = [cache.file_name(part) for part in above]
            target = self._directory.joinpath(*inner, Fetch(thing, self._whole).name)
            other = taken.setdefault(_key(target), name)
            if other != name:
                both = InputError(f"“{other}” and “{name}” would be one file, {target.name!r}. Get one by itself")
                self._refused[name] = self._refused[other] = both
            self._targets[name] = target
        files = {_key(target) for target in self._targets.values()}
        for name, target in self._targets.items():
            if any(_key(each) in files for each in target.parents):
                self._refused[name] = InputError(
                    "another object is a file where its directory would be. Get it by itself"
                )

    def _one(self, name: str, part: Transfer) -> tuple[Path, bool]:
        if name in self._refused:
            raise self._refused[name]
        thing, target = self._found.objects[name], self._targets[name]
        # A link within the directory may lead out of it.
        if not target.parent.resolve().is_relative_to(self._directory.resolve()):
            raise InputError(f"{str(target.parent)!r} leads out of {str(self._directory)!r}. Get it by itself")
        if target.exists() or target.is_symlink():
            if _holds(target, thing, part):
                return target, False
            raise InputError(
                f"{str(target)!r} exists already, with other content. Remove it, or give another directory"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        return fetch_of(thing, part).to(target, settled=False), True


def _fitting(session: Session, pattern: str, whole: Transfer) -> _Found:
    """Return the newest version of each name that fits."""
    store, part = store_and_pattern(session, pattern)
    part = part or ""
    fits = matcher(part)
    first = _WILD.search(part)
    fixed = part[: first.start()].rpartition("/") if first else part.rpartition("/")
    base = fixed[0] + fixed[1]
    newest: dict[str, ObjectView] = {}
    whole.begin(Phase.LOOKING)
    pages = store.objects.pages(Filter(name=literal_part(part), state=ObjectState.READ_ONLY), narrowed=False)
    for page in Walk(pages, whole):
        for view in page:
            if fits(view.name) and is_alive(view):
                newest.setdefault(view.name, view)
    if not newest:
        raise ObjectNotFound(f"no object fits {pattern!r} in the {store.identity.label}. %rl_ls shows what is there")
    found = _Found()
    latest = AskOnce(store, newest.keys(), whole)
    for name, view in sorted(newest.items()):
        if latest.is_gone_after(view):
            found.failed[name] = NewestGone("its newest version is gone; %rl_info shows the one before it")
        else:
            found.add(name, Object(view, store), name.removeprefix(base))
    return found


def _named(session: Session, things: Sequence[str | Object], whole: Transfer) -> _Found:
    """Return what names and objects mean: plain names by one walk, others one by one."""
    found = _Found()
    store = session.store
    whole.begin(Phase.LOOKING)
    latest = AskOnce(store, [each for each in things if isinstance(each, str)], whole)
    for each in things:
        whole.checkpoint()
        name = each if isinstance(each, str) else each.name if each.name not in found.objects else each.version
        try:
            if isinstance(each, Object):
                thing = each
            elif (view := latest.current(each)) and not latest.is_gone_after(view):
                thing = Object(view, store)
            else:
                thing = resolve(session, each, whole)
        except (ObjectNotFound, InputError) as error:
            found.failed[name] = error
            continue
        found.add(name, thing, thing.name.rstrip("/").rpartition("/")[2])
    return found


def _things(what: object) -> list[str | Object]:
    if not isinstance(what, Iterable):
        raise InputError(f"{what!r} is a {type(what).__name__}. Give a pattern, or a list of names and objects")
    things: list[Any] = list(dict.fromkeys(what))
    for each in things:
        if not isinstance(each, str | Object):
            raise InputError(f"{each!r} is a {type(each).__name__}, not a name or an Object")
    if not things:
        raise InputError("there is nothing to get: the list is empty")
    return things


def _holds(target: Path, thing: Object, part: Transfer) -> bool:
    """Whether a file that is there already has the bytes of an object."""
    if not target.is_file() or target.is_symlink() or target.stat().st_size != thing.size or thing.digest is None:
        return False
    return digest.of_file(target, lambda _: part.checkpoint(), thing.digest.partition(":")[0]) == thing.digest


def _key(path: Path) -> str:
    """Return what tells paths apart where they are: macOS takes two that differ in case for one."""
    text = unicodedata.normalize("NFC", str(path))
    return text.casefold() if sys.platform == "darwin" else text
