"""Finding among 40,000 objects: each form against plain Python over the same objects, on a store that listens to
filters and on services that don't."""

from __future__ import annotations

import fnmatch
import json
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import misbehaving
import pytest
from kernels import Kernel
from many_objects import DAY_MS, many, paged, store_with

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.actions import walk
from runloop_jupyter.errors import InputError
from runloop_jupyter.index import Filter, ObjectIndex, connect, transaction
from runloop_jupyter.local import launch
from runloop_jupyter.local.database import SCHEMA
from runloop_jupyter.local.ids import position_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runloop_jupyter.wire.objects import ObjectView

N = 40_000
NOW_MS = round(time.time() * 1000)
LOOSE_S = 20
took: dict[str, list[float]] = {}


@dataclass(frozen=True)
class Form:
    """A call of ls, and which objects it means.

    Attributes:
        call: Its arguments.
        keeps: Whether an object fits.
        by: What it is sorted by, where it is.
    """

    call: dict[str, Any]
    keeps: Callable[[ObjectView], bool] = lambda view: True
    by: Callable[[ObjectView], Any] | None = None


def has(view, key):
    return (view.metadata or {}).get(key, "")


def as_float(text):
    """The number that a text of these objects is; None for n/a and nan."""
    return None if text in {"", "n/a", "nan"} else float(text.replace(",", ""))


def above(key, bound):
    return lambda view: (value := as_float(has(view, key))) is not None and value > bound


def facts(view):
    return json.loads((view.metadata or {}).get("rl.facts", "{}"))


def at(days_ago):
    return datetime.fromtimestamp((NOW_MS - days_ago * DAY_MS) / 1000, UTC)


def later_than(days_ago):
    return lambda view: (
        view.create_time_ms >= (at(days_ago) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)
    )


FORMS = {
    "everything": Form({}),
    "a part of the name": Form({"pattern": "RESNET"}, lambda view: "resnet" in view.name),
    "a pattern": Form(
        {"pattern": "runs/0[1-3]/*-0000*"}, lambda view: fnmatch.fnmatch(view.name, "runs/0[1-3]/*-0000*")
    ),
    "an equality": Form({"where": {"model": "vit"}}, lambda view: has(view, "model") == "vit"),
    "one of several": Form(
        {"where": {"model": ["vit", "mlp"], "seed": 7}},
        lambda view: has(view, "model") in {"vit", "mlp"} and has(view, "seed") == "7",
    ),
    "a comparison": Form({"where": ["acc>0.95"]}, above("acc", 0.95)),
    "thousands": Form({"where": "steps>900,000"}, above("steps", 900_000)),
    "dates": Form(
        {"where": ["date>=2026-06-01", "date<2026-06-15"]},
        lambda view: "2026-06-01" <= has(view, "date") < "2026-06-15",
    ),
    "an odd key": Form({"where": ['"loss>raw">0.5']}, above("loss>raw", 0.5)),
    "having a key": Form({"where": ['"loss>raw"']}, lambda view: bool(has(view, "loss>raw"))),
    "being another": Form(
        {"where": ["user!=ada", "model=unet"]}, lambda view: has(view, "user") != "ada" and has(view, "model") == "unet"
    ),
    "a kind": Form({"type": "table"}, lambda view: has(view, "rl.kind") == "table"),
    "a format": Form({"type": "npy"}, lambda view: has(view, "rl.format") == "npy"),
    "a content type": Form({"type": "binary"}),
    "since": Form({"since": at(30)}, later_than(30)),
    "before": Form({"before": at(300)}, lambda view: not later_than(300)(view)),
    "a month long ago": Form(
        {"since": at(230), "before": at(200)}, lambda view: later_than(230)(view) and not later_than(200)(view)
    ),
    "soon gone": Form(
        {"expiring": "7d"}, lambda view: (view.delete_after_time_ms or 1 << 60) <= time.time() * 1000 + 7 * DAY_MS
    ),
    "all at once": Form(
        {"pattern": "val", "where": ["model=vit", "acc>0.5"], "since": at(90), "type": "table"},
        lambda view: (
            has(view, "model") == "vit"
            and above("acc", 0.5)(view)
            and later_than(90)(view)
            and has(view, "rl.kind") == "table"
        ),
    ),
    "by name": Form({"sort": "name"}, by=lambda view: view.name),
    "by size, greatest first": Form({"sort": "-size"}, by=lambda view: view.size_bytes),
    "by put": Form({"sort": "put"}, by=lambda view: view.create_time_ms),
    "by end": Form({"sort": "expires"}, by=lambda view: view.delete_after_time_ms),
    "by rows, greatest first": Form({"sort": "-rows"}, by=lambda view: facts(view)["rows"]),
    "by metadata, greatest first": Form(
        {"sort": "-acc", "where": "model=swin"},
        lambda v: has(v, "model") == "swin",
        by=lambda view: as_float(has(view, "acc")) if as_float(has(view, "acc")) is not None else has(view, "acc"),
    ),
    "by a rare key": Form({"sort": "loss>raw", "limit": 1000}, by=lambda view: as_float(has(view, "loss>raw"))),
    "nothing": Form({"where": {"model": "none"}}, lambda view: False),
}


