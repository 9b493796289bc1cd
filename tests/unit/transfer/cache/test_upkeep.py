"""The cache in its bounds: what was longest not used goes, what is in use stays, what nobody needs goes."""

import json
import os
import shutil
import time
from contextlib import suppress

import pytest
from cached import DATA, STORE, Far, a_view, fetch_path, put_in
from hypothesis import given, settings
from hypothesis import strategies as st

from runloop_jupyter.transfer import arriving
from runloop_jupyter.transfer.cache import Cache, claims, upkeep

KIB = 1024


@pytest.fixture(autouse=True)
def size(monkeypatch):
    """Nothing is too much until a test says so."""
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE_SIZE", "1G")
    return lambda said: monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE_SIZE", str(said))


def used_ago(cache, object_id, seconds):
    blob = cache.blobs.path(cache.refs.read(STORE, object_id).blob)
    then = time.time() - seconds
    os.utime(blob.with_name(f"{blob.name}.stamp"), (then, then))


def here(cache):
    return sorted(view.id for view in cache.known_of(STORE))


def everything(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.name != "swept")


def process_ends(cache):
    for path in (cache.root / "leases").iterdir():
        first, *rest = path.read_text().splitlines()
        path.write_text("\n".join([json.dumps({**json.loads(first), "born": "1"}), *rest]))


def test_what_was_longest_not_used_goes_first_and_leaves_nothing(cache, size):
    for n, name in enumerate(["oldest", "old", "new"]):
        put_in(cache, bytes([n]) * KIB, name)
        used_ago(cache, name, 1000 - n)
    size(2 * KIB)
    cache.upkeep.trim()
    assert here(cache) == ["new", "old"]
    assert len(everything(cache.root / "blobs")) == 4
    assert len(everything(cache.root / "refs")) == 2


def test_a_hit_is_a_use(cache, size):
    for n, name in enumerate(["a", "b"]):
        put_in(cache, bytes([n]) * KIB, name)
        used_ago(cache, name, 1000 - n)
    cache.open(STORE, cache.known(STORE, "a")).close()
    size(KIB)
    cache.upkeep.trim()
    assert here(cache) == ["a"]


def test_a_use_is_written_down_once_a_minute_at_most(cache):
    view = put_in(cache, DATA, "a")
    used_ago(cache, "a", 30)
    blob = cache.blobs.path(cache.refs.read(STORE, "a").blob)
    stamp = blob.with_name(f"{blob.name}.stamp")
    before = stamp.stat().st_mtime
    cache.open(STORE, view).close()
    assert stamp.stat().st_mtime == before
    used_ago(cache, "a", 90)
    cache.open(STORE, view).close()
    assert time.time() - stamp.stat().st_mtime < 30


def test_what_a_living_process_was_given_as_a_path_stays_whatever_its_age(cache, open_cache, size):
    view = put_in(cache, b"x" * KIB, "mine")
    path = open_cache().path(STORE, view, "mine.bin")
    used_ago(cache, "mine", 10_000)
    size(0)
    cache.upkeep.trim()
    assert path.read_bytes() == b"x" * KIB
    process_ends(cache)
    cache.upkeep.trim()
    assert not path.exists()
    assert here(cache) == []


def test_an_object_larger_than_the_limit_is_given_and_kept_while_it_is_in_use(cache, size):
    size(10)
    path = fetch_path(cache, Far())
    cache.upkeep.wait()
    assert path.read_bytes() == DATA
    process_ends(cache)
    cache.upkeep.trim()
    assert everything(cache.root / "blobs") == everything(cache.root / "files") == everything(cache.root / "refs") == []


def test_what_is_open_can_be_read_to_its_end_though_it_goes(cache, size):
    view = put_in(cache, b"x" * KIB, "open")
    with cache.open(STORE, view) as file:
        size(0)
        cache.upkeep.trim()
        assert here(cache) == []
        assert file.read() == b"x" * KIB


