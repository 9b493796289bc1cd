"""The magics for finding: ls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class

from runloop_jupyter.magics.frame import magic
from runloop_jupyter.magics.parser import pairs

if TYPE_CHECKING:
    from argparse import Namespace


@magics_class
class FindingMagics(Magics):
    """What is stored, and by what it can be found."""

    @line_magic
    @magic
    def rl_ls(self, said: Namespace, cell: str | None) -> Any:
        """List objects, the newest version of each name, newest first."""
        from runloop_jupyter.actions.find import DEFAULT_LIMIT, ls

        limit = DEFAULT_LIMIT if said.limit is None else said.limit
        return ls(said.pattern, where=pairs(said.where, "-w"), type=said.type, limit=limit)
