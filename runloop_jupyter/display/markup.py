"""HTML that is escaped by construction, and the root element that carries the styles."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from runloop_jupyter.display.styles import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterable

# MathJax 3 (JupyterLab) and 2 (nbconvert): a name such as "cost_$5_to_$9" is text, not a formula.
_ROOT: Final = "rl-out mathjax_ignore tex2jax_ignore"


class Html(str):
    """A string that is markup already. Every other string is text and gets escaped."""

    __slots__ = ()


def element(tag: str, *children: str, cls: str = "", **attributes: str | None) -> Html:
    """Return an element; children that aren't `Html` are escaped, and so is every attribute.

    Args:
        tag: Its name, this program's own.
        *children: What is inside.
        cls: Class names, separated by spaces; empty for none.
        **attributes: An underscore stands for a hyphen; None leaves the attribute out.

    Example:
        >>> element("td", "a < b", cls="rl-r", title=None)
        '<td class="rl-r">a &lt; b</td>'
    """
    written = f' class="{escape(cls)}"' if cls else ""
    for name, value in attributes.items():
        if value is not None:
            written += f' {name.replace("_", "-")}="{escape(value)}"'
    return Html(f"<{tag}{written}>{join('', children)}</{tag}>")


def join(separator: str, parts: Iterable[str]) -> Html:
    """Return `parts` with `separator` between them, each escaped unless it is `Html`."""
    return Html(_escaped(separator).join(map(_escaped, parts)))


def root(*children: str) -> Html:
    """Return the outermost element of an output: styles and all, for a saved notebook shows each cell by itself."""
    return element("div", element("style", Html(STYLE)), *children, cls=_ROOT)


def _escaped(part: str) -> Html:
    return part if isinstance(part, Html) else Html(escape(part))
