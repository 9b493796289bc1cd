"""What the browser and its kernel say to each other: the mirror of ``js/browser/protocol.ts``.

Names are in the words of both sides: ``as_of`` here is ``asOf`` there. What comes from a front end is read strictly,
by `read`; what goes there is made plain by `plain`. Sizes are in bytes, times in milliseconds since 1970.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import msgspec

from runloop_jupyter.errors import InputError
from runloop_jupyter.wire.browse import Query  # noqa: TC001 - msgspec reads annotations at run time

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

LARGEST_PAGE: Final = 500
MOST_COLUMNS: Final = 50
MOST_IDS: Final = 10_000
_SIGNS: Final = frozenset(["=", "!=", ">", ">=", "<", "<=", ""])


class Said(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of what a front end says."""


class Told(msgspec.Struct, kw_only=True, rename="camel"):
    """Base of what it is told."""


# What is asked


class Nothing(Said):
    """No args."""


class HelloArgs(Said):
    """Of ``hello``; without columns those that the browser has."""

    columns: list[str] | None = None


class PageArgs(Said):
    """Of ``page``; `shown` where it is of a list that the page's user asked for, and is what is shown from now on."""

    query: Query
    first: int = 0
    n: int = 100
    as_of: str | None = None
    columns: list[str] = []
    shown: bool = False


class FacetsArgs(Said):
    """Of ``facets``; without keys those that suit best."""

    query: Query
    keys: list[str] | None = None


class SuggestArgs(Said):
    """Of ``suggest``: what was typed so far."""

    text: str


class IdArgs(Said):
    """Of all that is done with one object, or one transfer."""

    id: str


class IdsArgs(Said):
    """Of ``selected`` and ``delete``."""

    ids: list[str]


class GetArgs(Said):
    """Of ``get``."""

    id: str
    variable: str


class MountArgs(Said):
    """Of ``mount``."""

    ids: list[str]
    directory: str


class LinkArgs(Said):
    """Of ``link``; `expires` is in seconds from now."""

    id: str
    expires: float


class UploadArgs(Said):
    """Of ``upload``; `type` is what the front end takes it for."""

    name: str
    size: int
    type: str = ""
    metadata: dict[str, str] = {}
    ttl: str | None = None


# What is answered


class Row(Told):
    """A row of the table; `cells` are of the columns that were asked for."""

    id: str
    name: str
    state: str
    size: int | None
    put: int
    expires: int | None
    kind: str
    format: str
    versions: int
    cells: list[str | None]


class Freshness(Told):
    """How far the store is known."""

    indexed: int
    whole: bool
    walking: bool
    looked: int | None
    trouble: str | None


class Page(Told):
    """Rows of a list, from `first` on."""

    rows: list[Row | None]
    first: int
    total: int
    exact: bool
    objects: int
    size_bytes: int | None
    as_of: str
    newer: bool
    fresh: Freshness


class Facet(Told):
    """Values and how many objects have each."""

    key: str
    values: list[str]
    counts: list[int]
    distinct: int | None
    complete: bool


class Ranges(Told):
    """How many are in each range: one more than there are ends."""

    ends: list[int]
    counts: list[int]
    without: int
    complete: bool


class Facets(Told):
    """What a list can be narrowed by."""

    keys: list[Facet]
    folders: Facet | None
    states: Facet
    sizes: Ranges
    puts: Ranges
    expiries: Ranges
    objects: int
    complete: bool


class Suggestion(Told):
    """What may be meant by what was typed."""

    sort: Literal["key", "value", "name"]
    text: str
    key: str
    n: int | None


class KeyInUse(Told):
    """A metadata key, and how many objects have it."""

    key: str
    n: int | None


class Transfer(Told):
    """A movement of bytes, whoever began it."""

    id: str
    label: str
    direction: Literal["put", "get"]
    place: str
    state: str
    phase: str
    done: int
    total: int | None
    rate: float | None
    left_s: float | None
    files: int
    of_files: int | None
    error: str | None
    can: list[Literal["cancel", "retry", "resume"]]


