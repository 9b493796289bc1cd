"""One quiet line: what happened, where nothing more need be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runloop_jupyter.display.fact import Fact, Tone, facts_html, facts_text
from runloop_jupyter.display.markup import Html, element
from runloop_jupyter.display.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, repr=False)
class Line(Shown):
    """Facts in a row, such as ``runloop: embedded store on this computer (no key) · %rl for help``.

    Attributes:
        facts: What it says.
        tone: ``quiet``, or ``warn`` for what needs attention.
    """

    facts: Sequence[Fact | str]
    tone: Tone = "quiet"

    def to_text(self) -> str:
        """Return the line."""
        return facts_text(self.facts)

    def body(self) -> Html:
        """Return the line as HTML."""
        return element("div", facts_html(self.facts), cls="rl-warn" if self.tone == "warn" else "rl-q")
