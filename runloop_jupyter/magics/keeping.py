"""The magic for what is kept on this machine: cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class

from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.frame import magic, object_or_name

if TYPE_CHECKING:
    from argparse import Namespace


@magics_class
class KeepingMagics(Magics):
    """What is kept on this machine of what was fetched."""

    @line_magic
    @magic
    def rl_cache(self, said: Namespace, cell: str | None) -> Any:
        """Show what is kept of fetched objects on this machine, or clear it."""
        from runloop_jupyter.actions.cache import cache

        if said.act is None:
            if said.all:
                raise InputError("--all is for what is cleared: %rl_cache clear --all")
            return cache()
        return cache().clear(*map(object_or_name, said.what), everything=said.all)
