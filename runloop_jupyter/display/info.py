"""The page of ``%rl_info``: everything known about one stored thing, and a look inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runloop_jupyter.display.fact import Fact, facts_html, facts_text
from runloop_jupyter.display.markup import Html, element, join
from runloop_jupyter.display.plain import cell_width, pad, visible
from runloop_jupyter.display.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runloop_jupyter.display.card import Card
    from runloop_jupyter.display.table import Table

_LAYOUT: Final = "\n\t"


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of a text.

    Attributes:
        text: As it is; shown with its lines and tabs, everything else that can't be seen made visible.
        note: How much of it this is: ``first 20 of 1,204 lines``.
    """

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class InfoPage(Shown):
    """All about one stored thing. Sections that are None or empty don't appear.

    Attributes:
        card: Its card.
        facts: Names of facts and what they are, in order.
        versions: What else is, or was, stored under the name.
        schema: A table's columns and types.
        head: A table's first rows.
        members: An archive's contents.
        preview: A text's beginning.
    """

    card: Card
    facts: Sequence[tuple[str, Fact | str]] = ()
    versions: Table | None = None
    schema: Table | None = None
    head: Table | None = None
    members: Table | None = None
    preview: Preview | None = None

    def to_text(self) -> str:
        """Return the page, its sections set apart by empty lines."""
        sections = [self.card.to_text()]
        if self.facts:
            names = [visible(name) for name, _ in self.facts]
            width = max(map(cell_width, names))
            values = [facts_text([value]) for _, value in self.facts]
            pairs = zip(names, values, strict=True)
            sections.append("\n".join(f"{pad(name, width)}  {value}".rstrip() for name, value in pairs))
        sections += [f"{title}\n{table.to_text()}" for title, table in self._tables()]
        if self.preview:
            sections.append(f"{self._preview_title()}\n{visible(self.preview.text, keep=_LAYOUT)}")
        return "\n\n".join(sections)

    def body(self) -> Html:
        """Return the page as HTML."""
        sections = [self.card.body()]
        if self.facts:
            rows = [
                element(
                    "tr", element("th", visible(name), scope="row"), element("td", facts_html([value]), cls="rl-wrap")
                )
                for name, value in self.facts
            ]
            sections.append(element("table", element("tbody", *rows), cls="rl-table rl-facts"))
        for title, table in self._tables():
            sections += [element("div", title, cls="rl-h"), table.body()]
        if self.preview:
            sections.append(element("div", self._preview_title(), cls="rl-h"))
            sections.append(element("pre", visible(self.preview.text, keep=_LAYOUT), cls="rl-pre"))
        return join("", sections)

    def _tables(self) -> list[tuple[str, Table]]:
        named = {"versions": self.versions, "schema": self.schema, "head": self.head, "members": self.members}
        return [(title, table) for title, table in named.items() if table is not None]

    def _preview_title(self) -> str:
        return facts_text(["preview", self.preview.note if self.preview else ""])
