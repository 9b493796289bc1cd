"""A real store process, and a client that shows the wire as it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from runloop_jupyter.local import launch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KEY = "key-of-the-tests"
HOME = Path(__file__).parents[2]


def environment(**changes: str) -> dict[str, str]:
    """The tests' own environment without anything that points at a store."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNLOOP_", "RUNTOOLS_"))}
    path = os.pathsep.join(filter(None, [str(HOME), os.environ.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path, **changes}


def runloop_local(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run `runloop-local` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "runloop_jupyter.local.cli", *arguments],
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@dataclass
class Store:
    """A store process in the foreground and its wire."""

    process: subprocess.Popen[str]
    root: Path
    base_url: str
    http: httpx.Client
    written: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {KEY}"}

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.http.get(path, headers=self.headers, **more)

    def post(self, path: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return self.http.post(path, headers={**self.headers, **(headers or {})}, **more)

    def create(self, name: str = "thing", **more: Any) -> dict[str, Any]:
        answer = self.post("/v1/objects", json={"name": name, "content_type": "binary", **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def upload(self, created: dict[str, Any], content: bytes) -> httpx.Response:
        return self.http.put(created["upload_url"], content=content)

    def put(self, name: str = "thing", content: bytes = b"bytes", **more: Any) -> dict[str, Any]:
        """Create, upload and complete an object."""
        created = self.create(name, **more)
        assert self.upload(created, content).status_code == 200
        answer = self.post(f"/v1/objects/{created['id']}/complete")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def delete(self, object_id: str) -> httpx.Response:
        return self.post(f"/v1/objects/{object_id}/delete")

    def download_url(self, object_id: str, **params: Any) -> str:
        answer = self.get(f"/v1/objects/{object_id}/download", params=params)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["download_url"])

    def read(self, object_id: str, **headers: str) -> httpx.Response:
        return self.http.get(self.download_url(object_id), headers=headers)

    def names(self, **params: Any) -> list[str]:
        answer = self.get("/v1/objects", params=params)
        assert answer.status_code == 200, answer.text
        return [each["name"] for each in answer.json()["objects"]]

    @property
    def port(self) -> int:
        port = urlsplit(self.base_url).port
        assert port is not None
        return port

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End the process as a person would."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        out, error = self.process.communicate(timeout=30)
        self.written += out + error

    def log(self) -> str:
        """What the closed process wrote."""
        return self.written


def open_store(
    root: Path,
    *arguments: str,
    before: Callable[[], None] | None = None,
    under: Sequence[str] = (),
    **changes: str,
) -> Store:
    """Start `runloop-local serve` on `root`, as the last argument of the command `under`; wait until it answers."""
    process = subprocess.Popen(
        [*under, sys.executable, "-m", "runloop_jupyter.local.cli", "serve", "--root", str(root), *arguments],
        env=environment(RUNLOOP_LOCAL_KEY=KEY, **changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    if "http://" not in line:
        raise AssertionError(process.stderr.read())
    base_url = next(word for word in line.split() if word.startswith("http://"))
    return Store(process, root, base_url, httpx.Client(base_url=base_url, trust_env=False, timeout=30))


def listing(endpoint: launch.Endpoint) -> httpx.Response:
    """List a background store's objects."""
    headers = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
    return httpx.get(f"{endpoint.base_url}/v1/objects", headers=headers, trust_env=False)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill(endpoint: launch.Endpoint, root: Path) -> None:
    """End a background store as a power cut would."""
    os.kill(endpoint.pid, signal.SIGKILL)
    eventually(lambda: launch.running(root) is None)
