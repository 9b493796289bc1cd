"""The catalog of a hosted service with many objects: how fast it fills, what it costs, how soon it answers.

    python benchmarks/catalog.py [OBJECTS]        1,000,000 by default

The service is a process of its own that sends slices of a file made beforehand, so that it costs next to nothing.
Printed beside each figure is the limit that it is held to.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]


def made(directory: Path, n: int) -> tuple[Path, Path]:
    """Write the objects, newest first, as JSON one after the other, and where each begins; once."""
    from many_objects import oldest_first

    from runloop_jupyter.wire.json import encode

    rows, offsets = directory / f"rows-{n}.json", directory / f"offsets-{n}"
    if offsets.exists():
        return rows, offsets
    began = time.monotonic()
    backwards = [encode(view) for view in oldest_first(n, round(time.time() * 1000))]
    where = array("q", [0])
    with rows.open("wb") as file:
        for row in reversed(backwards):
            where.append(where[-1] + file.write(row + b","))
    offsets.write_bytes(where.tobytes())
    print(f"{n:,} objects made in {time.monotonic() - began:.0f} s")
    return rows, offsets


def serve(rows: Path, offsets: Path) -> None:
    """Serve them until standard input ends."""
    import re

    where = array("q")
    where.frombytes(offsets.read_bytes())
    n = len(where) - 1
    file = rows.open("rb")
    ranks = {each[1]: rank for rank, each in enumerate(re.finditer(rb'\{"id":"(obj_\w+)"', rows.read_bytes()))}
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            if "limit" not in query:  # one by its id
                rank = ranks.get(urlsplit(self.path).path.rpartition("/")[2].encode())
                if rank is None:  # it has no bytes to give
                    self.send_error(404)
                    return
                with lock:
                    file.seek(where[rank])
                    self._send(file.read(where[rank + 1] - where[rank])[:-1])
                return
            start = ranks[query["starting_after"][0].encode()] + 1 if "starting_after" in query else 0
            end = min(start + int(query["limit"][0]), n)
            with lock:
                file.seek(where[start])
                some = file.read(where[end] - where[start])[:-1]
            body = b'{"objects":[%s],"has_more":%s}' % (some, b"true" if end < n else b"false")
            self._send(body)

        def _send(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


@contextmanager
def service(kept: Path, n: int) -> Iterator[str]:
    """Run it as a process of its own in the block; give its URL."""
    kept.mkdir(exist_ok=True)
    rows, offsets = made(kept, n)
    command = [sys.executable, __file__, "--serve", str(rows), str(offsets)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def memory_mib(pid: int) -> float:
    """Return how much of the memory a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def computed_s(pid: int) -> float:
    """Return for how many seconds a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(question: Callable[[int], object], times: int = 15) -> list[float]:
    """Return how long each of some calls took, in milliseconds, ascending; each asks for something else."""
    took = []
    for number in range(times):
        began = time.monotonic()
        question(number)
        took.append((time.monotonic() - began) * 1000)
    return sorted(took)


def say(what: str, took: list[float], limit: str = "") -> None:
    print(f"{what:46} {statistics.median(took):8.1f} ms   worst {took[-1]:8.1f} ms   {limit}")


def measure(url: str, n: int) -> None:
    from runloop_jupyter import catalogs, session
    from runloop_jupyter.profile import Profile
    from runloop_jupyter.secret import Secret
    from runloop_jupyter.wire.browse import FacetsAsked, PageAsked, Query, SuggestAsked

    store = session.current().open(Profile("bench", "benchmark", url, Secret("key-of-the-benchmark")))
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.monotonic()
    known = catalogs.of(store)
    page = known.page(PageAsked(query=Query()))
    print(f"first rows of an empty catalog after {(time.monotonic() - began) * 1000:.0f} ms (400)")
    assert page.rows
    steps = 0
    while not known.fresh().whole:
        time.sleep(1)
        steps += 1
        if steps % 10 == 0:
            took = timed(lambda _: known.page(PageAsked(query=Query(search="resnet"))), 1)
            fresh = known.fresh()
            print(
                f"  {fresh.indexed:>10,} after {time.monotonic() - began:5.0f} s; a search {took[0]:.0f} ms", flush=True
            )
    seconds = time.monotonic() - began
    own_s = computed_s(known.pid)  # type: ignore[attr-defined]
    print(f"filled in {seconds:.0f} s: {n / seconds:,.0f} objects/s; it computed for {own_s:.0f} s of that")
    print(f"its process held {memory_mib(known.pid):.0f} MiB at most")  # type: ignore[attr-defined]
    size = sum(path.stat().st_size for path in Path(os.environ["RUNLOOP_JUPYTER_CACHE"]).rglob("*.db"))
    print(f"on disk {size / 2**20:,.0f} MiB")
    catalogs.close_all()
    began = time.monotonic()
    known = catalogs.of(store)
    known.page(PageAsked(query=Query()))
    print(f"first rows of one that is known after {(time.monotonic() - began) * 1000:.0f} ms (400)")
    questions: dict[str, Callable[[int], object]] = {
        "newest 100": lambda _: known.page(PageAsked(query=Query())),
        "rows far down": lambda i: known.page(PageAsked(query=Query(folded=False), first=n // 20 * (i + 1))),
        "search vit-0, vit-1, …": lambda i: known.page(PageAsked(query=Query(search=f"vit-{i:02}"))),
        "search 0001, 0002, …": lambda i: known.page(PageAsked(query=Query(search=f"{i + 1:04}"))),
        "search 01/, 02/, …": lambda i: known.page(PageAsked(query=Query(search=f"{i % 12 + 1:02}/"))),
        "epoch=0, 1, …": lambda i: known.page(PageAsked(query=Query(where={"epoch": [str(i)]}))),
        "model and host": lambda i: known.page(PageAsked(query=Query(where={"model": ["vit"], "host": [f"node-{i}"]}))),
        "epoch=20, 21, … by acc": lambda i: known.page(
            PageAsked(query=Query(where={"epoch": [str(20 + i)]}, order="metadata", key="acc"))
        ),
        "suggest": lambda i: known.suggest(SuggestAsked(text=["mod", "model=", "host=no", "00", "see"][i % 5])),
        "facets of all": lambda _: known.facets(FacetsAsked(query=Query())),
        "facets of a host": lambda i: known.facets(FacetsAsked(query=Query(where={"host": [f"node-{i}"]}))),
    }
    for what, question in questions.items():
        say(what, timed(question), "(150)" if what.startswith("facets") else "(100)")
    stop = threading.Event()

    def busy() -> None:
        x = 0
        while not stop.is_set():
            for number in range(1000):
                x += number

    thread = threading.Thread(target=busy)
    thread.start()
    say("newest 100 beside a loop in Python", timed(questions["newest 100"]), "(500)")
    say("newest 500 beside a loop in Python", timed(lambda _: known.page(PageAsked(query=Query(), n=500))), "(500)")
    stop.set()
    thread.join()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"this process grew by {after - before:.0f} MiB (100)")
    print(f"its process holds {memory_mib(known.pid):.0f} MiB when it only answers")  # type: ignore[attr-defined]
    catalogs.close_all()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("objects", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--serve", nargs=2)
    parser.add_argument("--kept", default=str(Path(tempfile.gettempdir()) / "rl-catalog-benchmark"))
    said = parser.parse_args()
    if said.serve:
        serve(*map(Path, said.serve))
    with tempfile.TemporaryDirectory() as own, service(Path(said.kept), said.objects) as url:
        os.environ |= {"RUNLOOP_JUPYTER_HOME": f"{own}/home", "RUNLOOP_JUPYTER_CACHE": f"{own}/cache"}
        measure(url, said.objects)


if __name__ == "__main__":
    main()
