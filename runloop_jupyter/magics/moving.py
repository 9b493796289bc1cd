"""The magics for what moves: cp, transfers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from IPython.core.magic import Magics, line_magic, magics_class

from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.frame import magic

if TYPE_CHECKING:
    from argparse import Namespace

VERBS: Final = ("cancel", "retry", "resume")


@magics_class
class MovingMagics(Magics):
    """What moves, what moved lately, what was cut off."""

    @line_magic
    @magic
    def rl_cp(self, said: Namespace, cell: str | None) -> Any:
        """Copy objects and files between any two places."""
        from runloop_jupyter.actions.copy import cp

        return cp(said.source, said.target, dry_run=said.dry_run)

    @line_magic
    @magic
    def rl_transfers(self, said: Namespace, cell: str | None) -> Any:
        """Show what moves, what moved lately, and puts that were cut off; cancel, retry or resume them."""
        from runloop_jupyter.actions.transfers import transfers
        from runloop_jupyter.display.line import Line

        if said.verb not in {None, *VERBS}:
            raise InputError(f"%rl_transfers {said.verb}? There are {', '.join(VERBS)}")
        if said.all and said.id is not None:
            raise InputError("--all or an id, not both")
        if (said.all and said.verb not in {"cancel", "resume"}) or (said.background and said.verb != "resume"):
            raise InputError("--all is for cancel and resume, --background for resume")
        table = transfers()
        match said.verb:
            case "cancel":
                if said.id is None and not said.all:
                    raise InputError("%rl_transfers cancel ID, or --all for everything that runs or is unfinished")
                return Line([table.cancel(said.id)])
            case "retry":
                if said.id is None:
                    raise InputError("%rl_transfers retry ID; %rl_transfers shows the ids")
                return table.retry(said.id)
            case "resume":
                return table.resume(said.id, background=said.background)
        return table
