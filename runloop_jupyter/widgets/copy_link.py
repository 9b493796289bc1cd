"""The buttons that copy a link. A link's URL goes to the clipboard of whoever clicks, and into nothing that is saved.

There is one widget for all links of a kernel, and it has no view. Its script looks for the places that cards leave
open (the class ``rl-slot``, with a key as hidden text) and puts a button into each that is this kernel's. So what a
notebook saves of a link is the card alone, and where no widget lives (GitHub, nbconvert, an untrusted notebook, a
terminal) there is no broken one either. ``js/link/`` is the other end.
"""

from __future__ import annotations

import secrets
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import anywidget
import traitlets

from runloop_jupyter.errors import LinkExpired
from runloop_jupyter.widgets.serving import Serving

if TYPE_CHECKING:
    from runloop_jupyter.widgets.asked import Asked

SCRIPT: Final = Path(__file__).parents[1] / "static" / "link.js"

_lock = threading.Lock()
_current: CopyLink | None = None


class Revealing(Protocol):
    """A link, as much of it as a button needs."""

    def reveal(self) -> str:
        """Return the URL, or raise an error that says why not."""


class CopyLink(anywidget.AnyWidget):
    """Answers the buttons. Its state is which slots are this kernel's, and never changes: nothing of a link is in it.

    Attributes:
        prefix: What the keys of this kernel's slots begin with.
    """

    _esm = SCRIPT
    prefix = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(self) -> None:
        self._links: dict[Revealing, str] = {}  # to the keys of their slots
        super().__init__()
        self._serving = Serving(self, {"hello": self._hello}, {"reveal": self._reveal})

    @traitlets.default("prefix")
    def _new_prefix(self) -> str:
        return f"{secrets.token_hex(4)}-"

    def slot(self, link: Revealing) -> str:
        """Return the key of a slot whose button copies `link`."""
        with _lock:
            return self._links.setdefault(link, f"{self.prefix}{len(self._links)}")

    def _hello(self, asked: Asked) -> None:
        """Say that the kernel is there: a front end shows no button to a kernel that isn't."""

    def _reveal(self, asked: Asked) -> str:
        with _lock:
            link = next((link for link, slot in self._links.items() if slot == asked.args.get("slot")), None)
        if link is None:
            raise LinkExpired("this link is of another kernel. Run the cell again")
        return link.reveal()


def slot(link: Revealing) -> str:
    """Return the key of a slot whose button copies `link`, in this kernel's front ends."""
    global _current
    with _lock:
        if _current is None or _current.comm is None:  # a user may close all widgets
            _current = CopyLink()
        current = _current
    return current.slot(link)
