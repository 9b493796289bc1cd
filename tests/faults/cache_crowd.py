"""Processes that share a cache far too small for them: they get, hold, clear, sweep, and die at random.

``python tests/faults/cache_crowd.py --seconds 600 --processes 12`` prints what was done; a few seconds of it are a
test (test_cache_crowd). Of every get it is made sure that

- the bytes are the object's own, opened or as a path;
- a path stays, with those bytes, as long as the process that was given it;

and of the end, once every process is dead, that nothing but what fits the limit is left, and no claim, lease or part.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1] / "support"), str(HERE.parents[2])]

from cached import STORE, a_view, digest_of, transfer  # noqa: E402

from runloop_jupyter.transfer.cache import Cache  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

OBJECTS = 20
BYTES = 50_000
LIMIT = 8 * BYTES
DIES = 0.0004
HELD = 3


def member(root: Path, seed: int, seconds: float) -> None:
    """Work with the cache until the time is up, then print what was done."""
    chance, cache = random.Random(seed), Cache(root)
    counts: Counter[str] = Counter()
    content = {n: random.Random(n).randbytes(BYTES + n) for n in range(OBJECTS)}
    held: dict[int, Path] = {}

    def fetching(data: bytes) -> Callable[[Path], None]:
        def fetch(path: Path) -> None:
            counts["fetched"] += 1
            with path.open("wb") as file:
                file.write(data[: BYTES // 2])
                time.sleep(chance.random() / 300)
                file.write(data[BYTES // 2 :])

        return fetch

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        n = chance.randrange(OBJECTS)
        data = content[n]
        view, expected = a_view(id=f"obj_{n}", size_bytes=len(data)), digest_of(data) if chance.random() < 0.5 else None
        if chance.random() < 0.02 and len(held) < HELD:
            held[n] = cache.fetched_path(STORE, view, "object.bin", expected, fetching(data), transfer())
            counts["paths"] += 1
        else:
            with cache.fetched(STORE, view, expected, fetching(data), transfer()) as file:
                assert file.read() == data, "opened"
            counts["opened"] += 1
        for number, path in held.items():
            assert path.read_bytes() == content[number], "held"
        if chance.random() < 0.01:
            counts["cleared"] += bool(cache.upkeep.clear())
        if chance.random() < 0.01:
            cache.upkeep.sweep()
        if chance.random() < DIES:
            counts["died in the middle"] += 1
            break
    else:
        cache.upkeep.wait()
    for what, count in counts.items():
        print(count, what, flush=True)
    os._exit(0)  # as a killed one: nothing is given back


def crowd(root: Path, processes: int, seconds: float, seed: int) -> Counter[str]:
    """Run members until the time is up; return what they did together."""
    command = [sys.executable, str(HERE), "--member", str(root), "--seconds", str(seconds)]
    started = [
        subprocess.Popen(
            [*command, "--seed", str(seed + number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "RUNLOOP_JUPYTER_CACHE_SIZE": str(LIMIT)},
        )
        for number in range(processes)
    ]
    counts: Counter[str] = Counter()
    for each in started:
        out, error = each.communicate()
        if each.returncode:
            raise AssertionError(error)
        for line in out.splitlines():
            count, _, what = line.partition(" ")
            counts[what] += int(count)
    return counts


def left(root: Path) -> list[str]:
    """Clear up after the dead as a new process does; return what is there that shouldn't be."""
    os.environ["RUNLOOP_JUPYTER_CACHE_SIZE"] = str(LIMIT)
    cache = Cache(root)
    cache.upkeep.sweep(now=True)
    cache.upkeep.trim()
    size = sum(path.stat().st_size for path in (root / "blobs").rglob("*") if len(path.name) == 64)
    wrong = [f"{size:,} bytes in blobs"] if size > LIMIT else []
    for folder in ("claims", "leases", "incoming", "going"):
        wrong += [str(path) for path in (root / folder).rglob("*") if path.is_file()]
    inodes = {path.stat().st_ino for path in (root / "blobs").rglob("*")}
    return wrong + [str(path) for path in (root / "files").rglob("*.bin") if path.stat().st_ino not in inodes]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--processes", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--member", type=Path, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.member:
        member(said.member, said.seed, said.seconds)
    print(f"seed {said.seed}")
    with tempfile.TemporaryDirectory() as folder:
        for what, count in crowd(Path(folder), said.processes, said.seconds, said.seed).items():
            print(f"{count:12,}  {what}")
        wrong = left(Path(folder))
    print("\n".join(wrong) or "nothing is left that shouldn't be")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