def test_a_download_trims_by_itself(cache, size):
    size(3 * KIB)
    for n in range(6):
        put_in(cache, bytes([n]) * KIB, f"obj_{n}")
        used_ago(cache, f"obj_{n}", 1000 - n)
    assert here(cache) == ["obj_3", "obj_4", "obj_5"]


def test_where_there_is_much_room_small_objects_are_not_counted_each_time(cache, size, monkeypatch):
    counted = []
    monkeypatch.setattr(cache.upkeep, "trim", lambda real=cache.upkeep.trim: counted.append(1) or real())
    size(100 * KIB)
    for n in range(20):
        put_in(cache, bytes([n]) * KIB, f"obj_{n}")
    assert len(counted) == 1
    for n in range(20, 100):
        put_in(cache, bytes([n]) * KIB, f"obj_{n}")
    assert 1 < len(counted) < 30


def test_a_blob_that_is_taken_while_it_is_being_removed_stays(cache, open_cache, size, monkeypatch):
    view = put_in(cache, DATA, "wanted")
    hex_ = cache.refs.read(STORE, "wanted").blob
    taker = open_cache()
    real, looked = cache.leases.held, []

    def held():
        looked.append(1)
        if len(looked) == 3:  # it is hidden by now from one who has just read where it is
            taker.leases.take(hex_)
            assert taker.blobs.verified(hex_, None) is None
        return real()

    monkeypatch.setattr(cache.leases, "held", held)
    size(0)
    cache.upkeep.trim()
    assert len(looked) == 3
    assert taker.path(STORE, view, "wanted.bin").read_bytes() == DATA


def test_what_is_fetched_anew_while_the_old_one_is_being_removed_stays(cache, open_cache, size, monkeypatch):
    put_in(cache, DATA, "obj_1")
    newcomer = open_cache()
    fetch_path(newcomer, Far())
    newcomer.leases.release()
    paths = []

    def remove(*said, real=cache.links.remove):
        paths.append(fetch_path(newcomer, far))
        real(*said)

    far = Far()
    monkeypatch.setattr(cache.links, "remove", remove)
    size(0)
    cache.upkeep.trim()
    assert far.asked == 1
    assert paths[0].read_bytes() == DATA
    assert fetch_path(newcomer, far) == paths[0]
    assert far.asked == 1


@settings(max_examples=60, deadline=None)
@given(
    objects=st.lists(st.tuples(st.integers(1, 50), st.booleans()), min_size=1, max_size=8),
    limit=st.integers(0, 250),
)
def test_what_stays_is_the_newest_that_fit_beside_what_is_in_use(objects, limit, tmp_path_factory):
    cache = Cache(tmp_path_factory.mktemp("model"))
    holder = Cache(cache.root)
    sizes = {}
    for n, (n_bytes, held) in enumerate(objects):
        name = f"obj_{n}"
        view = put_in(cache, bytes([n]) * n_bytes, name)
        used_ago(cache, name, 1000 - n)
        sizes[name] = n_bytes
        if held:
            holder.path(STORE, view, name)
            used_ago(cache, name, 1000 - n)
    expected = dict(sizes)
    for n, (_, held) in enumerate(objects):
        if sum(expected.values()) > limit and not held:
            del expected[f"obj_{n}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNLOOP_JUPYTER_CACHE_SIZE", str(limit))
        cache.upkeep.trim()
    assert here(cache) == sorted(expected)
    holder.leases.release()
    shutil.rmtree(cache.root)


def test_a_full_disk_is_relieved_of_what_nobody_uses_and_of_no_more(cache, monkeypatch):
    for n, name in enumerate(["a", "b", "c"]):
        put_in(cache, bytes([n]) * KIB, name)
        used_ago(cache, name, 1000 - n)
    used = shutil._ntuple_diskusage(1 << 40, 1 << 40, upkeep.RESERVE + 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: used)
    cache.make_room(100)
    assert here(cache) == ["a", "b", "c"]
    cache.make_room(100 + KIB + 1)
    assert here(cache) == ["c"]


