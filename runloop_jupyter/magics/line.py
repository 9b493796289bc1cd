"""A magic's line as words: split as a shell would, with ``$name`` and ``{name}`` filled in.

IPython's own expansion is off for these magics: it is all or nothing, silent about names it doesn't know, and takes
JSON for a template.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runloop_jupyter.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WHOLE: Final = re.compile(r"\$([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\}")
_NAME: Final = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[[^\[\]{}]*\])*"
_INSIDE: Final = re.compile(rf"\$\$|\{{\{{|\}}\}}|\$([A-Za-z_]\w*)|\{{({_NAME})\}}")
_DOUBLED: Final = re.compile(r"\$\$|\{\{|\}\}")

_BLANK: Final = " \t\r\n"
# Quotes inside {row['name']} belong to the expression, not to the word; {{ begins no expression.
_BRACES: Final = rf"\{{\{{|\{{{_NAME}\}}"
_PIECE: Final = re.compile(
    rf"""
      (?P<blank>[{_BLANK}]+)
    | (?P<tail>;(?=[{_BLANK}]*\Z|[{_BLANK}]+\#))  # the semicolon that hides a result, with only a comment after it
    | '(?P<single>(?:{_BRACES}|[^'])*+)'
    | "(?P<double>(?:{_BRACES}|\\.|[^"\\])*+)"
    | \\(?P<escaped>.)
    | (?P<bare>{_BRACES}|[^{_BLANK};'"\\{{]+|[;{{])
    | (?P<open>['"\\].*)  # to the end of the line
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(rf'({_BRACES})|\\(["\\])')


class Token(NamedTuple):
    """A word of a line.

    Attributes:
        text: The word, quotes taken off.
        source: As it was typed.
        end: Where in the line it ends.
        closed: Whether each of its quotes is closed.
    """

    text: str
    source: str
    end: int
    closed: bool


def split(line: str) -> list[Token]:
    """Return the words of `line`; a trailing ``;`` and a ``# comment`` are left out.

    Raises:
        InputError: A quote that isn't closed.

    Example:
        >>> [token.text for token in split("penguins -m 'note=two words' -n a#1 ; # later")]
        ['penguins', '-m', 'note=two words', '-n', 'a#1']
    """
    tokens = list(_tokens(line))
    if not all(token.closed for token in tokens):
        raise InputError("a quote isn't closed. Put names with spaces or quotes between '…' or \"…\"")
    return tokens


def unfinished(line: str) -> tuple[list[Token], Token] | None:
    """Return the words before the one that is being typed at the end of `line`, and that one.

    It is empty after a space, and None in a comment or after the last semicolon, where no word can follow.

    Example:
        >>> before, last = unfinished("x -n 'a b' --wh")
        >>> [token.text for token in before], last.text
        (['x', '-n', 'a b'], '--wh')
    """
    tokens = list(_tokens(line))
    rest = line[tokens[-1].end :] if tokens else line
    if rest.strip(_BLANK):
        return None
    if rest or not tokens:
        return tokens, Token("", "", len(line), closed=True)
    return tokens[:-1], tokens[-1]


def _tokens(line: str) -> Iterator[Token]:
    text: list[str] = []
    start, end, closed = -1, 0, True
    for piece in _PIECE.finditer(line):
        kind = piece.lastgroup
        if kind == "tail" or (start < 0 and piece[0].startswith("#")):
            break
        if kind == "blank":
            if start >= 0:
                yield Token("".join(text), line[start:end], end, closed)
            text, start = [], -1
            continue
        if start < 0:
            start = piece.start()
        text.append(_said(piece))
        end, closed = piece.end(), kind != "open"
    if start >= 0:
        yield Token("".join(text), line[start:end], end, closed)


def _said(piece: re.Match[str]) -> str:
    """Return a piece of a word without its quotes and escapes."""
    if piece.lastgroup == "open":
        quote, inside = piece[0][0], piece[0][1:]
        return {"'": inside, '"': _unescaped(inside), "\\": ""}[quote]
    inside = piece[piece.lastgroup or 0]
    return _unescaped(inside) if piece.lastgroup == "double" else inside


def _unescaped(inside: str) -> str:
    return _ESCAPE.sub(lambda match: match[1] or match[2], inside)


def expand(word: str, names: Mapping[str, Any]) -> Any:
    """Return `word` with variables filled in; a word that is one variable alone becomes its value.

    ``$name`` and ``{name}``, ``{name.attribute}``, ``{name[key]}`` are variables; other braces stay as they are.
    ``$$``, ``{{`` and ``}}`` stand for the characters themselves.

    Args:
        word: The text of a `Token`.
        names: What is defined.

    Raises:
        InputError: A name that isn't defined.
    """
    if name := variable(word):
        return _value(name, names)

    def fill(match: re.Match[str]) -> str:
        if _DOUBLED.fullmatch(match[0]):
            return match[0][0]
        return str(_value(match[1], names) if match[1] else _evaluated(match[2], names))

    return _INSIDE.sub(fill, word)


def undoubled(word: str) -> str:
    """Return `word` with ``$$``, ``{{`` and ``}}`` made the characters themselves, and no variable filled in."""
    return _DOUBLED.sub(lambda match: match[0][0], word)


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
