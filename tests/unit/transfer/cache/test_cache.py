"""Objects kept on this machine: whole and verified or not there, and only for the store they came from."""

import os
import threading
import time

import pytest
from cached import DATA, STORE, Far, a_view, digest_of, fetch_path, put_in, transfer

from runloop_jupyter import address
from runloop_jupyter.errors import DigestMismatch, TransferCancelled
from runloop_jupyter.transfer import digest
from runloop_jupyter.transfer.cache import blobs as blobs_module
from runloop_jupyter.transfer.cache import claims, file_name
from runloop_jupyter.transfer.transfer import Phase


def content(root, *folders):
    return [path.read_bytes() for name in folders for path in (root / name).rglob("*") if path.is_file()]


def blobs(cache):
    return [path for path in (cache.root / "blobs").rglob("*") if path.is_file() and not path.name.endswith(".stamp")]


def longer_at_the_same_time(path):
    before = path.stat()
    path.write_bytes(DATA + b"more")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def other_bytes_at_the_same_time(path):
    before = path.stat()
    beside = path.with_name("beside")
    beside.write_bytes(DATA[::-1])
    beside.chmod(0o400)
    os.utime(beside, ns=(before.st_atime_ns, before.st_mtime_ns))
    beside.replace(path)


def test_the_second_time_it_is_served_from_here(cache):
    far = Far()
    first, second = fetch_path(cache, far), fetch_path(cache, far)
    assert first == second
    assert second.read_bytes() == DATA
    assert far.asked == 1


def test_another_process_is_served_too(cache, open_cache):
    far = Far()
    first = fetch_path(cache, far)
    assert fetch_path(open_cache(), far) == first
    assert far.asked == 1


def test_a_path_has_the_name_that_was_asked_for(cache):
    far = Far()
    one, other = fetch_path(cache, far), fetch_path(cache, far, name="other.parquet")
    assert (one.name, other.name) == ("penguins.csv", "other.parquet")
    assert other.read_bytes() == DATA
    assert far.asked == 1


def test_a_file_that_was_given_out_can_not_be_written_and_has_the_time_of_its_object(cache):
    found = fetch_path(cache, Far()).stat()
    assert found.st_mode & 0o777 == 0o400
    assert found.st_mtime_ns == a_view().create_time_ms * 1_000_000


def test_an_open_file_that_was_given_out_can_not_be_written(cache):
    for file in (cache.fetched(STORE, a_view(), None, Far(), transfer()), cache.open(STORE, a_view())):
        with file:
            assert not file.writable()
            with pytest.raises(OSError):
                os.write(file.fileno(), b"x")
            assert file.read() == DATA


def test_what_is_written_into_a_link_through_its_mode_is_seen(cache):
    far = Far()
    fetch_path(cache, far).chmod(0o600)
    assert fetch_path(cache, far).stat().st_mode & 0o777 == 0o400
    assert far.asked == 2


def test_equal_bytes_are_there_once_whoever_has_them(cache):
    far = Far()
    fetch_path(cache, far)
    fetch_path(cache, far, a_view(id="obj_2"))
    fetch_path(cache, far, store="store-2")
    assert far.asked == 3
    assert len(blobs(cache)) == 1
    paths = (cache.root / "files").rglob("penguins.csv")
    assert [path.stat().st_ino for path in paths] == [blobs(cache)[0].stat().st_ino] * 3


def test_what_one_store_gave_is_not_given_for_another(cache):
    fetch_path(cache, Far(b"of one store" + bytes(20)), a_view(size_bytes=32), store="store-1")
    other = fetch_path(cache, Far(b"of the other" + bytes(20)), a_view(size_bytes=32), store="store-2")
    assert other.read_bytes().startswith(b"of the other")
    assert cache.known("store-3", "obj_1") is None


