"""One gibibyte through the embedded store, beside nginx: curl does both, in turns, over the same loopback and disk.

Down: GET of a presigned URL against nginx with sendfile. Up: PUT to a presigned URL, which is on the disk when it
answers, against nginx DAV, which isn't; both are timed with the time to put everything on the disk after it (sync), and
without. Peak memory is the daemon's, as the kernel tells (VmHWM).

Needs curl and nginx with its DAV module: ``NGINX=/path/to/nginx`` where it isn't on the PATH. Debian: ``apt-get install
nginx-light curl``, or unpacked by hand: ``apt-get download nginx-light && dpkg -x nginx-light_*.deb DIR``.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 1 << 30
ROUNDS = 7
MOST_DOWN = 1.2
MOST_UP = 1.5
MOST_MIB = 64

CONFIGURATION = """
daemon off; worker_processes 2; pid {home}/nginx.pid; error_log {home}/error.log;
events {{ }}
http {{
    access_log off; sendfile on; tcp_nopush on; client_max_body_size 0;
    client_body_temp_path {home}/body; proxy_temp_path {home}/t1; fastcgi_temp_path {home}/t2;
    uwsgi_temp_path {home}/t3; scgi_temp_path {home}/t4;
    server {{ listen 127.0.0.1:{port}; root {home}/www; location / {{ dav_methods PUT DELETE; }} }}
}}
"""


@contextmanager
def nginx(home: Path) -> Iterator[str]:
    program = os.environ.get("NGINX") or shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        sys.exit(__doc__)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for each in ("www", "body"):
        (home / each).mkdir(parents=True)
    home.chmod(0o755)
    user = "user root;" if os.geteuid() == 0 else ""
    (home / "nginx.conf").write_text(user + CONFIGURATION.format(home=home, port=port))
    process = subprocess.Popen([program, "-c", str(home / "nginx.conf"), "-p", str(home)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if socket.socket().connect_ex(("127.0.0.1", port)) == 0:
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def curl(*arguments: str) -> float:
    """Run curl to its end and return the seconds it took."""
    started = time.perf_counter()
    subprocess.run(["curl", "-sS", "--fail", "--noproxy", "*", "-o", "/dev/null", *arguments], check=True)
    return time.perf_counter() - started


def synced(seconds: float) -> tuple[float, float]:
    """Return the seconds without and with putting everything on the disk."""
    started = time.perf_counter()
    os.sync()
    return seconds, seconds + time.perf_counter() - started


def peak(pid: int) -> float:
    """Return the most memory a process ever had, in MiB."""
    status = Path(f"/proc/{pid}/status")
    match = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(match[1]) / 1024 if match else float("nan")


def main() -> int:
    for name in [name for name in os.environ if name.startswith("RUN")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory:
        home = Path(directory)
        home.chmod(0o755)
        source = home / "source"
        with source.open("wb") as file:
            for _ in range(SIZE >> 20):
                file.write(os.urandom(1 << 20))

        from runloop_jupyter.local import launch

        root = home / "store"
        endpoint = launch.ensure(root)
        at_first = peak(endpoint.pid)
        headers = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
        client = httpx.Client(base_url=endpoint.base_url, headers=headers, trust_env=False, timeout=60)
        try:
            with nginx(home / "nginx") as peer:
                rounds = [measured(client, peer, home / "nginx" / "www", source) for _ in range(ROUNDS)]
            memory = peak(endpoint.pid)
        finally:
            client.close()
            launch.stop(root)
    took = {what: median(each[what] for each in rounds) for what in rounds[0]}
    down = took["down, store"] / took["down, nginx"]
    up = took["up, store"] / took["up, nginx"]
    on_disk = took["up, store, synced"] / took["up, nginx, synced"]
    for what, seconds in took.items():
        print(f"{what:20} {seconds:.2f} s  {SIZE / seconds / 2**30:.2f} GiB/s")
    print(f"down: ratio {down:.2f} (at most {MOST_DOWN})")
    print(f"up: ratio {up:.2f} until each answers (at most {MOST_UP}); {on_disk:.2f} until both are on the disk")
    print(f"the daemon's peak memory: {memory:.0f} MiB, {at_first:.0f} before the first byte (at most {MOST_MIB} more)")
    return 0 if down <= MOST_DOWN and up <= MOST_UP and not memory - at_first > MOST_MIB else 1


def measured(client: httpx.Client, peer: str, www: Path, source: Path) -> dict[str, float]:
    """Send the file up and down once on each side."""
    created: dict[str, Any] = client.post("/v1/objects", json={"name": "big", "content_type": "binary"}).json()
    os.sync()
    ours, ours_synced = synced(curl("-T", str(source), created["upload_url"]))
    client.post(f"/v1/objects/{created['id']}/complete").raise_for_status()
    theirs, theirs_synced = synced(curl("-T", str(source), f"{peer}/big"))
    url = client.get(f"/v1/objects/{created['id']}/download").json()["download_url"]
    down_ours = curl(url)
    down_theirs = curl(f"{peer}/big")
    (www / "big").unlink()
    client.post(f"/v1/objects/{created['id']}/delete").raise_for_status()
    return {
        "down, store": down_ours,
        "down, nginx": down_theirs,
        "up, store": ours,
        "up, nginx": theirs,
        "up, store, synced": ours_synced,
        "up, nginx, synced": theirs_synced,
    }


if __name__ == "__main__":
    sys.exit(main())
