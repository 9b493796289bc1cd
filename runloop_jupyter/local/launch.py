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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from runloop_jupyter import paths, process
from runloop_jupyter.errors import EmbeddedStoreError, one_line, redact
from runloop_jupyter.local import auth, release, state
from runloop_jupyter.local import place as places
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.local.state import DaemonState  # noqa: TC001 - part of a public dataclass
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
        published: The state file by which the daemon proved itself; see `still_serves`.
    """

    base_url: str
    key: Secret
    store_id: str
    pid: int
    version: str
    published: DaemonState | None = field(default=None, repr=False)


def default_root() -> Path:
    """Return the directory of the user's own store. Raises InputError where its parent can't be made."""
    return paths.home_dir() / "store"


def ensure(root: Path | None = None, *, timeout: float = 15.0) -> Endpoint:
    """Return the store at `root`, started when none answers. Two callers at once get the same daemon.

    A daemon of an older version that nobody uses is asked to make way for one of this version.

    Args:
        root: The store's directory; None for the user's own.
        timeout: Seconds to wait for it.

    Raises:
        EmbeddedStoreError: It can't be started, or doesn't answer in time.
    """
    layout = _layout(root)
    deadline = time.monotonic() + timeout
    endpoint = _endpoint(layout)
    if endpoint is not None and not _handed_over(layout, endpoint, deadline):
        return endpoint
    if sys.platform == "win32":
        raise EmbeddedStoreError("the embedded store needs Linux, macOS or WSL; set RUNLOOP_API_KEY for the hosted one")
    while True:
        # Another launcher's daemon may be on its way, or one that stops may still be finishing what it had begun.
        verdict = "busy" if _locked(layout) else _start(layout, deadline)
        if verdict == "busy" and (elsewhere := state.holder_elsewhere(layout)):
            raise EmbeddedStoreError(
                f"the embedded store at {layout.root} is in use on another machine, {elsewhere}: stop it there"
                " (`runloop-local stop`), or set RUNLOOP_JUPYTER_HOME to a directory of this machine"
            )
        if verdict.startswith("failed"):
            raise EmbeddedStoreError(f"the embedded store can't be started: {verdict.removeprefix('failed ')}")
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


def still_serves(endpoint: Endpoint, root: Path | None = None) -> bool:
    """Return whether the daemon that proved itself as `endpoint` is alive and holds its port.

    To be asked before the key is sent: another program, and another person's, may have taken the port of a daemon that
    stopped. A daemon says in its state file that it will stop before it lets go of the port. Costs two small reads;
    where the system has no ``/proc``, a handshake.
    """
    layout = _layout(root)
    published = _published(layout)
    if published is None or published.stopping or published != endpoint.published:
        return False
    return _lives(published) and (published.start_ticks is not None or _control(published, "GET", "hello") is not None)


def running(root: Path | None = None) -> Endpoint | None:
    """Return the store at `root` if its daemon is running and answers."""
    return _endpoint(_layout(root))


def stop(root: Path | None = None) -> bool:
    """Stop the daemon of the store at `root`, once the uploads and downloads under way have had ten seconds to finish.

    Returns:
        True when it has stopped; False when none was running.

    Raises:
        EmbeddedStoreError: It hangs, runs on another machine, or didn't stop in time.
    """
    layout = _layout(root)
    endpoint = _answering(layout)
    if endpoint is not None:
        with suppress(ProcessLookupError):
            os.kill(endpoint.pid, signal.SIGTERM)
    elif not _locked(layout):
        return False
    if not _vacated(layout, time.monotonic() + _STOP_SECONDS):
        raise EmbeddedStoreError(f"the embedded store{_process(layout)} didn't stop within 20 s: kill it")
    return True


def pin(root: Path | None = None) -> bool:
    """Keep the running daemon from stopping when idle: its address goes to a client that can't start it."""
    published = state.read(_layout(root))
    return published is not None and _control(published, "POST", "pin") is not None


def status(root: Path | None = None) -> dict[str, Any] | None:
    """Return what the running daemon says of itself; None when none runs.

    The fields: ``store_id``, ``pid``, ``version``, ``start_time`` (seconds, Unix time), ``objects`` (how many, by
    state; those in ERROR have lost their bytes), ``size_bytes``, ``pinned``, ``checking`` (whether it still looks
    through its files after a start), ``place`` (see `place`).

    Raises:
        EmbeddedStoreError: It hangs, or runs on another machine.
    """
    layout = _layout(root)
    endpoint = _answering(layout)
    facts = _control(endpoint.published, "GET", "status") if endpoint and endpoint.published else None
    return None if facts is None else {**facts, "place": place(layout.root)}


