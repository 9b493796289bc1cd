"""What is said of a writable folder, in lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runloop_jupyter.address import quoted
from runloop_jupyter.archive.names import shown
from runloop_jupyter.display import humane

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runloop_jupyter.mounts.writable.bringing import Brought
    from runloop_jupyter.mounts.writable.outcome import FolderState
    from runloop_jupyter.mounts.writable.scanning import Scan

_NAMED: Final = 4


def status(now: FolderState) -> str:
    """Return how a folder stands in a line: ``12 files · 2 waiting (1.4 MiB): … · 10 sent``."""
    facts = [humane.plural(now.files, "file")]
    if now.waiting:
        why = f": {now.error}" if now.error else ""
        facts.append(f"{now.waiting:,} waiting ({humane.size(now.waiting_bytes)}){why}")
    elif now.error:
        facts.append(now.error)
    if now.sent:
        facts.append(f"{now.sent:,} sent")
    if now.conflicts:
        facts.append(humane.plural(len(now.conflicts), "conflict"))
    return " · ".join(facts)


def notes(name: str, scan: Scan, brought: Brought, conflicts: Mapping[str, str]) -> tuple[str, ...]:
    """Return what its user should know of what stays here or stayed in the store, a line each."""
    said = []
    if scan.secrets:
        said.append(f"stays here, for it may hold secrets: {_named(scan.secrets)}")
    if scan.ignored:
        what = "entry stays" if scan.ignored == 1 else "entries stay"
        said.append(f"{scan.ignored:,} {what} here, as .runloopignore says")
    said += _first(list(scan.odd.values()))
    if brought.folders:
        what = "folder or archive" if brought.folders == 1 else "folders and archives"
        stay = "stays" if brought.folders == 1 else "stay"
        said.append(f"{brought.folders:,} {what} beneath “{name}” {stay} in the store: get them with %rl_get")
    if brought.namesake:
        said.append(
            f"what was put as the folder “{name}” is another thing and stays in the store: %rl_get {quoted(name)}"
        )
    if brought.hidden:
        what = "object stays" if brought.hidden == 1 else "objects stay"
        said.append(f"{brought.hidden:,} {what} in the store, called like secrets or programs' own files")
    said += _first(list(brought.failed.values()))
    said += _first(
        [
            f"{shown(path)} changed on both sides: the one from here is kept as {shown(kept)}"
            for path, kept in conflicts.items()
        ]
    )
    return tuple(said)


def refusal(name: str, where: str, place: str, scan: Scan) -> str:
    """Return why a directory with files isn't taken, and how it is."""
    return (
        f"{where} has {humane.plural(len(scan.files), 'file')} ({humane.size(scan.size)}) that would be sent to "
        f"“{name}” ({place}). If that is meant: %rl_mount --write {quoted(name)} {quoted(where)} -y"
    )


def unsent(name: str, where: str, left: Mapping[str, str | None], why: str | None) -> str:
    """Return that files were not sent when a folder was let go of.

    Args:
        name: What the folder is called.
        where: The directory.
        left: The files, and of each why, where that is known.
        why: Why it was none of them.
    """
    goes_on = f"%rl_mount --write {quoted(name)} {quoted(where)} goes on"
    if not left:
        return f"{where} could not be looked at ({why}), so something may not be sent yet; {goes_on}"
    reasons = list(dict.fromkeys(reason for reason in left.values() if reason))
    because = why or "; ".join(reasons[:2]) or "they changed all the time"
    were, stay = ("were", "They stay") if len(left) > 1 else ("was", "It stays")
    what = f"{humane.plural(len(left), 'file')} in {where} {were} not sent to “{name}”"
    return f"{what}: {_named(list(left))} ({because}). {stay} there; {goes_on}"


def _named(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
    return ", ".join(shown(path) for path in paths[:_NAMED]) + more


def _first(lines: list[str]) -> list[str]:
    more = [f"… and {len(lines) - _NAMED:,} more like that"] if len(lines) > _NAMED else []
    return [*lines[:_NAMED], *more]
