"""What ``%rl`` shows: the magics, a line each, and where one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runloop_jupyter.display.fact import Fact, facts_html, facts_text
from runloop_jupyter.display.markup import Html, element, join
from runloop_jupyter.display.plain import cell_width, pad
from runloop_jupyter.display.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, repr=False)
class HelpPage(Shown):
    """The magics and the status.

    Attributes:
        magics: How each is written and what it does.
        status: Where one is: the store, the profile.
        more: How to learn more, one line.
    """

    magics: Sequence[tuple[str, str]]
    status: Sequence[Fact | str] = ()
    more: str = ""

    def to_text(self) -> str:
        """Return the page as lines."""
        width = max((cell_width(usage) for usage, _ in self.magics), default=0)
        lines = [facts_text(self.status), *(f"{pad(usage, width)}  {does}" for usage, does in self.magics), self.more]
        return "\n".join(line for line in lines if line)

    def body(self) -> Html:
        """Return the page as HTML."""
        rows = [
            element("tr", element("td", usage, cls="rl-mono"), element("td", does, cls="rl-wrap"))
            for usage, does in self.magics
        ]
        parts = [element("div", facts_html(self.status), cls="rl-q")] if self.status else []
        parts.append(element("div", element("table", element("tbody", *rows), cls="rl-table"), cls="rl-scroll"))
        if self.more:
            parts.append(element("div", self.more, cls="rl-foot"))
        return join("", parts)
