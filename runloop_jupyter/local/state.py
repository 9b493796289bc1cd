"""What a running daemon publishes about itself: a 0600 file in the store's root, replaced atomically."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from runloop_jupyter import process
from runloop_jupyter.atomic import write_atomic
from runloop_jupyter.secret import Secret  # noqa: TC001 - msgspec reads annotations at run time
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    from runloop_jupyter.local.layout import Layout


@dataclass(frozen=True)
class Holder:
    """Who holds the lock.

    Attributes:
        host: Name of the machine.
        boot_id: That machine's running kernel; "" where the system doesn't tell.
        pid: Process id on that machine.
    """

    host: str
    boot_id: str
    pid: int

    @property
    def here(self) -> bool:
        """Whether it runs, or ran, on this machine. A machine may change its name, and its boot id at a restart."""
        return self.host == platform.node() or (bool(self.boot_id) and self.boot_id == process.boot_id())


@dataclass(frozen=True)
class DaemonState:
    """Where the daemon is and how to know that it is the one.

    Attributes:
        host: Name of the machine it runs on.
        boot_id: That machine's running kernel; "" where the system doesn't tell.
        pid: Process id on that machine.
        start_time: Seconds since 1970-01-01 UTC.
        nonce: Proves daemon and client to each other; see `auth.handshake`.
        key: The bearer key in force.
        port: TCP port on 127.0.0.1.
        version: Of this package.
        start_ticks: When the process began, as `process.start_ticks` tells; None where the system doesn't.
        stopping: It takes no new connections: its port may be another program's by now.
    """

    host: str
    boot_id: str
    pid: int
    start_time: float
    nonce: Secret
    key: Secret
    port: int
    version: str
    start_ticks: int | None = None
    stopping: bool = False

    @property
    def here(self) -> bool:
        """Whether it runs, or ran, on this machine; see `Holder`."""
        return Holder(self.host, self.boot_id, self.pid).here


def read(layout: Layout) -> DaemonState | None:
    """Return what was last published; None when nothing (readable) was."""
    try:
        return json.decode(layout.state.read_bytes(), DaemonState)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def hold(descriptor: int) -> None:
    """Write into the lock file, open as `descriptor` and held, on which machine its holder runs."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.encode(Holder(platform.node(), process.boot_id(), os.getpid())), 0)


def holder_elsewhere(layout: Layout) -> str | None:
    """Return the name of the other machine whose daemon holds the lock; None when it is this one, or isn't known.

    Asked by whoever found the lock held. The state file comes later than the lock, and stays after a crash.
    """
    try:
        holder = json.decode(layout.lock.read_bytes(), Holder)
    except (OSError, ValueError, msgspec.MsgspecError):
        published = read(layout)
        return None if published is None or published.here else published.host
    return None if holder.here else holder.host


def publish(layout: Layout, state: DaemonState) -> None:
    """Make `state` known to clients, in one step.

    Raises:
        OSError: No room, no permission.
    """
    write_atomic(layout.state, json.encode(state))
