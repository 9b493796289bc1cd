"""What clients need of the embedded store: where it is, started when it isn't running.

Only the standard library and the ground are imported here: a kernel that has a key never pays for the server's parts.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import sysconfig
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runloop_jupyter import paths
from runloop_jupyter.errors import EmbeddedStoreError, one_line, redact
from runloop_jupyter.local import auth, state
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.secret import Secret  # noqa: TC001 - part of a public dataclass

_ANSWER_SECONDS: Final = 2.0
_STOP_SECONDS: Final = 20.0
# The daemon has no use for these, and its environment can be read by every process of the user.
_NOT_FOR_THE_DAEMON: Final = frozenset({"RUNLOOP_API_KEY", "RUNTOOLS_API_KEY", "RUNLOOP_LOCAL_KEY"})


@dataclass(frozen=True)
class Endpoint:
    """A running embedded store.

    Attributes:
        base_url: What the published clients take as ``RUNLOOP_BASE_URL``.
        key: The bearer key.
        store_id: The store's own UUID.
        pid: The daemon's process id.
        version: The daemon's version of this package.
    """

    base_url: str
    key: Secret
    store_id: str
    pid: int
    version: str


def default_root() -> Path:
    """Return the directory of the user's own store. Raises OSError."""
    return paths.home_dir() / "store"


def ensure(root: Path | None = None, *, timeout: float = 15.0) -> Endpoint:
    """Return the store at `root`, started when none answers. Two callers at once get the same daemon.

    Args:
        root: The store's directory; None for the user's own.
        timeout: Seconds to wait for it.

    Raises:
        EmbeddedStoreError: It can't be started, or doesn't answer in time.
    """
    layout = _layout(root)
    deadline = time.monotonic() + timeout
    endpoint = _endpoint(layout)
    if endpoint is not None:
        return endpoint
    if sys.platform == "win32":
        raise EmbeddedStoreError("the embedded store needs Linux, macOS or WSL; set RUNLOOP_API_KEY for the hosted one")
    verdict = _start(layout, deadline)
    if verdict.startswith("failed"):
        raise EmbeddedStoreError(f"the embedded store can't be started: {verdict.removeprefix('failed ')}")
    while True:
        endpoint = _endpoint(layout)
        if endpoint is not None:
            return endpoint
        if time.monotonic() >= deadline:
            break
        time.sleep(0.02)
    raise EmbeddedStoreError(
        f"the embedded store at {layout.root} didn't answer within {timeout:g} s{_process(layout)};"
        f" its log ends: {_last_log_line(layout)}"
    )


def running(root: Path | None = None) -> Endpoint | None:
    """Return the store at `root` if its daemon is running and answers."""
    return _endpoint(_layout(root))


def stop(root: Path | None = None) -> bool:
    """Stop the daemon of the store at `root`, uploads and downloads given time to finish; return whether one ran.

    Raises:
        EmbeddedStoreError: It didn't stop.
    """
    layout = _layout(root)
    endpoint = _endpoint(layout)
    if endpoint is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(endpoint.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while _locked(layout):
        if time.monotonic() >= deadline:
            raise EmbeddedStoreError(f"the embedded store (process {endpoint.pid}) didn't stop within 20 s: kill it")
        time.sleep(0.02)
    return True


def pin(root: Path | None = None) -> bool:
    """Keep the running daemon from stopping when idle: its address goes to a client that can't start it."""
    return _control(_layout(root), "POST", "pin") is not None


def status(root: Path | None = None) -> dict[str, Any] | None:
    """Return what the running daemon says of itself; None when none runs.

    The fields: ``store_id``, ``pid``, ``version``, ``start_time`` (seconds, Unix time), ``objects`` (how many, by
    state), ``size_bytes``, ``pinned``.
    """
    return _control(_layout(root), "GET", "status")


def _layout(root: Path | None) -> Layout:
    try:
        return Layout((root or default_root()).expanduser().absolute())
    except OSError as error:
        raise EmbeddedStoreError(f"there is no place for the embedded store: {error}") from error


def _endpoint(layout: Layout) -> Endpoint | None:
    known = state.read(layout)
    facts = _control(layout, "GET", "hello")
    if known is None or facts is None:
        return None
    return Endpoint(
        base_url=f"http://127.0.0.1:{known.port}",
        key=known.key,
        store_id=facts["store_id"],
        pid=facts["pid"],
        version=facts["version"],
    )


def _control(layout: Layout, method: str, action: str) -> dict[str, Any] | None:
    """Return the daemon's answer; None when nobody answers or it isn't the daemon that published the state."""
    known = state.read(layout)
    if known is None or not known.here:
        return None
    path = auth.CONTROL_PATH + action
    challenge = secrets.token_hex(16)
    mac = auth.handshake(known.nonce, method, path, challenge)
    connection = http.client.HTTPConnection("127.0.0.1", known.port, timeout=_ANSWER_SECONDS)
    try:
        connection.request(method, path, headers={"Authorization": f"{auth.CONTROL_SCHEME} {challenge}:{mac}"})
        facts = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    right = auth.proof(known.nonce, path, challenge)
    if not isinstance(facts, dict) or not secrets.compare_digest(str(facts.pop("proof", "")).encode(), right.encode()):
        return None
    return facts


def _start(layout: Layout, deadline: float) -> str:
    """Start a daemon that outlives this process, and return its one line: ``ready``, ``busy`` or ``failed …``."""
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_THE_DAEMON}
    home = str(Path(__file__).parents[2])
    if home not in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        # Not installed: found by a path that this process has and another needn't have.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [home, environment.get("PYTHONPATH")]))
    read_end, write_end = os.pipe()
    try:
        try:
            paths.private_dir(layout.root)
            log = os.open(layout.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                subprocess.run(  # noqa: S603 - our own interpreter and module
                    [sys.executable, "-P", "-m", "runloop_jupyter.local.daemon", str(layout.root), str(write_end)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    env=environment,
                    cwd=layout.root,
                    pass_fds=(write_end,),
                    start_new_session=True,  # Ctrl-C in a notebook isn't for the daemon
                    check=False,
                    timeout=max(deadline - time.monotonic(), 1.0),
                )
            finally:
                os.close(log)
        finally:
            os.close(write_end)
        return _first_line(read_end, deadline) or f"failed {_last_log_line(layout)}"
    except OSError as error:
        return f"failed {error}"
    except subprocess.TimeoutExpired:
        return "failed the interpreter didn't start in time"
    finally:
        os.close(read_end)


def _first_line(descriptor: int, deadline: float) -> str:
    """Return what comes before the first newline; "" at the end of the stream, ``busy`` at the deadline."""
    line = b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([descriptor], [], [], max(deadline - time.monotonic(), 0))
        if not readable:
            return "busy"
        chunk = os.read(descriptor, 4096)
        if not chunk:
            break
        line += chunk
    return line.decode("utf-8", "replace").strip()


def _process(layout: Layout) -> str:
    known = state.read(layout)
    return f" (process {known.pid} on {known.host})" if known else ""


def _last_log_line(layout: Layout) -> str:
    try:
        with layout.log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - 4096, 0))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError as error:
        return f"(no log: {error.strerror})"
    return next((one_line(redact(line), 300) for line in reversed(lines) if line.strip()), "(the log is empty)")


def _locked(layout: Layout) -> bool:
    """Return whether a daemon holds the root. A process id would stay for as long as nobody reaps it."""
    import fcntl  # not on Windows, where no daemon is to be stopped

    with layout.lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