def test_stores_and_ids_that_look_alike_on_disk_do_not_meet(cache):
    first = fetch_path(cache, Far(b"1" * 32), a_view(id="a/b", size_bytes=32))
    second = fetch_path(cache, Far(b"2" * 32), a_view(id="a_b", size_bytes=32))
    assert (first.read_bytes(), second.read_bytes()) == (b"1" * 32, b"2" * 32)


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda path: path.write_bytes(DATA + b"more"), id="longer"),
        pytest.param(lambda path: path.write_bytes(DATA[::-1]), id="other bytes"),
        pytest.param(longer_at_the_same_time, id="longer at the same time"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: os.utime(path), id="touched"),
    ],
)
@pytest.mark.parametrize("get", [fetch_path, lambda cache, far: cache.fetched(STORE, a_view(), None, far, transfer())])
def test_a_file_that_was_tampered_with_is_fetched_again(tamper, get, cache):
    far = Far()
    path = fetch_path(cache, far)
    path.chmod(0o600)
    tamper(path)
    path.chmod(0o400)
    got = get(cache, far)
    with got if hasattr(got, "read") else got.open("rb") as file:
        assert file.read() == DATA
    assert far.asked == 2


@pytest.mark.parametrize("tamper", [lambda path: path.unlink(), other_bytes_at_the_same_time], ids=["gone", "replaced"])
def test_a_name_that_was_tampered_with_leads_to_the_right_bytes_again(tamper, cache):
    far = Far()
    path = fetch_path(cache, far)
    tamper(path)
    assert fetch_path(cache, far) == path
    assert path.read_bytes() == DATA
    assert far.asked == 1


def test_a_blob_that_was_replaced_by_another_of_its_size_and_time_is_fetched_again(cache):
    far = Far()
    fetch_path(cache, far)
    other_bytes_at_the_same_time(blobs(cache)[0])
    assert fetch_path(cache, far).read_bytes() == DATA
    assert far.asked == 2


def test_objects_that_share_a_blob_are_fetched_once_more_together_when_it_was_tampered_with(cache):
    far = Far()
    first = fetch_path(cache, far)
    fetch_path(cache, far, a_view(id="obj_2"))
    first.chmod(0o600)
    first.write_bytes(b"tampered")
    for _ in range(2):
        assert fetch_path(cache, far).read_bytes() == DATA
        assert fetch_path(cache, far, a_view(id="obj_2")).read_bytes() == DATA
    assert far.asked == 3


@pytest.mark.parametrize("error", [DigestMismatch("wrong"), KeyboardInterrupt(), OSError(28, "No space")], ids=repr)
def test_a_fetch_that_fails_keeps_nothing(error, cache):
    with pytest.raises(type(error)):
        fetch_path(cache, Far(error=error))
    assert content(cache.root, "blobs", "files", "refs", "incoming", "claims") == []


def test_a_fetch_that_fails_leaves_what_was_there(cache):
    path = fetch_path(cache, Far())
    path.chmod(0o600)
    with pytest.raises(DigestMismatch):
        fetch_path(cache, Far(b"worse", DigestMismatch("wrong")))
    assert path.read_bytes() == DATA


@pytest.mark.parametrize("expected", [None, "sha256:" + "0" * 64, "blake3:short", digest_of(DATA)])
def test_bytes_are_kept_under_their_own_digest_whatever_was_known_of_it(expected, cache):
    fetch_path(cache, Far(), expected=expected)
    assert [path.name for path in blobs(cache)] == [digest_of(DATA).partition(":")[2]]


def test_an_empty_object_is_cached_as_an_empty_file(cache):
    far = Far(b"")
    view = a_view(size_bytes=0)
    fetch_path(cache, far, view)
    assert fetch_path(cache, far, view).read_bytes() == b""
    assert far.asked == 1


@pytest.mark.parametrize("time_ms", [-(2**63), -1, 0, 2**63 - 1])
def test_a_time_that_no_filesystem_knows_is_cached_all_the_same(time_ms, cache):
    far = Far()
    view = a_view(create_time_ms=time_ms)
    fetch_path(cache, far, view)
    fetch_path(cache, far, view)
    assert far.asked == 1


def test_what_the_store_said_is_known_without_asking_it_again(cache, open_cache):
    view = a_view(metadata={"rl.kind": "file", "run": "ü"})
    fetch_path(cache, Far(), view)
    assert open_cache().known(STORE, "obj_1") == view


