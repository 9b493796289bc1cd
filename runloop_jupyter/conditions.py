"""Conditions on metadata: ``k=v``, ``k!=v``, ``k>v``, ``k>=v``, ``k<v``, ``k<=v``, and ``k`` alone for "has it".

Metadata values are text. ``=`` and ``!=`` compare it exactly, as a store's own filter does, so that an answer doesn't
depend on who filtered; the others compare numbers as numbers and text as text, which puts ISO dates in order.

A key ends at the first ``=``, ``!=``, ``<`` or ``>``. One that has such a sign in it stands between double quotes,
within the quotes of the line: ``-w '"loss>raw">0.5'``. Blanks around a sign are for the eye: ``'acc > 0.9'``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from runloop_jupyter.address import quoted
from runloop_jupyter.errors import InputError
from runloop_jupyter.options import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Where: TypeAlias = "Mapping[str, object] | str | Sequence[str] | None"
"""What `ls` takes: key to what it must be, or the words of ``-w``."""

LONGEST_NUMBER: Final = 40  # metadata may be of any length; a number is not
_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_WORD: Final = re.compile(
    r"""
    (?: "(?P<quoted>(?:\\.|[^"\\])*)" | (?P<bare>(?!")(?:(?!!=)[^=<>])*) )
    (?: (?P<sign>!=|>=|<=|=|>|<) (?P<value>.*) )?
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+|(?=\.[0-9]))(?P<part>(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,4})?)|[+-]?inf"
)
_YEAR: Final = re.compile("[0-9]{4}")
_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}")
_GLOB: Final = re.compile(r"[*?\[\]]")


@dataclass(frozen=True)
class Condition:
    """One thing that must hold of an object's metadata.

    Attributes:
        key: The metadata key, which the object must have in any case.
        sign: ``=``, ``!=``, ``>``, ``>=``, ``<``, ``<=``, or empty where having the key is enough.
        values: The value to compare with; after ``=`` several, of which it must be one.
    """

    key: str
    sign: str = ""
    values: tuple[str, ...] = ()

    def holds(self, value: str) -> bool:
        """Whether it holds of an object with `value` under its key."""
        if self.sign in {"=", "!="}:
            return (value in self.values) is (self.sign == "=")
        if not self.sign:
            return True
        wanted, as_number = self.values[0], self._number
        compare = _ORDERS[self.sign]
        found = number(value)
        if found is not None and as_number is not None:
            return compare(found, as_number)
        if not ((found is None and as_number is None) or _is_year_of(value, wanted) or _is_year_of(wanted, value)):
            return False
        return "nan" not in {value.lower(), wanted.lower()} and compare(value, wanted)

    def __str__(self) -> str:
        """Return it as a word of ``-w``, quoted as it must be typed."""
        return quoted(f"{written(self.key)}{self.sign}{'|'.join(self.values)}")

    @cached_property
    def _number(self) -> int | float | None:
        return number(self.values[0])


def conditions(where: Where) -> list[Condition]:
    """Return what `where` says.

    Raises:
        InputError: Something in it can't be meant.
    """
    if where is None:
        return []
    if isinstance(where, Mapping):
        found = [_of_pair(key, wanted) for key, wanted in where.items()]
    elif isinstance(where, str):
        found = [read(where)]
    elif isinstance(where, list | tuple) and all(isinstance(word, str) for word in where):
        found = [read(word) for word in where]
    else:
        raise InputError(f"where is a dict of key to value, or words like 'k>0.9', not a {type(where).__name__}")
    equal: dict[str, Condition] = {}
    for each in found:
        if each.sign == "=" and equal.setdefault(each.key, each).values != each.values:
            both = f"{equal[each.key].values[0]} and {each.values[0]}"
            raise InputError(f"{each.key} can't be both {both}. One of several: rl.ls(where={{{each.key!r}: [...]}})")
    return found


def read(word: str) -> Condition:
    """Return what a word of ``-w`` says.

    Raises:
        InputError: It has no key, or looks like a name's pattern.

    Example:
        >>> read("acc>=0.9"), read("model")
        (Condition(key='acc', sign='>=', values=('0.9',)), Condition(key='model', sign='', values=()))
    """
    said = _WORD.fullmatch(word)
    if said is None:
        raise InputError(f"-w {word!r} can't be read. Write k=v, 'k>0.9' or k; quote odd keys: '\"a>b\"=v'")
    quoted, key, sign = said["quoted"], said["bare"], said["sign"] or ""
    if quoted is not None:
        key = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
    elif not sign and _GLOB.search(key):
        raise InputError(f"-w {word!r} has no = < or >. A pattern of names goes before it: %rl_ls {word} -w …")
    value = said["value"] or ""
    if quoted is None and sign and (key != key.rstrip() or sign in _ORDERS):
        key, value = key.strip(), value.strip()  # no key begins or ends with a blank
    if not key:
        raise InputError(f"-w {word!r} has no key. Write k=v, 'k>0.9' or k alone for those that have it")
    if sign == "=" and quoted is None and value[:1] in {"<", ">"}:
        raise InputError(
            f"-w {word!r} could mean two things. At least or at most: {key}{value[0]}={value[1:]}. "
            f"Exactly that text: rl.ls(where={{{key!r}: {value!r}}})"
        )
    return Condition(key, sign, (value,) if sign else ())


def written(key: str) -> str:
    """Return `key` as a word of ``-w`` says it, so that what follows is an operator."""
    plain = key == key.strip() and not key.startswith('"') and "!=" not in key
    if key and plain and not re.search(r"[=<>*?\[\]]|!\Z", key):
        return key
    return '"' + re.sub(r'(["\\])', r"\\\1", key) + '"'


def for_server(wanted: Sequence[Condition]) -> dict[str, str | tuple[str, ...]]:
    """Return the part that a store's own filter can be asked for: what must be equal."""
    return {each.key: each.values[0] if len(each.values) == 1 else each.values for each in wanted if each.sign == "="}


def number(text: str) -> int | float | None:
    """Return the number that `text` is, thousands marked or not; None for any other text, NaN among it.

    Example:
        >>> number("1,000"), number("1e-3"), number("1,5"), number("nan")
        (1000, 0.001, None, None)
    """
    said = _NUMBER.fullmatch(text) if len(text) <= LONGEST_NUMBER else None
    if said is None:
        return None
    plain = text.replace(",", "")
    return int(plain) if said["part"] == "" else float(plain)  # a whole number is exact, however large


def in_order(text: str) -> tuple[bool, int | float, str]:
    """Return what sorts values: numbers first, as numbers."""
    value = number(text)
    return value is None, 0 if value is None else value, text


def _is_year_of(year: str, other: str) -> bool:
    """Whether `year` is one and `other` a date: 2026 is a number too, and ``date>=2026`` means a date."""
    return bool(_YEAR.fullmatch(year) and _DATE.match(other))


def _of_pair(key: object, wanted: object) -> Condition:
    if not isinstance(key, str) or not key:
        raise InputError(f"where has the key {key!r}. Metadata keys are text")
    one = as_text(wanted)
    if one is not None:
        return Condition(key, "=", (one,))
    several = tuple(map(as_text, wanted)) if isinstance(wanted, list | tuple | set | frozenset) else ()
    texts = tuple(text for text in several if text is not None)
    if not texts or len(texts) < len(several):
        raise InputError(f"where[{key!r}] is {wanted!r}. Give text, a number or a list of them")
    return Condition(key, "=", texts)
