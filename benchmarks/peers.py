"""What the product is measured beside: nginx on loopback, curl, and what the kernel says of a process.

nginx needs its DAV module: ``NGINX=/path/to/nginx`` where it isn't on the PATH. Debian: ``apt-get install nginx-light
curl``, or unpacked by hand: ``apt-get download nginx-light && dpkg -x nginx-light_*.deb DIR``.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """Run nginx over `home`/www, which takes PUT and DELETE; give its URL."""
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


def curl(*arguments: str, to: str = "/dev/null") -> float:
    """Run curl to its end and return the seconds it took."""
    started = time.perf_counter()
    subprocess.run(["curl", "-sS", "--fail", "--noproxy", "*", "-o", to, *arguments], check=True)
    return time.perf_counter() - started


def synced(seconds: float) -> tuple[float, float]:
    """Return the seconds without and with putting everything on the disk."""
    started = time.perf_counter()
    os.sync()
    return seconds, seconds + time.perf_counter() - started


def peak_mib(pid: int | str) -> float:
    """Return the most memory a process ever had, in MiB."""
    status = Path(f"/proc/{pid}/status")
    match = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(match[1]) / 1024 if match else float("nan")
