"""put_all: the files and folders that a pattern fits, one object each, several at a time."""

from __future__ import annotations

import glob
import os
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter import session as sessions
from runloop_jupyter.actions.batch import Batch
from runloop_jupyter.actions.object import quoted
from runloop_jupyter.actions.put import wanted_of
from runloop_jupyter.actions.running import run
from runloop_jupyter.actions.send import send
from runloop_jupyter.actions.source import FOLDER, FolderSource, path_source
from runloop_jupyter.address import check_name
from runloop_jupyter.archive import is_secret
from runloop_jupyter.display import humane
from runloop_jupyter.errors import InputError, RunloopError, one_line
from runloop_jupyter.transfer.transfer import Phase, State, Transfer
from runloop_jupyter.transfer.work import TICK_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.actions.send import Wanted
    from runloop_jupyter.actions.source import Source
    from runloop_jupyter.session import Session

AT_ONCE: Final = 4
SHOWN: Final = 20
_MAGIC: Final = frozenset("*?[")


def put_all(
    what: str | Iterable[Path],
    prefix: str = "",
    *,
    metadata: Mapping[str, object] | None = None,
    ttl: str | timedelta | None = None,
    force: bool = False,
    provenance: bool = False,
    include_secrets: bool = False,
) -> Batch:
    """Store each file and folder that a pattern fits as an object of its own.

    Four are sent at a time. Those that are whole when something goes wrong, or Ctrl-C comes, stay; the same call again
    sends only what is missing. Hidden files need a pattern with a dot, and what looks like a secret is left out.

    Args:
        what: A pattern, ``data/*.csv`` or ``data/**/*.csv``, or paths. Each is named by its path beneath the part of
            the pattern without wildcards; of paths, by their last part.
        prefix: What the names begin with; a slash is put between.
        metadata: For all of them, as for `put`.
        ttl: As for `put`.
        force: As for `put`.
        provenance: As for `put`.
        include_secrets: Store what looks like a secret too, also within folders.

    Raises:
        InputError: Nothing fits, or two would have one name.
        RunloopError: What `put` raises for the first that fails; the message says how many are stored.

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
    whole = Transfer(label, "up", session.profile.label)
    work = _Work(session, whole, sources, wanted)
    return Batch(run(session, whole, work.carry_out), left_out)


def is_pattern(text: str) -> bool:
    """Whether `text` has wildcards in it."""
    return not _MAGIC.isdisjoint(text)


class _Work:
    """Sends several at a time, and adds up how far they are."""

    def __init__(
        self, session: Session, whole: Transfer, sources: Mapping[str, Source], wanted: Mapping[str, Wanted]
    ) -> None:
        self._session = session
        self._whole = whole
        self._sources = sources
        self._wanted = wanted
        self._done: dict[str, Object] = {}
        self._parts: list[Transfer] = []

    def carry_out(self) -> list[Object]:
        store = self._session.store
        self._whole.begin(Phase.SENDING, sum(_size(source) for source in self._sources.values()) or None)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="rl-put") as pool:
            waiting = {pool.submit(self._send, store, name) for name in self._sources}
            try:
                while waiting:
                    ended, waiting = wait(waiting, TICK_S, FIRST_EXCEPTION)
                    for each in ended:
                        each.result()
                    self._whole.reach(sum(map(_sent, self._parts)) + sum(map(_stored, self._done.values())))
            except BaseException as error:
                for each in waiting:
                    each.cancel()
                for part in self._parts:
                    part.cancel()
                if isinstance(error, RunloopError) and not self._whole.cancelled:
                    raise self._after(error) from None
                raise
        return [self._done[name] for name in sorted(self._done)]

    def _send(self, store: Any, name: str) -> None:
        part = self._session.transfers.new(name, "up", self._session.profile.label)
        self._parts.append(part)
        try:
            self._whole.checkpoint()
            self._done[name] = send(store, self._sources[name], self._wanted[name], part)
            part.finish()
        except BaseException as error:
            part.fail(error)
            raise

    def _after(self, error: RunloopError) -> RunloopError:
        of = humane.plural(len(self._sources), "object")
        error.args = (f"{one_line(str(error))}; this came after {len(self._done):,} of {of}, which are stored",)
        return error


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


def _sent(part: Transfer) -> int:
    now = part.snapshot()
    return now.done if now.phase is Phase.SENDING and now.state is State.RUNNING else 0


def _stored(thing: Object) -> int:
    return thing.size or 0 if thing.kind != FOLDER else 0


def _size(source: Source) -> int:
    return 0 if isinstance(source, FolderSource) else source.path.stat().st_size  # type: ignore[union-attr]
