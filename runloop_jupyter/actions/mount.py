"""mount, umount: stored things under a directory, so that whatever reads files reads them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runloop_jupyter import options
from runloop_jupyter import session as sessions
from runloop_jupyter.actions import mounting
from runloop_jupyter.actions.following import Following
from runloop_jupyter.actions.forms import MODES
from runloop_jupyter.actions.mounting import Mount
from runloop_jupyter.actions.running import ask, run
from runloop_jupyter.actions.wanted import Wanted, folder_of
from runloop_jupyter.conditions import conditions
from runloop_jupyter.display import humane
from runloop_jupyter.errors import InputError, MountError
from runloop_jupyter.mounts import fuse, sweeping, table
from runloop_jupyter.mounts.layout import lay_out
from runloop_jupyter.mounts.link import LinkMount
from runloop_jupyter.mounts.need import plan
from runloop_jupyter.paths import cache_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.conditions import Where
    from runloop_jupyter.mounts.need import Need
    from runloop_jupyter.transfer.transfer import Transfer

FEW: Final = 256 << 20
"""Bytes that are fetched without further ado: below, links are quicker than anything that reads as it is asked."""
MANY: Final = 1 << 30
"""Bytes that are not fetched, or copied, without a yes."""
MANY_FILES: Final = 10_000
"""Files that take longer to be placed than anybody likes to wait."""


def mount(
    what: str | Object | None,
    to: str | Path,
    *,
    where: Where = None,
    mode: str = "auto",
    follow: bool = False,
    write: bool = False,
    metadata: Mapping[str, object] | None = None,
    ttl: str | timedelta | None = None,
    yes: bool = False,
) -> Mount:
    """Show stored things under a directory, read-only, until `umount` or the end of this kernel.

    An object is a file there under its name, with the ending of what it is (``penguins.parquet``); a folder, and a
    tar, is a directory. What can't be a file's name is changed so that it can; of two that would be one path, one has
    a mark at its end.

    Args:
        what: A name, ``name@version``, an id, an `Object`; a folder of names; a pattern with ``* ? [``; ``PROFILE:``
            for a whole store; None for all that `where` holds of. Of each name the newest version is shown.
        to: The directory; it is made where it is missing, and must be empty where it isn't.
        where: Metadata that must hold, as in `ls`.
        mode: ``link``: all of it is fetched into the cache, and linked (for root: copied); archives are unpacked.
            ``fuse``: what is read is fetched when it is read; archives are looked into. ``auto`` takes links for what
            is here or small (256 MiB to fetch, a GiB to copy, 10,000 files), else FUSE, where this computer has it.
        follow: Look again every few seconds, and show what there is by then.
        write: A folder to write in: what is saved beneath `to` becomes a version of the object ``WHAT/path`` moments
            later, and at the latest at `umount`. What is there comes first. Deleting a file deletes nothing stored,
            and it is back at the next mount. Where a file changed here and there, both stay.
        metadata: Attached to what is written.
        ttl: How long what is written lives, ``30d``; for ever by default.
        yes: Fetch, or adopt, however much it is.

    Raises:
        ObjectNotFound: There is nothing to show.
        InputError: Something in it can't be meant, or there is more than a GiB to fetch or to copy.
        MountError: The directory is not empty, or ``fuse`` can't be had.

    Example:
        >>> data = rl.mount(None, "data", where="project=penguins")  # doctest: +SKIP
        >>> pd.read_parquet(data / "adelie.parquet", columns=["mass"])  # doctest: +SKIP
    """
    said = _directory(to)
    directory = _absolute(said)
    if mode not in MODES:
        raise InputError(f"mode {mode!r}? There are {', '.join(MODES)}")
    session = sessions.current().as_it_is()
    wanted = Wanted(session, what, tuple(conditions(where)))
    if write:
        _check_writing(wanted, mode, follow=follow)
    elif metadata or ttl:
        raise InputError("metadata and ttl are for what is written: %rl_mount --write NAME DIR")
    if not write and (what is None or what == "") and not wanted.where:
        raise InputError("mount what? A name, a pattern, PROFILE: or -w k=v, and a directory: %rl_mount runs/* data")
    attached, lives_ms = options.user_metadata(metadata), options.ttl_ms(ttl)
    transfer = session.transfers.new(str(wanted), "down", session.profile.label)

    def work() -> Mount:
        transfer.checkpoint()
        if write:
            _leave(directory)
            made = _writable(wanted, said, directory, transfer, attached, lives_ms, yes=yes)
        else:
            made = _shown(wanted, said, directory, transfer, mode, follow=follow, yes=yes)
        mounting.remember(made)
        try:
            transfer.checkpoint()  # whoever stopped it has no other word for it
        except BaseException:
            made.unmount()
            raise
        return made

    return run(session, transfer, work)


def umount(to: str | Path | Mount | None = None, *, everything: bool = False) -> list[Mount]:
    """Let go of directories: what was shown there is gone from them, and stays where it is stored.

    A folder to write in is saved first, and its files stay as they are.

    Args:
        to: Which; a path beneath it will do.
        everything: All that this kernel has mounted.

    Returns:
        What was let go of; nothing where it was what a kernel that is gone had left.

    Raises:
        InputError: Nothing of this kernel's is mounted there.
        MountError: Somebody is at work there.
    """
    if (to is None) != everything:
        raise InputError("umount what? A directory, or everything: %rl_umount data, %rl_umount --all")
    mounts = mounting.mine() if everything else _mounted_at(to)

    def work(transfer: Transfer) -> list[Mount]:
        failed = None
        for each in mounts:
            transfer.checkpoint()
            try:
                each.unmount(transfer)
            except MountError as error:  # that somebody is at work in one is no reason to keep the others
                failed = failed or error
        if failed is not None:
            raise failed
        if not mounts and to is not None:
            _clear(to)
        return mounts

    return ask("umount", work)


def _directory(to: object) -> Path:
    if not isinstance(to, str | Path) or not str(to):
        raise InputError(f"{to!r} is no directory. Give one: %rl_mount runs/* data")
    return Path(to)


def _mounted_at(to: object) -> list[Mount]:
    """Return this kernel's mount at a directory or around it; none where it has none."""
    if isinstance(to, Mount):
        return [to]
    where = _absolute(_directory(to))
    mine = {each.path: each for each in mounting.mine()}
    return next(([mine[path]] for path in (where, *where.parents) if path in mine), [])


def _clear(to: object) -> None:
    """Let go of what no living kernel has mounted at a directory.

    Raises:
        InputError: Nothing is mounted there, or a living kernel has it.
    """
    record = table.at(_absolute(_directory(to)))
    if record is None:
        there = ", ".join(str(each.path) for each in mounting.mine())
        raise InputError(f"nothing is mounted at {to}" + (f". There are {there}" if there else ""))
    if record.owner.alive:
        raise InputError(f"{to} was mounted by another kernel (process {record.owner.pid}). Unmount it there")
    sweeping.clear(record)  # its own computer may be gone, and its name with it


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - ".." taken away, links kept, as mounts do it


def _leave(directory: Path) -> None:
    """Make way for a mount: the one that this kernel has there ends, for a cell may be run twice.

    Raises:
        MountError: Another kernel has something there, or somebody is at work in what this one has.
    """
    if before := mounting.at(directory):
        before.unmount()
        return
    record = table.at(directory)
    if record is None:
        return
    if not record.abandoned:
        raise MountError(
            f"{directory} is mounted by another kernel (process {record.owner.pid}). Unmount it there, or take another"
        )
    sweeping.clear_at(directory)


def _shown(
    wanted: Wanted, said: Path, directory: Path, transfer: Transfer, mode: str, *, follow: bool, yes: bool
) -> Mount:
    store, found = wanted.find(transfer)
    layout = lay_out(found)
    need = plan(store, layout, transfer)
    chosen, why = _choose(mode, need, directory, str(wanted), yes=yes)
    _leave(directory)  # only now: what was there is better than an error
    make = fuse.FuseMount if chosen == "fuse" else LinkMount
    mounted = make(store, layout, directory, transfer, what=str(wanted))
    following = Following(wanted, mounted, layout) if follow and wanted.changes else None
    return Mount(mounted, str(wanted), str(said), store, len(layout.shown), why, following)


def _choose(mode: str, need: Need, directory: Path, what: str, *, yes: bool) -> tuple[str, list[str]]:
    """Return the mode, and what is to be said of it.

    Raises:
        MountError: FUSE is wanted and can't be had.
        InputError: There is much to fetch, or to copy, and nobody said yes.
    """
    missing = fuse.available()
    if mode == "fuse" and missing:
        raise MountError(f"FUSE can't be had here: {missing}. --mode link fetches all of it, {_much(need)}")
    moved = need.bytes_total if _copies(directory) else need.bytes_to_fetch
    lazily = need.bytes_to_fetch > FEW or moved > MANY or need.files > MANY_FILES
    if mode == "fuse" or (mode == "auto" and lazily and not missing):
        return "fuse", []
    if moved > MANY and not yes:
        other = "" if missing else ", --mode fuse fetches what is read"
        raise InputError(f"“{what}” is {_much(need)}. -y mounts it{other}")
    return "link", [f"no FUSE here ({missing})"] * (mode == "auto" and lazily)


def _copies(directory: Path) -> bool:
    """Whether files in the cache are copied to be shown there, as far as can be said before it is tried."""
    above = next(each for each in (directory, *directory.parents) if each.is_dir())
    return os.geteuid() == 0 or above.stat().st_dev != cache_dir().stat().st_dev


def _much(need: Need) -> str:
    files = humane.plural(need.files, "file")
    if not need.bytes_to_fetch:
        return f"{humane.size(need.bytes_total)} in {files}, all of it here"
    return f"{humane.size(need.bytes_total)} in {files}, {humane.size(need.bytes_to_fetch)} of it not here yet"


def _check_writing(wanted: Wanted, mode: str, *, follow: bool) -> None:
    if wanted.where or not isinstance(wanted.what, str):
        raise InputError("a folder to write in needs the name that its objects begin with: %rl_mount --write NAME DIR")
    if mode != "auto" or follow:
        raise InputError("--write is a mode of its own. Leave out --mode and --follow")


def _writable(
    wanted: Wanted,
    said: Path,
    directory: Path,
    transfer: Transfer,
    metadata: dict[str, str],
    ttl_ms: int | None,
    *,
    yes: bool,
) -> Mount:
    from runloop_jupyter.mounts.writable.folder import WritableFolder

    store, name = folder_of(wanted)
    folder = WritableFolder(store, name, directory, transfer, metadata=metadata, ttl_ms=ttl_ms, adopt=yes)
    return Mount(folder, str(wanted), str(said), store, folder.state().files)
