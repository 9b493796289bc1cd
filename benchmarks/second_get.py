"""How long a get takes when the object is here already, beside opening and reading its file.

An object of 100 MB in the embedded store, got as a path by name (the store is asked which is the newest), and by id
(nobody is asked); then as bytes, which reads it, beside reading the file.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 100 << 20
ROUNDS = 31


def timed(act: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median seconds of an act."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return median(took)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["RUNLOOP_JUPYTER_HOME"], os.environ["RUNLOOP_JUPYTER_CACHE"] = f"{home}/home", f"{home}/cache"
        sys.path.insert(0, str(Path(__file__).parents[1]))
        import runloop_jupyter as rl
        from runloop_jupyter.local import launch

        source = Path(home) / "scan.bin"
        source.write_bytes(os.urandom(SIZE))
        thing = rl.put(source)
        try:
            first = timed(lambda: rl.get(thing), 1)
            path = rl.get(thing)
            opened = timed(lambda: path.open("rb").close())
            by_id = timed(lambda: rl.get(thing.id).open("rb").close())
            by_name = timed(lambda: rl.get(thing.name).open("rb").close())
            read = timed(path.read_bytes, 5)
            got = timed(lambda: rl.get(thing, format="bytes"), 5)
        finally:
            launch.stop()
    print(f"first get of {SIZE >> 20} MiB: {first * 1e3:.0f} ms; opening the file: {opened * 1e3:.3f} ms")
    print(f"second get, by id: {by_id * 1e3:.2f} ms; by name: {by_name * 1e3:.2f} ms")
    print(f"second get as bytes: {got * 1e3:.1f} ms; reading the file: {read * 1e3:.1f} ms; ratio {got / read:.2f}")


if __name__ == "__main__":
    main()
