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
    {tls}
    server {{ listen 127.0.0.1:{port}; {listen} root {home}/www; location / {{ dav_methods PUT DELETE; }} }}
}}
"""


@contextmanager
def nginx(home: Path, *, tls_port: int | None = None) -> Iterator[str]:
    """Run nginx over `home`/www, which takes PUT and DELETE; give its URL.

    Args:
        home: A directory for it.
        tls_port: Where it speaks TLS too, with the certificate.pem and key.pem that are in `home`.
    """
    program = os.environ.get("NGINX") or shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        sys.exit(__doc__)
    port = free_port()
    for each in ("www", "body"):
        (home / each).mkdir(parents=True)
    home.chmod(0o755)
    user = "user root;" if os.geteuid() == 0 else ""
    tls = listen = ""
    if tls_port:
        tls = f"ssl_certificate {home}/certificate.pem; ssl_certificate_key {home}/key.pem;"
        listen = f"listen 127.0.0.1:{tls_port} ssl;"
    written = CONFIGURATION.format(home=home, port=port, tls=tls, listen=listen)
    (home / "nginx.conf").write_text(user + written)
    process = subprocess.Popen([program, "-c", str(home / "nginx.conf"), "-p", str(home)], stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_for(port: int) -> None:
    """Return once somebody listens on a port."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)


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
