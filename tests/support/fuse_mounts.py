"""Mounts by FUSE for tests: of objects of this session's store, with nothing of them in the cache."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import textwrap
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store_process import environment

from runloop_jupyter import session
from runloop_jupyter.errors import MountError
from runloop_jupyter.mounts.fuse import FuseMount
from runloop_jupyter.mounts.layout import lay_out
from runloop_jupyter.transfer.cache import current
from runloop_jupyter.transfer.transfer import Transfer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runloop_jupyter.actions.object import Object

MIB = 1 << 20


def noise(n_bytes: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(n_bytes)


def layout_of(*things: Object) -> Any:
    return lay_out([(thing.name, thing.view) for thing in things])


def mount(directory: Path, *things: Object) -> FuseMount:
    """Mount objects, none of which is in the cache."""
    store = session.current().store
    for thing in things:
        current().forget(store.identity.id, thing.id)
    return FuseMount(store, layout_of(*things), directory, Transfer("things", "down", ""), what="things")


@contextmanager
def mounted(directory: Path, *things: Object) -> Iterator[FuseMount]:
    """Mount objects as `mount` does, and unmount them at the end."""
    made = mount(directory, *things)
    try:
        yield made
    finally:
        try:
            made.unmount()
        except MountError:  # what a failed test has open
            made.unmount()


class Holder:
    """A process that mounts an object as a kernel does, and can be killed.

    Args:
        directory: Where.
        thing: The object.
    """

    CODE = textwrap.dedent("""
        import json, sys
        from pathlib import Path
        from runloop_jupyter import session
        from runloop_jupyter.mounts.fuse import FuseMount
        from runloop_jupyter.mounts.layout import lay_out
        from runloop_jupyter.transfer.transfer import Transfer
        where, name, object_id = json.loads(sys.argv[1])
        store = session.current().store
        layout = lay_out([(name, store.objects.get(object_id))])
        mount = FuseMount(store, layout, Path(where), Transfer(name, "down", ""), what=name)
        print(json.dumps([mount._process.pid]), flush=True)
        for line in sys.stdin:
            exec(line)
    """)

    def __init__(self, directory: Path, thing: Object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.CODE, json.dumps([str(directory), thing.name, thing.id])],
            env={**environment(), **_home()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.server: int = json.loads(self.process.stdout.readline())[0]

    def run(self, line: str) -> None:
        """Have a line of Python run there, once it is read."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()
        self.process.wait(20)


def _home() -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if name.startswith("RUNLOOP_")}


def is_running(pid: int) -> bool:
    """Whether a process runs, and isn't only waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
