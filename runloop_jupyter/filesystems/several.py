"""Several calls at a time, where each waits for a store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AT_ONCE: Final = 8


def at_once(calls: Sequence[Callable[[], Any]], on_error: str) -> list[Any]:
    """Return what each call returns, in their order.

    Args:
        calls: What to call.
        on_error: ``raise`` raises the first error, once those that have begun are over; anything else puts each error
            in the place of what the call would have returned.
    """
    if len(calls) == 1:
        return [_one(calls[0], on_error)]
    with ThreadPoolExecutor(min(AT_ONCE, max(1, len(calls))), "rl-several") as pool:
        waiting = [pool.submit(_one, call, on_error) for call in calls]
        try:
            return [each.result() for each in waiting]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one(call: Callable[[], Any], on_error: str) -> Any:
    try:
        return call()
    except Exception as error:
        if on_error == "raise":
            raise
        return error
