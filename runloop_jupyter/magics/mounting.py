"""The magics for what is mounted: mount, umount."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class

from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.frame import magic, object_or_name
from runloop_jupyter.magics.parser import pairs

if TYPE_CHECKING:
    from argparse import Namespace


@magics_class
class MountingMagics(Magics):
    """Stored things under a directory."""

    @line_magic
    @magic
    def rl_mount(self, said: Namespace, cell: str | None) -> Any:
        """Show stored things under a directory; alone: what is mounted."""
        from runloop_jupyter.actions.mount import mount
        from runloop_jupyter.actions.mount_table import mounted

        *what, directory = said.what or [None]
        if directory is None and not said.where:
            return mounted()
        if len(what) > 1 or directory is None or not (what or said.where):
            raise InputError("%rl_mount WHAT DIR, or %rl_mount -w k=v DIR. Try %rl_mount --help")
        return mount(
            object_or_name(what[0]) if what else None,
            str(directory),
            where=said.where or None,
            mode=said.mode,
            follow=said.follow,
            write=said.write,
            metadata=pairs(said.metadata, "-m"),
            ttl=said.ttl,
            yes=said.yes,
        )

    @line_magic
    @magic
    def rl_umount(self, said: Namespace, cell: str | None) -> Any:
        """Let go of a directory."""
        from runloop_jupyter.actions.mount import umount
        from runloop_jupyter.display.line import Line

        gone = umount(said.directory, everything=said.all)
        if not gone:
            return Line([f"unmounted {said.directory}" if said.directory else "nothing was mounted"])
        if len(gone) > 1:
            return Line([f"unmounted {each.said}" for each in gone])
        (one,) = gone
        return Line([f"unmounted {one.said}", *[one.status] * bool(one.status), *one.notes])
