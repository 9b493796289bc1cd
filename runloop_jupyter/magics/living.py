"""The magics for living with what is stored: info, rm, keep, url."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class

from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.frame import magic, object_or_name

if TYPE_CHECKING:
    from argparse import Namespace


@magics_class
class LivingMagics(Magics):
    """What can be done with stored objects beside getting them."""

    @line_magic
    @magic
    def rl_info(self, said: Namespace, cell: str | None) -> Any:
        """Show all facts about an object, its versions, and a look inside."""
        from runloop_jupyter.actions.info import info

        return info(object_or_name(said.what))

    @line_magic
    @magic
    def rl_rm(self, said: Namespace, cell: str | None) -> Any:
        """Delete objects, after saying which and asking."""
        from runloop_jupyter.actions import remove
        from runloop_jupyter.display.line import Line

        removal = remove.plan(*map(object_or_name, said.what), all_versions=said.all_versions)
        if said.dry_run:
            return Line([repr(removal)])
        if not said.yes and not _agrees(f"Delete {removal.said}? [y/N] "):
            return Line(["nothing was deleted"])
        return Line([repr(remove.delete(removal))])

    @line_magic
    @magic
    def rl_keep(self, said: Namespace, cell: str | None) -> Any:
        """Keep an object for ever, as a version without a time to live."""
        from runloop_jupyter.actions.keep import keep

        return keep(object_or_name(said.what), said.name)

    @line_magic
    @magic
    def rl_url(self, said: Namespace, cell: str | None) -> Any:
        """Make a link to download an object without a key."""
        from runloop_jupyter.actions.url import DEFAULT, url

        return url(object_or_name(said.what), expires=said.expires or DEFAULT)


def _agrees(question: str) -> bool:
    try:
        return input(question).strip().lower() in {"y", "yes"}
    except (EOFError, RuntimeError, NotImplementedError):  # ipykernel's StdinNotImplementedError is the last two
        raise InputError(f"{question.removesuffix(' [y/N] ')} Nobody can answer here. Add -y if you mean it") from None
