"""The transfer engine beside curl, and beside the published client's way, over one loopback and one disk, in turns.

    get      1 GiB to a file, verified, from nginx; with fsync and without; and the published client
    tls      the same over TLS, under an authority made here and trusted by SSL_CERT_FILE
    put      1 GiB with its digest, to nginx DAV, beside `curl -T`; and the published client
    link     from a far store that gives each connection 25 MB/s, beside curl
    memory   the most memory that a get and a put of 1 GiB and of 4 GiB add to a process

The far store is a relay before nginx, not nginx's own `limit_rate`: that one lets every request have its first second's
bytes at once, which short ranges would live on.

The published client (PyPI: runloop-api-client) has the whole body in memory, both ways, and hands it to httpx with a
timeout. A socket with a timeout takes a few MiB at a time, and httpcore then copies all that is left before it sends
on: a put takes time that grows with the square of the size. Without a timeout it would be about as fast as ours.

``python benchmarks/engine.py [--only WORD] [--runs N] [--mib N]``. Needs curl, openssl, nginx (see peers.py) and the
published client.
``BENCH_DIR`` names the disk to measure on.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import peers
from peers import free_port, nginx, peak_mib, wait_for

from runloop_jupyter.secret import Secret
from runloop_jupyter.transfer import digest, sending
from runloop_jupyter.transfer.arriving import arriving
from runloop_jupyter.transfer.download import download
from runloop_jupyter.transfer.transfer import Transfer
from runloop_jupyter.wire.objects import ObjectView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1 << 20
LINK_RATE = 25_000_000  # bytes a second for each connection
TARGETS = {
    "get": "at most 0.6 of curl",
    "tls": "at most 0.9 of curl",
    "put": "at most 1.15 of curl -T",
    "link": "at most 0.2 of curl",
}


class Store:
    """What the engine asks of an API: links to one object of nginx's."""

    def __init__(self, url: str, size: int) -> None:
        self.url = url
        self.view = ObjectView(
            id="obj_bench",
            name="big",
            state="READ_ONLY",
            content_type="binary",
            create_time_ms=0,
            size_bytes=size,
        )

    def download_url(self, object_id: str) -> Secret:
        """Return a link, as a store would presign it."""
        return Secret(f"{self.url}?{object_id}")

    def get(self, target: Path, expected: str, *, durable: bool = False) -> None:
        """Fetch it as `rl.get(…, to=target)` does."""
        with arriving(target, self.url, self.view, durable=durable) as file:
            download(self, self.view, file, Transfer("big", "down", "nginx"), expected)  # type: ignore[arg-type]


