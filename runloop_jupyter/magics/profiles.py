"""The magics for who and where: status, login, use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class

from runloop_jupyter.magics.frame import magic

if TYPE_CHECKING:
    from argparse import Namespace


@magics_class
class ProfileMagics(Magics):
    """Which store is used, and how it is reached."""

    @line_magic
    @magic
    def rl_status(self, said: Namespace, cell: str | None) -> Any:
        """Show which store is used, how it is reached, what it holds."""
        from runloop_jupyter.actions.status import status

        return status()

    @line_magic
    @magic
    def rl_login(self, said: Namespace, cell: str | None) -> Any:
        """Ask for an API key without showing it, try it, and keep it."""
        from runloop_jupyter.actions.login import login

        return login(*[] if said.profile is None else [said.profile], url=said.url)

    @line_magic
    @magic
    def rl_use(self, said: Namespace, cell: str | None) -> Any:
        """Use another profile for what comes next."""
        from runloop_jupyter.actions.use import use

        return use(said.profile, default=said.default)