def test_a_full_disk_is_first_relieved_of_what_dead_processes_left(cache, open_cache, monkeypatch):
    put_in(cache, DATA, "kept")
    dead = open_cache()
    given = dead.copies.give("key", "copy", lambda path: path.write_bytes(DATA))
    process_ends(cache)
    monkeypatch.setattr(
        shutil,
        "disk_usage",
        lambda path: shutil._ntuple_diskusage(1 << 40, 1 << 40, upkeep.RESERVE + (0 if given.exists() else 100)),
    )
    cache.make_room(100)
    assert not given.exists()
    assert here(cache) == ["kept"]


def test_the_leavings_of_a_killed_process_go(cache):
    put_in(cache, DATA, "kept")
    before = everything(cache.root)
    for leaving in ("incoming/.obj_1.0.part", "refs/store-1/.obj_1.0.part", "blobs/blake3/aa/.x.part"):
        (cache.root / leaving).parent.mkdir(parents=True, exist_ok=True)
        (cache.root / leaving).write_bytes(b"half")
    claims.take(cache.root / "claims" / STORE / "obj_9")
    (cache.root / "claims" / STORE / "obj_9").write_text(
        (cache.root / "claims" / STORE / "obj_9").read_text().replace('"born": "', '"born": "1')
    )
    lone = "b" * 64
    (cache.root / "blobs/blake3/bb").mkdir(parents=True)
    (cache.root / "blobs/blake3/bb" / lone).write_bytes(b"no stamp")
    (cache.root / "files/store-1/obj_7").mkdir(parents=True)
    (cache.root / "files/store-1/obj_7/x.bin").write_bytes(b"no ref")
    cache.upkeep.sweep(now=True)
    assert everything(cache.root) == before
    assert here(cache) == ["kept"]


def test_what_may_be_another_processes_work_is_left_alone_for_an_hour(cache):
    (cache.root / "incoming").mkdir(exist_ok=True)
    part = cache.root / "incoming/.obj_1.0.part"
    part.write_bytes(b"half")
    os.utime(part, (1, 1))  # it was given its object's time already
    claims.take(cache.root / "claims" / STORE / "obj_9")
    before = everything(cache.root)
    cache.upkeep.sweep()
    assert everything(cache.root) == before


def test_what_is_past_its_time_goes_with_its_bytes(cache):
    put_in(cache, DATA, "over", delete_after_time_ms=1)
    put_in(cache, b"y" * 9, "stays", delete_after_time_ms=int(time.time() * 1000) + 10**6)
    cache.upkeep.sweep(now=True)
    assert [view.id for view in (ref.view for ref in cache.refs.all())] == ["stays"]
    assert len(everything(cache.root / "blobs")) == 2


def test_an_object_whose_bytes_are_gone_is_forgotten(cache):
    put_in(cache, DATA, "lost")
    cache.blobs.path(cache.refs.read(STORE, "lost").blob).unlink()
    put_in(cache, b"y" * 9, "stays")
    cache.upkeep.sweep(now=True)
    assert [ref.view.id for ref in cache.refs.all()] == ["stays"]
    assert len(everything(cache.root / "blobs")) == 2


def test_clearing_spares_what_is_in_use_unless_everything_is_to_go(cache):
    put_in(cache, b"unused", "unused")
    path = fetch_path(cache, Far())
    assert cache.upkeep.clear() == len(b"unused")
    assert path.read_bytes() == DATA
    copy = cache.copies.give("key", "copy", lambda path: path.write_bytes(DATA))
    assert cache.upkeep.clear() == 0
    assert copy.exists()
    assert cache.upkeep.clear(in_use=True) == len(DATA)
    assert not path.exists()
    assert not copy.exists()
    assert here(cache) == []


def test_clearing_one_object_leaves_another_with_the_same_bytes(cache):
    one, other = put_in(cache, DATA, "one"), put_in(cache, DATA, "other")
    assert cache.upkeep.clear([(STORE, one.id)]) == 0
    assert here(cache) == ["other"]
    with cache.open(STORE, other) as file:
        assert file.read() == DATA


