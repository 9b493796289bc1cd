"""Loading the extension: register the magics, say where objects go, clear what a killed kernel left."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from IPython.display import display

from runloop_jupyter.display.line import Line
from runloop_jupyter.errors import RunloopError, one_line
from runloop_jupyter.magics.browsing import BrowsingMagics
from runloop_jupyter.magics.completion import Completer
from runloop_jupyter.magics.finding import FindingMagics
from runloop_jupyter.magics.keeping import KeepingMagics
from runloop_jupyter.magics.living import LivingMagics
from runloop_jupyter.magics.mounting import MountingMagics
from runloop_jupyter.magics.moving import MovingMagics
from runloop_jupyter.magics.objects import RunloopMagics
from runloop_jupyter.magics.overview import greeting
from runloop_jupyter.magics.profiles import ProfileMagics
from runloop_jupyter.mounts import table
from runloop_jupyter.mounts.writable import record as writable
from runloop_jupyter.transfer import journal

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

FAMILIES: Final = (
    RunloopMagics,
    FindingMagics,
    BrowsingMagics,
    LivingMagics,
    MovingMagics,
    MountingMagics,
    KeepingMagics,
    ProfileMagics,
)
RECOVERY_S: Final = 3.0


def load(shell: InteractiveShell) -> None:
    """Make the magics and their completion known to `shell`, and show one line and what needs attention."""
    shell.register_magics(*FAMILIES)
    _forget_completion(shell)
    shell.Completer.custom_matchers.append(Completer(shell).match)
    _show(Line([f"runloop: {greeting()}", "%rl for help"]))
    for line in _attention():
        _show(Line([f"runloop: {line}"], tone="warn"))


def unload(shell: InteractiveShell) -> None:
    """Take the completion and the magics away again."""
    _forget_completion(shell)
    for kind in shell.magics_manager.magics.values():
        for name in [name for name in kind if name == "rl" or name.startswith("rl_")]:
            del kind[name]


def _show(line: Line) -> None:
    display(line)  # type: ignore[no-untyped-call]


def _forget_completion(shell: InteractiveShell) -> None:
    matchers: list[Any] = shell.Completer.custom_matchers
    matchers[:] = [each for each in matchers if not isinstance(getattr(each, "__self__", None), Completer)]


def _attention() -> list[str]:
    # Looks at a few directories are all that an ordinary load does.
    return [*_mounts(), *_folders(), *_puts()]


def _mounts() -> list[str]:
    """Take away what kernels that are gone had mounted."""
    if next(table.abandoned(), None) is None:
        return []
    from runloop_jupyter.mounts.sweeping import sweep

    return _in_time(sweep, "what a killed kernel had mounted is being taken away; that takes long")


def _folders() -> list[str]:
    """Return what was not sent yet of folders to write in whose kernels are gone."""
    if not writable.everything():
        return []
    from runloop_jupyter.mounts.writable.unsent import unsent

    return _in_time(unsent, "folders to write in are being looked at for what was not sent yet; that takes long")


def _puts() -> list[str]:
    """Clear what kernels that are gone had begun to put."""
    if next(journal.abandoned(), None) is None:
        return []
    from runloop_jupyter import session
    from runloop_jupyter.actions.recover import recover

    later = "unfinished puts are being cleared; the store hasn't answered yet"
    return _in_time(lambda: recover(session.current()), later)


def _in_time(work: Callable[[], list[str]], later: str) -> list[str]:
    """Return what `work` says, or `later` where it takes long: what it doesn't get to stays for the next load."""
    said: list[str] = []

    def run() -> None:
        try:
            said.extend(work())
        except RunloopError as error:
            said.append(one_line(str(error)))

    # A store that doesn't answer must not hold up the notebook: the thread goes on trying.
    thread = threading.Thread(target=run, name="rl-recover", daemon=True)
    thread.start()
    thread.join(RECOVERY_S)
    return said if not thread.is_alive() else [later]
