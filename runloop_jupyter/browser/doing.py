"""What a browser does with objects: into a variable, under a directory, a link, kept, deleted."""

from __future__ import annotations

import keyword
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.browser import protocol
from runloop_jupyter.display import humane
from runloop_jupyter.errors import InputError, RunloopError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from runloop_jupyter.actions.mounting import Mount
    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.browser.place import Place
    from runloop_jupyter.widgets.asked import Asked

MOST_MOUNTS: Final = 20
_MISSING: Final = object()


class VariableTaken(InputError):
    """The notebook has a variable of that name, which is never overwritten."""


class Doing:
    """Carries out what changes something, here or in the store. Existing actions do the work.

    Args:
        place: The store.
        names: The notebook's variables; None where it has none that can be set from here.
    """

    def __init__(self, place: Place, names: MutableMapping[str, Any] | None) -> None:
        self._place = place
        self._names = names

    def looks(self) -> dict[str, Callable[[Asked], Any]]:
        """Return what takes a call or two, by name."""
        return {"link": self.link, "reach": self.reach}

    def moves(self) -> dict[str, Callable[[Asked], Any]]:
        """Return what may take long, by name."""
        return {"get": self.get, "mount": self.mount, "delete": self.delete, "keep": self.keep}

    def get(self, asked: Asked) -> Any:
        """Answer ``get``: what was put comes into a variable that isn't there yet."""
        from runloop_jupyter.actions.get import get

        said = protocol.read(asked.args, protocol.GetArgs)
        names = self._free(said.variable)
        thing = self._place.object(said.id)
        with self._place.at_work(asked):
            value = get(thing)
        asked.checkpoint()
        # In one step: a cell may run, and give that name to something else at this moment.
        if names.setdefault(said.variable, value) is not value:
            raise _taken(said.variable)
        return {"variable": said.variable, "said": f"{said.variable} is {_described(value, thing)}"}

    def mount(self, asked: Asked) -> Any:
        """Answer ``mount``: one object under a directory, or each of several beneath it."""
        from runloop_jupyter.actions.mount import mount

        said = protocol.read(asked.args, protocol.MountArgs)
        if not 0 < len(said.ids) <= MOST_MOUNTS:
            raise InputError(f"1 to {MOST_MOUNTS} objects can be mounted at once; a whole folder with %rl_mount")
        if not said.directory.strip():
            raise InputError("mount where? Give a directory")
        directory = Path(said.directory).expanduser()
        things = [self._place.object(each) for each in said.ids]
        made: list[Mount] = []
        try:
            if len(things) > 1:
                _make(directory)
            with self._place.at_work(asked):
                for thing, where in zip(things, _directories(directory, things), strict=True):
                    asked.checkpoint()
                    made.append(mount(thing, where))
        except BaseException:
            for each in made:
                each.unmount()
            raise
        what = f"“{things[0].name}”" if len(things) == 1 else humane.plural(len(things), "object")
        return {"directory": said.directory, "said": f"{what} under {said.directory} ({made[0].mode})"}

    def link(self, asked: Asked) -> Any:
        """Answer ``link``. The URL is in this answer and nowhere else."""
        from runloop_jupyter.actions import url as links

        said = protocol.read(asked.args, protocol.LinkArgs)
        thing = self._place.object(said.id)
        if not 1 <= said.expires <= links.LONGEST.total_seconds():
            raise InputError(f"a link works for a second to {links.LONGEST.days} days")
        with self._place.at_work(asked):
            made = links.url(thing, expires=timedelta(seconds=said.expires))
            asked.checkpoint()
            return {"url": made.reveal(), "until": int(made.expires.timestamp() * 1000), "reach": made.reach}

    def reach(self, asked: Asked) -> Any:
        """Answer ``reach``: what can be told of a link before there is one."""
        from runloop_jupyter.actions import url as links

        said = protocol.read(asked.args, protocol.IdArgs)
        thing = self._place.object(said.id)
        # As what follows “it works”.
        reach = links.HERE if self._place.store.profile.embedded else f"for {links.ANYWHERE}"
        ends = thing.view.delete_after_time_ms
        until = "" if ends is None else f"The object itself expires {humane.utc(ends)}. "
        return {"reach": reach, "lives": f"{until}Only deleting the object takes a link back sooner."}

    def delete(self, asked: Asked) -> Any:
        """Answer ``delete``: each version that was named, as far as it goes."""
        from runloop_jupyter.actions.remove import Removal, delete

        said = protocol.read(asked.args, protocol.IdsArgs)
        deleted: list[str] = []
        failed: list[dict[str, str]] = []
        with self._place.at_work(asked):
            for object_id in dict.fromkeys(said.ids):
                if asked.cancelled:
                    failed.append({"id": object_id, "why": "it was stopped before this one"})
                    continue
                try:
                    delete(Removal((self._place.object(object_id),), done=False))
                except RunloopError as error:
                    failed.append({"id": object_id, "why": one_line(str(error))})
                else:
                    deleted.append(object_id)
                    self._place.forget(object_id)
                asked.progress({"done": len(deleted) + len(failed), "total": len(said.ids)})
        self._place.look_again()
        return {"deleted": deleted, "failed": failed}

    def keep(self, asked: Asked) -> Any:
        """Answer ``keep``."""
        from runloop_jupyter.actions.keep import keep

        said = protocol.read(asked.args, protocol.IdArgs)
        with self._place.at_work(asked):
            kept = keep(self._place.object(said.id))
        self._place.look_again()
        told = kept.outcome.notes[0] if kept.outcome and kept.outcome.notes else "it has no time to live"
        return {"id": kept.id, "said": told}

    def _free(self, variable: str) -> MutableMapping[str, Any]:
        """Return the variables, of which none has that name."""
        if self._names is None:
            raise InputError("here a variable is its cell's alone. Copy the code that gets it, into a cell")
        if not variable.isidentifier() or keyword.iskeyword(variable):
            raise InputError(f"{variable[:60]!r} is no name for a variable")
        if self._names.get(variable, _MISSING) is not _MISSING:
            raise _taken(variable)
        return self._names


def _taken(variable: str) -> VariableTaken:
    return VariableTaken(f"the notebook has a variable {variable} already. Give another name")


def _described(value: object, thing: Object) -> str:
    """Return what a variable holds now, as a person says it."""
    if isinstance(value, Path):
        return f"a path: {value.name}"
    kind = type(value).__name__
    return f"a {kind} · {thing.shape}" if thing.shape else f"a {kind}"


def _make(directory: Path) -> None:
    try:
        directory.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"the directory {str(directory)!r} can't be made: {error.strerror}") from None


def _directories(directory: Path, things: list[Object]) -> list[Path]:
    """Return where each is shown: alone in the directory itself, of several each in one of its own beneath it."""
    if len(things) == 1:
        return [directory]
    from runloop_jupyter.transfer.cache import file_name

    taken: dict[str, int] = {}
    where = []
    for thing in things:
        name = file_name(thing.name).partition(".")[0] or "object"
        taken[name] = taken.get(name, 0) + 1
        where.append(directory / (name if taken[name] == 1 else f"{name}-{taken[name]}"))
    return where
