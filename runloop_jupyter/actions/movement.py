"""How a transfer is said: what it is at, how far, how fast, how long yet."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from runloop_jupyter.display import humane
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.transfer.transfer import Phase, State

if TYPE_CHECKING:
    from runloop_jupyter.transfer.transfer import Snapshot


def phase_of(now: Snapshot) -> list[Fact | str]:
    """Return what it is at while it runs, else how it ended."""
    if now.state is State.RUNNING:
        return [now.phase.value]
    return [Fact(now.state.value, tone="warn" if now.state is State.FAILED else None)]


def facts_of(now: Snapshot) -> list[Fact | str]:
    """Return how far it is: files, bytes, speed, time left; each marked as varying."""
    facts = [size_of(now)]
    if now.of_files is not None:
        facts.insert(0, Fact(files_of(now)))
    if now.rate:
        facts.append(Fact(humane.rate(now.rate), "size"))
    if (left := left_of(now)) is not None:
        facts.append(Fact(f"{left} left", "time"))
    return [fact for fact in facts if fact.text]


def files_of(now: Snapshot) -> str:
    """Return ``3 of 1,000 files``; empty where it is one."""
    return "" if now.of_files is None else f"{now.files:,} of {humane.plural(now.of_files, 'file')}"


def size_of(now: Snapshot) -> Fact:
    """Return how many bytes of how many."""
    if now.total is None:
        known = now.done or now.size
        return Fact(humane.size(known) if known else "", "size")
    if now.state is State.RUNNING and now.phase is not Phase.WAITING and now.done < now.total:
        return Fact(humane.size_of(now.done, now.total), "size")
    return Fact(humane.size(now.total), "size")


def left_of(now: Snapshot) -> str | None:
    """Return how long it will take yet; None where nobody knows."""
    return None if now.left_s is None else humane.duration(ceil(now.left_s))
