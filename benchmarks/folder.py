"""A folder put twice with one change in between, and got again, as files and as one tar.gz in the same run.

By default 400 files and 1 GiB; ``--files 2000 --gib 20`` is the real thing, and takes twice its size on the disk that
``BENCH_DIR`` names (the store and the cache; the folder itself is sparse: a head of its own in each file, then zeros).

Prints for each way seconds, processor seconds of this process, files and bytes moved and requests made, and how many
times longer the tar.gz way took. Exits with 1 where the second put as files sends anything but the one file that
changed, or the get after it fetches anything but that.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = 64 << 10


@dataclass
class Moved:
    """What was counted since it was last taken."""

    files: int = 0
    bytes: int = 0
    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, size: int) -> None:
        """Count one object's bytes."""
        with self.lock:
            self.files, self.bytes, self.requests = self.files + 1, self.bytes + size, self.requests + 1

    def ask(self) -> None:
        """Count a question to the store."""
        with self.lock:
            self.requests += 1

    def take(self) -> tuple[int, int, int]:
        """Return files, bytes and requests, and count from nothing again."""
        with self.lock:
            taken = self.files, self.bytes, self.requests
            self.files = self.bytes = self.requests = 0
            return taken


def count_all(moved: Moved) -> None:
    """Have everything that goes over the wire counted; heads count as requests, not as files."""
    from runloop_jupyter.api.http import Service
    from runloop_jupyter.transfer import parts
    from runloop_jupyter.transfer.folders import fetching, sending

    call, upload, download = Service.call, sending.upload, fetching.download
    upload_one, download_one = parts.upload_one, parts.download_one

    def called(*arguments: Any, **more: Any) -> Any:
        moved.ask()
        return call(*arguments, **more)

    def sent(objects: Any, source: Any, there: Any, parameters: Any, *rest: Any) -> Any:
        is_head = parameters.metadata["rl.kind"] == "folder"
        moved.ask() if is_head else moved.note(there.st_size)
        return upload(objects, source, there, parameters, *rest)

    def sent_one(objects: Any, source: Any, there: Any, *rest: Any) -> Any:
        moved.note(there.st_size)
        return upload_one(objects, source, there, *rest)

    def fetched(objects: Any, view: Any, *rest: Any) -> Any:
        moved.note(view.size_bytes)
        return download(objects, view, *rest)

    def fetched_one(objects: Any, view: Any, *rest: Any) -> Any:
        moved.note(view.size_bytes)
        return download_one(objects, view, *rest)

    Service.call = called  # type: ignore[method-assign]
    sending.upload, fetching.download = sent, fetched
    parts.upload_one, parts.download_one = sent_one, fetched_one


def make(folder: Path, files: int, size: int) -> None:
    """Make the folder: in each file a head that no other has, then nothing."""
    for number in range(files):
        path = folder / f"{number // 100:03}" / f"{number:05}.raw"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(os.urandom(min(HEAD, size)))
            file.truncate(size)


def change(folder: Path) -> None:
    """Change a few bytes in the middle of one file."""
    path = sorted(folder.rglob("*.raw"))[len(list(folder.rglob("*.raw"))) // 2]
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(os.urandom(64))


def run(folder: Path, form: str, moved: Moved) -> dict[str, tuple[float, int, int]]:
    """Put, get, change, put, get; return seconds, files and bytes of each."""
    import runloop_jupyter as rl

    name = f"bench-{form}"
    found: dict[str, tuple[float, int, int]] = {}

    def step(what: str, act: Callable[[], Any]) -> None:
        moved.take()
        began, used = time.perf_counter(), time.process_time()
        act()
        took, used = time.perf_counter() - began, time.process_time() - used
        files, size, requests = moved.take()
        found[what] = took, files, size
        amount = f"{files:6,} {'files' if form == 'files' else 'pieces'} {size / 2**20:10,.1f} MiB"
        print(f"{form:7} {what:24} {took:8.2f} s  {used:7.2f} s cpu {amount} {requests:7,} requests", flush=True)

    step("first put", lambda: rl.put(folder, name, format=form))
    step("first get", lambda: rl.get(name))
    time.sleep(2.5)  # what was changed a moment before it was hashed would be hashed again
    change(folder)
    step("put after one change", lambda: rl.put(folder, name, format=form))
    step("get after that", lambda: rl.get(name))
    step("put of the same", lambda: rl.put(folder, name, format=form))
    if form == "files":
        path = next(folder.rglob("*.raw")).relative_to(folder)
        step("get of one file, cached", lambda: rl.get(f"{name}/{path}"))
        step("the same, not cached", lambda: rl.get(f"{name}/{path}", cache=False))
    rl.rm(name, all_versions=True)
    rl.cache().clear()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--gib", type=float, default=1.0)
    parser.add_argument("--without-tar", action="store_true", help="measure the way as files alone")
    said = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("RUN")]:
        del os.environ[name]
    size = int(said.gib * 2**30 / said.files)
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory:
        home = Path(directory)
        os.environ["RUNLOOP_JUPYTER_HOME"] = str(home / "data")
        os.environ["RUNLOOP_JUPYTER_CACHE"] = str(home / "cache")
        os.environ["RUNLOOP_JUPYTER_CACHE_SIZE"] = str(int(said.gib * 3 * 2**30) + (1 << 30))
        sys.path.insert(0, str(Path(__file__).parents[1]))
        from runloop_jupyter.local import launch

        folder = home / "folder"
        make(folder, said.files, size)
        print(f"{said.files:,} files of {size / 2**20:,.2f} MiB, {said.gib:g} GiB in all")
        moved = Moved()
        count_all(moved)
        try:
            files = run(folder, "files", moved)
            tar = {} if said.without_tar else run(folder, "tar.gz", moved)
        finally:
            launch.stop()
    for what in tar:
        print(f"{what:24} tar.gz takes {tar[what][0] / files[what][0]:5.1f} times as long as files")
    one = {what: files[what][1:] == (1, size) for what in ("put after one change", "get after that")}
    for what, is_one in one.items():
        print(f"{what}: {'exactly one file moved' if is_one else 'NOT exactly one file moved'}")
    return 0 if all(one.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