def expected(views, form):
    """The newest version that fits of each name, in order: (all of them, those that are shown, versions of each)."""
    fitting = [view for view in views if view.state == "READ_ONLY" and form.keeps(view)]
    newest = {}
    versions = {}
    for view in fitting:
        newest.setdefault(view.name, view)
        versions[view.name] = versions.get(view.name, 0) + 1
    found = list(newest.values())
    if form.by is not None:
        found = in_order(found, form.by, form.call["sort"].startswith("-"))
    return found, found[: form.call.get("limit", 20)], versions


def in_order(views, by, descending):
    """Numbers, then text, then what has no value; each as the sign says, and equals as they came."""
    texts = [view for view in views if isinstance(by(view), str)]
    numbers = [view for view in views if by(view) is not None and not isinstance(by(view), str)]
    missing = [view for view in views if by(view) is None]
    return [*sorted(numbers, key=by, reverse=descending), *sorted(texts, key=by, reverse=descending), *missing]


def assert_right(views, form, label):
    found, shown, versions = expected(views, form)
    began = time.monotonic()
    table = rl.ls(**form.call)
    took.setdefault(label, []).append(time.monotonic() - began)
    assert [each.id for each in table] == [view.id for view in shown]
    assert table.extent.found == len(found)
    assert table.extent.whole
    assert table.versions == versions
    assert took[label][-1] < LOOSE_S
    return table


@pytest.fixture(scope="module")
def views() -> list[ObjectView]:
    return many(N, NOW_MS)


@pytest.fixture(scope="module", autouse=True)
def _times() -> Iterator[None]:
    yield
    for label, times in took.items():
        print(f"{label}: {min(times):.2f} s")


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not make a walk stop early."""
    monkeypatch.setattr(walk, "LONG_ENOUGH_S", 600)


@pytest.fixture(scope="module")
def embedded(views, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The embedded store of a home in which 40,000 objects were put before."""
    home = tmp_path_factory.mktemp("many")
    store_with(home / "store", views)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNLOOP_JUPYTER_HOME", str(home))
        launch.ensure()
        yield
        launch.stop()


@contextmanager
def service(monkeypatch, backend) -> Iterator[misbehaving.Server]:
    """Make a service the store of the session."""
    with misbehaving.serving(backend) as server:
        monkeypatch.setenv("RUNLOOP_BASE_URL", server.url)
        monkeypatch.setenv("RUNLOOP_API_KEY", "key")
        session.reset()
        yield server
        session.current().close()


def cursors(server):
    """Where each page of the walk began, None for the first; the look for deleted objects is no part of the walk."""
    queries = [dict(parse_qsl(urlsplit(each.path).query)) for each in server.asked("list")]
    return [query.get("starting_after") for query in queries if query.get("state") != "DELETED"]


