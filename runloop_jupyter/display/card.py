"""The card of one stored thing: its name, what it is, how to get it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runloop_jupyter.display.fact import Fact, as_facts, facts_html, facts_text
from runloop_jupyter.display.markup import Html, element, join
from runloop_jupyter.display.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Sequence

# Metadata values may be kilobytes; a card is for reading.
_LONGEST_FACT: Final = 160


@dataclass(frozen=True, slots=True, repr=False)
class Card(Shown):
    """One stored thing, in up to four kinds of lines; what is empty takes no room.

    Attributes:
        title: Its name.
        facts: What it is: ``table``, ``344 × 7``, ``14.2 KiB``, ``embedded store``.
        second: More: metadata, when it expires, what it replaces.
        code: Lines to copy: ``df = %rl_get penguins``, ``penguins@20261123T140511Z-3fa9c``.
        warnings: What its owner should know, a line each.
        slot: The key of a place, beside the lines to copy, that a front end may fill with a button; empty for none.
            It is nothing to read, so it isn't shown, and it varies as ids do.
    """

    title: str
    facts: Sequence[Fact | str] = ()
    second: Sequence[Fact | str] = ()
    code: Sequence[Fact | str] = ()
    warnings: Sequence[Fact | str] = ()
    slot: str = ""

    def to_text(self) -> str:
        """Return the card as lines."""
        lines = [
            facts_text([self.title, *self.facts], width=_LONGEST_FACT),
            facts_text(self.second, width=_LONGEST_FACT),
            facts_text(self.code, separator="    "),
            *(f"! {each.to_text()}" for each in as_facts(self.warnings)),
        ]
        return "\n".join(line for line in lines if line)

    def body(self) -> Html:
        """Return the card as HTML."""
        first = [element("b", Fact(self.title).to_html(_LONGEST_FACT))]
        if self.facts:
            first.append(element("span", facts_html(self.facts, width=_LONGEST_FACT), cls="rl-q"))
        lines = [element("div", join(" ", first))]
        if self.second:
            lines.append(element("div", facts_html(self.second, width=_LONGEST_FACT), cls="rl-2nd"))
        if self.code:
            pieces = [element("span", each.to_html()) for each in as_facts(self.code)]
            if self.slot:
                pieces.append(element("span", self.slot, cls="rl-v-id rl-slot", hidden="hidden"))
            lines.append(element("div", join("    ", pieces), cls="rl-code"))
        lines += [element("div", each.to_html(), cls="rl-warn") for each in as_facts(self.warnings)]
        return element("div", *lines, cls="rl-card")
