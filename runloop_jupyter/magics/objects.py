"""The magics for objects: put, get, ls, info, rm, status."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Bool, Dict, Unicode

from runloop_jupyter import session
from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.parser import HelpAsked, Parser, Word, pairs

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable

    from runloop_jupyter.actions.object import Object

_NO_VALUE: Final = object()


def _put_parser() -> Parser:
    parser = Parser(
        "%rl_put",
        "Store a variable, a file or a folder as an object. Nothing is sent when the newest version under the name "
        "already is the same. As %%rl_put NAME it stores the text of the cell.",
        ["%rl_put df -m project=birds --ttl 30d", "%rl_put ./scans -n scans/batch-07", "%%rl_put notes.md"],
    )
    parser.add_argument("what", metavar="WHAT", help="a variable, or a path (./name where it could be either)")
    parser.add_argument("-n", "--name", help="the name to store it under; the variable's or file's own by default")
    parser.add_pairs("-m", "--metadata", metavar="K=V", help="metadata, one or more; can't be changed later")
    parser.add_argument("--ttl", help="how long it lives: 30d, 12h, 45m; for ever by default")
    parser.add_argument("--as", dest="form", metavar="FORMAT", help="the stored format, where several would do")
    parser.add_argument("--force", action="store_true", help="send it even if nothing changed")
    parser.add_argument("--pickle", action="store_true", help="pickle what has no other stored form")
    return parser


def _get_parser() -> Parser:
    parser = Parser(
        "%rl_get",
        "Give back what was put: a value as it was, a file or folder as a local path.",
        ["df = %rl_get penguins", "%rl_get penguins@-1 -o before", "%rl_get scans --to ./scans"],
    )
    parser.add_argument("what", metavar="WHAT", help="a name, name@version, an id, or $object")
    parser.add_argument("--as", dest="form", metavar="FORM", help="pandas, polars, arrow, numpy, text, bytes or path")
    parser.add_argument("--to", metavar="PATH", help="write the stored bytes (a folder's files) to this local path")
    parser.add_argument("-o", "--out", metavar="VAR", help="put the value into this variable and show nothing")
    parser.add_argument("--allow-pickle", action="store_true", help="unpickle: runs code, only for what you trust")
    return parser


def _ls_parser() -> Parser:
    parser = Parser(
        "%rl_ls",
        "List objects, the newest version of each name, newest first.",
        ["%rl_ls", "%rl_ls runs/* -w model=resnet50", "%rl_ls --type table --limit 50"],
    )
    parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="part of a name, or a pattern with * ? [ ]")
    parser.add_pairs("-w", "--where", metavar="K=V", help="metadata that must hold, one or more")
    parser.add_argument("--type", help="table, array, json, text, file, folder, a format or a content type")
    parser.add_argument("--limit", type=int, default=None, help="how many to show (20)")
    return parser


def _info_parser() -> Parser:
    parser = Parser(
        "%rl_info",
        "Show all facts about an object, its versions, and a look inside without fetching it whole.",
        ["%rl_info penguins", "%rl_info penguins@-1"],
    )
    parser.add_argument("what", metavar="WHAT", help="a name, name@version, an id, or $object")
    return parser


def _rm_parser() -> Parser:
    parser = Parser(
        "%rl_rm",
        "Delete objects, after saying which and asking. What is deleted can't be had back.",
        ["%rl_rm penguins@-1", "%rl_rm penguins --all-versions --dry-run", "%rl_rm scans -y"],
    )
    parser.add_argument("what", nargs="+", metavar="WHAT", help="names, name@version, ids, $objects")
    parser.add_argument("--all-versions", action="store_true", help="every version of a name that has several")
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and delete nothing")
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask")
    return parser


PARSERS: Final = {
    "rl_put": _put_parser(),
    "rl_get": _get_parser(),
    "rl_ls": _ls_parser(),
    "rl_info": _info_parser(),
    "rl_rm": _rm_parser(),
    "rl_status": Parser("%rl_status", "Show which store is used, how it is reached, what it holds.", ["%rl_status"]),
}


@magics_class
class RunloopMagics(Magics):
    """Objects in notebooks. ``%config RunloopMagics.ttl = "30d"`` sets a default for what follows."""

    metadata = Dict(
        key_trait=Unicode(), value_trait=Unicode(), help="Metadata that every %rl_put adds; -m of the same key wins."
    ).tag(config=True)
    ttl = Unicode("", help="How long what %rl_put stores lives without --ttl; empty for ever.").tag(config=True)
    progress = Bool(True, help="Show progress when a transfer lasts over half a second.").tag(config=True)

    @line_magic
    @no_var_expand
    def rl(self, line: str) -> Any:
        """Show the magics and where objects go."""
        from runloop_jupyter.magics.overview import overview

        if line.strip(" ;"):
            raise InputError(f"%rl takes nothing; the magics are %rl_…. Did you mean %rl_{line.split()[0]}?")
        return overview({name: parser.description or "" for name, parser in PARSERS.items()})

    @line_cell_magic
    @no_var_expand
    def rl_put(self, line: str, cell: str | None = None) -> Object | None:
        """Store a variable, a file or a folder as an object; %%rl_put NAME stores the cell's text."""
        from runloop_jupyter.actions.put import put

        said = self._read("rl_put", line)
        if said is None:
            return None
        what, name = self._what(said.what) if cell is None else (cell, str(said.what))
        return put(
            what,
            said.name or name,
            metadata={**self.metadata, **pairs(said.metadata, "-m")},
            ttl=said.ttl or self.ttl or None,
            format=said.form or ("text" if cell is not None else None),
            force=said.force,
            pickle=said.pickle,
        )

    @line_magic
    @no_var_expand
    def rl_get(self, line: str) -> Any:
        """Give back what was put: a value as it was, a file or folder as a local path."""
        from runloop_jupyter.actions.get import get

        said = self._read("rl_get", line)
        if said is None:
            return None
        if said.out and not said.out.isidentifier():
            raise InputError(f"-o {said.out!r} can't be a variable's name")
        value = get(_object_or_name(said.what), format=said.form, to=said.to, allow_pickle=said.allow_pickle)
        if not said.out:
            return value
        self._shell.push({str(said.out): value})
        return None

    @line_magic
    @no_var_expand
    def rl_ls(self, line: str) -> Any:
        """List objects, the newest version of each name, newest first."""
        from runloop_jupyter.actions.find import DEFAULT_LIMIT, ls

        said = self._read("rl_ls", line)
        if said is None:
            return None
        limit = DEFAULT_LIMIT if said.limit is None else said.limit
        return ls(said.pattern, where=pairs(said.where, "-w"), type=said.type, limit=limit)

    @line_magic
    @no_var_expand
    def rl_info(self, line: str) -> Any:
        """Show all facts about an object, its versions, and a look inside."""
        from runloop_jupyter.actions.info import info

        said = self._read("rl_info", line)
        return None if said is None else info(_object_or_name(said.what))

    @line_magic
    @no_var_expand
    def rl_rm(self, line: str) -> Any:
        """Delete objects, after saying which and asking."""
        from runloop_jupyter.actions import remove
        from runloop_jupyter.display.line import Line

        said = self._read("rl_rm", line)
        if said is None:
            return None
        removal = remove.plan(*map(_object_or_name, said.what), all_versions=said.all_versions)
        if said.dry_run:
            return Line([repr(removal)])
        if not said.yes and not _agrees(f"Delete {removal.said}? [y/N] "):
            return Line(["nothing was deleted"])
        return Line([repr(remove.carry_out(removal))])

    @line_magic
    @no_var_expand
    def rl_status(self, line: str) -> Any:
        """Show which store is used, how it is reached, what it holds."""
        from runloop_jupyter.actions.status import status

        return None if self._read("rl_status", line) is None else status()

    @property
    def _shell(self) -> Any:
        return self.shell

    def _read(self, magic: str, line: str) -> Namespace | None:
        """Return what `line` says; None where it asked for help, which is then printed."""
        session.current().shows_progress = self.progress
        try:
            return PARSERS[magic].read(line, self._shell.user_ns)
        except HelpAsked as asked:
            print(asked)
            return None

    def _what(self, word: Word) -> tuple[object, str | None]:
        """Return what a word of %rl_put means, a value or a `Path`, and the name it gives."""
        names = self._shell.user_ns
        name = word.variable or str(word)
        value = word.value if word.variable else names.get(name, _NO_VALUE)
        path = Path(word).expanduser()
        if value is _NO_VALUE:
            if path.exists():
                return path, None
            close = _close(word, names.keys() - self._shell.user_ns_hidden.keys())
            raise InputError(f"“{word}” is no variable and no file here.{close} A file: %rl_put ./NAME")
        if not word.variable and path.exists():
            raise InputError(f"“{word}” is a variable and a file. The file: %rl_put ./{word}. The variable: ${word}")
        return value, None if isinstance(value, Path) else name


def _object_or_name(word: Word) -> Any:
    from runloop_jupyter.actions.object import Object

    value = word.value
    if isinstance(value, Object | str):
        return value
    raise InputError(f"{word.typed} is a {type(value).__name__}, not an object or a name")


def _close(word: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, [name for name in names if not name.startswith("_")], n=2)
    return f" Close: {', '.join(close)}." if close else ""


def _agrees(question: str) -> bool:
    try:
        return input(question).strip().lower() in {"y", "yes"}
    except (EOFError, RuntimeError, NotImplementedError):  # ipykernel's StdinNotImplementedError is the last two
        raise InputError(f"{question.removesuffix(' [y/N] ')} Nobody can answer here. Add -y if you mean it") from None
