"""Browsing an index against a plain list of objects that says what is right."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runloop_jupyter.conditions import Condition, in_order
from runloop_jupyter.errors import InputError
from runloop_jupyter.index import INDEX, ObjectIndex
from runloop_jupyter.index.browsing import Browsing
from runloop_jupyter.index.fold import fold
from runloop_jupyter.wire.browse import (
    FacetsAsked,
    Freshness,
    PageAsked,
    PageView,
    Query,
    Ranges,
    Span,
    SuggestAsked,
)
from runloop_jupyter.wire.objects import ObjectView

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NOW = 50
NAMES = [
    "a",
    "a/b",
    "a/c",
    "a/b/c",
    "B",
    "ä",
    "Ä/x",
    "a\U0010ffff",
    "a\U0010ffffb",
    "\0",
    "a\0b",
    "%",
    "\ud7ff",
    "\ue000",
    "x.rl-part-00001",
]
VALUES = ["1", "2", "10", "1e1", "ten", "", "nan", "2026-01-02", "part", "table"]
KEYS = ["k", "l", "rl.kind"]

names = st.sampled_from(NAMES)
metadata = st.none() | st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=3)
states = st.sampled_from(["READ_ONLY"] * 6 + ["UPLOADING", "DELETED", "ERROR"])
spans = st.none() | st.builds(Span, since=st.none() | st.integers(0, 6), before=st.none() | st.integers(0, 8))
times = st.builds(Span, since=st.none() | st.integers(40, 60), before=st.none() | st.integers(45, 70))
conditions = st.builds(
    Condition,
    st.sampled_from(KEYS),
    st.sampled_from(["=", "!=", ">", "<=", ">=", "<"]),
    st.sampled_from(VALUES).map(lambda value: (value,)),
) | st.builds(Condition, st.sampled_from([*KEYS, "m"]))
queries = st.builds(
    Query,
    search=st.sampled_from(["", "", "", "a", "A/", "a/b", "obj-", "obj-3", "ä", "part", "zz"]),
    beneath=st.sampled_from(["", "", "", "a/", "a", "a\U0010ffff", "\ud7ff", "zz", "\U0010ffff"]),
    state=states,
    where=st.dictionaries(st.sampled_from([*KEYS, "m"]), st.lists(st.sampled_from(VALUES), max_size=3), max_size=1)
    | st.just({}),
    conditions=st.lists(conditions, max_size=2) | st.just([]),
    size=spans,
    put=spans,
    expires=st.none() | times,
    lasting=st.sampled_from([None, None, True, False]),
    order=st.sampled_from(["put", "name", "size", "expires", "metadata"]),
    key=st.sampled_from(["k", "l", "m"]),
    descending=st.booleans(),
    folded=st.booleans(),
)
plain = st.builds(
    Query,
    state=states,
    order=st.sampled_from(["put", "name", "size", "expires", "metadata"]),
    key=st.sampled_from(["k", "l", "m"]),
    descending=st.booleans(),
    folded=st.booleans(),
)
puts = st.tuples(
    st.just("put"),
    names,
    states,
    metadata,
    st.none() | st.integers(0, 3),
    st.none() | st.integers(45, 60),
)
changes = st.tuples(st.sampled_from(["delete", "complete", "remove"]), st.integers(0, 15))
acts = st.lists(puts | puts | puts | changes, max_size=16)


@dataclass(frozen=True)
class Kept:
    position: int
    view: ObjectView
    part: bool


@dataclass
class Model:
    """What the index holds, as a list."""

    index: ObjectIndex
    objects: list[Kept] = field(default_factory=list)
    put: int = 0

    def act(self, acts: Iterable[tuple[Any, ...]]) -> None:
        for what, *rest in acts:
            if what == "put":
                self._put(*rest)
            elif self.objects:
                self._change(what, rest[0] % len(self.objects))

    def _put(self, name: str, state: str, pairs: dict[str, str] | None, size: int | None, ends: int | None) -> None:
        self.put += 1
        pairs = None if state == "DELETED" else pairs
        view = ObjectView(
            id=f"obj-{self.put}x",
            name=name,
            state=state,
            content_type="text",
            create_time_ms=self.put // 2,
            size_bytes=size,
            delete_after_time_ms=ends,
            metadata=pairs,
        )
        part = pairs.get("rl.kind") == "part" if pairs else state == "DELETED" and ".rl-part-" in name
        position = self.put * 10 - 35  # a catalog may count downwards from 0
        self.index.put(position, view)
        self.objects.append(Kept(position, view, part))

    def _change(self, what: str, place: int) -> None:
        each = self.objects[place]
        if what == "remove":
            self.index.remove(each.position)
            del self.objects[place]
            return
        pairs = each.view.metadata
        if what == "delete":
            self.index.drop_metadata(each.position)
            pairs = None
        state = "DELETED" if what == "delete" else "READ_ONLY"
        self.index.change(each.position, state=state, size_bytes=each.view.size_bytes)
        self.objects[place] = replace(each, view=msgspec.structs.replace(each.view, state=state, metadata=pairs))

    def fits(self, query: Query, now_ms: int = NOW) -> list[Kept]:
        """Return what fits, newest first."""
        return [each for each in sorted(self.objects, key=lambda each: -each.position) if fits(query, each, now_ms)]

    def listed(self, query: Query, now_ms: int = NOW) -> list[Kept]:
        found = self.fits(query, now_ms)
        if query.folded:
            found = list({each.view.name: each for each in reversed(found)}.values())
            found.sort(key=lambda each: -each.position)
        if query.order == "put":
            return found if query.descending else found[::-1]
        with_key = [each for each in found if order_key(query, each) is not None]
        with_key.sort(key=lambda each: order_key(query, each), reverse=query.descending)
        return with_key + [each for each in found if order_key(query, each) is None]

    def versions(self, name: str, now_ms: int = NOW) -> int:
        return max(1, sum(each.view.name == name for each in self.fits(Query(), now_ms)))


def order_key(query: Query, each: Kept) -> Any:
    if query.order == "metadata":
        value = (each.view.metadata or {}).get(query.key)
        return None if value is None else in_order(value)
    return {"name": each.view.name, "size": each.view.size_bytes, "expires": each.view.delete_after_time_ms}[
        query.order
    ]


def within(number: int | None, span: Span | None) -> bool:
    return span is None or (
        number is not None
        and (span.since is None or number >= span.since)
        and (span.before is None or number < span.before)
    )


def fits(query: Query, each: Kept, now_ms: int) -> bool:
    view, has = each.view, each.view.metadata or {}
    parts = "part" in query.where.get("rl.kind", []) or Condition("rl.kind", "=", ("part",)) in query.conditions
    ends = view.delete_after_time_ms
    return (
        view.state == query.state
        and (parts or not each.part)
        and (ends is None or ends > now_ms or view.state == "DELETED")
        and (not query.search or fold(query.search) in fold(view.name) or view.id.startswith(query.search))
        and view.name.startswith(query.beneath)
        and all(has.get(key) in values for key, values in query.where.items())
        and all(each.key in has and each.holds(has[each.key]) for each in query.conditions)
        and within(view.size_bytes, query.size)
        and within(view.create_time_ms, query.put)
        and within(ends, query.expires)
        and (query.lasting is None or query.lasting is (ends is None))
    )


class Clock:
    """A time of day that stands still."""

    now_ms = NOW

    def __call__(self) -> float:
        return self.now_ms / 1000


def last(steps: Iterator[Any]) -> Any:
    *_, answer = steps
    return answer


def exact(browsing: Browsing, asked: PageAsked) -> PageView:
    """Return the page that somebody gets in the end who asks until it is exact."""
    while not (page := last(browsing.page(asked))).exact:
        for _ in browsing.behind():
            pass
    return page


def opened(acts: Iterable[tuple[Any, ...]] = ()) -> tuple[Model, Browsing, Clock]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(INDEX.script)
    model, clock = Model(ObjectIndex(connection)), Clock()
    model.act(acts)
    return model, again(model, clock), clock


def again(model: Model, clock: Clock) -> Browsing:
    return Browsing(model.index._connection, lambda: Freshness(indexed=len(model.objects)), clock)


@contextmanager
def smaller_than_the_store(few: int, step: int, sorted_: int, asked: int) -> Iterator[None]:
    """Make a handful of objects so many that an index of a million is walked no other way."""
    with (
        patch("runloop_jupyter.index.filter.FEW", few),
        patch("runloop_jupyter.index.views._WINDOW", step),
        patch("runloop_jupyter.index.views._AHEAD", step),
        patch("runloop_jupyter.index.browsing._WINDOW", step),
        patch("runloop_jupyter.index.ordering._STEP", step),
        patch("runloop_jupyter.index.ordering.SORTED", sorted_),
        patch("runloop_jupyter.index.ranks._SLICE", step),
        patch("runloop_jupyter.index.asking._SLICE", step),
        patch("runloop_jupyter.index.asking._ASKED", asked),
        patch("runloop_jupyter.index.deadline.TURN_S", 0.0),
    ):
        yield


limits = st.builds(
    smaller_than_the_store,
    st.sampled_from([0, 2, 2000]),
    st.sampled_from([1, 2, 3, 8, 1500]),
    st.sampled_from([1, 3, 5000]),
    st.sampled_from([0, 100]),
)


@settings(max_examples=400, deadline=None)
@given(acts=acts, queries=st.lists(queries | plain, min_size=1, max_size=3), n=st.integers(1, 20), limits=limits)
def test_pages_hold_the_objects_that_fit_in_their_order(
    acts: list[tuple[Any, ...]], queries: list[Query], n: int, limits: Any
) -> None:
    model, browsing, _ = opened(acts)
    with limits:
        for query in queries:
            right = model.listed(query)
            rows, first = [], 0
            while True:
                page = exact(browsing, PageAsked(query=query, first=first, n=n))
                assert (page.first, page.total, page.newer) == (first, len(right), False)
                rows += page.rows
                first += n
                if len(page.rows) < n:
                    break
            assert [row.object for row in rows] == [each.view for each in right]
            assert [row.versions for row in rows] == [model.versions(each.view.name) for each in right]
            meant = model.fits(query)
            assert page.objects == len(meant)
            assert page.size_bytes == sum(each.view.size_bytes or 0 for each in meant)


@settings(max_examples=300, deadline=None)
@given(acts=acts, later=acts, query=queries | plain, limits=limits, ends=st.integers(NOW, 60))
def test_rows_of_an_earlier_list_stay_where_they_were_whatever_comes_and_goes(
    acts: list[tuple[Any, ...]], later: list[tuple[Any, ...]], query: Query, limits: Any, ends: int
) -> None:
    model, browsing, clock = opened(acts)
    with limits:
        right = model.listed(query)
        page = exact(browsing, PageAsked(query=query, n=500))
        for _ in browsing.behind():
            pass
        model.act(later)
        clock.now_ms = ends
        still = {each.position: each.view for each in model.fits(msgspec.structs.replace(query, folded=False), ends)}
        still = {
            each.position: each.view
            for each in model.objects
            if fits(
                Query(
                    state=query.state,
                    where=query.where if "rl.kind" in query.where else {},
                    conditions=[each for each in query.conditions if each.key == "rl.kind"],
                ),
                each,
                ends,
            )
        } | still
        earlier = exact(browsing, PageAsked(query=query, n=500, as_of=page.as_of))
        assert (earlier.total, earlier.as_of) == (len(right), page.as_of)
        assert [row and row.object.id for row in earlier.rows] == [
            each.view.id if each.position in still else None for each in right
        ]
        if [each.view for each in model.listed(query, ends)] != [each.view for each in right]:
            assert earlier.newer
        now = exact(browsing, PageAsked(query=query, n=500))
        assert [row.object for row in now.rows] == [each.view for each in model.listed(query, ends)]
        assert not now.newer


@settings(max_examples=200, deadline=None)
@given(acts=acts, later=st.lists(puts, max_size=6), query=queries | plain, limits=limits)
def test_a_list_that_nobody_kept_is_made_again_as_it_was(
    acts: list[tuple[Any, ...]], later: list[tuple[Any, ...]], query: Query, limits: Any
) -> None:
    model, browsing, clock = opened(acts)
    with limits:
        page = exact(browsing, PageAsked(query=query, n=500))
        model.act(later)
        earlier = exact(again(model, clock), PageAsked(query=query, n=500, as_of=page.as_of))
        assert earlier.rows == [
            msgspec.structs.replace(row, versions=model.versions(row.object.name)) for row in page.rows
        ]
        assert earlier.total == page.total


def own(query: Query, **gone: Any) -> Query:
    return msgspec.structs.replace(query, **gone)


def counted(texts: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(texts).items(), key=lambda each: (-each[1], each[0])))


def ranged(ends: list[int], numbers: list[int | None]) -> Ranges:
    counts = [0] * (len(ends) + 1)
    for each in numbers:
        if each is not None:
            counts[sum(end <= each for end in ends)] += 1
    return Ranges(counts=counts, without=numbers.count(None), complete=True)


ends = st.lists(st.integers(0, 6), unique=True, max_size=3).map(sorted)


@settings(max_examples=400, deadline=None)
@given(
    acts=acts,
    query=queries | plain,
    sizes=ends,
    puts=ends,
    expiries=st.lists(st.integers(45, 62), unique=True, max_size=3).map(sorted),
    limit=st.integers(1, 4),
    limits=limits,
    counted_at_once=st.sampled_from([1, 100_000]),
    names_at_once=st.sampled_from([1, 2, 500]),
    hidden=st.sampled_from([0, 20_000]),
)
def test_facets_count_what_fits_without_their_own_condition(
    acts: list[tuple[Any, ...]],
    query: Query,
    sizes: list[int],
    puts: list[int],
    expiries: list[int],
    limit: int,
    limits: Any,
    counted_at_once: int,
    names_at_once: int,
    hidden: int,
) -> None:
    model, browsing, _ = opened(acts)
    asked = FacetsAsked(query=query, keys=[*KEYS, "m"], limit=limit, sizes=sizes, puts=puts, expiries=expiries)
    with (
        limits,
        patch("runloop_jupyter.index.kept._COUNTED", counted_at_once),
        patch("runloop_jupyter.index.kept._NAMES", names_at_once),
        patch("runloop_jupyter.index.kept._HIDDEN", hidden),
    ):
        last(browsing.facets(asked, within_s=0))
        for _ in browsing.behind():
            pass
        view = last(browsing.facets(asked, within_s=0))
    assert view.complete
    assert view.objects == len(model.fits(query))
    for facet in view.keys:
        fitting = model.fits(
            own(
                query,
                where={key: values for key, values in query.where.items() if key != facet.key},
                conditions=[each for each in query.conditions if each.key != facet.key],
            )
        )
        right = counted(each.view.metadata[facet.key] for each in fitting if facet.key in (each.view.metadata or {}))
        found = dict(zip(facet.values, facet.counts, strict=True))
        most = dict(list(found.items())[: min(limit, len(right))])
        assert list(most.values()) == list(right.values())[:limit]
        assert all(right.get(value, 0) == n for value, n in found.items())
        assert set(found) - set(most) == set(query.where.get(facet.key, ())) - set(most)
        assert (facet.distinct, facet.complete) == (len(right), True)
    states = {}
    for state in ["READ_ONLY", "UPLOADING", "DELETED", "ERROR"]:
        if n := len(model.fits(own(query, state=state))):
            states[state] = n
    assert dict(zip(view.states.values, view.states.counts, strict=True)) == states
    start = len(query.beneath)
    inside = [each.view.name[start:].partition("/") for each in model.fits(query)]
    right = counted(folder for folder, slash, _ in inside if slash)
    assert list(zip(view.folders.values, view.folders.counts, strict=True)) == list(right.items())[:limit]
    assert view.folders.distinct == len(right)
    for found_ranges, each_ends, gone, what in (
        (view.sizes, sizes, {"size": None}, "size_bytes"),
        (view.puts, puts, {"put": None}, "create_time_ms"),
        (view.expiries, expiries, {"expires": None, "lasting": None}, "delete_after_time_ms"),
    ):
        numbers = [getattr(each.view, what) for each in model.fits(own(query, **gone))]
        assert found_ranges == (ranged(each_ends, numbers) if each_ends else None)


@settings(max_examples=200, deadline=None)
@given(acts=acts, text=st.sampled_from(["", "k", "K", "a", "B", "k=", "k=1", "l=E", "m=", "=", "zz", "\0", "ä", "%"]))
def test_suggestions_are_keys_values_and_names_that_there_are(acts: list[tuple[Any, ...]], text: str) -> None:
    model, browsing, _ = opened(acts)
    with patch("runloop_jupyter.index.suggesting._WITHIN_SECONDS", 60):
        found = last(browsing.suggest(SuggestAsked(text=text, limit=100))).suggestions
    held = [each.view.metadata or {} for each in model.objects]
    key, sign, part = text.partition("=")
    keys = {each for pairs in held for each in pairs if not each.startswith("rl.") and fold(text) in fold(each)}
    values = {pairs[key] for pairs in held if key in pairs and fold(part) in fold(pairs[key])}
    names = {each.view.name for each in model.fits(Query()) if text and fold(text) in fold(each.view.name)}
    assert {each.text for each in found if each.sort == "key"} == (set() if sign else keys)
    assert {each.text for each in found if each.sort == "value"} == (values if sign else set())
    assert {each.text for each in found if each.sort == "name"} == names


@settings(max_examples=300, deadline=None)
@given(
    before=acts,
    between=acts,
    asked=st.lists(st.tuples(queries | plain, st.integers(0, 4)), min_size=1, max_size=4),
    limits=limits,
    order=st.randoms(use_true_random=False),
)
def test_what_comes_and_goes_while_answers_are_found_is_seen_as_it_is(
    before: list[tuple[Any, ...]],
    between: list[tuple[Any, ...]],
    asked: list[tuple[Query, int]],
    limits: Any,
    order: Any,
) -> None:
    model, browsing, _ = opened(before)
    left = list(between)
    with limits:
        going: list[Iterator[Any]] = [browsing.behind()]
        for query, first in asked:
            going.append(browsing.page(PageAsked(query=query, first=first)))
            going.append(
                browsing.facets(FacetsAsked(query=query, keys=[*KEYS, "m"], sizes=[2], puts=[3], expiries=[55]))
            )
        while going:
            if left and order.random() < 0.4:
                model.act([left.pop(0)])
            each = order.choice(going)
            try:
                answer = next(each)
            except StopIteration:
                going.remove(each)
                continue
            if isinstance(answer, PageView):
                held = {kept.view.id: kept.view for kept in model.objects}
                assert all(row is None or held[row.object.id] == row.object for row in answer.rows)
        model.act(left)
        for query, _ in asked:
            page = exact(browsing, PageAsked(query=query, n=500))
            assert [row.object for row in page.rows] == [kept.view for kept in model.listed(query)]


@pytest.mark.parametrize(
    "asked",
    [
        PageAsked(query=Query(), n=0),
        PageAsked(query=Query(), n=501),
        PageAsked(query=Query(), first=-1),
        PageAsked(query=Query(state="read_only")),
        PageAsked(query=Query(order="metadata")),
        PageAsked(query=Query(size=Span(since=1 << 64))),
        PageAsked(query=Query(search="x" * 5000)),
        PageAsked(query=Query(search="\ud800")),
        PageAsked(query=Query(where={"k": ["x"] * 1001})),
        PageAsked(query=Query(conditions=[Condition("k", "~", ("1",))])),
        PageAsked(query=Query(conditions=[Condition("k", ">", ())])),
        PageAsked(query=Query(conditions=[Condition("k", "=", ())])),
        PageAsked(query=Query(conditions=[Condition("", "=", ("1",))])),
        FacetsAsked(query=Query(), limit=0),
        FacetsAsked(query=Query(), sizes=[2, 1]),
        FacetsAsked(query=Query(), keys=["k"] * 51),
        SuggestAsked(text="x", limit=0),
        SuggestAsked(text="\udc00"),
    ],
    ids=repr,
)
def test_what_cannot_be_meant_is_refused(asked: Any) -> None:
    _, browsing, _ = opened()
    ask = {PageAsked: browsing.page, FacetsAsked: browsing.facets, SuggestAsked: browsing.suggest}[type(asked)]
    with pytest.raises(InputError):
        last(ask(asked))


@pytest.mark.parametrize("as_of", ["", "x", "-1-2-3", "1-2", "9-9-9", "9" * 40, f"{'9' * 19}-0-0", "1-2-3\n"])
def test_a_moment_that_never_was_is_now(as_of: str) -> None:
    _, browsing, _ = opened([("put", "a", "READ_ONLY", None, 1, None)])
    page = last(browsing.page(PageAsked(query=Query(), as_of=as_of)))
    assert [row.object.name for row in page.rows] == ["a"]


def test_the_keys_that_suit_best_are_the_kind_and_those_with_few_values() -> None:
    acts = [
        (
            "put",
            "a",
            "READ_ONLY",
            {"note": f"n{n}", "model": "vit" if n % 3 else "mlp", "one": "1", "rl.kind": "table", "rl.facts": "{}"},
            1,
            None,
        )
        for n in range(30)
    ]
    _, browsing, _ = opened(acts)
    view = last(browsing.facets(FacetsAsked(query=Query())))
    assert [facet.key for facet in view.keys] == ["rl.kind", "model", "one"]
    assert browsing.keys() == [("model", 30), ("note", 30), ("one", 30)]


@pytest.mark.parametrize("order", ["name", "size", "put"])
def test_a_version_that_comes_while_an_index_is_walked_hides_none_of_the_list_it_is_too_new_for(order: str) -> None:
    old = [("put", name, "READ_ONLY", None, size, None) for size, name in enumerate(("a", "a/b", "a/c"))]
    model, browsing, clock = opened(old)
    with patch("runloop_jupyter.index.ordering._STEP", 1), patch("runloop_jupyter.index.deadline.TURN_S", 0.0):
        asked = PageAsked(query=Query(order=order, descending=False), n=500)  # type: ignore[arg-type]
        steps = browsing.page(asked)
        assert next(steps) is None
        model.act([("put", name, "READ_ONLY", None, 0, None) for name in ("a/b", "a/c")])
        page = last(steps)
        assert [row and row.object.id for row in page.rows] == ["obj-1x", "obj-2x", "obj-3x"]
        assert page.newer
        now = exact(again(model, clock), asked)
        assert {row.object.id for row in now.rows if row} == {"obj-1x", "obj-4x", "obj-5x"}


@settings(max_examples=200, deadline=None)
@given(acts=acts, query=plain, ends=st.integers(NOW, 60), later=st.lists(puts, max_size=4))
def test_the_length_that_is_known_before_the_list_is_that_of_the_list(
    acts: list[tuple[Any, ...]], query: Query, ends: int, later: list[tuple[Any, ...]]
) -> None:
    model, browsing, clock = opened(acts)
    for more in ([], later):
        model.act(more)
        for clock.now_ms in (NOW, ends):
            page = exact(browsing, PageAsked(query=query, n=1))
            right, fitting = model.listed(query, clock.now_ms), model.fits(query, clock.now_ms)
            assert (page.total, page.objects) == (len(right), len(fitting))
            if page.size_bytes is not None:
                assert page.size_bytes == sum(each.view.size_bytes or 0 for each in fitting)


def test_what_comes_past_its_time_in_another_state_makes_no_list_that_of_another_moment() -> None:
    lasting, ending = ("put", "a", "READ_ONLY", None, None, None), ("put", "a", "READ_ONLY", None, None, 51)
    model, browsing, clock = opened([lasting, ending, ("put", "a", "UPLOADING", None, None, 45)])
    query = Query(order="put", descending=False)
    assert exact(browsing, PageAsked(query=query)).objects == 2
    model.act([("remove", 2)])
    clock.now_ms = 51
    assert exact(browsing, PageAsked(query=query)).objects == 1


@pytest.mark.parametrize("order", ["name", "size", "metadata", "put"])
@pytest.mark.parametrize("gone", [0, 2, 4])
@pytest.mark.parametrize("after", range(12))
def test_a_list_has_as_many_rows_as_it_says_also_where_one_goes_while_it_is_put_in_order(
    order: str, gone: int, after: int
) -> None:
    five = [("put", f"a/{number}", "READ_ONLY", {"k": str(number)}, number, None) for number in range(5)]
    model, browsing, _ = opened(five)
    query = Query(search="a/", order=order, key="k", descending=False)  # type: ignore[arg-type]
    with smaller_than_the_store(2000, 1, 1, 100):
        steps = browsing.page(PageAsked(query=query, n=500))
        page = None
        for _ in range(after):
            page = page or next(steps, None)
        model.act([("remove", gone)])
        page = page or last(steps)
    assert page.exact
    assert len(page.rows) == page.total
    living = [row.object.id for row in page.rows if row]
    assert [each for each in living if each != f"obj-{gone + 1}x"] == [
        f"obj-{number + 1}x" for number in range(5) if number != gone
    ]


def test_what_comes_with_a_value_of_its_own_while_a_list_is_found_is_in_it_only_where_it_fits() -> None:
    model, browsing, _ = opened([("put", f"{number}", "READ_ONLY", {"k": "1"}, 0, None) for number in range(4)])
    query = Query(conditions=[Condition("k", "<", ("3",))])
    with smaller_than_the_store(0, 1, 1, 0):
        steps = browsing.page(PageAsked(query=query, n=500))
        assert next(steps) is None
        for position, value in ((-100, "7"), (-101, "8")):  # a catalog comes to older ones later
            late = {"id": f"late{value}", "name": f"late{value}", "state": "READ_ONLY", "content_type": "text"}
            model.index.put(position, ObjectView(**late, create_time_ms=0, metadata={"k": value}))  # type: ignore[arg-type]
        page = last(steps)
        while not page.exact:
            page = exact(browsing, PageAsked(query=query, n=500, as_of=page.as_of))
    assert [row and row.object.name for row in page.rows] == ["3", "2", "1", "0"]


def test_a_page_whose_rows_arent_there_yet_isnt_exact_though_the_length_is_known() -> None:
    _, browsing, _ = opened([("put", f"{number}", "READ_ONLY", {"k": "1"}, 0, None) for number in range(4)])
    with patch("runloop_jupyter.index.browsing._ROWS_SECONDS", -1.0):
        page = last(browsing.page(PageAsked(query=Query(order="metadata", key="k"), n=4)))
    assert (page.total, page.rows, page.exact) == (4, [], False)


def test_what_ends_at_this_millisecond_has_gone_from_an_earlier_list_and_from_the_next() -> None:
    _, browsing, clock = opened([("put", "a", "READ_ONLY", None, 0, NOW + 5), ("put", "b", "READ_ONLY", None, 0, None)])
    earlier = exact(browsing, PageAsked(query=Query()))
    clock.now_ms = NOW + 5
    again_ = exact(browsing, PageAsked(query=Query(), as_of=earlier.as_of))
    assert [row and row.object.name for row in again_.rows] == ["b", None]
    assert [row and row.object.name for row in exact(browsing, PageAsked(query=Query())).rows] == ["b"]
