"""One run of the store's server: lock, open, bind, publish, serve until told to stop or idle."""

from __future__ import annotations

import asyncio
import dataclasses
import fcntl
import logging
import os
import platform
import random
import secrets
import signal
import socket
import sqlite3
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import web

from runloop_jupyter import process
from runloop_jupyter.atomic import fsync_dir
from runloop_jupyter.errors import EmbeddedStoreError
from runloop_jupyter.index import connect
from runloop_jupyter.local import place, release
from runloop_jupyter.local import state as daemon_state
from runloop_jupyter.local.app import Service, make_app
from runloop_jupyter.local.arrivals import Arrivals
from runloop_jupyter.local.auth import Signer
from runloop_jupyter.local.blobs import Blobs
from runloop_jupyter.local.browse import Browse
from runloop_jupyter.local.connection import connections
from runloop_jupyter.local.database import SCHEMA, Worker
from runloop_jupyter.local.guard import Activity
from runloop_jupyter.local.identity import load_identity, load_key, save_identity
from runloop_jupyter.local.objects import Objects
from runloop_jupyter.local.recovery import Recovery, check_database
from runloop_jupyter.local.upkeep import sweep_all
from runloop_jupyter.paths import private_dir
from runloop_jupyter.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runloop_jupyter.local.identity import Identity
    from runloop_jupyter.local.layout import Layout
    from runloop_jupyter.local.state import DaemonState

log = logging.getLogger(__name__)

_HEARTBEAT_SECONDS: Final = 10.0
# A state file of another host that is younger than this belongs to a daemon that lives.
_ALIVE_SECONDS: Final = 35.0
# Whoever has just read the state file still finds this daemon behind the port, not whoever takes it next.
_GRACE_SECONDS: Final = 0.1
# So long a start may look through the files before it serves, and so long at a time after that.
_RECOVER_FIRST_SECONDS: Final = 1.0
_RECOVER_SECONDS: Final = 0.01
_FINISH_SECONDS: Final = 10.0
_CUT_OFF_SECONDS: Final = 1.0
# Below the range from which systems take ports for outgoing connections, so that it is free again at the next start.
_PORTS: Final = (20_000, 30_000)


class Locked(EmbeddedStoreError):
    """Another daemon serves this root."""


@dataclass(frozen=True)
class Options:
    """How to serve.

    Attributes:
        key: The bearer key; None for the one kept in the root.
        port: TCP port; None for the one it had last, or any.
        idle_seconds: Stop after so long without use; None for never.
        ready: Told once the store answers.
    """

    key: Secret | None = None
    port: int | None = None
    idle_seconds: float | None = None
    ready: Callable[[DaemonState], None] | None = None


def serve(layout: Layout, options: Options) -> None:
    """Serve the store at `layout` until SIGTERM, SIGINT or the idle time.

    Raises:
        Locked: Another daemon serves it.
        EmbeddedStoreError: The port is taken, or the root can't be used.
    """
    os.umask(0o077)
    try:
        with ExitStack() as stack:
            private_dir(layout.root)
            if not layout.database.exists():
                _settle(layout.root)
            lock = stack.enter_context(_locked(layout))
            stack.enter_context(_not_alive_elsewhere(layout))
            with suppress(OSError):  # a full disk: the state file says it too
                daemon_state.hold(lock)
            identity = load_identity(layout)
            listener = stack.enter_context(_bind(layout, identity, options.port))
            asyncio.run(_run(layout, options, identity, listener))
    except OSError as error:
        raise EmbeddedStoreError(place.unusable(layout.root, error)) from error
    except sqlite3.Error as error:
        raise EmbeddedStoreError(f"{layout.database} can't be opened: {error}") from error


def _settle(directory: Path) -> None:
    """Make the way to a new directory survive a power cut: whoever made it may have made its parents too."""
    for parent in directory.parents:
        with suppress(OSError):  # one that isn't ours to open isn't one that was made for this
            fsync_dir(parent)


@contextmanager
def _locked(layout: Layout) -> Iterator[int]:
    fd = os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(f"the embedded store at {layout.root} is already being served{_by(layout)}") from None
        yield fd
    finally:
        os.close(fd)


def _by(layout: Layout) -> str:
    if elsewhere := daemon_state.holder_elsewhere(layout):
        return f" on another machine, {elsewhere}: stop it there"
    state = daemon_state.read(layout)
    return f" (process {state.pid} on {state.host})" if state else ""


@contextmanager
def _not_alive_elsewhere(layout: Layout) -> Iterator[None]:
    """Refuse a root that a daemon on another host serves: on some network filesystems locks don't reach across."""
    state = daemon_state.read(layout)
    if state is not None and not state.here:
        layout.lock.touch()  # so that both times are the file server's
        age = layout.lock.stat().st_mtime - layout.state.stat().st_mtime
        if age < _ALIVE_SECONDS:
            raise EmbeddedStoreError(
                f"the embedded store at {layout.root} is served on another machine, {state.host} (process {state.pid}):"
                f" stop it there, or if that machine is gone try again in {_ALIVE_SECONDS:.0f} s"
            )
    yield
    layout.state.unlink(missing_ok=True)


