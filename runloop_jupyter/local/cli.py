"""``runloop-local``: the embedded store from a shell."""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runloop_jupyter.errors import EmbeddedStoreError, RunloopError, one_line
from runloop_jupyter.local import launch
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runloop_jupyter.local.state import DaemonState


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0; 1 after an error; 3 from ``status`` when no store runs."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except RunloopError as error:
        print(f"runloop-local: {one_line(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runloop-local",
        description="The embedded Runloop store on this computer: it serves the published Objects API, offline.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="serve in the foreground until Ctrl-C",
        description="The key is RUNLOOP_LOCAL_KEY where it is set.",
    )
    serve.add_argument("--port", type=_port, metavar="N", help="TCP port on 127.0.0.1 (default: the one it had last)")
    serve.set_defaults(command=_serve)
    env = commands.add_parser(
        "env",
        help="print URL and key for another client, starting the store if it isn't running",
        description='Use it as: eval "$(runloop-local env)". The store then stays until it is stopped.',
    )
    env.set_defaults(command=_env)
    status = commands.add_parser("status", help="say whether a store is running, and what is in it")
    status.add_argument("--json", action="store_true", help="for programs")
    status.set_defaults(command=_status)
    stop = commands.add_parser("stop", help="stop the store; what it holds stays")
    stop.set_defaults(command=_stop)
    for each in (serve, env, status, stop):
        each.add_argument("--root", type=Path, metavar="DIR", help="the store's directory (default: the user's own)")
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


def _root(options: argparse.Namespace) -> Path:
    return Path(options.root or launch.default_root()).expanduser().absolute()


def _serve(options: argparse.Namespace) -> int:
    if sys.platform == "win32":
        raise EmbeddedStoreError("the embedded store needs Linux, macOS or WSL")
    from runloop_jupyter.local.daemon import RedactingFormatter
    from runloop_jupyter.local.server import Options, serve

    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    given = os.environ.pop("RUNLOOP_LOCAL_KEY", "").strip()
    if given and (not given.isascii() or not given.isprintable() or " " in given):
        raise EmbeddedStoreError("RUNLOOP_LOCAL_KEY is one word of printable ASCII characters")
    layout = Layout(_root(options))

    def ready(state: DaemonState) -> None:
        whence = "from RUNLOOP_LOCAL_KEY" if given else f"in {layout.key}"
        print(f"serving {layout.root} at http://127.0.0.1:{state.port} (key {whence}); Ctrl-C stops", flush=True)

    serve(layout, Options(key=Secret(given) if given else None, port=options.port, ready=ready))
    return 0


def _env(options: argparse.Namespace) -> int:
    root = _root(options)
    endpoint = launch.ensure(root)
    if not launch.pin(root):
        raise EmbeddedStoreError("the store stopped while it was asked: try again")
    print(
        f"export RUNLOOP_BASE_URL={shlex.quote(endpoint.base_url)} RUNLOOP_API_KEY={shlex.quote(endpoint.key.reveal())}"
    )
    return 0


def _status(options: argparse.Namespace) -> int:
    root = _root(options)
    facts = launch.status(root)
    endpoint = launch.running(root) if facts else None
    if facts is None or endpoint is None:
        print(json.dumps({"running": False, "root": str(root)}) if options.json else f"no store is running at {root}")
        return 3
    if options.json:
        print(json.dumps({"running": True, "root": str(root), "base_url": endpoint.base_url, **facts}))
        return 0
    stored = facts["objects"].get("READ_ONLY", 0)
    uploading = facts["objects"].get("UPLOADING", 0)
    lost = facts["objects"].get("ERROR", 0)
    minutes = int(time.time() - facts["start_time"]) // 60
    print(f"{endpoint.base_url} · {root}")
    print(
        f"{stored:,} objects, {facts['size_bytes']:,} bytes"
        + (f", {uploading:,} uploading" if uploading else "")
        + (f", {lost:,} that lost their bytes (state ERROR)" if lost else "")
        + f" · process {facts['pid']}, up {minutes // 60} h {minutes % 60} min · version {facts['version']}"
    )
    if facts["place"]:
        print(facts["place"])
    return 0


def _stop(options: argparse.Namespace) -> int:
    root = _root(options)
    print("stopped" if launch.stop(root) else f"no store is running at {root}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
