"""What every output can do: be text, be HTML, and be shown by IPython as the one its front end can take."""

from __future__ import annotations

from abc import ABC, abstractmethod

from runloop_jupyter.display.markup import Html, root


class Shown(ABC):
    """Base of the outputs. A subclass says its text and the body of its HTML, and leaves ``__repr__`` as it is here."""

    __slots__ = ()

    @abstractmethod
    def to_text(self) -> str:
        """Return it for a terminal and for ``text/plain``: lines without a newline at the end."""

    @abstractmethod
    def body(self) -> Html:
        """Return its HTML without the root element, to stand inside another output."""

    def to_html(self) -> str:
        """Return its HTML, complete with root element and styles."""
        return root(self.body())

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html()