def test_what_is_past_its_time_is_not_known_any_more(cache):
    fetch_path(cache, Far(), a_view(delete_after_time_ms=int(time.time() * 1000) + 200))
    assert cache.known(STORE, "obj_1")
    time.sleep(0.25)
    assert cache.known(STORE, "obj_1") is None
    assert cache.known_of(STORE) == []


def test_what_was_forgotten_is_not_known_any_more_but_a_path_that_was_given_out_stays(cache):
    path = fetch_path(cache, Far())
    cache.forget(STORE, "obj_1")
    cache.upkeep.sweep(now=True)
    assert cache.known(STORE, "obj_1") is None
    assert path.read_bytes() == DATA


def test_what_was_tampered_with_is_not_known(cache):
    fetch_path(cache, Far()).chmod(0o600)
    assert cache.known(STORE, "obj_1") is None


def test_a_version_is_known_by_its_full_name_once_its_store_gave_it_under_that(cache):
    old, new = (put_in(cache, bytes([n]), f"obj_{n}", create_time_ms=n * 1000) for n in (1, 2))
    assert cache.known_of(STORE) == [new, old]
    label = address.version_label(old.create_time_ms, old.id)
    assert cache.known_version(STORE, "obj_1", label) is None
    cache.vouch(STORE, "obj_1")
    assert cache.known_of(STORE, own=True) == [old]
    assert cache.known_version(STORE, "obj_1", label) == old
    assert cache.known_version(STORE, "obj_2", label) is None
    assert cache.known_version("another", "obj_1", label) is None


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b'{"store": 1}', b"\xff" * 9])
def test_a_ref_that_can_not_be_read_is_a_miss(junk, cache):
    far = Far()
    fetch_path(cache, far)
    (cache.root / "refs" / STORE / "obj_1").write_bytes(junk)
    assert fetch_path(cache, far).read_bytes() == DATA
    assert far.asked == 2


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b"null", b'{"looks": 3, "boots": []}'])
def test_a_stamp_that_can_not_be_read_is_a_miss(junk, cache):
    far = Far()
    fetch_path(cache, far)
    blobs(cache)[0].with_name(f"{blobs(cache)[0].name}.stamp").write_bytes(junk)
    assert fetch_path(cache, far).read_bytes() == DATA
    assert far.asked == 2


def test_a_disk_without_hard_links_has_symbolic_ones(cache, monkeypatch):
    def refuses(*arguments, **options):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuses)
    far = Far()
    path = fetch_path(cache, far)
    assert path.is_symlink()
    assert path.read_bytes() == DATA
    assert fetch_path(cache, far) == path
    assert far.asked == 1


def test_after_a_restart_of_the_machine_the_bytes_are_hashed_once(cache, open_cache, monkeypatch):
    far, view = Far(), a_view()
    path = fetch_path(cache, far)
    hashed = []
    monkeypatch.setattr(blobs_module, "boot_id", lambda: "another run")
    monkeypatch.setattr(digest, "of_file", lambda *said, real=digest.of_file: hashed.append(1) or real(*said))
    assert cache.known(STORE, view.id) == view
    assert open_cache().path(STORE, view, "penguins.csv") == path
    with open_cache().open(STORE, view) as file:
        assert file.read() == DATA
    assert hashed == [1]
    assert far.asked == 1


@pytest.mark.parametrize("get", [fetch_path, lambda cache, far: cache.fetched(STORE, a_view(), None, far, transfer())])
def test_what_a_power_cut_left_without_its_bytes_is_fetched_again(get, cache, monkeypatch):
    far = Far()
    path = fetch_path(cache, far)
    before = path.stat()
    path.chmod(0o600)
    path.write_bytes(bytes(len(DATA)))
    path.chmod(0o400)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    monkeypatch.setattr(blobs_module, "boot_id", lambda: "another run")
    got = get(cache, far)
    with got if hasattr(got, "read") else got.open("rb") as file:
        assert file.read() == DATA
    assert far.asked == 2


def test_a_hit_on_a_full_disk_is_a_hit(cache, open_cache, monkeypatch):
    path = fetch_path(cache, Far())

    def full(hex_):
        raise OSError(28, "No space left on device")

    other = open_cache()
    monkeypatch.setattr(other.leases, "take", full)
    assert other.path(STORE, a_view(), "penguins.csv") == path


