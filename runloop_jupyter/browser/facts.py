"""All that the preview says of one object beside the look inside."""

from __future__ import annotations

import keyword
import re
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter import session as sessions
from runloop_jupyter.actions.object import can_be_typed
from runloop_jupyter.address import quoted, version_label
from runloop_jupyter.browser import protocol, rows
from runloop_jupyter.display import humane
from runloop_jupyter.lookup import versions
from runloop_jupyter.transfer.cache import file_name
from runloop_jupyter.transfer.manifest import size_of
from runloop_jupyter.transfer.transfer import Transfer

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.browser.place import Place
    from runloop_jupyter.widgets.asked import Asked
    from runloop_jupyter.wire.objects import ObjectView

VERSIONS: Final = 10
_VALUE: Final = 2000
_PAIRS: Final = 200
_NOT_OF_NAMES: Final = re.compile(r"[^0-9A-Za-z_]+")


def facts(place: Place, names: Container[str] | None, asked: Asked) -> Any:
    """Answer ``facts``.

    Args:
        place: The store.
        names: Of variables that are taken; None where there are none, and no magics either.
        asked: The request.
    """
    said = protocol.read(asked.args, protocol.IdArgs)
    thing = place.object(said.id)
    looking = Transfer(thing.name, "down", "")
    asked.on_cancel(looking.cancel)
    living = list(islice(versions(place.store, thing.name, looking), VERSIONS + 1))
    asked.checkpoint()
    return protocol.plain(of(thing, living, names, _prefix(place)))


def of(thing: Object, living: Sequence[ObjectView], names: Container[str] | None, prefix: str = "") -> protocol.Facts:
    """Return what is said of an object.

    Args:
        thing: The object.
        living: The living versions of its name, newest first; one more than are shown, where there are more.
        names: Of variables that are taken; None where there are none, and no magics either.
        prefix: What names the store before its own name, where that isn't the current one.
    """
    shown, more = living[:VERSIONS], len(living) > VERSIONS
    is_newest = bool(living) and living[0].id == thing.id
    variable, directory = free_variable(thing.name, names or ()), free_directory(thing.name)
    write = _calls if names is None else _magics
    return protocol.Facts(
        id=thing.id,
        name=thing.name,
        subtitle=_subtitle(thing, len(shown), is_newest=is_newest, more=more),
        facts=_facts(thing),
        versions=[_version(view, newest=view is living[0]) for view in shown],
        more_versions=more,
        code=write("df" if thing.kind == "table" else variable, directory, *_addresses(thing, prefix, is_newest)),
        variable=variable,
        directory=directory,
    )


def free_variable(name: str, names: Container[str]) -> str:
    """Return a name for a variable that is made of an object's, and isn't taken.

    Example:
        >>> free_variable("runs/2026-11/val metrics.csv", {"val_metrics"})
        'val_metrics_2'
    """
    last = name.rstrip("/").rpartition("/")[2]
    stem = last.partition(".")[0] or last
    word = _NOT_OF_NAMES.sub("_", stem)[:60].strip("_") or "value"
    if word[0].isdigit():
        word = f"_{word}"
    if keyword.iskeyword(word):
        word = f"{word}_"
    return next(each for n in count(1) if (each := word if n == 1 else f"{word}_{n}") not in names)


def free_directory(name: str) -> str:
    """Return a directory that isn't there, made of an object's name."""
    stem = file_name(name).partition(".")[0] or "data"
    return next(each for n in count(1) if not Path(each := stem if n == 1 else f"{stem}-{n}").exists())


def _subtitle(thing: Object, n: int, *, is_newest: bool, more: bool) -> str:
    size = "" if thing.size is None else humane.size(thing.size)
    kind = rows.kind_of(thing.view) or thing.view.content_type
    which = f"newest of {n}{'+' * more}" if is_newest else "an older version"
    if n < 2 and is_newest:
        which = ""
    state = "" if thing.state == "READ_ONLY" else thing.state.lower()
    return " · ".join(each for each in (kind, thing.shape, size, state, which) if each)


def _facts(thing: Object) -> list[protocol.Fact]:
    said = [
        protocol.Fact(label=rows.cut(key), value=value[:_VALUE], metadata=True)
        for key, value in islice(thing.metadata.items(), _PAIRS)
    ]
    ends = thing.view.delete_after_time_ms
    known = thing.facts
    others = {
        "created": humane.utc(thing.view.create_time_ms),
        "expires": "never" if ends is None else humane.utc(ends),
        "size": "" if thing.size is None else f"{humane.size(thing.size)} ({thing.size:,} bytes)",
        "format": thing.format or "",
        **{key: str(known[key]) for key in ("type", "library", "dtype", "note") if key in known},
        "content type": thing.view.content_type,
        "digest": thing.digest or "",
        "version": f"@{version_label(thing.view.create_time_ms, thing.id)}",
        "id": thing.id,
    }
    return said + [protocol.Fact(label=label, value=value[:_VALUE]) for label, value in others.items() if value]


def _version(view: ObjectView, *, newest: bool) -> protocol.Version:
    return protocol.Version(
        id=view.id,
        label=f"@{version_label(view.create_time_ms, view.id)}",
        size=size_of(view),
        put=view.create_time_ms,
        expires=view.delete_after_time_ms,
        newest=newest,
    )


def _addresses(thing: Object, prefix: str, is_newest: bool) -> tuple[str, str]:
    """Return how an object is called in a cell, and how this version of it is."""
    if not can_be_typed(thing.name):
        return f"{prefix}{thing.id}", f"{prefix}{thing.id}"
    version = f"{prefix}{thing.version}"
    return (f"{prefix}{thing.name}" if is_newest else version), version


def _magics(variable: str, directory: str, called: str, version: str) -> protocol.Code:
    called = quoted(called)
    return protocol.Code(
        get=f"{variable} = %rl_get {called}",
        mount=f"%rl_mount {called} {quoted(directory)}",
        link=f"%rl_url {called}",
        remove=f"%rl_rm {quoted(version)}",
    )


def _calls(variable: str, directory: str, called: str, version: str) -> protocol.Code:
    return protocol.Code(
        get=f"{variable} = rl.get({called!r})",
        mount=f"rl.mount({called!r}, {directory!r})",
        link=f"rl.url({called!r})",
        remove=f"rl.rm({version!r})",
    )


def _prefix(place: Place) -> str:
    """Return what names the store in a cell; nothing while it is the current one."""
    mine = place.session.profile
    return "" if sessions.current().profile.name == mine.name else f"{mine.name}:"
