"""One gibibyte through the embedded store, beside nginx: curl does both, in turns, over the same loopback and disk.

Down: GET of a presigned URL against nginx with sendfile. Up: PUT to a presigned URL, which is on the disk when it
answers, against nginx DAV, which isn't; both are timed with the time to put everything on the disk after it (sync), and
without. Peak memory is the daemon's, as the kernel tells (VmHWM).

Needs curl and nginx; see peers.py.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from peers import curl, nginx, peak_mib, synced

SIZE = 1 << 30
ROUNDS = 7
MOST_DOWN = 1.2
MOST_UP = 1.5
MOST_MIB = 64


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
        at_first = peak_mib(endpoint.pid)
        headers = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
        client = httpx.Client(base_url=endpoint.base_url, headers=headers, trust_env=False, timeout=60)
        try:
            with nginx(home / "nginx") as peer:
                rounds = [measured(client, peer, home / "nginx" / "www", source) for _ in range(ROUNDS)]
            memory = peak_mib(endpoint.pid)
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