@pytest.mark.parametrize("name", FORMS)
def test_each_form_is_right_on_the_embedded_store(embedded, views, name):
    table = assert_right(views, FORMS[name], f"embedded store, {name}")
    assert "looked at all" in table.table().to_text()


def test_the_embedded_store_says_how_many_it_looked_at(embedded, views):
    whole = sum(view.state == "READ_ONLY" for view in views)
    assert f"looked at all {whole:,}" in repr(rl.ls())
    assert f"looked at all {whole:,}" in repr(rl.ls("resnet", where={"model": "vit"}))
    assert (
        f"looked at all {sum(map(later_than(30), (v for v in views if v.state == 'READ_ONLY'))):,} since then"
        in repr(rl.ls(since=at(30)))
    )


def test_versions_are_a_row_each_with_those_that_are_gone(embedded, views):
    name = next(view.name for view in views if view.state == "DELETED")
    table = rl.ls(name, versions=True, limit=1000)
    there = [view for view in views if name in view.name]
    assert [each.id for each in table] == [view.id for view in there]
    text = table.table().to_text()
    assert "deleted" in text
    assert f"{len(there)} of {len(there)} version" in text


def test_a_survivor_says_that_its_newest_version_is_gone(embedded, views):
    newest = {}
    for view in views:
        if view.state != "UPLOADING":
            newest.setdefault(view.name, view)
    living = {view.name for view in views if view.state == "READ_ONLY"}
    name = next(name for name, view in newest.items() if view.state == "DELETED" and name in living)
    assert set(rl.ls(name).notes.values()) == {"newest is gone"}
    assert rl.ls(next(name for name, view in newest.items() if view.state == "READ_ONLY")).notes == {}


def test_keys_and_values_are_counted_by_the_embedded_store(embedded, views):
    whole = [view for view in views if view.state == "READ_ONLY"]
    table = rl.keys()
    counts = {key: sum(key in view.metadata for view in whole) for key in set().union(*(v.metadata for v in whole))}
    counts = {key: n for key, n in counts.items() if not key.startswith("rl.")}
    assert dict(table.counts) == counts
    assert list(table) == sorted(counts, key=lambda key: (-counts[key], key))
    models = rl.keys("model")
    assert dict(models.counts) == {m: sum(has(v, "model") == m for v in whole) for m in set(models)}
    notes = rl.keys("note", limit=10)
    assert (len(notes), notes.found) == (10, len(whole))


def test_a_store_that_is_written_at_once_is_what_its_daemon_would_have_written(tmp_path):
    some = many(200, NOW_MS)
    store_with(tmp_path / "at once", some)
    connection = connect(tmp_path / "one by one.db", SCHEMA)
    with transaction(connection):
        for view in reversed(some):
            ObjectIndex(connection).put(position_of(view.id), view)
    at_once = connect(tmp_path / "at once" / "store.db", SCHEMA)
    for wanted in (Filter(), Filter(name="resnet"), Filter(metadata={"model": {"vit"}}, state="READ_ONLY")):
        assert ObjectIndex(at_once).page(wanted, limit=500) == ObjectIndex(connection).page(wanted, limit=500)
    assert ObjectIndex(at_once).metadata.keys() == ObjectIndex(connection).metadata.keys()
    assert list(ObjectIndex(at_once).metadata.values("model")) == list(ObjectIndex(connection).metadata.values("model"))
    assert ObjectIndex(at_once).tally() == ObjectIndex(connection).tally()
    at_once.close()
    connection.close()


VARIANTS = {"metadata": {"name", "state"}, "anything": ()}


@pytest.mark.parametrize("ignored", VARIANTS)
@pytest.mark.parametrize("name", FORMS)
def test_each_form_is_right_on_a_service_that_ignores(monkeypatch, views, ignored, name):
    with service(monkeypatch, paged(views, listens_to=VARIANTS[ignored], late_s=0.02)) as server:
        assert_right(views, FORMS[name], f"service that ignores {ignored}, {name}")
        walked = cursors(server)
        assert len(walked) == len(set(walked)), "a page was fetched twice"
        if ignored == "anything":
            since = FORMS[name].call.get("since")
            older = 0 if since is None else sum(map(later_than((at(0) - since).days), views))
            pages = N // 5000 if since is None else older // 5000 + 2
            assert len(walked) == pages


