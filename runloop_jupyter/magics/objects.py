"""The magics for objects: put, get, ls, info, rm, status."""

from __future__ import annotations

import ast
import difflib
import json
import keyword
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Bool, Dict, TraitError, Unicode, validate

from runloop_jupyter import session
from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.options import PARSERS
from runloop_jupyter.magics.parser import HelpAsked, Word, pairs

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Collection, Iterable

_NO_VALUE: Final = object()

Act: TypeAlias = "Callable[[RunloopMagics, Namespace, str | None], Any]"
"""What a magic does with its options, read, and the text of its cell."""


def _magic(act: Act) -> Callable[..., Any]:
    """Make a magic of `act`: read its line, print help where that is asked for, be silent after a ``;``."""
    name = act.__name__
    parser = PARSERS[name]

    @no_var_expand
    @wraps(act)
    def run(self: RunloopMagics, line: str, cell: str | None = None) -> Any:
        shell: Any = self.shell
        session.current().shows_progress = self.progress
        try:
            said = parser.read(line, shell.user_ns)
        except HelpAsked as asked:
            print(asked)
            return None
        value = act(self, said, cell)
        return None if _is_silenced(shell, name, line) else value

    run.__doc__ = f"{act.__doc__}\n\n{parser.format_help()}"
    return run


@magics_class
class RunloopMagics(Magics):
    """Objects in notebooks. ``%config RunloopMagics.ttl = "30d"`` sets a default for what follows."""

    metadata = Dict(
        key_trait=Unicode(), value_trait=Unicode(), help="Metadata that every %rl_put adds; -m of the same key wins."
    ).tag(config=True)
    ttl = Unicode("", help="How long what %rl_put stores lives without --ttl; empty for ever.").tag(config=True)
    progress = Bool(True, help="Show progress when a transfer lasts over half a second.").tag(config=True)

    def __init__(self, shell: Any = None, **options: Any) -> None:
        try:
            super().__init__(shell, **options)
        except TraitError as error:  # IPython keeps what %config refused, and hands it to whoever is made next
            raise InputError(f"{error}. It stands in IPython's configuration (%config RunloopMagics)") from None

    @validate("ttl")
    def _ttl_can_be_read(self, proposal: Any) -> Any:
        from runloop_jupyter.actions.options import ttl_ms

        return _checked(proposal, lambda ttl: ttl_ms(ttl or None))

    @validate("metadata")
    def _metadata_can_be_stored(self, proposal: Any) -> Any:
        from runloop_jupyter.actions.options import user_metadata

        return _checked(proposal, user_metadata)

    @line_magic
    @no_var_expand
    def rl(self, line: str) -> Any:
        """Show the magics and where objects go."""
        from runloop_jupyter.magics.overview import overview

        if line.strip(" ;"):
            raise InputError(f"%rl takes nothing; the magics are %rl_…. Did you mean %rl_{line.split()[0]}?")
        return overview({name: parser.description or "" for name, parser in PARSERS.items()})

    @line_cell_magic
    @_magic
    def rl_put(self, said: Namespace, cell: str | None) -> Any:
        """Store a variable, a file or a folder as an object; %%rl_put NAME stores the cell's text."""
        from runloop_jupyter.actions.put import put

        form = said.form
        if cell is None:
            what, name = self._what(said.what)
        else:
            form = form or "text"
            what, name = _of_cell(cell, form), str(said.what)
        return put(
            what,
            name if said.name is None else said.name,
            metadata={**self.metadata, **pairs(said.metadata, "-m")},
            ttl=said.ttl or self.ttl or None,
            format=form,
            force=said.force,
            pickle=said.pickle,
        )

    @line_magic
    @_magic
    def rl_get(self, said: Namespace, cell: str | None) -> Any:
        """Give back what was put: a value as it was, a file or folder as a local path."""
        from runloop_jupyter.actions.get import get

        if said.out is not None and (not said.out.isidentifier() or keyword.iskeyword(said.out)):
            raise InputError(f"-o {said.out!r} can't be a variable's name")
        value = get(_object_or_name(said.what), format=said.form, to=said.to, allow_pickle=said.allow_pickle)
        if said.out is None:
            return value
        self._shell.push({said.out: value})
        return None

    @line_magic
    @_magic
    def rl_ls(self, said: Namespace, cell: str | None) -> Any:
        """List objects, the newest version of each name, newest first."""
        from runloop_jupyter.actions.find import DEFAULT_LIMIT, ls

        limit = DEFAULT_LIMIT if said.limit is None else said.limit
        return ls(said.pattern, where=pairs(said.where, "-w"), type=said.type, limit=limit)

    @line_magic
    @_magic
    def rl_info(self, said: Namespace, cell: str | None) -> Any:
        """Show all facts about an object, its versions, and a look inside."""
        from runloop_jupyter.actions.info import info

        return info(_object_or_name(said.what))

    @line_magic
    @_magic
    def rl_rm(self, said: Namespace, cell: str | None) -> Any:
        """Delete objects, after saying which and asking."""
        from runloop_jupyter.actions import remove
        from runloop_jupyter.display.line import Line

        removal = remove.plan(*map(_object_or_name, said.what), all_versions=said.all_versions)
        if said.dry_run:
            return Line([repr(removal)])
        if not said.yes and not _agrees(f"Delete {removal.said}? [y/N] "):
            return Line(["nothing was deleted"])
        return Line([repr(remove.delete(removal))])

    @line_magic
    @_magic
    def rl_status(self, said: Namespace, cell: str | None) -> Any:
        """Show which store is used, how it is reached, what it holds."""
        from runloop_jupyter.actions.status import status

        return status()

    @property
    def _shell(self) -> Any:
        return self.shell

    def _what(self, word: Word) -> tuple[object, str | None]:
        """Return what a word of %rl_put means, a value or a `Path`, and the name it gives."""
        names = self._shell.user_ns
        name = word.variable or str(word)
        value = word.value if word.variable else names.get(name, _NO_VALUE)
        path = _existing(word)
        if value is _NO_VALUE:
            if path:
                return path, None
            known = names.keys() - self._shell.user_ns_hidden.keys()
            if _is_expression(word.typed, known):
                raise InputError(
                    f"“{word.typed}” is no variable and no file here. An expression: assign it to a variable first, "
                    f"or rl.put({word.typed.strip('{}')}, 'NAME')"
                )
            raise InputError(f"“{word}” is no variable and no file here.{_close(word, known)} A file: %rl_put ./NAME")
        if not word.variable and path:
            raise InputError(f"“{word}” is a variable and a file. The file: %rl_put ./{word}. The variable: ${word}")
        return value, None if isinstance(value, Path) else name


