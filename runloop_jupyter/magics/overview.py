"""What ``%rl`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runloop_jupyter import session
from runloop_jupyter.errors import ProfileError, one_line
from runloop_jupyter.profile import passed_over

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runloop_jupyter.display.help import HelpPage


def overview(magics: Mapping[str, str]) -> HelpPage:
    """Return the magics, a line each, and which store is used.

    Args:
        magics: Name without percent sign to what it does.
    """
    from runloop_jupyter.display.help import HelpPage

    rows = [(f"%{name}", does.partition(". ")[0].rstrip(".")) for name, does in magics.items()]
    return HelpPage(rows, status=[greeting()], more="%rl_put --help shows options and examples; so with each of them")


def greeting() -> str:
    """Return where objects go, without reaching for it: ``embedded store on this computer (no key)``."""
    try:
        here = session.current().profile
    except ProfileError as error:
        return one_line(str(error))
    default = None if session.current().chosen else passed_over(here)
    if session.offline() and not here.embedded:
        return f"{here.said}, off line ({session.OFFLINE})"
    return f"{here.said}, before the default “{default}”" if default else here.said