def place(root: Path | None = None) -> str | None:
    """Return one line when the store at `root` lies where data is lost, or shared; None when there is nothing to say.

    In memory, in a container's own layer, on a volume that goes with its pod, on a network filesystem.
    """
    return places.note(_layout(root).root)


def _published(layout: Layout) -> DaemonState | None:
    """Return what the state file says; one that hasn't changed isn't read again: every call to the store asks this."""
    try:
        stat = layout.state.stat()
    except OSError:
        return None
    which = stat.st_ino, stat.st_mtime_ns, stat.st_size
    known = _read.get(layout)
    if known is None or known[0] != which:
        known = _read[layout] = which, state.read(layout)
    return known[1]


_read: dict[Layout, tuple[tuple[int, int, int], DaemonState | None]] = {}


def _layout(root: Path | None) -> Layout:
    try:
        return Layout((root or default_root()).expanduser().absolute())
    except OSError as error:
        raise EmbeddedStoreError(f"there is no place for the embedded store: {error}") from error


def _endpoint(layout: Layout) -> Endpoint | None:
    published = state.read(layout)
    facts = _control(published, "GET", "hello") if published else None
    if published is None or facts is None:
        return None
    return Endpoint(
        base_url=f"http://127.0.0.1:{published.port}",
        key=published.key,
        store_id=facts["store_id"],
        pid=facts["pid"],
        version=facts["version"],
        published=published,
    )


def _answering(layout: Layout) -> Endpoint | None:
    """Return the running daemon; None when none runs, or it is stopping.

    Raises:
        EmbeddedStoreError: One holds the root and doesn't answer.
    """
    deadline = time.monotonic() + _ANSWER_SECONDS
    while True:
        endpoint = _endpoint(layout)
        if endpoint is not None or not _locked(layout):
            return endpoint
        published = state.read(layout)
        if elsewhere := state.holder_elsewhere(layout):
            raise EmbeddedStoreError(f"the embedded store runs on {elsewhere}: stop it, or ask for it, there")
        if published is not None and published.stopping:
            return None
        if time.monotonic() >= deadline:  # or else it has only just been started
            raise EmbeddedStoreError(
                f"the embedded store{_process(layout)} hangs: it holds {layout.root} and doesn't answer."
                " Kill its process (kill -9); what was stored stays"
            )
        time.sleep(0.02)


def _handed_over(layout: Layout, endpoint: Endpoint, deadline: float) -> bool:
    """Ask a daemon of an older version to make way; return whether it did."""
    if endpoint.published is None or not release.newer(release.installed(), endpoint.version):
        return False
    facts = _control(endpoint.published, "POST", "hand-over")
    return facts is not None and facts["stopping"] and _vacated(layout, deadline)


def _control(published: DaemonState, method: str, action: str) -> dict[str, Any] | None:
    """Return the daemon's answer; None when nobody answers or it isn't the daemon that published this state."""
    if not published.here or published.stopping:
        return None
    path = auth.CONTROL_PATH + action
    challenge = secrets.token_hex(16)
    mac = auth.handshake(published.nonce, method, path, challenge)
    connection = http.client.HTTPConnection("127.0.0.1", published.port, timeout=_ANSWER_SECONDS)
    try:
        connection.request(method, path, headers={"Authorization": f"{auth.CONTROL_SCHEME} {challenge}:{mac}"})
        facts = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    right = auth.proof(published.nonce, path, challenge)
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
        return f"failed {places.unusable(layout.root, error)}"
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
    """Return which process it is, for a message; "" when that isn't known: nobody shall kill another one."""
    published = state.read(layout)
    if published is None or (published.here and not _lives(published)):
        return ""
    return f" (process {published.pid} on {published.host})"


def _lives(published: DaemonState) -> bool:
    """Return whether that very process is alive on this machine; True where the system can't tell."""
    return published.start_ticks is None or process.start_ticks(published.pid) == published.start_ticks


def _last_log_line(layout: Layout) -> str:
    try:
        with layout.log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - 4096, 0))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError as error:
        return f"(no log: {error.strerror})"
    return next((one_line(redact(line), 300) for line in reversed(lines) if line.strip()), "(the log is empty)")


def _vacated(layout: Layout, deadline: float) -> bool:
    """Wait until no daemon holds the root; return whether that came true before the deadline."""
    while _locked(layout):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _locked(layout: Layout) -> bool:
    """Return whether a daemon holds the root. A process id would stay for as long as nobody reaps it."""
    if sys.platform == "win32":  # where no daemon runs
        return False
    import fcntl

    try:
        with layout.lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no root yet, or one that can't be used: starting a daemon says why
        return False
    return False
