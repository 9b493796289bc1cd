"""The magics for finding: ls and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class

from runloop_jupyter.magics.frame import magic

if TYPE_CHECKING:
    from argparse import Namespace


@magics_class
class FindingMagics(Magics):
    """What is stored, and by what it can be found."""

    @line_magic
    @magic
    def rl_ls(self, said: Namespace, cell: str | None) -> Any:
        """List objects, the newest version of each name that fits, newest first."""
        from runloop_jupyter.actions.find import DEFAULT_LIMIT, ls

        return ls(
            said.pattern,
            where=said.where,
            since=said.since,
            before=said.before,
            type=said.type,
            expiring=said.expiring,
            sort=said.sort,
            limit=DEFAULT_LIMIT if said.limit is None else said.limit,
            versions=said.versions,
            public=said.public,
        )

    @line_magic
    @magic
    def rl_keys(self, said: Namespace, cell: str | None) -> Any:
        """Show by which metadata objects can be found: the keys, or the values of one key."""
        from runloop_jupyter.actions.keys import DEFAULT_LIMIT, keys

        return keys(said.key, limit=DEFAULT_LIMIT if said.limit is None else said.limit)
