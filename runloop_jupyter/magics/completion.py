"""Tab on a magic's line, also in ``x = %rl_get …``: options, variables, paths, object names, metadata."""

from __future__ import annotations

import os
import re
import types
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from IPython.core.completer import SimpleCompletion, context_matcher

from runloop_jupyter.actions.forms import FORMS, KINDS, MODES, SORTS
from runloop_jupyter.errors import InputError
from runloop_jupyter.magics.line import undoubled, unfinished
from runloop_jupyter.magics.moving import VERBS
from runloop_jupyter.magics.names import Names
from runloop_jupyter.magics.options import PARSERS
from runloop_jupyter.magics.places import URL_IN_TEXT, Places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from IPython.core.completer import CompletionContext

    from runloop_jupyter.magics.line import Token

_LINE: Final = re.compile(r"(?:^|=)\s*(%{1,2})(rl\w*)[ \t]+(?P<rest>.*)$", re.DOTALL)
_TTLS: Final = ("1h", "12h", "1d", "7d", "30d", "365d")
_AGO: Final = ("1h", "24h", "7d", "30d", "90d", "365d")
_TIMES: Final = {
    "--ttl": _TTLS,
    "--expiring": _TTLS,
    "--since": _AGO,
    "--before": _AGO,
    "--expires": ("1h", "12h", "1d", "7d"),
}
_METADATA: Final = frozenset(["-m", "--metadata"])
_WHERE: Final = frozenset(["-w", "--where"])
_SIGN: Final = re.compile("!=|>=|<=|[=<>]")
_MOST: Final = 200


class _Nothing(list[SimpleCompletion]):
    """No completions, and none of anybody else's.

    IPython lets a matcher silence the others only when it has completions, which it tells by their ``len``. Without
    this a name that the store doesn't have would be completed to Python's builtins and to files.
    """

    def __len__(self) -> int:
        return 1


