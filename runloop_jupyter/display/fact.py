"""Facts: short pieces of text that stand in a row, and what is known about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from runloop_jupyter.display.markup import Html, element, join
from runloop_jupyter.display.plain import fold, is_right_to_left, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

Varies: TypeAlias = Literal["time", "id", "size"]
Tone: TypeAlias = Literal["quiet", "warn"]

SEPARATOR: Final = " · "
_TONE_CLASSES: Final[dict[Tone, str]] = {"quiet": "rl-q", "warn": "rl-warn"}
_LONGEST_TITLE: Final = 2000


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of text.

    Attributes:
        text: What it says; may come from elsewhere, is shown as text.
        varies: What makes it differ from run to run, if something does. It then stands in a span of the class
            ``rl-v-time``, ``rl-v-id`` or ``rl-v-size``, which a test of a notebook can blank.
        tone: How loudly it speaks, if not as its surroundings do.
    """

    text: str
    varies: Varies | None = None
    tone: Tone | None = None

    def to_text(self, width: int | None = None) -> str:
        """Return it with everything visible, in at most `width` cells."""
        shown = visible(self.text)
        return shown if width is None else fold(shown, width)

    def to_html(self, width: int | None = None) -> Html:
        """Return it as escaped HTML, a span where it has a class; folded to `width` cells it has the rest as title."""
        shown = visible(self.text)
        short = shown if width is None else fold(shown, width)
        classes = [f"rl-v-{self.varies}"] if self.varies else []
        if self.tone:
            classes.append(_TONE_CLASSES[self.tone])
        title = None if short == shown else fold(shown, _LONGEST_TITLE)
        # Isolated, a name in Hebrew or Arabic doesn't reorder what stands beside it, and its ending stays at the end.
        direction = "ltr" if is_right_to_left(short) else None
        if not (classes or title or direction):
            return join("", [short])
        return element("span", short, cls=" ".join(classes), title=title, dir=direction)


Facts: TypeAlias = "Iterable[Fact | str]"
"""How callers give facts: a plain string where nothing more is known."""


def as_facts(facts: Facts) -> list[Fact]:
    """Return `facts` as `Fact` objects, without those that say nothing."""
    return [each for each in (Fact(one) if isinstance(one, str) else one for one in facts) if each.text]


def facts_text(facts: Facts, separator: str = SEPARATOR, width: int | None = None) -> str:
    """Return facts in a row, each in at most `width` cells."""
    return separator.join(each.to_text(width) for each in as_facts(facts))


def facts_html(facts: Facts, separator: str = SEPARATOR, width: int | None = None) -> Html:
    """Return facts in a row as HTML, each in at most `width` cells."""
    return join(separator, [each.to_html(width) for each in as_facts(facts)])
