"""What the kernel and the process that serves a mount say to each other: a line of JSON each, over two pipes.

The kernel begins with `Begin`, and is told `Ready` or `Failed`; each message after that is answered by one. The end of
the first pipe is the end of the kernel, and of the mount.
"""

from __future__ import annotations

import msgspec

from runloop_jupyter.mounts.layout import Layout  # noqa: TC001 - msgspec reads annotations at run time
from runloop_jupyter.secret import Secret  # noqa: TC001 - as above


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """Make a mount.

    Attributes:
        target: The directory, absolute, no link on the way.
        layout: What it shows.
        store_id: Identity of the store, which must be that very one.
        profile: What its profile is called.
        source: Where that comes from.
        base_url: Where the store answers; None for the embedded one, which says so itself.
        key: The account's key; None for the embedded one. It travels here and nowhere else.
    """

    target: str
    layout: Layout
    store_id: str
    profile: str
    source: str
    base_url: str | None = None
    key: Secret | None = None


class Show(msgspec.Struct, frozen=True, tag="show"):
    """Show something else; answered by `Done` or `Failed`."""

    layout: Layout


class Unmount(msgspec.Struct, frozen=True, tag="unmount"):
    """Let go of the directory; answered by `Done`, or `Busy` where something in it is open.

    Attributes:
        lazily: Whether what is open doesn't matter: it can be read on until it is closed.
    """

    lazily: bool = False


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """Say what was moved; answered by `Told`."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The mount is there."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """It couldn't be done; why, on one line."""

    why: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """It is done."""


class Busy(msgspec.Struct, frozen=True, tag="busy"):
    """Something in it is open."""


class Told(msgspec.Struct, frozen=True, tag="told"):
    """What was moved since the mount was made.

    Attributes:
        read: Bytes given to readers.
        fetched: Bytes that came from the store.
        requests: How many times it was asked for them.
        failures: How many times something couldn't be had.
        last_failure: Path and reason of the last, on one line.
    """

    read: int
    fetched: int
    requests: int
    failures: int = 0
    last_failure: str | None = None


Asked = Begin | Show | Unmount | Ask
Answer = Ready | Failed | Done | Busy | Told