class Completer:
    """Offers what fits a magic's line, and nothing elsewhere.

    ``complete_command`` hooks don't fire in ``df = %rl_get …``; a matcher (IPython's API version 2) sees every line.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._names = Names()
        self._places = Places(self._names)

    @context_matcher(identifier="runloop_jupyter", priority=100)  # type: ignore[untyped-decorator]
    def match(self, context: CompletionContext) -> dict[str, Any]:
        """Return completions for the word before the cursor."""
        line = _LINE.search(context.text_until_cursor)
        if line is None or line[2] not in {"rl", *PARSERS}:
            return self._in_text(context.text_until_cursor)
        found: list[SimpleCompletion] = []
        fragment = ""
        if line[2] in PARSERS and (said := unfinished(line["rest"])):
            before, last = said
            fragment = last.source
            offers = islice(self._offers(line[2], line[1], before, last), _MOST)
            found = list(_without_second_quote(offers, last, context.line_with_cursor[context.cursor_position :]))
        return {
            "completions": found or _Nothing(),
            "matched_fragment": fragment,
            "suppress": True,
            "ordered": True,
        }

    def _in_text(self, before: str) -> dict[str, Any]:
        """Return completions for a ``runloop://`` URL in any other line."""
        url = URL_IN_TEXT.search(before)
        if url is None:
            return {"completions": [], "suppress": False}
        offers = islice(self._places.offers(url["url"]), _MOST)
        return {
            "completions": [SimpleCompletion(text=text, type="path") for text in offers] or _Nothing(),
            "matched_fragment": url["url"],
            "suppress": True,
            "ordered": True,
        }

    def _offers(self, magic: str, percents: str, before: Sequence[Token], last: Token) -> Iterator[SimpleCompletion]:
        option = before[-1].source if before else ""
        if option == "--sort" and not last.source.startswith("--"):
            yield from self._sorts(last)
        elif last.source.startswith("-"):
            yield from _fitting((flag for flag, _ in PARSERS[magic].flags), last, "option")
        elif option == "--as":
            yield from _fitting(_stored_forms(percents) if magic == "rl_put" else FORMS, last, "form")
        elif option == "--type":
            yield from _fitting(KINDS, last, "kind")
        elif option == "--mode":
            yield from _fitting(MODES, last, "mode")
        elif option in _TIMES:
            yield from _fitting(_TIMES[option], last, "time")
        elif option == "--columns" and magic == "rl_browse":
            yield from _fitting_texts(self._names.get().metadata, last, "metadata")
        elif option == "--columns":
            yield from self._columns(before, last)
        elif option in {"--limit", "--head", "--url", "--search"}:
            return
        elif option == "--to":
            yield from _paths(last)
        elif option in {"-o", "--out"}:
            yield from _fitting(self._variables(), last, "variable")
        elif last.source.startswith("$"):
            yield from _fitting((f"${name}" for name in self._dollar_names(magic)), last, "variable")
        elif magic == "rl_mount" and before and last.text[:1] in {".", "/", "~"}:  # no metadata key begins so
            yield from _paths(last)
        elif pairs := _pairs_option(before):
            yield from self._conditions(last) if pairs in _WHERE else self._pairs(last)
        elif magic == "rl_cache" and not before:
            yield from _fitting(["clear"], last, "word")
        elif magic in {"rl_use", "rl_login"}:
            yield from _fitting_texts(_profiles(magic), last, "profile")
        elif magic == "rl_transfers":
            yield from _fitting(VERBS if not before else _transfer_ids(before[0].text), last, "transfer")
        elif magic == "rl_keys":
            yield from _fitting_texts(self._names.get().metadata, last, "metadata")
        elif magic == "rl_cp":
            yield from _fitting_texts(self._places.offers(undoubled(last.text)), last, "path")
            yield from _paths(last)
        elif magic == "rl_umount":
            yield from _fitting_texts(_mounted(), last, "path")
        elif magic == "rl_mount" and _is_directory(before):
            yield from _paths(last)
        elif magic == "rl_browse":
            yield from _fitting_texts(_folders(self._names.get().names, undoubled(last.text)), last, "path")
            yield from _fitting_texts((f"{name}:" for name in _profiles("rl_use")), last, "profile")
        elif option in {"-n", "--name"} or percents == "%%" or magic != "rl_put":
            if PARSERS[magic].takes_words:
                yield from _fitting_texts(self._names.beginning_with(undoubled(last.text)), last, "object")
                yield from _fitting_texts(self._places.offers(undoubled(last.text)), last, "path")
        else:
            yield from _fitting(self._variables(), last, "variable")
            yield from _paths(last)

    def _pairs(self, last: Token) -> Iterator[SimpleCompletion]:
        key, equals, begun = undoubled(last.text).partition("=")
        if equals:
            values = self._names.values(key, begun)
            yield from _fitting_texts((f"{key}={value}" for value in values), last, "metadata")
        else:
            for each in _fitting_texts(self._names.get().metadata, last, "metadata"):
                yield SimpleCompletion(text=f"{each.text}=", type=each.type)

    def _conditions(self, last: Token) -> Iterator[SimpleCompletion]:
        from runloop_jupyter.actions.object import can_be_typed
        from runloop_jupyter.address import quoted
        from runloop_jupyter.conditions import in_order, number, read, written

        known = self._names.get().metadata
        begun = undoubled(last.text)
        try:
            said = read(begun)
        except InputError:  # an odd key's quotes aren't closed yet, or there is nothing at all
            said = None
        if said is not None and said.sign:
            head = begun[: len(begun) - len(said.values[0])]
            # In order, for a sign that compares; a store's newest come first for one that doesn't.
            fitting = self._names.values(said.key, said.values[0])
            values = sorted(fitting, key=in_order) if said.sign != "=" else fitting
            yield from _fitting_texts((head + value for value in values), last, "metadata")
            return
        for key, newest in known.items():
            if can_be_typed(key) and (key.startswith(begun) or written(key).startswith(begun)):
                typed = quoted(written(key), last.source[:1])
                numeric = all(number(value) is not None for value in newest)
                for sign in ("=", *([">", "<"] if numeric else []), ""):
                    yield SimpleCompletion(text=f"{typed}{sign}", type="metadata")

    def _sorts(self, last: Token) -> Iterator[SimpleCompletion]:
        from runloop_jupyter.actions.object import can_be_typed
        from runloop_jupyter.address import quoted

        begun = undoubled(last.text)
        dash = begun[:1] if begun.startswith("-") else ""
        for column in dict.fromkeys([*SORTS, *self._names.get().metadata]):
            if (dash + column).startswith(begun) and can_be_typed(column):
                plain = quoted(column, last.source[:1])
                text = dash + column if plain == column else quoted(dash + column, last.source[:1])
                yield SimpleCompletion(text=text, type="column")

    def _columns(self, before: Sequence[Token], last: Token) -> Iterator[SimpleCompletion]:
        known = self._names.get()
        begun, comma, _ = undoubled(last.text).rpartition(",")
        chosen = {each.strip() for each in begun.split(",")}
        for word in before:
            name = undoubled(word.text)
            if columns := known.columns(name) or known.columns(name.rpartition("@")[0]):
                texts = (begun + comma + each for each in columns if each not in chosen)
                yield from _fitting_texts(texts, last, "column")
                return

    def _dollar_names(self, magic: str) -> list[str]:
        """Return variables that may stand for what is put, or for what is stored."""
        names = self._variables()
        if magic == "rl_put":
            return names
        from runloop_jupyter.actions.object import Object

        return [name for name in names if isinstance(self._shell.user_ns[name], Object | str)]

    def _variables(self) -> list[str]:
        hidden = self._shell.user_ns_hidden
        callables = types.ModuleType | types.FunctionType | types.BuiltinFunctionType | type
        return sorted(
            name
            for name, value in self._shell.user_ns.items()
            if not name.startswith("_") and name not in hidden and not isinstance(value, callables)
        )


