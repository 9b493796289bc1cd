"""Tab on a magic's line, also in ``x = %rl_get …``: options, variables, paths, object names, metadata."""

from __future__ import annotations

import os
import re
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from IPython.core.completer import SimpleCompletion, context_matcher

from runloop_jupyter.magics.names import Names
from runloop_jupyter.magics.options import PARSERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from IPython.core.completer import CompletionContext

_LINE: Final = re.compile(r"(?:^|=)\s*(%{1,2})(rl\w*)[ \t]+(?P<rest>.*)$", re.DOTALL)
_LAST_WORD: Final = re.compile(r"""((?:[^\s"'\\]|\\.|"[^"]*"|'[^']*')*(?:"[^"]*|'[^']*)?)$""")
_FORMS: Final = ("pandas", "polars", "arrow", "numpy", "path", "bytes", "text")
_KINDS: Final = ("table", "array", "json", "text", "bytes", "file", "folder")
_TTLS: Final = ("1h", "12h", "1d", "7d", "30d", "365d")
_NEEDS_QUOTES: Final = re.compile(r"[\s\"'\\#;$]")
_MOST: Final = 200


class Completer:
    """Offers what fits a magic's line, and nothing elsewhere.

    ``complete_command`` hooks don't fire in ``df = %rl_get …``; a matcher (IPython's API version 2) sees every line.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._names = Names()

    @context_matcher(identifier="runloop_jupyter", priority=100)  # type: ignore[untyped-decorator]
    def match(self, context: CompletionContext) -> dict[str, Any]:
        """Return completions for the word before the cursor."""
        line = _LINE.search(context.text_until_cursor)
        if line is None or line[2] not in PARSERS:
            return {"completions": [], "suppress": False}
        rest = line["rest"]
        match = _LAST_WORD.search(rest)
        fragment = match[1] if match else ""
        before = rest[: len(rest) - len(fragment)].split()
        found = list(self._offers(line[2], line[1], before, fragment))[:_MOST]
        return {
            "completions": found,
            "matched_fragment": fragment,
            "suppress": True,
            "ordered": True,
        }

    def _offers(self, magic: str, percents: str, before: list[str], fragment: str) -> Iterator[SimpleCompletion]:
        option = before[-1] if before else ""
        if fragment.startswith("-"):
            yield from _fitting((flag for flag, _ in PARSERS[magic].flags), fragment, "option")
        elif option == "--as":
            yield from _fitting(_stored_forms() if magic == "rl_put" else _FORMS, fragment, "form")
        elif option == "--type":
            yield from _fitting(_KINDS, fragment, "kind")
        elif option == "--ttl":
            yield from _fitting(_TTLS, fragment, "time")
        elif option == "--to":
            yield from _paths(fragment)
        elif option in {"-o", "--out"}:
            yield from _fitting(self._variables(), fragment, "variable")
        elif self._is_pair(before):
            yield from self._pairs(fragment)
        elif option in {"-n", "--name"} or percents == "%%" or magic != "rl_put":
            yield from _fitting(map(_quoted, self._known_names(fragment)), fragment, "object")
        else:
            yield from _fitting(self._variables(), fragment, "variable")
            yield from _paths(fragment)

    def _is_pair(self, before: list[str]) -> bool:
        for word in reversed(before):
            if word in {"-m", "--metadata", "-w", "--where"}:
                return True
            if "=" not in word:
                return False
        return False

    def _pairs(self, fragment: str) -> Iterator[SimpleCompletion]:
        known = self._names.get().metadata
        key, equals, _ = fragment.partition("=")
        if equals:
            yield from _fitting((_quoted(f"{key}={value}") for value in known.get(key, ())), fragment, "metadata")
        else:
            yield from _fitting((f"{each}=" for each in known), fragment, "metadata")

    def _known_names(self, fragment: str) -> Iterable[str]:
        if fragment.startswith("$"):
            from runloop_jupyter.actions.object import Object

            names = self._shell.user_ns.items()
            return [f"${name}" for name, value in names if isinstance(value, Object) and not name.startswith("_")]
        return self._names.get().names

    def _variables(self) -> list[str]:
        hidden = self._shell.user_ns_hidden
        callables = types.ModuleType | types.FunctionType | types.BuiltinFunctionType | type
        return sorted(
            name
            for name, value in self._shell.user_ns.items()
            if not name.startswith("_") and name not in hidden and not isinstance(value, callables)
        )


def _fitting(offers: Iterable[str], fragment: str, kind: str) -> Iterator[SimpleCompletion]:
    bare = fragment.lstrip("\"'")
    for offer in offers:
        if offer.startswith(fragment) or (bare and offer.lstrip("\"'").startswith(bare)):
            yield SimpleCompletion(text=offer, type=kind)


def _paths(fragment: str) -> Iterator[SimpleCompletion]:
    head, slash, tail = fragment.rpartition("/")
    directory = Path((head + slash) or ".").expanduser()
    try:
        with os.scandir(directory) as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries)
    except OSError:
        return
    for name, is_directory in found:
        if name.startswith(tail) and (tail.startswith(".") or not name.startswith(".")):
            yield SimpleCompletion(text=_quoted(head + slash + name + ("/" if is_directory else "")), type="path")


def _quoted(text: str) -> str:
    if not _NEEDS_QUOTES.search(text):
        return text
    import shlex

    return shlex.quote(text.replace("$", "$$"))


def _stored_forms() -> list[str]:
    from runloop_jupyter.values import registry

    return [format_ for format_, _, _ in registry.formats()]