def put(url: str, source: Path) -> None:
    """Take the digest, which an object needs before it is created, and send."""
    transfer = Transfer("big", "up", "nginx")
    digest.of_file(source, transfer.advance)
    with source.open("rb", buffering=0) as file:
        sending.put(Secret(url), {}, file, source.stat().st_size, transfer.advance)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", default="", help="a part of the name of what is measured")
    arguments.add_argument("--runs", type=int, default=9)
    arguments.add_argument("--mib", type=int, default=1024, help="size of the large object; a quarter of it for link")
    arguments.add_argument("--one", nargs=4, help=argparse.SUPPRESS)  # this program as the process that is measured
    said = arguments.parse_args()
    if said.one:
        return one(*said.one)
    for name in [name for name in os.environ if name.startswith("RUN") or name.lower().endswith("_proxy")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory:
        bench = Bench(Path(directory), said.runs, said.mib * MIB)
        with bench.nginx():
            for name in ("get", "tls", "put", "link", "memory"):
                if said.only in name:
                    getattr(bench, name)()
    return 0


class Bench:
    """The measurements, in a directory of their own."""

    def __init__(self, home: Path, runs: int, size: int) -> None:
        home.chmod(0o755)
        self.home = home / "nginx"
        self.out = home / "out"
        self.runs = runs
        self.size = size
        self.cache = home / "cache"
        os.environ["RUNLOOP_JUPYTER_CACHE"] = str(self.cache)
        os.environ["RUNLOOP_JUPYTER_HOME"] = str(home / "data")
        os.environ["SSL_CERT_FILE"] = str(self.home / "certificate.pem")  # read when TLS is first spoken

    @contextmanager
    def nginx(self) -> Iterator[None]:
        """Run nginx for the length of a block."""
        self.home.mkdir()
        certificate(self.home)
        self.tls_port = free_port()
        with nginx(self.home, tls_port=self.tls_port) as url:
            self.port = int(url.rpartition(":")[2])
            yield

    def source(self, size: int) -> tuple[Path, str]:
        """Return a file that nginx serves as /big, and its digest."""
        path = self.home / "www" / "big"
        if not path.exists() or path.stat().st_size != size:
            with path.open("wb") as file:
                for start in range(0, size, MIB):
                    file.write(os.urandom(min(MIB, size - start)))
            path.chmod(0o644)
        return path, digest.of_file(path, lambda _: None)

    def get(self) -> None:
        """Print how a get compares, and one the published client's way."""
        self._get("get", f"http://127.0.0.1:{self.port}/big", self.size, {})
        _, expected = self.source(self.size)
        url = f"http://127.0.0.1:{self.port}/big"
        few = min(self.runs, 3)
        in_memory = [self._apart("published-get", url, expected)[0] for _ in range(few)]
        ours = [self._apart("get", url, expected)[0] for _ in range(few)]
        print(f"  the published client {median(in_memory):.2f} s, {median(in_memory) / median(ours):.1f} times ours\n")

    def tls(self) -> None:
        """Print how a get over TLS compares."""
        self._get("tls", f"https://127.0.0.1:{self.tls_port}/big", self.size, {})

    def link(self) -> None:
        """Print how a get compares where each connection has a limit."""
        self.source(self.size // 4)
        with relay(self.port) as port:
            self._get("link", f"http://127.0.0.1:{port}/big", self.size // 4, {})

    def _get(self, name: str, url: str, size: int, took: dict[str, list[float]]) -> None:
        _, expected = self.source(size)
        store = Store(url, size)
        ways: dict[str, Callable[[], None]] = {
            "curl": lambda: curl(url, to=self.out),
            "ours": lambda: store.get(self.out, expected),
            "curl, fsync": lambda: (curl(url, to=self.out), fsync(self.out))[1],
            "ours, fsync": lambda: store.get(self.out, expected, durable=True),
        }
        if name == "link":
            ways = dict(list(ways.items())[:2])
        self._report(name, size, self._in_turns(ways, took))

    def put(self) -> None:
        """Print how a put compares, and one the published client's way."""
        source, _ = self.source(self.size)
        url = f"http://127.0.0.1:{self.port}/up"
        up = self.home / "www" / "up"
        ways: dict[str, Callable[[], None]] = {
            "curl": lambda: curl("-T", str(source), url),
            "ours": lambda: put(url, source),
        }
        self._report("put", self.size, self._in_turns(ways, {}, up))
        in_memory = [self._apart("published-put", url, str(source))[0]]  # once: it takes most of a minute
        ours = [self._apart("put", url, str(source))[0] for _ in range(min(self.runs, 3))]
        print(f"  the published client {median(in_memory):.2f} s, {median(in_memory) / median(ours):.1f} times ours\n")

    def memory(self) -> None:
        """Print what memory a get and a put take."""
        for size in (self.size, 4 * self.size):
            source, expected = self.source(size)
            url = f"http://127.0.0.1:{self.port}/"
            down = self._apart("get", f"{url}big", expected)[1]
            up = self._apart("put", f"{url}up", str(source))[1]
            print(f"memory: {size >> 20:,} MiB add {down:.0f} MiB down, {up:.0f} MiB up (at most 64)")
        if self.size <= 1 << 30:
            source, expected = self.source(self.size)
            down = self._apart("published-get", f"{url}big", expected)[1]
            up = self._apart("published-put", f"{url}up", str(source))[1]
            print(
                f"memory: {self.size >> 20:,} MiB add {down:.0f} MiB down, {up:.0f} MiB up with the published client\n"
            )

    def _in_turns(
        self, ways: dict[str, Callable[[], None]], took: dict[str, list[float]], made: Path | None = None
    ) -> dict[str, float]:
        for run in range(self.runs):
            # Each begins as often as it ends: what one leaves to the disk must not always burden the same other.
            order = list(ways) if run % 2 else list(ways)[::-1]
            for name in order:
                os.sync()
                began = time.perf_counter()
                ways[name]()
                took.setdefault(name, []).append(time.perf_counter() - began)
                for path in (self.out, made):
                    if path is not None:
                        path.unlink(missing_ok=True)
        return {name: median(each) for name, each in took.items()}

    def _report(self, name: str, size: int, took: dict[str, float]) -> None:
        for what, seconds in took.items():
            print(f"  {what:12} {seconds:6.2f} s  {size / seconds / 2**30:.2f} GiB/s")
        print(f"{name}: {size >> 20:,} MiB, ratio {took['ours'] / took['curl']:.2f} ({TARGETS[name]})")
        if "ours, fsync" in took:
            print(f"  {took['ours, fsync'] / took['curl, fsync']:.2f} until both are on the disk")
        sys.stdout.flush()

    def _apart(self, what: str, url: str, more: str) -> tuple[float, float]:
        """Do one transfer in a process of its own; return its seconds and the MiB it added to that."""
        os.sync()
        done = subprocess.run(
            [sys.executable, __file__, "--one", what, url, more, str(self.out)],
            check=True,
            capture_output=True,
            text=True,
        )
        for path in (self.out, self.home / "www" / "up"):  # to replace a gibibyte is no part of sending one
            path.unlink(missing_ok=True)
        seconds, mib = done.stdout.split()
        return float(seconds), float(mib)


def one(what: str, url: str, more: str, out: str) -> int:
    """Be the process in which one transfer is measured."""
    import httpx

    httpx.Client(trust_env=False).close()
    theirs = published(url) if what.startswith("published") else None
    before, began = peak_mib("self"), time.perf_counter()
    if what == "get":
        with httpx.Client(trust_env=False) as client:
            size = int(client.head(url).headers["content-length"])
        began = time.perf_counter()
        Store(url, size).get(Path(out), more)
    elif what == "put":
        put(url, Path(more))
    elif what == "published-get":
        Path(out).write_bytes(theirs.download_as_bytes())
    else:
        theirs.upload_content(Path(more).read_bytes())
    print(time.perf_counter() - began, peak_mib("self") - before)
    return 0


def published(url: str) -> Any:
    """Return the published client's object of a link."""
    from runloop_api_client import Runloop
    from runloop_api_client.sdk import StorageObject
    from runloop_api_client.types import ObjectDownloadURLView

    class Linked(StorageObject):
        def get_download_url(self, **_: object) -> ObjectDownloadURLView:
            return ObjectDownloadURLView(download_url=url)

    return Linked(Runloop(base_url=url, bearer_token="none"), "obj_bench", url)


def curl(*arguments: str, to: Path = Path(os.devnull)) -> None:
    peers.curl("--cacert", os.environ["SSL_CERT_FILE"], *arguments, to=str(to))


def fsync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def certificate(home: Path) -> None:
    """Make an authority of one."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(home / "key.pem"), "-out", str(home / "certificate.pem")),
        ],
        check=True,
        capture_output=True,
    )


@contextmanager
def relay(port: int) -> Iterator[int]:
    """Stand before nginx and let each connection have 25 MB/s, in a process of its own."""
    listening = free_port()
    child = os.fork()
    if not child:
        try:
            serve_slowly(listening, port)
        finally:
            os._exit(0)
    try:
        wait_for(listening)
        yield listening
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def serve_slowly(listening: int, port: int) -> None:
    with socket.create_server(("127.0.0.1", listening)) as server:
        while True:
            client, _ = server.accept()
            upstream = socket.create_connection(("127.0.0.1", port))
            # What waits in the buffers came past the limit already: little may.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 256 << 10)
            threading.Thread(target=passed_on, args=(client, upstream, None), daemon=True).start()
            threading.Thread(target=passed_on, args=(upstream, client, LINK_RATE), daemon=True).start()


def passed_on(source: socket.socket, sink: socket.socket, rate: int | None) -> None:
    """Pass bytes on, at no more than `rate` a second, until one side ends."""
    reading, writing = os.pipe()
    due = time.monotonic()
    with suppress(OSError):
        while count := os.splice(source.fileno(), writing, 64 << 10):
            left = count
            while left:
                left -= os.splice(reading, sink.fileno(), left)
            if rate:
                due = max(due, time.monotonic() - 0.02) + count / rate
                time.sleep(max(0.0, due - time.monotonic()))
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
    os.close(reading)
    os.close(writing)


if __name__ == "__main__":
    sys.exit(main())