class Place(Told):
    """Which store it is."""

    label: str
    profile: str
    embedded: bool


class Abilities(Told):
    """What can be done here."""

    mount: bool
    variables: bool


class Hello(Told):
    """The first answer: enough to show everything at once."""

    session: str
    place: Place
    query: Query
    columns: list[str]
    selection: list[str]
    page: Page
    transfers: list[Transfer]
    now: int
    can: Abilities
    chunk_bytes: int
    in_flight: int


class Fact(Told):
    """A label and a value; `metadata` are those that somebody attached."""

    label: str
    value: str
    metadata: bool = False


class Version(Told):
    """A living version of a name."""

    id: str
    label: str
    size: int | None
    put: int
    expires: int | None
    newest: bool


class Code(Told):
    """What does the same in a cell."""

    get: str
    mount: str
    link: str
    remove: str


class Facts(Told):
    """All that is said of one object beside the look inside."""

    id: str
    name: str
    subtitle: str
    facts: list[Fact]
    versions: list[Version]
    more_versions: bool
    code: Code
    variable: str
    directory: str


class Column(Told):
    """A column of a table."""

    name: str
    type: str
    number: bool


class TablePreview(Told, tag_field="kind", tag="table"):
    """The first rows of a table."""

    columns: list[Column]
    rows: list[list[str]]
    of_rows: int | None
    of_columns: int
    read: int


class TextPreview(Told, tag_field="kind", tag="text"):
    """The beginning of a text."""

    text: str
    format: str
    whole: bool
    read: int


class ImagePreview(Told, tag_field="kind", tag="image"):
    """A picture; its bytes are the reply's first buffer."""

    type: str
    width: int
    height: int
    read: int


class Member(Told):
    """A file in an archive or a folder."""

    path: str
    size: int | None
    folder: bool = False


class ArchivePreview(Told, tag_field="kind", tag="archive"):
    """What comes first in an archive."""

    members: list[Member]
    more: bool
    read: int


class NoPreview(Told, tag_field="kind", tag="none"):
    """Why there is none."""

    why: str


Preview = TablePreview | TextPreview | ImagePreview | ArchivePreview | NoPreview
"""A look inside; `read` is how many bytes were fetched for it."""


def read(args: Mapping[str, Any], form: type[T]) -> T:
    """Return the args of a request as what they must be.

    Raises:
        InputError: They are something else.
    """
    try:
        said = msgspec.convert(dict(args), form)
        msgspec.json.encode(said)  # half a character is no text that any store takes
    except (msgspec.ValidationError, RecursionError, UnicodeError) as error:
        raise InputError(f"the page asked for what can't be meant: {error}") from None
    query = getattr(said, "query", None)
    if query is not None:
        check(query)
    columns = getattr(said, "columns", None)
    if columns is not None and len(columns) > MOST_COLUMNS:
        raise InputError(f"{len(columns):,} columns are too many; {MOST_COLUMNS} are the most")
    ids = getattr(said, "ids", None)
    if ids is not None and len(ids) > MOST_IDS:
        raise InputError(f"{len(ids):,} objects at once are too many; {MOST_IDS:,} are the most")
    return said


def check(query: Query) -> None:
    """Refuse a query that can't be meant.

    Raises:
        InputError: A condition in it can't.
    """
    for each in query.conditions:
        n = len(each.values)
        if each.sign not in _SIGNS or not each.key or (n == 0) != (each.sign == "") or (n > 1 and each.sign != "="):
            raise InputError(f"a condition on {each.key!r} can't be meant: {each.sign} with {n} values")
    if query.order == "metadata" and not query.key:
        raise InputError("which metadata key is it to be ordered by?")


def plain(value: object) -> Any:
    """Return what is told as plain data, in the words of the other side."""
    return msgspec.to_builtins(value)
