"""put_all: the files and folders that a pattern fits, one object each, several at a time."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, overload

from runloop_jupyter import session as sessions
from runloop_jupyter.actions import background as behind
from runloop_jupyter.actions.batch import Batch
from runloop_jupyter.actions.bulk import Bulk
from runloop_jupyter.actions.latest import AskOnce
from runloop_jupyter.actions.put import wanted_of
from runloop_jupyter.actions.running import run
from runloop_jupyter.actions.send import Packet, deliver, forget_unfinished, give_up, pack, send
from runloop_jupyter.actions.source import FolderSource, path_source
from runloop_jupyter.address import check_name, quoted
from runloop_jupyter.archive import is_secret
from runloop_jupyter.display import humane
from runloop_jupyter.errors import InputError
from runloop_jupyter.transfer.transfer import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta

    from runloop_jupyter.actions.background import BackgroundTransfer
    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.actions.send import Wanted
    from runloop_jupyter.actions.source import Source
    from runloop_jupyter.profile import Profile
    from runloop_jupyter.session import Session
    from runloop_jupyter.transfer.transfer import Transfer

_MAGIC: Final = frozenset("*?[")


@overload
def put_all(
    what: str | Iterable[Path],
    prefix: str = "",
    *,
    metadata: Mapping[str, object] | None = None,
    ttl: str | timedelta | None = None,
    force: bool = False,
    provenance: bool = False,
    include_secrets: bool = False,
    background: Literal[False] = False,
) -> Batch: ...


@overload
def put_all(
    what: str | Iterable[Path],
    prefix: str = "",
    *,
    metadata: Mapping[str, object] | None = None,
    ttl: str | timedelta | None = None,
    force: bool = False,
    provenance: bool = False,
    include_secrets: bool = False,
    background: bool,
) -> Batch | BackgroundTransfer: ...


def put_all(
    what: str | Iterable[Path],
    prefix: str = "",
    *,
    metadata: Mapping[str, object] | None = None,
    ttl: str | timedelta | None = None,
    force: bool = False,
    provenance: bool = False,
    include_secrets: bool = False,
    background: bool = False,
) -> Batch | BackgroundTransfer:
    """Store each file and folder that a pattern fits as an object of its own.

    Several are sent at a time, and one that fails stops no other. Those that are whole when something goes wrong, or
    Ctrl-C comes, stay; the same call again sends only what is missing. Hidden files need a pattern with a dot, and what
    looks like a secret is left out.

    Args:
        what: A pattern, ``data/*.csv`` or ``data/**/*.csv``, or paths. Each is named by its path beneath the part of
            the pattern without wildcards; of paths, by their last part.
        prefix: What the names begin with; a slash is put between.
        metadata: For all of them, as for `put`.
        ttl: As for `put`.
        force: As for `put`.
        provenance: As for `put`.
        include_secrets: Store what looks like a secret too, also within folders.
        background: Return as soon as folders are packed, and send behind; a file that changes until then is refused.

    Raises:
        InputError: Nothing fits, or two would have one name.
        SomeFailed: Some are stored and some failed: how many, and why; ``failed`` has each by its name.
        RunloopError: What `put` raises, where it is one alone.

    Example:
        >>> rl.put_all("scans/*.tif", "runs/7")  # doctest: +SKIP
    """
    named = _from_pattern(what) if isinstance(what, str) else _from_paths(what)
    label = what if isinstance(what, str) else humane.plural(len(named), "path")
    left_out = [name for name in named if not include_secrets and is_secret(name.rpartition("/")[2])]
    sources = {
        check_name(f"{prefix.rstrip('/')}/{name}" if prefix else name): path_source(
            path, include_secrets=include_secrets
        )
        for name, path in named.items()
        if name not in left_out
    }
    if not sources:
        but = f" but {', '.join(left_out)}, left out as they may hold secrets" if left_out else ""
        raise InputError(f"no file or folder fits {label!r}{but}")
    wanted = {name: wanted_of(name, metadata, ttl, force=force, provenance=provenance) for name in sources}
    session = sessions.current()
    profile = session.profile
    whole = session.transfers.new(label, "up", profile.label, behind=background)
    options: dict[str, Any] = {"metadata": metadata, "ttl": ttl, "force": force, "provenance": provenance}
    options["include_secrets"] = include_secrets
    paths = what if isinstance(what, str) else list(named.values())
    whole.again = lambda: put_all(paths, prefix, background=background, **options)
    work = _Work(session, profile, whole, sources, wanted, left_out)
    if not background:
        return run(session, whole, work.carry_out)
    return behind.begin_packed(session, whole, work.pack, work.deliver, give_up=_give_all_up, size=_size_of_all)


def is_pattern(text: str) -> bool:
    """Whether `text` has wildcards in it."""
    return not _MAGIC.isdisjoint(text)


class _Work:
    """Sends several at a time: each packed and sent at once, or all packed first and sent behind."""

    def __init__(
        self,
        session: Session,
        profile: Profile,
        whole: Transfer,
        sources: Mapping[str, Source],
        wanted: Mapping[str, Wanted],
        left_out: list[str],
    ) -> None:
        self._session = session
        self._profile = profile
        self._whole = whole
        self._sources = sources
        self._wanted = wanted
        self._left_out = left_out

    def carry_out(self) -> Batch:
        store = self._session.open(self._profile)
        latest = AskOnce(store, self._sources.keys(), self._whole)
        sizes = {name: _size(source) for name, source in self._sources.items()}
        return self._sent(sizes, lambda name, part: send(store, self._sources[name], self._wanted[name], part, latest))

    def pack(self) -> Bulk[Packet]:
        """Pack each; what fails is accounted for when the others are sent."""
        store = self._session.open(self._profile)
        packing: Bulk[Packet] = Bulk(
            self._whole,
            {name: _size(source) for name, source in self._sources.items()},
            lambda name, part: pack(store, self._sources[name], self._wanted[name], part, journaled=True),
            Phase.PACKING,
        )
        try:
            packing.carry_out()
        except BaseException:
            _give_all_up(packing)
            raise
        return packing

    def deliver(self, packed: Bulk[Packet]) -> Batch:
        begun: set[str] = set()

        def one(name: str, part: Transfer) -> Object:
            if name in packed.failed:
                raise packed.failed[name]
            begun.add(name)
            return deliver(store, packed.done[name], part, latest)

        try:
            store = self._session.open(self._profile)
            latest = AskOnce(store, self._sources.keys(), self._whole)
            sizes = {name: packed.done[name].parcel.size if name in packed.done else 0 for name in self._sources}
            return self._sent(sizes, one)
        finally:
            # Of those that never had their turn: what was cancelled is over, what lost its store can be resumed.
            for name, packet in packed.done.items():
                if name not in begun:
                    give_up(packet, resumable=not self._whole.cancelled)

    def _sent(self, sizes: Mapping[str, int], one: Callable[[str, Transfer], Object]) -> Batch:
        sending = Bulk(self._whole, sizes, one, Phase.SENDING)
        sending.carry_out()
        forget_unfinished(self._session.open(self._profile), sending.done.keys())
        sending.check("stored", "The same call again sends only what is missing")
        return Batch([sending.done[name] for name in sorted(sending.done)], self._left_out)


def _give_all_up(packed: Bulk[Packet]) -> None:
    for packet in packed.done.values():
        give_up(packet)


def _size_of_all(packed: Bulk[Packet]) -> int:
    return sum(packet.parcel.size for packet in packed.done.values())


def _from_pattern(pattern: str) -> dict[str, Path]:
    # As typed at a shell: ~ is home, ** goes down through folders, a leading dot must be asked for.
    expanded = os.path.expanduser(pattern)  # noqa: PTH111 - a pattern is no path
    fixed = []
    for part in Path(expanded).parts[:-1]:
        if is_pattern(part):
            break
        fixed.append(part)
    base = Path(*fixed) if fixed else Path()
    found = [Path(each) for each in glob.glob(expanded, recursive=True)]  # noqa: PTH207 - Path.glob has no hidden rule
    if "**" in pattern:
        found = [path for path in found if path.is_file()]  # each folder would hold its files once more
    return {str(path.relative_to(base)): path for path in sorted(found) if path != base}


def _from_paths(paths: Iterable[Path]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for path in paths:
        if not isinstance(path, Path):
            raise InputError(f"{path!r} is a {type(path).__name__}, not a pathlib.Path")
        name = path.expanduser().absolute().name
        if name in named:
            both = f"{str(named[name])!r} and {str(path)!r}"
            raise InputError(f"{both} would both be called {quoted(name)}. Put one by itself")
        named[name] = path
    return named


def _size(source: Source) -> int:
    return 0 if isinstance(source, FolderSource) else source.path.stat().st_size  # type: ignore[union-attr]
