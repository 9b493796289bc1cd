"""The magic for the browser: browse."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class

from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.frame import magic

if TYPE_CHECKING:
    from argparse import Namespace


@magics_class
class BrowsingMagics(Magics):
    """What is stored, to be looked at."""

    @line_magic
    @magic
    def rl_browse(self, said: Namespace, cell: str | None) -> Any:
        """Open a browser: search, narrow, preview and move what is stored."""
        from runloop_jupyter.browser.browse import browse

        if said.out is not None and (not said.out.isidentifier() or keyword.iskeyword(said.out)):
            raise InputError(f"-o {said.out!r} can't be a variable's name")
        opened = browse(said.place, where=said.where or None, search=said.search, columns=said.columns)
        if said.out is not None:
            shell: Any = self.shell
            shell.push({said.out: opened})
        return opened