def _pairs_option(before: Sequence[Token]) -> str | None:
    """Return the option that the word after `before` is a pair of, as it was typed; None where it is of none."""
    for word in reversed(before):
        if word.source in _METADATA | _WHERE:
            return word.source
        if not _SIGN.search(word.text):
            return None
    return None


def _is_directory(before: Sequence[Token]) -> bool:
    """Whether the next word after these is where something is mounted: what, or a query, is there by then."""
    return any(not each.source.startswith("-") for each in before)


def _folders(names: Iterable[str], begun: str) -> Iterator[str]:
    """Yield the folders of names that lie one step further than what was typed, each once."""
    seen = set()
    for name in names:
        if name.startswith(begun):
            folder, slash, _ = name[len(begun) :].partition("/")
            if slash and folder not in seen:
                seen.add(folder)
                yield f"{begun}{folder}/"


def _mounted() -> list[str]:
    """Return the directories that this kernel has mounted, as they were typed."""
    from runloop_jupyter.actions import mounting

    return [each.said for each in mounting.mine()]


def _profiles(magic: str) -> list[str]:
    """Return the profiles that can be used, or logged in to again."""
    from runloop_jupyter import profile
    from runloop_jupyter.errors import RunloopError

    try:
        known = profile.known()
    except (RunloopError, OSError):  # Tab is no place for an error; the magic will say it
        return []
    return known if magic == "rl_use" else [name for name in known if name not in {profile.EMBEDDED, "env"}]


def _transfer_ids(verb: str) -> list[str]:
    """Return the ids of what can be cancelled, retried or resumed; from here, so that nothing is waited for."""
    from runloop_jupyter.actions.transfers import transfers_without_hearing

    states = {"cancel": {"running", "unfinished"}, "retry": {"failed"}, "resume": {"unfinished"}}.get(verb, set())
    return [each.id for each in transfers_without_hearing() if each.state in states]


def _fitting(words: Iterable[str], last: Token, kind: str) -> Iterator[SimpleCompletion]:
    """Offer words that are typed as they are."""
    for word in words:
        if word.startswith(last.text):
            yield SimpleCompletion(text=word, type=kind)


def _fitting_texts(texts: Iterable[str], last: Token, kind: str) -> Iterator[SimpleCompletion]:
    """Offer any texts as they must be typed; what can't be seen can't be told from another and isn't offered."""
    from runloop_jupyter.actions.object import can_be_typed
    from runloop_jupyter.address import quoted

    begun = undoubled(last.text)
    for text in texts:
        if text.startswith(begun) and can_be_typed(text):
            yield SimpleCompletion(text=quoted(text, last.source[:1]), type=kind)


def _paths(last: Token) -> Iterator[SimpleCompletion]:
    head, slash, tail = undoubled(last.text).rpartition("/")
    try:
        with os.scandir(Path((head + slash) or ".").expanduser()) as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries)
    except (OSError, ValueError, RuntimeError):  # not there, a NUL, no such user
        return
    shown = (name + "/" * is_directory for name, is_directory in found if tail[:1] == "." or name[0] != ".")
    yield from _fitting_texts((head + slash + name for name in shown), last, "path")


def _without_second_quote(offers: Iterable[SimpleCompletion], last: Token, after: str) -> Iterator[SimpleCompletion]:
    """Leave off the closing quote where an editor has put it behind the cursor already."""
    quote = last.source[:1]
    closes = not last.closed and after.startswith(quote)
    for offer in offers:
        text = offer.text.removesuffix(quote) if closes else offer.text
        yield SimpleCompletion(text=text, type=offer.type)


def _stored_forms(percents: str) -> list[str]:
    if percents == "%%":
        return ["json", "text"]
    from runloop_jupyter.actions.source import FOLDER_FORMS
    from runloop_jupyter.values import registry

    return [*(format_ for format_, _, _ in registry.formats() if format_ != "pickle"), *FOLDER_FORMS]
