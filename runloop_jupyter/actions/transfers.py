"""transfers: what moves, what moved lately, and the puts that were cut off; and what can be done about each."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter import session as sessions
from runloop_jupyter.actions import resume as resuming
from runloop_jupyter.actions.batch import Batch
from runloop_jupyter.actions.movement import files_of, size_of
from runloop_jupyter.actions.object import Object
from runloop_jupyter.display import humane
from runloop_jupyter.display.card import Card
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.result import Result, ResultList
from runloop_jupyter.display.table import Cell, Column, Table
from runloop_jupyter.errors import InputError, SeveralMatch
from runloop_jupyter.transfer import journal
from runloop_jupyter.transfer.transfer import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runloop_jupyter.session import Session
    from runloop_jupyter.transfer.journal import Intent
    from runloop_jupyter.transfer.transfer import Snapshot, Transfer

UNFINISHED: Final = "unfinished"
CLEANS_UP_S: Final = 0.8
_SHOWN: Final = 20
_WORDS: Final = {"up": "put", "down": "get"}


@dataclass(frozen=True, eq=False, repr=False)
class TransferInfo(Result):
    """A transfer of this kernel at one moment, or a put that this or another kernel left unfinished.

    Attributes:
        id: What `%rl_transfers` takes; any unique beginning will do.
        label: What moves: a name.
        direction: ``put`` or ``get``.
        place: The store.
        state: ``running``, ``done``, ``failed``, ``cancelled``, or ``unfinished``: cut off, and to be resumed.
        phase: What it is at, while it runs.
        size: Bytes in all; None where nobody knows.
        done: Bytes of this phase that are done.
        rate: Bytes a second over the last few; None where it doesn't run.
        left_s: Seconds that are left; None where nobody knows.
        began: Seconds since the epoch.
        error: Why it failed or was cut off, one line.
        now: All that is known of one of this kernel's; None of an unfinished put.
    """

    id: str
    label: str
    direction: str
    place: str
    state: str
    phase: str
    size: int | None
    done: int
    rate: float | None
    left_s: float | None
    began: float
    error: str | None
    _session: Session = field(repr=False)
    _transfer: Transfer | None = field(default=None, repr=False)
    _intent: Intent | None = field(default=None, repr=False)
    now: Snapshot | None = field(default=None, repr=False)

    @property
    def can_be_retried(self) -> bool:
        """Whether `retry` makes the same call again."""
        return self.state == State.FAILED and self._transfer is not None and self._transfer.again is not None

    @property
    def can_be_resumed(self) -> bool:
        """Whether `resume` sends it."""
        return self._intent is not None and self._intent.resumable

    def cancel(self) -> bool:
        """Stop it, or give an unfinished put up; return whether it is over by now, cleaned up.

        Raises:
            InputError: It has ended already.
            RunloopError: An unfinished put left something in a store that can't be asked.
        """
        if self._intent is not None:
            resuming.clear(self._session, self._intent)
            return True
        if self._transfer is None or self._transfer.wait(0):
            raise InputError(f"“{self.label}” has ended already ({self.state})")
        self._transfer.cancel()
        return self._transfer.wait(CLEANS_UP_S)

    def retry(self) -> Any:
        """Make the call that failed again, and return what it returns.

        Raises:
            InputError: It didn't fail, or can't be called again.
        """
        if self.state != State.FAILED or self._transfer is None:
            hint = f": %rl_transfers resume {self.id}" if self.state == UNFINISHED else ""
            raise InputError(f"“{self.label}” is {self.state}; what failed can be tried again{hint}")
        if self._transfer.again is None:
            raise InputError(f"“{self.label}” came from what gives its bytes once. Call it again yourself")
        self._transfer.heard = True
        return self._transfer.again()

    def resume(self, *, background: bool = False) -> Any:
        """Send an unfinished put; return its `Object`, or a `BackgroundTransfer`.

        Raises:
            InputError: It isn't unfinished, or what was packed isn't there as it was.
            RunloopError: As `put` raises.
        """
        if self._intent is None:
            hint = f": %rl_transfers retry {self.id}" if self.state == State.FAILED else ""
            raise InputError(f"“{self.label}” is {self.state}; what is unfinished can be resumed{hint}")
        return resuming.resume(self._session, self._intent, background=background)

    def card(self) -> Card:
        """Return the card that shows it."""
        facts: list[Fact | str] = [self.direction, *_state_facts(self), *_size_facts(self), self.place]
        return Card(self.label, facts=facts, code=["%rl_transfers", Fact(self.id, "id")])

    def __repr__(self) -> str:
        return f"<TransferInfo {self.direction} {self.label!r} {self.state}>"

    def _shown(self) -> Card:
        return self.card()


class TransferTable(ResultList[TransferInfo]):
    """What `transfers` found: a sequence of `TransferInfo`: what runs, what is unfinished, what ended, newest first."""

    def __init__(self, infos: Sequence[TransferInfo]) -> None:
        self._infos = tuple(infos)

    def _items(self) -> Sequence[TransferInfo]:
        return self._infos

    def find(self, begun: str) -> TransferInfo:
        """Return the one whose id begins so.

        Raises:
            InputError: There is none.
            SeveralMatch: There are several.
        """
        found = [each for each in self if each.id.startswith(begun)] if begun else []
        if len(found) > 1:
            raise SeveralMatch(f"{begun!r} begins the ids of {len(found)} transfers. Give more of it")
        if not found:
            raise InputError(f"no transfer has an id that begins with {begun!r}. %rl_transfers shows them")
        return found[0]

    def cancel(self, id: str | None = None) -> str:  # noqa: A002 - the field's own name
        """Stop one, or all that run and all that is unfinished; return in a line what became of them.

        Raises:
            InputError: There is no such transfer, or it has ended already.
        """
        chosen = [self.find(id)] if id is not None else [e for e in self if e.state in {State.RUNNING, UNFINISHED}]
        if not chosen:
            return "nothing runs, and nothing is unfinished"
        over = [each.cancel() for each in chosen]
        what = f"“{chosen[0].label}” was" if len(chosen) == 1 else f"{humane.plural(len(chosen), 'transfer')} were"
        if all(over):
            return f"{what} stopped; nothing is left"
        return f"{what} stopped; what is left is being cleared away"

    def retry(self, id: str) -> Any:  # noqa: A002 - the field's own name
        """Make a call that failed again, and return what it returns."""
        return self.find(id).retry()

    def resume(self, id: str | None = None, *, background: bool = False) -> Any:  # noqa: A002 - the field's own name
        """Send one unfinished put, or one after the other all that can be.

        Returns:
            Its `Object`; of several a `Batch`. With `background` a `BackgroundTransfer`, or a list of them.

        Raises:
            InputError: There is none, or one that can't be resumed.
            RunloopError: As `put` raises.
        """
        if id is not None:
            return self.find(id).resume(background=background)
        unfinished = [each for each in self if each.state == UNFINISHED]
        if not unfinished:
            raise InputError("nothing is unfinished")
        # Past one whose file has changed; if there is no other, it says so.
        able = [each for each in unfinished if each._intent and each._intent.resumable] or unfinished
        resumed = [each.resume(background=background) for each in able]
        if len(resumed) == 1:
            return resumed[0]
        return Batch(resumed, []) if all(isinstance(each, Object) for each in resumed) else resumed

    def table(self) -> Table:
        """Return the table that shows it."""
        moving = any(each.state == State.RUNNING for each in self)
        columns = [Column("name"), Column(""), Column("state"), Column("size", "size")]
        columns += [Column("speed", "size"), Column("left", "time")] if moving else []
        columns += [Column("began (UTC)", "time"), Column("id", "id")]
        return Table(
            columns,
            [_row(each, moving) for each in self._infos[:_SHOWN]],
            footer=self._footer(),
            empty="nothing moves, and nothing is unfinished",
        )

    def _footer(self) -> list[Fact | str]:
        words: list[Fact | str] = []
        if len(self) > _SHOWN:
            words.append(f"{_SHOWN} of {humane.plural(len(self), 'transfer')}")
        states = [each.state for each in self]
        if State.RUNNING in states:
            words.append("%rl_transfers cancel ID stops one")
        if UNFINISHED in states:
            words.append("%rl_transfers resume ID sends what is unfinished")
        if State.FAILED in states:
            words.append("%rl_transfers retry ID calls what failed again")
        return words

    def __repr__(self) -> str:
        return f"<TransferTable {humane.plural(len(self), 'transfer')}>"

    def _shown(self) -> Table:
        return self.table()


def transfers() -> TransferTable:
    """Return what moves, the puts that were cut off here or in other kernels, and what ended lately.

    Whoever looks here has been told of what failed in the background.

    Example:
        >>> rl.transfers().cancel()  # doctest: +SKIP
    """
    table = transfers_without_hearing()
    for each in sessions.current().transfers.unheard():
        each.heard = True
    return table


def transfers_without_hearing() -> TransferTable:
    """Return the same for whoever shows it to nobody."""
    session = sessions.current()
    # What was never packed whole can't be resumed: the next load clears it.
    unfinished = [intent for intent in journal.unfinished() if intent.parcel is not None]
    seen = {intent.id for intent in unfinished}
    mine = [each for each in session.transfers if each.id not in seen]
    snapshots = [(each, each.snapshot()) for each in mine]
    running = [_of_transfer(session, *each) for each in snapshots if each[1].state is State.RUNNING]
    ended = [_of_transfer(session, *each) for each in reversed(snapshots) if each[1].state is not State.RUNNING]
    return TransferTable([*running, *(_of_intent(session, each) for each in unfinished), *ended])


def unheard(session: Session) -> list[str]:
    """Return a line for each failure in the background that nobody asked about, and take them for told."""
    lines = []
    for each in session.transfers.unheard():
        each.heard = True
        now = each.snapshot()
        lines.append(f"{_WORDS[now.direction]} of “{now.label}” failed in the background: {now.error}")
    if len(lines) > 3:
        lines[2:] = [f"{len(lines) - 2} more transfers failed in the background: %rl_transfers"]
    return lines


def _of_transfer(session: Session, transfer: Transfer, now: Snapshot) -> TransferInfo:
    return TransferInfo(
        id=now.id,
        label=now.label,
        direction=_WORDS[now.direction],
        place=now.place,
        state=now.state.value,
        phase=now.phase.value,
        size=now.size,
        done=now.done,
        rate=now.rate,
        left_s=now.left_s,
        began=now.started,
        error=now.error,
        _session=session,
        _transfer=transfer,
        now=now,
    )


def _of_intent(session: Session, intent: Intent) -> TransferInfo:
    why = intent.stopped or "its kernel ended"
    if not intent.resumable:
        why = "what it was put from isn't there as it was"
    return TransferInfo(
        id=intent.id,
        label=intent.name,
        direction="put",
        place=intent.place,
        state=UNFINISHED,
        phase="",
        size=intent.parcel.size if intent.parcel else None,
        done=0,
        rate=None,
        left_s=None,
        began=min(intent.began, time.time()),
        error=why,
        _session=session,
        _intent=intent,
    )


def _row(info: TransferInfo, moving: bool) -> list[Cell]:
    row: list[Cell] = [info.label, info.direction, _state_facts(info), _size_facts(info)]
    if moving:
        row.append(humane.rate(info.rate) if info.rate else "")
        row.append("" if info.left_s is None else humane.duration(ceil(info.left_s)))
    # An id is shown where something can be done with it.
    can_be_told = info.state in {State.RUNNING, State.FAILED, UNFINISHED}
    return [*row, humane.utc_minute(int(info.began * 1000)), info.id if can_be_told else ""]


def _state_facts(info: TransferInfo) -> list[Fact | str]:
    if info.state == State.RUNNING:
        files = files_of(info.now) if info.now else ""
        return [f"{info.phase} · {files}" if files else info.phase]
    said = f"{info.state}: {info.error}" if info.error else info.state
    return [Fact(said, tone="warn" if info.error else "quiet")]


def _size_facts(info: TransferInfo) -> list[Fact | str]:
    if info.now is not None:
        return [size_of(info.now)]
    return [] if info.size is None else [Fact(humane.size(info.size), "size")]
