"""browse: open a browser on a store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from runloop_jupyter.browser.asking import columns_of, place_of, query_of, with_where
from runloop_jupyter.display.host import in_marimo, in_notebook
from runloop_jupyter.errors import InputError, RunloopError

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence
    from typing import Any

    from runloop_jupyter.browser.widget import Browser
    from runloop_jupyter.conditions import Where


class BrowserMissing(RunloopError):
    """The browser's script isn't where this package was installed."""


def browse(
    place: str | None = None,
    *,
    where: Where = None,
    search: str | None = None,
    columns: Sequence[str] | str | None = None,
) -> Browser:
    """Open a browser: objects to be searched, narrowed, previewed, moved. It answers while a cell runs.

    Args:
        place: ``PROFILE:``, a folder with its slash ``runs/``, or both; by default all of the current store.
        where: Metadata that must hold, as in `ls`.
        search: Part of the name, whatever the case, or the beginning of an id.
        columns: Metadata keys that are shown as columns; by default those of most objects.

    Returns:
        The browser, which shows itself where it is the last thing of a cell. ``b.selection`` is what is selected in
        it, ``b.query`` what it shows.

    Raises:
        InputError: A place or a query that can't be meant, or nothing here shows widgets.
        StoreError: The store can't be reached.

    Example:
        >>> b = rl.browse("runs/", where="acc>0.9")  # doctest: +SKIP
    """
    profile, folder = place_of(place)
    query = with_where(query_of(search, beneath=folder), where)
    shown = None if columns is None else columns_of(columns)
    if not (in_notebook() or in_marimo()):
        raise InputError(
            "a browser is seen in a notebook, in JupyterLab or its like. Without one: rl.catalog(…) is all "
            "that fits, as a table, and its facets are what to narrow it by"
        )
    from runloop_jupyter.actions.running import ask
    from runloop_jupyter.browser.place import Place

    try:
        from runloop_jupyter.browser.widget import Browser
    except FileNotFoundError:
        raise BrowserMissing("the browser's script isn't there. Install runloop_jupyter again") from None

    opened = ask("browse", lambda asking: Place(profile))
    return Browser(opened, query, shown, _variables())


def _variables() -> MutableMapping[str, Any] | None:
    """Return the notebook's variables; None in marimo, where a variable is its cell's alone."""
    if in_marimo():
        return None
    shell = sys.modules["IPython"].get_ipython()
    names: MutableMapping[str, Any] = shell.user_ns
    return names
