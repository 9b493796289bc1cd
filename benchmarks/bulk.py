"""A thousand small objects put and got in one call each, beside the published client's loop in the same run.

Both move the same files of 4 KiB to and from the same embedded store, in turns. The published client (PyPI:
runloop-api-client) does it as its documentation has it: create, PUT, complete one after the other; download URL, GET.
Where it isn't installed, this says so and measures ours alone.

Ours: ``rl.put_all`` journals, hashes and looks for what is there already; ``rl.get_all`` verifies and fsyncs each file.
``AT_ONCE=16`` in the environment tries another number of workers.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = int(os.environ.get("COUNT", "1000"))
SIZE = 4 << 10
ROUNDS = 3
LEAST = 4.0


def timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class Published:
    """The loop that a user of the published client writes."""

    def __init__(self, base_url: str, key: str) -> None:
        import httpx
        from runloop_api_client import Runloop

        self._client = Runloop(base_url=base_url, bearer_token=key)
        self._http = httpx.Client(trust_env=False)
        self._ids: dict[str, str] = {}

    def put(self, files: list[Path], prefix: str) -> None:
        """Put each file, one after the other."""
        for path in files:
            created = self._client.objects.create(name=f"{prefix}/{path.name}", content_type="binary")
            self._http.put(created.upload_url or "", content=path.read_bytes()).raise_for_status()
            self._client.objects.complete(created.id)
            self._ids[path.name] = created.id

    def get(self, directory: Path) -> None:
        """Get each into a file of its own."""
        directory.mkdir()
        for name, object_id in self._ids.items():
            url = self._client.objects.download(object_id).download_url
            (directory / name).write_bytes(self._http.get(url).raise_for_status().content)


def main() -> int:
    for name in [name for name in os.environ if name.startswith("RUN")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory:
        home = Path(directory)
        os.environ["RUNLOOP_JUPYTER_HOME"] = str(home / "data")
        os.environ["RUNLOOP_JUPYTER_CACHE"] = str(home / "cache")
        import runloop_jupyter as rl
        from runloop_jupyter.actions import bulk
        from runloop_jupyter.local import launch

        if at_once := os.environ.get("AT_ONCE"):
            bulk.Bulk.__init__.__defaults__ = (int(at_once),)  # type: ignore[misc]
        source = home / "source"
        source.mkdir()
        files = [source / f"{number:04}.bin" for number in range(COUNT)]
        for path in files:
            path.write_bytes(os.urandom(SIZE))
        endpoint = launch.ensure()
        has_peer = importlib.util.find_spec("runloop_api_client") is not None
        took: dict[str, list[float]] = {}
        try:
            peer = Published(endpoint.base_url, endpoint.key.reveal()) if has_peer else None
            for turn in range(ROUNDS):
                took.setdefault("put_all", []).append(timed(lambda: rl.put_all(f"{source}/*.bin", f"ours/{turn}")))  # noqa: B023
                if peer:
                    took.setdefault("put, loop", []).append(timed(lambda: peer.put(files, f"theirs/{turn}")))  # noqa: B023
                to = home / f"ours{turn}"
                took.setdefault("get_all", []).append(timed(lambda: rl.get_all(f"ours/{turn}/*", to=to)))  # noqa: B023
                if peer:
                    took.setdefault("get, loop", []).append(timed(lambda: peer.get(home / f"theirs{turn}")))  # noqa: B023
                took.setdefault("put_all again", []).append(
                    timed(lambda: rl.put_all(f"{source}/*.bin", f"ours/{turn}"))  # noqa: B023
                )
                same = all((to / path.name).read_bytes() == path.read_bytes() for path in files)
                if not same:
                    raise SystemExit("what came back is not what was put")
        finally:
            launch.stop()
    seconds = {what: median(each) for what, each in took.items()}
    for what, each in seconds.items():
        print(f"{what:14} {each:6.2f} s  {COUNT / each:7,.0f} objects/s")
    if not has_peer:
        print("the published client isn't installed here (pip install runloop-api-client): no ratio")
        return 0
    up, down = seconds["put, loop"] / seconds["put_all"], seconds["get, loop"] / seconds["get_all"]
    print(f"put: {up:.1f} times the loop; get: {down:.1f} times (at least {LEAST:g} each)")
    return 0 if min(up, down) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
