"""The magics for values: put and get; and the settings of all of them."""

from __future__ import annotations

import ast
import csv
import difflib
import json
import keyword
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Bool, Dict, TraitError, Unicode, validate

from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.frame import magic, object_or_name
from runloop_jupyter.magics.options import PARSERS
from runloop_jupyter.magics.parser import pairs

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Collection, Iterable

    from runloop_jupyter.actions.background import BackgroundTransfer
    from runloop_jupyter.magics.parser import Word

_NO_VALUE: Final = object()
_WILD: Final = frozenset("*?[")


@magics_class
class RunloopMagics(Magics):
    """Objects in notebooks. ``%config RunloopMagics.ttl = "30d"`` sets a default for what follows."""

    metadata = Dict(
        key_trait=Unicode(), value_trait=Unicode(), help="Metadata that every %rl_put adds; -m of the same key wins."
    ).tag(config=True)
    ttl = Unicode("", help="How long what %rl_put stores lives without --ttl; empty for ever.").tag(config=True)
    prefix = Unicode(
        "", help="What begins the names that %rl_put takes from variables and files, such as runs/7/; -n NAME stands."
    ).tag(config=True)
    progress = Bool(True, help="Show progress when a transfer lasts over half a second.").tag(config=True)
    provenance = Bool(
        False, help="Add the notebook's name and the git commit to what %rl_put stores (rl.notebook, rl.git)."
    ).tag(config=True)

    def __init__(self, shell: Any = None, **options: Any) -> None:
        try:
            super().__init__(shell, **options)
        except TraitError as error:  # IPython keeps what %config refused, and hands it to whoever is made next
            raise InputError(f"{error}. It stands in IPython's configuration (%config RunloopMagics)") from None

    @validate("ttl")
    def _ttl_can_be_read(self, proposal: Any) -> Any:
        from runloop_jupyter.options import ttl_ms

        return _checked(proposal, lambda ttl: ttl_ms(ttl or None))

    @validate("metadata")
    def _metadata_can_be_stored(self, proposal: Any) -> Any:
        from runloop_jupyter.options import user_metadata

        return _checked(proposal, user_metadata)

    @validate("prefix")
    def _prefix_can_begin_a_name(self, proposal: Any) -> Any:
        from runloop_jupyter.address import check_name

        return _checked(proposal, lambda prefix: prefix and check_name(prefix))

    @line_magic
    @no_var_expand
    def rl(self, line: str) -> Any:
        """Show the magics and where objects go."""
        from runloop_jupyter.magics.overview import overview

        if line.strip(" ;"):
            raise InputError(f"%rl takes nothing; the magics are %rl_…. Did you mean %rl_{line.split()[0]}?")
        return overview({name: parser.description or "" for name, parser in PARSERS.items()})

    @line_cell_magic
    @magic
    def rl_put(self, said: Namespace, cell: str | None) -> Any:
        """Store a variable, a file or a folder as an object; %%rl_put NAME stores the cell's text."""
        from runloop_jupyter.actions.put import put

        form = said.form
        shared = {
            "metadata": {**self.metadata, **pairs(said.metadata, "-m")},
            "ttl": said.ttl or self.ttl or None,
            "force": said.force,
            "provenance": self.provenance,
            "background": said.background,
            "include_secrets": said.include_secrets,
        }
        if cell is not None:
            form = form or "text"
            what, name = _of_cell(cell, form), str(said.what)
        elif self._is_pattern_of_paths(said.what):
            return self._put_all(said, shared)
        else:
            what, name = self._what(said.what)
            name = f"{self.prefix}{name}"
        return put(what, name if said.name is None else said.name, format=form, pickle=said.pickle, **shared)

    @line_magic
    @magic
    def rl_get(self, said: Namespace, cell: str | None) -> Any:
        """Give back what was put: a value as it was, a file or folder as a local path."""
        from runloop_jupyter.actions.get import get

        if said.out is not None and (not said.out.isidentifier() or keyword.iskeyword(said.out)):
            raise InputError(f"-o {said.out!r} can't be a variable's name")
        what = object_or_name(said.what)
        if isinstance(what, str) and said.to is not None and _is_pattern(what):
            return self._get_all(said, what)
        value = get(
            what,
            format=said.form,
            columns=None if said.columns is None else _names(said.columns),
            head=said.head,
            to=said.to,
            allow_pickle=said.allow_pickle,
            trust=said.trust,
            cache=not said.no_cache,
            background=said.background,
        )
        if said.out is None:
            return value
        if said.background:
            return _Arrival(self._shell, said.out, value).going
        self._shell.push({said.out: value})
        return None

    def _get_all(self, said: Namespace, pattern: str) -> Any:
        from runloop_jupyter.actions.get_all import get_all

        if said.form not in {None, "path"} or said.columns or said.head is not None or said.out:
            raise InputError("a pattern with --to writes files; --as, --columns, --head and -o are for one value")
        return get_all(pattern, to=said.to, background=said.background)

    @property
    def _shell(self) -> Any:
        return self.shell

    def _is_pattern_of_paths(self, word: Word) -> bool:
        from runloop_jupyter.actions.put_all import is_pattern

        if word.variable or not is_pattern(word) or _existing(word):
            return False
        return not _is_expression(word.typed, self._shell.user_ns.keys() - self._shell.user_ns_hidden.keys())

    def _put_all(self, said: Namespace, shared: dict[str, Any]) -> Any:
        from runloop_jupyter.actions.put_all import put_all

        if said.form or said.pickle:
            raise InputError("files are stored as they are; --as and --pickle are for values")
        return put_all(str(said.what), self.prefix if said.name is None else said.name, **shared)

    def _what(self, word: Word) -> tuple[object, str]:
        """Return what a word of %rl_put means, a value or a `Path`, and the name it gives."""
        from runloop_jupyter.actions.source import name_of

        names = self._shell.user_ns
        name = word.variable or str(word)
        value = word.value if word.variable else names.get(name, _NO_VALUE)
        path = _existing(word)
        if value is _NO_VALUE:
            if path:
                return path, name_of(path) or name
            known = names.keys() - self._shell.user_ns_hidden.keys()
            if _is_expression(word.typed, known):
                raise InputError(
                    f"“{word.typed}” is no variable and no file here. An expression: assign it to a variable first, "
                    f"or rl.put({word.typed.strip('{}')}, 'NAME')"
                )
            raise InputError(f"“{word}” is no variable and no file here.{_close(word, known)} A file: %rl_put ./NAME")
        if not word.variable and path:
            raise InputError(f"“{word}” is a variable and a file. The file: %rl_put ./{word}. The variable: ${word}")
        return value, name_of(value) or name


class _Arrival:
    """Sets a variable once its value is here: between two cells, for a running one must not see it change.

    Args:
        shell: Whose variable.
        name: Its name.
        going: What brings the value.
    """

    def __init__(self, shell: Any, name: str, going: BackgroundTransfer) -> None:
        self.going = going
        self._shell = shell
        self._name = name
        shell.events.register("pre_run_cell", self.look)

    def look(self, *_: object) -> None:
        """Before each cell: is it here?"""
        if not self.going.done:
            return
        self._shell.events.unregister("pre_run_cell", self.look)
        if self.going.snapshot().state == "done":  # a failure is for the next magic to say
            self._shell.push({self._name: self.going.result()})


def _is_pattern(text: str) -> bool:
    return not _WILD.isdisjoint(text)


def _names(said: str) -> list[str]:
    """Return the names in ``a,b``; one that has a comma stands in double quotes."""
    return [each.strip() for each in next(csv.reader([said], skipinitialspace=True), [])]


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


def _close(word: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, [name for name in names if not name.startswith("_")], n=2)
    return f" Close: {', '.join(close)}." if close else ""
