"""Kernels, the processes that serve their mounts, and the store are killed at random while others read.

    python tests/faults/fuse_storm.py [--long] [--kills N] [--seed N]

Every read gives the right bytes or is an error; no process that serves a mount outlives its kernel; what the next load
clears leaves nothing mounted, no directory that was made, and no record. ``--long`` is a thousand kills.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2])]

READER = """
import os, random, sys
data = open(sys.argv[2], "rb").read()
good = wrong = failed = 0
print("reads", flush=True)
while True:
    try:
        with open(sys.argv[1], "rb", buffering=0) as file:
            for _ in range(20):
                start, length = random.randrange(len(data)), random.choice([100, 1 << 16, 1 << 20])
                got, more = b"", b"more"
                # As any program reads: what was there before the error comes first, and then the error.
                while more and len(got) < length:
                    more = os.pread(file.fileno(), length - len(got), start + len(got))
                    got += more
                if got != data[start : start + length]:
                    print("WRONG", start, length, len(got), flush=True)
                    sys.exit(1)
                good += 1
                print("good", flush=True) if good == 1 else None
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError as error:
        print("error", error.errno, flush=True)
        if not sys.argv[3:]:
            break
"""
VICTIMS = ("kernel", "server", "store", "kernel and server", "kernel and store", "server and store")


class Storm:
    """Kills, and what came of them."""

    def __init__(self, home: Path, seed: int) -> None:
        import runloop_jupyter as rl

        self.chance = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.where = home / "mount"
        self.copy = home / "storm.bin"
        self.copy.write_bytes(self.chance.randbytes(12 << 20))
        self.thing = rl.put(self.copy, "storm.bin")

    def right(self, condition: bool, otherwise: str) -> None:
        if not condition:
            self.wrong.append(f"kill {self.counts['kills']}: {otherwise}")

    def round(self) -> None:
        from fuse_mounts import Holder, is_running

        from runloop_jupyter.local import launch

        holder = Holder(self.where, self.thing)
        readers = [self._reader() for _ in range(2)]
        for reader in readers:
            reader.stdout.readline()
        time.sleep(self.chance.uniform(0, 0.5))
        victim = self.chance.choice(VICTIMS)
        self.counts["kills"] += 1
        self.counts[f"kills of {victim}"] += 1
        for each in victim.split(" and "):
            if each == "kernel":
                holder.process.kill()
            elif each == "server":
                _kill(holder.server)
            elif (running := launch.running()) is not None:
                _kill(running.pid)
        if victim == "store":
            time.sleep(0.3)
            self.right(
                self.where.joinpath("storm.bin").stat().st_size == 12 << 20, "the mount didn't outlive its store"
            )
            holder.process.kill()
        if victim in {"server", "server and store"}:
            holder.process.kill()
        holder.close()
        self.right(_soon(lambda: not is_running(holder.server)), f"its server {holder.server} outlived its kernel")
        for reader in readers:
            try:
                said = reader.communicate(timeout=30)[0]
            except subprocess.TimeoutExpired:
                reader.kill()
                said = reader.communicate()[0] + "WRONG: it hangs"
            self.counts["readers that read"] += "good" in said
            self.counts["readers that were told"] += "error" in said
            self.right("WRONG" not in said, said.strip())
        self._load(victim)

    def _reader(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", READER, str(self.where / "storm.bin"), str(self.copy)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def _load(self, victim: str) -> None:
        """Clear as the next load does."""
        from runloop_jupyter.mounts import table
        from runloop_jupyter.mounts.fuse import clear
        from runloop_jupyter.mounts.fuse.unmounting import is_mounted

        left = list(table.abandoned())
        self.counts["records left and cleared"] += len(left)
        for record in left:
            self.right(clear(record), f"after {victim} it couldn't be cleared")
        self.right(not is_mounted(str(self.where)), f"after {victim} it is mounted")
        self.right(not self.where.exists(), f"after {victim} its directory is there")
        self.right(not table.everything(), f"after {victim} its record is there")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _soon(condition, seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--long", action="store_true")
    words.add_argument("--kills", type=int, default=30)
    words.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    wish = words.parse_args()
    kills = 1000 if wish.long else wish.kills
    print(f"seed {wish.seed}", flush=True)
    with tempfile.TemporaryDirectory() as made:
        for name in list(os.environ):
            if name.startswith(("RUNLOOP_", "RUNTOOLS_")):
                del os.environ[name]
        os.environ["RUNLOOP_JUPYTER_HOME"], os.environ["RUNLOOP_JUPYTER_CACHE"] = f"{made}/data", f"{made}/cache"
        from runloop_jupyter.local import launch

        storm = Storm(Path(made), wish.seed)
        try:
            while storm.counts["kills"] < kills and len(storm.wrong) < 10:
                storm.round()
                if storm.counts["kills"] % 50 == 0:
                    print(f"{storm.counts['kills']} kills", flush=True)
        finally:
            launch.stop()
    for name, count in sorted(storm.counts.items()):
        print(f"{count:7,}  {name}")
    for each in storm.wrong:
        print(each)
    return bool(storm.wrong)


if __name__ == "__main__":
    sys.exit(main())