def _of_cell(text: str, form: str) -> object:
    """Return what a cell's text is put as."""
    if form == "text":
        return text
    if form != "json":
        raise InputError(f"a cell is stored as text, or as the value that its JSON says (--as json), not as {form}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the cell is not JSON: {error}") from None


def _checked(proposal: Any, check: Callable[[Any], object]) -> Any:
    """Return the value that is proposed for an option, if `check` lets it pass."""
    try:
        check(proposal["value"])
    except InputError as error:
        raise TraitError(str(error)) from None
    return proposal["value"]


def _existing(text: str) -> Path | None:
    try:
        path = Path(text).expanduser()
        return path if path.exists() else None
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, no such user
        return None


def _is_expression(typed: str, names: Collection[str]) -> bool:
    """Whether a word is Python about something that is defined, ``df['a']`` or ``df.head()``, in braces or not."""
    try:
        tree = ast.parse(typed.strip("{}"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return False
    return not isinstance(tree, ast.Name) and any(
        isinstance(node, ast.Name) and node.id in names for node in ast.walk(tree)
    )


def _is_silenced(shell: Any, name: str, line: str) -> bool:
    """Whether the magic stands alone on a line that ends with a semicolon.

    To IPython the semicolon is a part of the magic's own text. It is left to it to tell ``%rl_put df;`` from
    ``x = %rl_put df;``, which both come here with the same words, and only one of which shows anything.
    """
    if not line.rstrip().endswith(";"):
        return False
    cell = shell.history_manager.input_hist_raw[-1]
    return any(each.strip() == f"%{name} {line.strip()}" for each in cell.splitlines())


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
