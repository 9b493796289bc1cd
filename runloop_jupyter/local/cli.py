"""``runloop-local``: the embedded store from a shell. What each command does is in `commands`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from runloop_jupyter.errors import RunloopError, one_line
from runloop_jupyter.local import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status.

    0 when it did what was asked; 1 after an error; 2 for a command line that isn't one; 3 from ``status`` when no store
    runs; 130 after Ctrl-C. With ``--json`` an error is a JSON object too.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except (RunloopError, OSError) as error:
        message = one_line(str(error))
        print(f"runloop-local: {message}", file=sys.stderr)
        if options.json:
            print(json.dumps({"error": message}))
        return 1
    except KeyboardInterrupt:
        print("runloop-local: stopped by Ctrl-C", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runloop-local",
        description="The embedded Runloop store on this computer: it serves the published Objects API, offline.",
    )
    commanded = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, does: str, more: str, command: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        added = commanded.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}. {more}".strip())
        added.add_argument("--root", type=Path, metavar="DIR", help="the store's directory (default: the user's own)")
        added.add_argument("--json", action="store_true", help="for programs: one JSON object on stdout")
        added.set_defaults(command=command)
        return added

    serve = add(
        "serve", "serve in the foreground until Ctrl-C", "The key is RUNLOOP_LOCAL_KEY where it is set.", commands.serve
    )
    serve.add_argument("--port", type=_port, metavar="N", help="TCP port on 127.0.0.1 (default: the one it had last)")
    add(
        "env",
        "print URL and key for another client, starting the store if it isn't running",
        'Use it as: eval "$(runloop-local env)". The store then stays until it is stopped.',
        commands.env,
    )
    add(
        "status",
        "say whether a store is running, what is in it, and what is wrong with it",
        "Exit status 3 when none is running.",
        commands.status,
    )
    add("stop", "stop the store; what it holds stays", "Uploads under way get ten seconds to finish.", commands.stop)
    gc = add(
        "gc",
        "delete what is past its time and remove files that no object has",
        "The running store does it, between two requests; it is started if it isn't running.",
        commands.gc,
    )
    gc.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    gc.add_argument(
        "--strays", action="store_true", help="also files that the database knows no object for: somebody's bytes once"
    )
    export = add(
        "export",
        "write all objects into a new directory of plain files",
        "It is a BagIt bag: each object's bytes, a JSON file with what the store knew of it, and the SHA-256 of both"
        " (check: sha256sum -c manifest-sha256.txt). The directory appears once it is whole; the store may be in use.",
        commands.export,
    )
    export.add_argument("path", type=Path, metavar="PATH", help="a directory that isn't there yet")
    bring_in = add(
        "import",
        "take in the objects of an export",
        "Each keeps its id, times and metadata, and is checked before it is seen. What the store knows is left alone,"
        " so an import that was broken off can simply be run again. What is past its time by now stays out.",
        commands.bring_in,
    )
    bring_in.add_argument("path", type=Path, metavar="PATH", help="a directory that `export` wrote")
    bring_in.add_argument("--restore", action="store_true", help="also objects that were deleted from this store")
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
