"""Browsing: what a list of objects is asked for, and what answers, by whoever keeps an index of the store.

The embedded store keeps one, and answers these itself: ``POST /v1/objects/browse/…``, an extension that the published
document doesn't have. Of a store that doesn't, a catalog's process keeps a copy, and answers the same.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from runloop_jupyter.conditions import Condition  # noqa: TC001 - msgspec reads annotations at run time
from runloop_jupyter.wire.objects import ObjectView  # noqa: TC001 - as above

OrderBy = Literal["put", "name", "size", "expires", "metadata"]


class Span(msgspec.Struct, frozen=True, omit_defaults=True):
    """A range of integers: at least `since`, and less than `before`; None is no limit."""

    since: int | None = None
    before: int | None = None


class Query(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which objects, and in what order. All that is given must hold; the default is all that are whole, newest first.

    Attributes:
        search: Part of the name, whatever the case, or the beginning of an id.
        beneath: What the name begins with, exactly: a folder with its slash.
        state: An `ObjectState`.
        where: For each metadata key, the values of which the object must have one.
        conditions: What else must hold of metadata.
        size: In bytes; one whose size nobody knows is in no range.
        put: When it was made, in milliseconds since 1970.
        expires: When its time ends, in milliseconds since 1970; one that lasts for ever is in no range.
        lasting: Only those that last for ever (True), or that don't (False).
        order: What the order goes by; names by their code points. Objects that don't have it come last, whichever way;
            of equals the newest first.
        key: The metadata key that it goes by: numbers before texts, numbers as numbers.
        descending: The greatest (newest) first.
        folded: Of each name only the newest version that fits.
    """

    search: str = ""
    beneath: str = ""
    state: str = "READ_ONLY"
    where: dict[str, list[str]] = {}
    conditions: list[Condition] = []
    size: Span | None = None
    put: Span | None = None
    expires: Span | None = None
    lasting: bool | None = None
    order: OrderBy = "put"
    key: str = ""
    descending: bool = True
    folded: bool = True


class PageAsked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Some rows of the list.

    Attributes:
        query: Which list.
        first: Number of the first row, from 0.
        n: How many rows, 500 at most.
        as_of: What the answer to an earlier call said: the list as it was then, so that its rows don't move while
            somebody scrolls. None is the list as it is now.
    """

    query: Query
    first: int = 0
    n: int = 100
    as_of: str | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row: an object, and how many living versions its name has (1 or more, whether or not they fit)."""

    object: ObjectView
    versions: int = 1


class Freshness(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far what answers knows its store.

    Attributes:
        indexed: Objects that it knows, in every state.
        whole: Whether it has been through all of the store.
        walking: Whether it is on its way through it.
        looked_ms: When it last looked for new ones, in milliseconds since 1970; None where it is the store itself.
        trouble: Why it can't go on, in a line.
    """

    indexed: int
    whole: bool = True
    walking: bool = False
    looked_ms: int | None = None
    trouble: str | None = None


class PageView(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a list.

    Attributes:
        rows: From `first` on; None is an object that has gone since `as_of`. Fewer than asked at the end of the list,
            and where the list isn't known as far as that yet (`exact` is False).
        first: Number of the first.
        total: Rows in the list; while it isn't `exact`, those that are known.
        exact: Whether `total` and `objects` are all, as far as whoever answers knows the store, and all rows that were
            asked for are there. Where not, the rest is being found: the same question a little later tells more.
        objects: Objects that fit, of which folded rows show one each.
        size_bytes: Bytes of those objects, as far as they are known; None where nobody added them up.
        as_of: Names this state of the list.
        newer: Whether something that may fit has come or gone since.
        fresh: How far the store is known.
    """

    rows: list[Row | None]
    first: int
    total: int
    exact: bool
    objects: int
    size_bytes: int | None
    as_of: str
    newer: bool
    fresh: Freshness


class FacetsAsked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to count.

    Attributes:
        query: Which objects. Each facet is counted without what the query itself says of it, so that its other values
            can be chosen.
        keys: Metadata keys; None for those that suit best: in many objects, with few values.
        n_keys: How many of those.
        limit: How many values of each.
        sizes: Where one range of sizes ends and the next begins, ascending, in bytes.
        puts: The same of times of making, ascending, in milliseconds since 1970.
        expiries: The same of times of ending.
        folders: Whether to count folders beneath `query.beneath`.
    """

    query: Query
    keys: list[str] | None = None
    n_keys: int = 6
    limit: int = 8
    sizes: list[int] = []
    puts: list[int] = []
    expiries: list[int] = []
    folders: bool = True


class Facet(msgspec.Struct, frozen=True, kw_only=True):
    """Values and how many objects have each.

    Attributes:
        key: The metadata key; of folders and states, what they are.
        values: The most frequent first, as many as were asked for; of a metadata key then those that the query's
            `where` names and that aren't among them. Of folders their names, without what they are beneath, without
            slash.
        counts: In the order of `values`.
        distinct: How many different values there are; None where nobody counted that far.
        complete: Whether all objects were counted; where not, each count is a lower bound. They are counted on
            meanwhile: the same question a little later tells more.
    """

    key: str
    values: list[str]
    counts: list[int]
    distinct: int | None
    complete: bool


class Ranges(msgspec.Struct, frozen=True, kw_only=True):
    """How many objects are in each range: one count more than there were ends.

    Attributes:
        counts: In ascending order.
        without: How many have none: whose size nobody knows, or that last for ever.
        complete: As in `Facet`.
    """

    counts: list[int]
    without: int
    complete: bool


class BrowseFacetsView(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `FacetsAsked`; what wasn't asked for is None."""

    keys: list[Facet]
    folders: Facet | None
    states: Facet
    sizes: Ranges | None
    puts: Ranges | None
    expiries: Ranges | None
    objects: int
    complete: bool


class SuggestAsked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What may be meant by what was typed so far.

    Attributes:
        text: ``mod`` (the beginning of a key, part of a name), ``model=`` or ``model=res`` (a value).
        limit: How many of each sort.
    """

    text: str
    limit: int = 8


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """One of the things that may be meant.

    Attributes:
        sort: Whether it is a key, a value of `key`, or a name.
        text: The key, value or name.
        key: Whose value it is.
        n: How many objects have it; None where nobody counted.
    """

    sort: Literal["key", "value", "name"]
    text: str
    key: str = ""
    n: int | None = None


class SuggestView(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `SuggestAsked`, the likeliest first."""

    suggestions: list[Suggestion]