class Slow(Far):
    """Waits in the middle of the bytes until it is told to go on."""

    def __init__(self):
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, path):
        self.begun.set()
        assert self.go_on.wait(30)
        super().__call__(path)


def in_threads(*calls):
    got = []
    threads = [threading.Thread(target=lambda call=call: got.append(call())) for call in calls]
    for thread in threads:
        thread.start()
    return threads, got


def test_of_several_that_want_it_at_once_one_fetches_and_the_others_say_that_they_wait(open_cache):
    slow = Slow()
    waiting = transfer()
    first, got = in_threads(lambda: fetch_path(open_cache(), slow))
    assert slow.begun.wait(10)
    others, more = in_threads(
        *[lambda: open_cache().fetched_path(STORE, a_view(), "penguins.csv", None, slow, waiting)] * 3
    )
    deadline = time.monotonic() + 10
    while waiting.snapshot().phase is not Phase.ELSEWHERE:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    slow.go_on.set()
    for thread in (*first, *others):
        thread.join(30)
    assert [path.read_bytes() for path in got + more] == [DATA] * 4
    assert slow.asked == 1
    assert content(open_cache().root, "claims", "incoming") == []


def test_who_waits_can_be_stopped(cache, open_cache):
    claims.take(cache.root / "claims" / STORE / "obj_1")
    waiting = transfer()
    threading.Timer(0.2, waiting.cancel).start()
    began = time.monotonic()
    with pytest.raises(TransferCancelled):
        open_cache().fetched(STORE, a_view(), None, Far(), waiting)
    assert time.monotonic() - began < 1


def test_when_the_one_who_fetches_fails_another_tries(open_cache):
    slow = Slow()
    slow.error = DigestMismatch("wrong")

    def fails():
        with pytest.raises(DigestMismatch):
            fetch_path(open_cache(), slow)
        return "failed"

    first, _ = in_threads(fails)
    assert slow.begun.wait(10)
    far = Far()
    second, got = in_threads(lambda: fetch_path(open_cache(), far))
    time.sleep(0.1)
    assert far.asked == 0
    slow.go_on.set()
    for thread in (*first, *second):
        thread.join(30)
    assert [path.read_bytes() for path in got] == [DATA]
    assert far.asked == 1


def test_who_falls_silent_is_not_waited_for_and_both_end_with_the_same(open_cache, monkeypatch):
    monkeypatch.setattr(claims, "SILENCE_S", 0.2)
    slow, far = Slow(), Far()
    first, got = in_threads(lambda: fetch_path(open_cache(), slow))
    assert slow.begun.wait(10)
    path = fetch_path(open_cache(), far)
    slow.go_on.set()
    first[0].join(30)
    assert got == [path]
    assert path.read_bytes() == DATA
    assert (slow.asked, far.asked) == (1, 1)
    assert len(blobs(open_cache())) == 1


def test_a_name_is_made_safe_where_it_is_used(cache):
    path = fetch_path(cache, Far(), name=file_name("../../climbs"))
    assert path.is_relative_to(cache.root)


def test_what_an_object_holds_is_told_by_its_digest_and_by_its_store(cache):
    fetch_path(cache, Far())
    assert cache.holds(STORE, "obj_1", digest_of(DATA), len(DATA)) == a_view()
    for other in (
        ("store-2", "obj_1", digest_of(DATA), len(DATA)),
        (STORE, "obj_2", digest_of(DATA), len(DATA)),
        (STORE, "obj_1", digest_of(b"other"), len(DATA)),
        (STORE, "obj_1", digest_of(DATA), 5),
    ):
        assert cache.holds(*other) is None


def test_the_same_bytes_under_another_id_are_not_fetched(cache):
    fetch_path(cache, Far())
    far, again = Far(), a_view(id="obj_2")
    assert cache.adopt(STORE, again, digest_of(DATA))
    assert fetch_path(cache, far, again).read_bytes() == DATA
    assert far.asked == 0
    assert not cache.adopt(STORE, a_view(id="obj_3"), digest_of(b"other"))
    assert not cache.adopt(STORE, a_view(id="obj_3"), "sha256:00")
    assert not cache.adopt(STORE, a_view(id="obj_3", size_bytes=5), digest_of(DATA))
