"""What a store process asked of the kernel, in the order in which the kernel was asked: strace's record, read."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_CALLS: Final = (
    "fsync,fdatasync,?rename,renameat,renameat2,?mkdir,mkdirat,?unlink,unlinkat,pwrite64,write,sendto,sendmsg"
)
_LINE: Final = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)")


@dataclass
class Call:
    """One system call of one thread.

    Attributes:
        name: Such as ``fsync``.
        text: Its arguments, descriptors with their paths.
        began: Its place among all beginnings and ends.
        ended: Likewise; what begins later has it behind itself.
    """

    name: str
    text: str
    began: int
    ended: int

    def is_answer(self) -> bool:
        """Whether it sends the head of an HTTP answer."""
        return self.name in ("sendto", "sendmsg", "write") and '"HTTP/1.1 ' in self.text


def recorder(record: Path) -> list[str]:
    """Return the command under which a process's calls are recorded, the process being its own child's parent."""
    assert shutil.which("strace"), "no strace here: `make strace`, or install it with your system's packages"
    return ["strace", "-D", "-f", "-y", "-qq", "-s", "64", "-o", str(record), "-e", f"trace={_CALLS}"]


def read(record: Path) -> list[Call]:
    """Return the calls that ended well, by their ends."""
    calls: list[Call] = []
    open_calls: dict[str, Call] = {}
    for number, line in enumerate(record.read_text(errors="replace").splitlines()):
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        thread, resumed, name, rest = found.groups()
        if resumed:
            call = open_calls.pop(thread)
            call.text += rest
        else:
            call = Call(name, rest, number, number)
        if rest.endswith("<unfinished ...>"):
            open_calls[thread] = call
            continue
        call.ended = number
        if " = -1 " not in call.text:
            calls.append(call)
    return calls


def answers(calls: list[Call]) -> list[list[Call]]:
    """Return the calls in groups: those up to and with each answer's beginning. One request at a time was sent."""
    groups: list[list[Call]] = [[]]
    for call in sorted(calls, key=lambda each: each.began):
        groups[-1].append(call)
        if call.is_answer():
            groups.append([])
    return groups
