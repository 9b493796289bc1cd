"""What the commands of ``runloop-local`` do."""

from __future__ import annotations

import json
import logging
import os
import shlex
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.errors import EmbeddedStoreError
from runloop_jupyter.local import health, launch
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.secret import Secret

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from runloop_jupyter.local.caller import Caller
    from runloop_jupyter.local.state import DaemonState

NOT_RUNNING: Final = 3
_TELL_SECONDS: Final = 0.2


def serve(options: Namespace) -> int:
    """Serve in the foreground."""
    if sys.platform == "win32":
        raise EmbeddedStoreError("the embedded store needs Linux, macOS or WSL")
    from runloop_jupyter.local.daemon import RedactingFormatter
    from runloop_jupyter.local.server import Options
    from runloop_jupyter.local.server import serve as serve_here

    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    given = os.environ.pop("RUNLOOP_LOCAL_KEY", "").strip()
    if given and (not given.isascii() or not given.isprintable() or " " in given):
        raise EmbeddedStoreError("RUNLOOP_LOCAL_KEY is one word of printable ASCII characters")
    layout = Layout(_root(options))

    def ready(state: DaemonState) -> None:
        whence = "from RUNLOOP_LOCAL_KEY" if given else f"in {layout.key}"
        url = f"http://127.0.0.1:{state.port}"
        if options.json:
            print(json.dumps({"root": str(layout.root), "base_url": url, "pid": state.pid}), flush=True)
        else:
            print(f"serving {layout.root} at {url} (key {whence}); Ctrl-C stops", flush=True)

    serve_here(layout, Options(key=Secret(given) if given else None, port=options.port, ready=ready))
    return 0


def env(options: Namespace) -> int:
    """Print URL and key: the one command that is there to show the key."""
    root = _root(options)
    endpoint = launch.ensure(root)
    if not launch.pin(root):
        raise EmbeddedStoreError("the store stopped while it was asked: try again")
    variables = {"RUNLOOP_BASE_URL": endpoint.base_url, "RUNLOOP_API_KEY": endpoint.key.reveal()}
    if options.json:
        print(json.dumps(variables))
    else:
        print("export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items()))
    return 0


def status(options: Namespace) -> int:
    """Say what is running, what is in it, and what is wrong."""
    layout = Layout(_root(options))
    facts = launch.status(layout.root)
    endpoint = launch.running(layout.root) if facts else None
    if endpoint is None:
        facts = None
    wrong = health.problems(layout, facts)
    free = health.disk_free(layout)
    told: dict[str, Any] = {
        "running": endpoint is not None,
        "root": str(layout.root),
        "log": str(layout.log),
        "disk_free_bytes": free,
        "problems": wrong,
    }
    if facts is not None and endpoint is not None:
        told |= {"base_url": endpoint.base_url, **facts, "uptime_seconds": round(time.time() - facts["start_time"], 1)}
    if options.json:
        print(json.dumps(told))
    else:
        _print_status(told)
    return 0 if endpoint is not None else NOT_RUNNING


def _print_status(told: dict[str, Any]) -> None:
    free = told["disk_free_bytes"]
    room = "" if free is None else f", room for {free:,} more"
    if not told["running"]:
        print(f"no store is running at {told['root']}")
    else:
        stored, uploading = told["objects"].get("READ_ONLY", 0), told["objects"].get("UPLOADING", 0)
        minutes = int(told["uptime_seconds"]) // 60
        print(f"{told['base_url']} · {told['root']}")
        print(
            f"{stored:,} objects, {told['size_bytes']:,} bytes{room}"
            + (f", {uploading:,} uploading" if uploading else "")
            + f" · process {told['pid']}, up {minutes // 60} h {minutes % 60} min · version {told['version']}"
        )
        print(f"log: {told['log']}")
    for each in told["problems"]:
        print(f"problem: {each}")


def stop(options: Namespace) -> int:
    """Stop the daemon."""
    root = _root(options)
    stopped = launch.stop(root)
    if options.json:
        print(json.dumps({"stopped": stopped, "root": str(root)}))
    else:
        print("stopped" if stopped else f"no store is running at {root}")
    return 0


def gc(options: Namespace) -> int:
    """Have the daemon clean up."""
    asked = {"dry_run": str(options.dry_run).lower(), "strays": str(options.strays).lower()}
    with _calling(options) as (_, caller):
        cleaned = caller.control("POST", "gc", query=asked)
    found = {name: cleaned[name] for name in ("expired", "leftovers", "cut_off", "strays", "size_bytes")}
    if options.json:
        print(json.dumps({**found, "dry_run": options.dry_run}))
        return 0
    verb = "would remove" if options.dry_run else "removed"
    print(
        f"{verb} {found['expired']:,} expired objects; the files of {found['leftovers']:,} deleted ones,"
        f" {found['cut_off']:,} cut-off uploads, {found['strays']:,} strays: {found['size_bytes']:,} bytes"
    )
    return 0


def export(options: Namespace) -> int:
    """Write the store into a bag."""
    target = _path(options.path)
    progress = _Progress("exported")
    with _calling(options) as (endpoint, caller):
        from runloop_jupyter.local.export import export as export_to  # not on Windows, which has no store either

        done = export_to(caller, endpoint.store_id, target, lambda so_far: progress(so_far.objects, so_far.size_bytes))
    progress.end()
    if options.json:
        print(json.dumps({"path": str(target), **asdict(done)}))
    else:
        gone = f"; {done.gone:,} were deleted meanwhile" if done.gone else ""
        print(f"exported {done.objects:,} objects, {done.size_bytes:,} bytes, to {target}{gone}")
        print("anybody can check it: sha256sum -c manifest-sha256.txt")
    return 0


def bring_in(options: Namespace) -> int:
    """Take in the objects of a bag."""
    source = _path(options.path)
    progress = _Progress("imported")
    with _calling(options) as (_, caller):
        from runloop_jupyter.local.bring_in import bring_in as bring_in_from

        done = bring_in_from(
            caller,
            source,
            restore=options.restore,
            tell=lambda so_far: progress(so_far.objects, so_far.size_bytes),
        )
    progress.end()
    if options.json:
        print(json.dumps({"path": str(source), **asdict(done)}))
        return 0
    skipped = {
        "were here already": done.here,
        "were deleted here and stay so (--restore brings them back)": done.deleted,
        "are past their time": done.expired,
    }
    print(
        f"imported {done.objects:,} objects, {done.size_bytes:,} bytes"
        + "".join(f"; {n:,} {what}" for what, n in skipped.items() if n)
    )
    return 0


def _root(options: Namespace) -> Path:
    return Path(options.root or launch.default_root()).expanduser().absolute()


def _path(path: Path) -> Path:
    return path.expanduser().absolute()


@contextmanager
def _calling(options: Namespace) -> Iterator[tuple[launch.Endpoint, Caller]]:
    """Start the store if it isn't running, and talk to it."""
    from runloop_jupyter.local.caller import Caller

    root = _root(options)
    endpoint = launch.ensure(root)
    with Caller(Layout(root), endpoint) as caller:
        yield endpoint, caller


class _Progress:
    """One line on a terminal, written over a few times a second; nothing anywhere else."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._shown = sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, objects: int, size_bytes: int) -> None:
        now = time.monotonic()
        if self._shown and now >= self._next:
            self._next = now + _TELL_SECONDS
            print(f"\r{self._verb} {objects:,} objects, {size_bytes:,} bytes …\x1b[K", end="", file=sys.stderr)

    def end(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