def test_a_look_at_a_slow_service_ends_with_what_is_shown_and_says_so(monkeypatch, views):
    monkeypatch.setattr(walk, "LONG_ENOUGH_S", 0)
    with service(monkeypatch, paged(views, late_s=0.02)) as server:
        table = rl.ls(where={"model": "vit"})
        assert len(cursors(server)) <= 2
        assert len(table) == 20
        text = table.table().to_text()
        assert "20 of ≥ " in text
        assert "looked at the newest 5,000; there are more · narrow with --since or a name" in text
        assert rl.ls(where={"model": "vit"}, sort="size").extent.whole


def test_a_look_goes_no_further_than_its_cap_and_says_so(monkeypatch, views):
    monkeypatch.setattr(walk, "LOOK_AT_MOST", 10_000)
    with service(monkeypatch, paged(views)) as server:
        table = rl.ls(sort="-size")
        assert len(cursors(server)) == 2
        text = table.table().to_text()
        assert "looked at the newest 10,000; there are more · sorted among these only" in text


def test_the_embedded_store_says_of_how_many_a_part_was_looked_at(embedded, views, monkeypatch):
    monkeypatch.setattr(walk, "LOOK_AT_MOST", 10_000)
    whole = sum(view.state == "READ_ONLY" for view in views)
    assert f"looked at the newest 10,000 of {whole:,}" in rl.ls().table().to_text()


def test_what_nobody_has_to_sort_by_is_one_line_with_what_is_close(embedded):
    with pytest.raises(InputError, match=r"“modle” to sort by\. Close: model"):
        rl.ls(sort="-modle")


@pytest.mark.parametrize("line", ["%rl_ls", "%rl_ls -w 'acc>2' --sort -size"])
def test_an_interrupt_ends_a_look_within_a_second_while_a_request_hangs(monkeypatch, views, line):
    with service(monkeypatch, paged(views, late_s=0.02)) as server:
        server.will("list", *[misbehaving.answers] * 3, misbehaving.stalls(), for_ever=True)
        kernel = Kernel()
        try:
            assert kernel.run("%load_ext runloop_jupyter").status == "ok"
            reply = kernel.interrupt_when(line, lambda: len(server.asked("list")) >= 4)
            assert reply.status == "Interrupted", reply.text
            assert reply.seconds < 1, f"{reply.seconds:.2f} s"
            assert "looked at 10,000 objects. Narrow with --since or a name" in reply.text
            assert kernel.run("1 + 1").text == "2"
        finally:
            kernel.close()


def test_a_name_far_back_is_found_on_a_service_that_passes_over_names_with_a_small_page_first(monkeypatch, views):
    counts = Counter(view.name for view in views)
    oldest = next(view for view in reversed(views) if view.state == "READ_ONLY" and counts[view.name] == 1)
    with service(monkeypatch, paged(views)) as server:
        assert [each.id for each in rl.rm(oldest.name, dry_run=True).objects] == [oldest.id]
        sizes = [parse_qs(urlsplit(each.path).query)["limit"] for each in server.asked("list")]
        assert sizes == [["500"], *[["5000"]] * 8]


def test_an_interrupt_ends_the_search_for_a_name_and_no_more_pages_are_asked_for(monkeypatch, views):
    with service(monkeypatch, paged(views, late_s=0.2)) as server:
        kernel = Kernel()
        try:
            assert kernel.run("%load_ext runloop_jupyter").status == "ok"
            reply = kernel.interrupt_when("%rl_get no/such/name", lambda: len(server.asked("list")) >= 4)
            assert reply.status == "Interrupted", reply.text
            assert reply.seconds < 1, f"{reply.seconds:.2f} s"
            asked = len(server.asked("list"))
            time.sleep(0.6)
            assert len(server.asked("list")) <= asked + 1
        finally:
            kernel.close()
