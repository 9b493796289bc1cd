"""What all magics share: their line is read, ``--help`` shown, a trailing ``;`` heard; what they return is shown."""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from IPython.core.magic import no_var_expand

from runloop_jupyter import session
from runloop_jupyter.display.host import is_attended
from runloop_jupyter.errors import InputError, Interrupted
from runloop_jupyter.magics.options import PARSERS
from runloop_jupyter.magics.parser import HelpAsked

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from runloop_jupyter.magics.parser import Word

_LOADED_MS: Final = time.time() * 1000

Act: TypeAlias = "Callable[[Any, Namespace, str | None], Any]"
"""What a magic does with its options, read, and the text of its cell."""


def magic(act: Act) -> Callable[..., Any]:
    """Make a magic of `act`: read its line, print help where that is asked for, be silent after a ``;``."""
    name = act.__name__
    parser = PARSERS[name]

    @no_var_expand
    @wraps(act)
    def run(self: Any, line: str, cell: str | None = None) -> Any:
        try:
            return run_to_its_end(self, line, cell)
        except Interrupted:
            raise
        except KeyboardInterrupt:  # before the work had begun, or after it was done: there was nothing to clear away
            raise Interrupted(f"%{name} was stopped") from None

    def run_to_its_end(self: Any, line: str, cell: str | None) -> Any:
        shell: Any = self.shell
        session.current().shows_progress = settings(shell).progress
        try:
            said = parser.read(line, shell.user_ns)
        except HelpAsked as asked:
            print(asked)
            return None
        if name != "rl_transfers":  # which says them itself
            _say_what_failed_behind()
        _say_what_expires()
        value = act(self, said, cell)
        _look_for_what_expires()
        return None if _is_silenced(shell, name, line) else value

    run.__doc__ = f"{act.__doc__}\n\n{parser.format_help()}"
    return run


def settings(shell: Any) -> Any:
    """Return what ``%config RunloopMagics`` sets."""
    return shell.magics_manager.registry["RunloopMagics"]


def object_or_name(word: Word) -> Any:
    """Return what a word of a line says: the `Object` that a variable holds, or a name.

    Raises:
        InputError: The variable holds something else.
    """
    from runloop_jupyter.actions.object import Object

    value = word.value
    if isinstance(value, Object | str):
        return value
    raise InputError(f"{word.typed} is a {type(value).__name__}, not an object or a name")


def _say_what_failed_behind() -> None:
    """Say, once, which transfers failed in the background since: nobody may have asked."""
    if not session.current().has_transfers:
        return
    from IPython.display import display

    from runloop_jupyter.actions.transfers import unheard
    from runloop_jupyter.display.line import Line

    for line in unheard(session.current()):
        display(Line([line], tone="warn"))  # type: ignore[no-untyped-call]


def _say_what_expires() -> None:
    """Say, once, what expires soon, if that is known by now."""
    here = session.current()
    if here.opened is None or not is_attended():
        return
    from IPython.display import display

    from runloop_jupyter.actions import expiring
    from runloop_jupyter.display.line import Line

    if said := expiring.line(here):
        display(Line([said], tone="warn"))  # type: ignore[no-untyped-call]


def _look_for_what_expires() -> None:
    """Begin to look, once a store is open: loading the extension reaches for none, and no cell waits for this.

    Not where nobody sits before the notebook: what a program runs must show the same each time.
    """
    here = session.current()
    if here.opened is not None and is_attended():
        from runloop_jupyter.actions import expiring

        expiring.look(here, _LOADED_MS)


def _is_silenced(shell: Any, name: str, line: str) -> bool:
    """Whether the magic stands alone on a line that ends with a semicolon.

    To IPython the semicolon is a part of the magic's own text. It is left to it to tell ``%rl_put df;`` from
    ``x = %rl_put df;``, which both come here with the same words, and only one of which shows anything.
    """
    if not line.rstrip().endswith(";"):
        return False
    cell = shell.history_manager.input_hist_raw[-1]
    return any(each.strip() == f"%{name} {line.strip()}" for each in cell.splitlines())
