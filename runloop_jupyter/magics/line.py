"""A magic's line as words: split as a shell would, with ``$name`` and ``{name}`` filled in.

IPython's own expansion is off for these magics: it is all or nothing, silent about names it doesn't know, and takes
JSON for a template.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

_WHOLE: Final = re.compile(r"\$([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\}")
_NAME: Final = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[[^\[\]{}]*\])*"
_INSIDE: Final = re.compile(rf"\$\$|\{{\{{|\}}\}}|\$([A-Za-z_]\w*)|\{{({_NAME})\}}")
_HOLD: Final = "\ue0ff"  # of the private use area: nobody types it
_HELD: Final = re.compile(f"{_HOLD}([0-9]+){_HOLD}")
_ESCAPED: Final = {"$$": "$", "{{": "{", "}}": "}"}


def split(line: str) -> list[str]:
    """Return the words of `line`: quotes taken off, a trailing ``;`` and a ``# comment`` left out.

    Raises:
        InputError: A quote that isn't closed.

    Example:
        >>> split("penguins -m 'note=two words' -n a#1 ; # later")
        ['penguins', '-m', 'note=two words', '-n', 'a#1']
    """
    # Quotes inside {row['name']} belong to the expression, not to the word.
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(match[0])
        return f"{_HOLD}{len(held) - 1}{_HOLD}"

    try:
        words = shlex.split(_without_tail(_INSIDE.sub(hold, line)))
    except ValueError:
        raise InputError("a quote isn't closed. Put names with spaces or quotes between '…' or \"…\"") from None
    return [_HELD.sub(lambda match: held[int(match[1])], word) for word in words]


def expand(word: str, names: Mapping[str, Any]) -> Any:
    """Return `word` with variables filled in; a word that is one variable alone becomes its value.

    ``$name`` and ``{name}``, ``{name.attribute}``, ``{name[key]}`` are variables; other braces stay as they are.
    ``$$``, ``{{`` and ``}}`` stand for the characters themselves.

    Args:
        word: As `split` gives it.
        names: What is defined.

    Raises:
        InputError: A name that isn't defined.
    """
    if name := variable(word):
        return _value(name, names)

    def fill(match: re.Match[str]) -> str:
        if match[0] in _ESCAPED:
            return _ESCAPED[match[0]]
        return str(_value(match[1], names) if match[1] else _evaluated(match[2], names))

    return _INSIDE.sub(fill, word)


def variable(word: str) -> str | None:
    """Return the name where `word` is one variable alone, ``$name`` or ``{name}``, else None."""
    whole = _WHOLE.fullmatch(word)
    return (whole[1] or whole[2]) if whole else None


def _value(name: str, names: Mapping[str, Any]) -> Any:
    if name not in names:
        raise InputError(f"the variable {name!r} isn't defined. Write $$ or {{{{ }}}} for the characters themselves")
    return names[name]


def _evaluated(expression: str, names: Mapping[str, Any]) -> Any:
    root = re.split(r"[.\[]", expression, maxsplit=1)[0]
    _value(root, names)
    try:
        return eval(expression, {}, dict(names))  # noqa: S307 - the user's own line in the user's own kernel
    except Exception as error:
        raise InputError(f"{{{expression}}} can't be filled in: {type(error).__name__}: {error}") from None


def _without_tail(line: str) -> str:
    """Return `line` without a comment (an unquoted # after white space) and without a trailing ``;``."""
    quote, escaped = "", False
    for position, character in enumerate(line):
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#" and (position == 0 or line[position - 1].isspace()):
            line = line[:position]
            break
    stripped = line.rstrip()
    # One that is quoted or escaped ends in something else than a bare semicolon.
    return stripped[:-1] if stripped.endswith(";") and not stripped.endswith("\\;") and not quote else stripped
