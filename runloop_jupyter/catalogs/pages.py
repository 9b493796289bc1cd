"""Pages of a service's listing, the next one fetched while this one is written down."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

from runloop_jupyter.api.objects import LARGEST_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.wire.objects import ObjectListView

FIRST: Final = 200
"""Objects of the page that a look begins with: soon there, and the newest of most stores change less in between."""


class Pages:
    """Fetches pages without trying again: whoever asks says why it waits.

    Args:
        objects: Gives the service.
    """

    def __init__(self, objects: Callable[[], Objects]) -> None:
        self._objects = objects
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rl-pages")
        self._ahead: tuple[str, Future[ObjectListView]] | None = None

    def fetch(self, after_id: str, limit: int = LARGEST_PAGE) -> ObjectListView:
        """Return the page after an object, or the first where `after_id` is empty.

        Raises:
            StoreError: The service answered with an error.
            Unreachable: It didn't answer.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == after_id and limit == LARGEST_PAGE:
            return ahead[1].result()
        return self._objects().list(limit=limit, starting_after=after_id or None, retries=0)

    def fetch_ahead(self, after_id: str) -> None:
        """Begin to fetch the page after an object, which will be asked for next."""
        fetch = partial(self._objects().list, limit=LARGEST_PAGE, starting_after=after_id, retries=0)
        self._ahead = after_id, self._thread.submit(fetch)
