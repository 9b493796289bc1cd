"""Many small objects put and got in one call each, beside the published client's loop in the same run.

Both move the same files of 4 KiB to and from the same embedded store, in turns: once on this computer, where the
processor decides, and once through a line with a round trip of 20 ms (`link`), as the hosted service is never nearer.
The published client (PyPI: runloop-api-client) does it as its documentation has it: ``upload_from_file``, which is
create, PUT, complete over one connection that it keeps, and ``download_as_bytes``, one file after the other. Where it
isn't installed, this says so and measures ours alone.

Ours: ``rl.put_all`` journals, hashes and looks for what is there already; ``rl.get_all`` verifies and fsyncs each file.
In the environment: ``COUNT=1000`` objects here and ``FAR=200`` over the line, ``AT_ONCE=16`` workers, ``DELAY_MS=10``
each way. CPU seconds are of this process and of the store's.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import link

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = int(os.environ.get("COUNT", "1000"))
FAR = int(os.environ.get("FAR", "200"))
DELAY_MS = float(os.environ.get("DELAY_MS", "10"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SIZE = 4 << 10
LEAST = 4.0


class Clock:
    """Seconds by the wall, of this process's CPU and of the store's, by what they were spent on."""

    def __init__(self, pid: int) -> None:
        self._stat = Path(f"/proc/{pid}/stat")
        self.took: dict[str, list[tuple[float, float, float]]] = {}

    def time(self, what: str, work: Callable[[], Any]) -> None:
        """Do `work`."""
        before = self._now()
        work()
        spent = tuple(after - at for after, at in zip(self._now(), before, strict=True))
        self.took.setdefault(what, []).append((spent[0], spent[1], spent[2]))

    def wall(self, what: str) -> float:
        """Return the seconds that it took, the median of all rounds."""
        return median(seconds for seconds, _, _ in self.took[what])

    def report(self, count: int) -> None:
        """Print all of it."""
        for what, each in self.took.items():
            wall, ours, stores = (median(column) for column in zip(*each, strict=True))
            print(
                f"  {what:15} {wall:6.2f} s {count / wall:7,.0f} objects/s   an object, ms: {wall / count * 1e3:6.2f}, "
                f"CPU {ours / count * 1e3:5.2f} here, {stores / count * 1e3:5.2f} in the store"
            )

    def _now(self) -> tuple[float, float, float]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        try:
            fields = self._stat.read_text().rpartition(")")[2].split()
            store = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:  # no /proc
            store = float("nan")
        return time.perf_counter(), used.ru_utime + used.ru_stime, store


class Published:
    """The loop that a user of the published client writes."""

    def __init__(self, base_url: str, key: str) -> None:
        from runloop_api_client import RunloopSDK

        self._storage = RunloopSDK(base_url=base_url, bearer_token=key).storage_object
        self._stored: dict[str, Any] = {}

    def put(self, files: list[Path], prefix: str) -> None:
        """Put each file, one after the other."""
        for path in files:
            self._stored[path.name] = self._storage.upload_from_file(path, name=f"{prefix}/{path.name}")

    def get(self, directory: Path) -> None:
        """Get each into a file of its own."""
        directory.mkdir()
        for name, thing in self._stored.items():
            (directory / name).write_bytes(thing.download_as_bytes())


def compare(files: list[Path], home: Path, clock: Clock, peer: Published | None, rounds: int) -> bool:
    """Print what moving `files` takes both ways; return whether ours is as fast as it is to be."""
    import runloop_jupyter as rl

    for turn in range(rounds):
        prefix, to = f"{home.name}/{turn}", home / f"ours{turn}"
        clock.time("put_all", lambda: rl.put_all(files, prefix))  # noqa: B023
        if peer:
            clock.time("put, loop", lambda: peer.put(files, f"theirs/{prefix}"))  # noqa: B023
        clock.time("get_all", lambda: rl.get_all(f"{prefix}/*", to=to))  # noqa: B023
        if peer:
            clock.time("get, loop", lambda: peer.get(home / f"theirs{turn}"))  # noqa: B023
        clock.time("put_all again", lambda: rl.put_all(files, prefix))  # noqa: B023
        if not all((to / path.name).read_bytes() == path.read_bytes() for path in files):
            raise SystemExit("what came back is not what was put")
    clock.report(len(files))
    if peer is None:
        return True
    up = clock.wall("put, loop") / clock.wall("put_all")
    down = clock.wall("get, loop") / clock.wall("get_all")
    print(f"  put: {up:.1f} times the loop; get: {down:.1f} times (at least {LEAST:g} each)")
    return min(up, down) >= LEAST


def main() -> int:
    for name in [name for name in os.environ if name.startswith("RUN")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory:
        home = Path(directory)
        os.environ["RUNLOOP_JUPYTER_HOME"] = str(home / "data")
        os.environ["RUNLOOP_JUPYTER_CACHE"] = str(home / "cache")
        from runloop_jupyter import session
        from runloop_jupyter.actions import bulk
        from runloop_jupyter.local import launch

        if at_once := os.environ.get("AT_ONCE"):
            bulk.Bulk.__init__.__defaults__ = (int(at_once),)  # type: ignore[misc]
        source, here, away = home / "source", home / "here", home / "away"
        for each in (source, here, away):
            each.mkdir()
        files = [source / f"{number:04}.bin" for number in range(max(COUNT, FAR))]
        for path in files:
            path.write_bytes(os.urandom(SIZE))
        endpoint = launch.ensure()
        key = endpoint.key.reveal()
        has_peer = importlib.util.find_spec("runloop_api_client") is not None
        if not has_peer:
            print("the published client isn't installed here (pip install runloop-api-client): no ratio")
        fast = True
        try:
            if COUNT:
                print(f"{COUNT:,} objects of 4 KiB, on this computer")
                peer = Published(endpoint.base_url, key) if has_peer else None
                fast &= compare(files[:COUNT], here, Clock(endpoint.pid), peer, ROUNDS)
            if FAR:
                with link.far(int(endpoint.base_url.rpartition(":")[2]), DELAY_MS) as port:
                    print(f"{FAR:,} objects of 4 KiB, over a line with a round trip of {2 * DELAY_MS:g} ms")
                    os.environ["RUNLOOP_BASE_URL"] = f"http://127.0.0.1:{port}"
                    os.environ["RUNLOOP_API_KEY"] = key
                    session.reset()
                    peer = Published(os.environ["RUNLOOP_BASE_URL"], key) if has_peer else None
                    fast &= compare(files[:FAR], away, Clock(endpoint.pid), peer, 1)
                    session.reset()
        finally:
            launch.stop()
    return 0 if fast else 1


if __name__ == "__main__":
    sys.exit(main())