@contextmanager
def _bind(layout: Layout, identity: Identity, wanted: int | None) -> Iterator[socket.socket]:
    """Listen on the port that was asked for, else the one it had last, else any; and keep it in mind."""
    chance = random.Random()  # noqa: S311 - spreads ports, hides nothing
    before = [] if identity.port is None else [identity.port]
    for port in [wanted] if wanted else [*before, *(chance.randrange(*_PORTS) for _ in range(50)), 0]:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
            break
        listener.close()
    else:
        raise EmbeddedStoreError(f"port {wanted} is taken by another program: choose another with --port")
    with listener:
        bound = listener.getsockname()[1]
        if identity.port not in (None, bound) and not wanted:
            log.warning("port %s is taken by another program; links that were handed out no longer work", identity.port)
        if identity.port != bound:
            save_identity(layout, msgspec.structs.replace(identity, port=bound))
        yield listener


async def _run(layout: Layout, options: Options, identity: Identity, listener: socket.socket) -> None:
    blobs = Blobs(layout)
    check_database(layout, blobs)
    worker = Worker()
    connection = await worker(lambda: connect(layout.database, SCHEMA))
    try:
        objects = await worker(lambda: Objects(connection, blobs))
        await worker(objects.tidy)
        recovery = Recovery(connection, blobs)
        await worker(lambda: recovery.advance(_RECOVER_FIRST_SECONDS))
        state = daemon_state.DaemonState(
            host=platform.node(),
            boot_id=process.boot_id(),
            pid=os.getpid(),
            start_time=time.time(),
            nonce=Secret(secrets.token_urlsafe(32)),
            key=options.key or load_key(layout.key, "rl_local_"),
            port=listener.getsockname()[1],
            version=release.installed(),
            start_ticks=process.start_ticks(os.getpid()),
        )
        activity = Activity()
        stop = _stop_signals()

        def hand_over() -> bool:
            if activity.may_be_replaced(options.idle_seconds):
                stop.set()
            return stop.is_set()

        service = Service(
            layout=layout,
            objects=objects,
            browse=Browse(connection, objects),
            arrivals=Arrivals(connection, objects, blobs),
            blobs=blobs,
            worker=worker,
            activity=activity,
            signer=Signer(load_key(layout.signing_key), identity.store_id),
            key=state.key,
            nonce=state.nonce,
            facts={
                "store_id": identity.store_id,
                "pid": state.pid,
                "version": state.version,
                "start_time": state.start_time,
                "checking": not recovery.done,
            },
            hand_over=hand_over,
        )
        runner = web.AppRunner(make_app(service), shutdown_timeout=_CUT_OFF_SECONDS)
        await runner.setup()
        if runner.server is None:
            raise RuntimeError("aiohttp made no server")
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(connections(runner.server, loop), sock=listener)
        recovering: asyncio.Task[None] | None = None
        try:
            daemon_state.publish(layout, state)
            log.info("serving %s on port %d, process %d", layout.root, state.port, state.pid)
            if where := place.note(layout.root):
                log.warning(where)
            if options.ready:
                options.ready(state)
            recovering = asyncio.create_task(_recover(layout, service, recovery))
            await _keep_house(layout, service, stop, options.idle_seconds)
        finally:
            if recovering is not None:
                recovering.cancel()
            await _take_leave(layout, state, listening, activity)
            await runner.cleanup()
    finally:
        await worker(connection.close)
        worker.close()
        log.info("stopped")


def _stop_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _take_leave(layout: Layout, state: DaemonState, listening: asyncio.Server, activity: Activity) -> None:
    """Send new clients away, then give uploads and downloads time to finish: clean-up cuts off what they still send."""
    try:
        daemon_state.publish(layout, dataclasses.replace(state, stopping=True))
    except OSError:  # a state that nobody finds sends clients away as well
        with suppress(OSError):
            layout.state.unlink(missing_ok=True)
    await asyncio.sleep(_GRACE_SECONDS)
    listening.close()
    deadline = time.monotonic() + _FINISH_SECONDS
    while activity.in_flight and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    if activity.in_flight:
        log.warning("cut off %d uploads and downloads that didn't end in time", activity.in_flight)


async def _recover(layout: Layout, service: Service, recovery: Recovery) -> None:
    """Look through what is left to look through, a little at a time so that requests come in between."""
    try:
        while not await service.worker(lambda: recovery.advance(_RECOVER_SECONDS)):
            await asyncio.sleep(0)
        service.objects.checked = True
        service.facts["checking"] = False
    except (OSError, sqlite3.Error):
        log.exception("the files couldn't be held against the database; the next start tries again")
    for line in recovery.lines(layout):
        log.warning(line)


async def _keep_house(layout: Layout, service: Service, stop: asyncio.Event, idle_seconds: float | None) -> None:
    """Every few seconds: say that this daemon lives, delete what is past its time; return when it is time to stop."""
    activity = service.activity
    every = _HEARTBEAT_SECONDS if idle_seconds is None else min(_HEARTBEAT_SECONDS, max(idle_seconds / 4, 0.05))
    while not stop.is_set():
        try:
            if swept := await sweep_all(service.worker, service.objects):
                log.info("deleted %d objects past their time", swept)
            await service.worker(service.objects.tidy)
            await asyncio.to_thread(os.utime, layout.state)
        except FileNotFoundError:
            log.warning("the store's directory is gone")
            return
        except (OSError, sqlite3.Error):
            log.exception("housekeeping failed; trying again in %g s", every)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every)
        if idle_seconds is not None and activity.may_stop(idle_seconds):
            log.info("nobody used the store for %g s", idle_seconds)
            return