def test_what_it_holds_is_counted(cache):
    put_in(cache, b"x" * 100, "one")
    put_in(cache, b"x" * 100, "same bytes")
    fetch_path(cache, Far())
    usage = cache.upkeep.usage()
    assert (usage.size, usage.objects, usage.in_use, usage.in_use_size) == (100 + len(DATA), 3, 1, len(DATA))
    assert usage.limit == 1 << 30


@pytest.fixture
def broken(cache, monkeypatch, tmp_path):
    """Have downloads in the cache that broke after so many bytes, so many seconds ago."""
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(cache.root))
    monkeypatch.setattr(arriving, "RESUMABLE", 1)

    def download(object_id, n_bytes, seconds=0):
        view = a_view(id=object_id, size_bytes=2 * n_bytes)
        with suppress(TimeoutError), arriving.arriving(tmp_path / "target", STORE, view) as file:
            file.write(memoryview(bytes(n_bytes)), 0)
            raise TimeoutError
        (note,) = (each.path for each in arriving.cut_off(cache.root) if each.object == object_id)
        os.utime(note, (time.time() - seconds,) * 2)

    return download


def waiting(cache):
    return sorted(each.object for each in arriving.cut_off(cache.root))


def test_what_broken_downloads_left_counts_and_goes_in_the_order_of_its_use(cache, size, broken):
    put_in(cache, bytes(64 * KIB), "old object")
    put_in(cache, bytes(range(256)) * 256, "new object")
    used_ago(cache, "old object", 300)
    used_ago(cache, "new object", 100)
    broken("old part", 64 * KIB, 400)
    broken("new part", 64 * KIB, 200)
    assert cache.upkeep.usage().size == 256 * KIB
    assert (cache.upkeep.usage().cut_off, cache.upkeep.usage().cut_off_size) == (2, 128 * KIB)
    size(192 * KIB)
    cache.upkeep.trim()
    assert (waiting(cache), here(cache)) == (["new part"], ["new object", "old object"])
    size(64 * KIB)
    cache.upkeep.trim()
    assert (waiting(cache), here(cache)) == ([], ["new object"])
    assert list((cache.root / "partial").iterdir()) == []


def test_what_is_too_large_for_the_cache_pushes_nothing_else_out(cache, size, broken):
    put_in(cache, DATA, "an object")
    used_ago(cache, "an object", 1000)
    broken("huge", 128 * KIB)
    size(64 * KIB)
    cache.upkeep.trim()
    assert (waiting(cache), here(cache)) == ([], ["an object"])


def test_what_arrives_at_this_moment_neither_counts_nor_goes(cache, size, broken, tmp_path):
    size(0)
    with arriving.arriving(tmp_path / "target", STORE, a_view(id="now", size_bytes=128 * KIB)) as file:
        file.write(memoryview(bytes(128 * KIB)), 0)
        assert cache.upkeep.usage().size == 0
        cache.upkeep.trim()
        cache.upkeep.clear(in_use=True)
    assert (tmp_path / "target").read_bytes() == bytes(128 * KIB)


def test_who_clears_is_rid_of_broken_downloads_too(cache, broken):
    broken("one", 64 * KIB)
    broken("two", 64 * KIB)
    assert cache.upkeep.clear([(STORE, "one")]) == 64 * KIB
    assert waiting(cache) == ["two"]
    assert cache.upkeep.clear() == 64 * KIB
    assert waiting(cache) == []


def test_a_disk_that_is_full_takes_back_what_broken_downloads_hold(cache, broken, monkeypatch):
    broken("one", 64 * KIB)
    monkeypatch.setattr(cache.upkeep, "_missing", lambda n_bytes: 1)
    cache.upkeep.free(1)
    assert waiting(cache) == []


def test_a_sweep_removes_what_waited_for_more_than_a_week(cache, broken):
    broken("long ago", 64 * KIB, 8 * 24 * 3600)
    broken("lately", 64 * KIB, 6 * 24 * 3600)
    cache.upkeep.sweep()
    assert waiting(cache) == ["lately"]
