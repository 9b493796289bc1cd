"""A mount by FUSE, read as programs read files: the right bytes, few of them moved, and nothing written."""

import dataclasses
import errno
import mmap
import multiprocessing
import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuse_mounts import MIB, layout_of, mount, mounted, noise
from store_process import KEY, eventually

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.errors import MountError
from runloop_jupyter.mounts import table
from runloop_jupyter.mounts.fuse import FuseMount
from runloop_jupyter.mounts.fuse.unmounting import is_mounted
from runloop_jupyter.mounts.layout import Kind, Layout, Shown, lay_out
from runloop_jupyter.profile import Profile, StoreIdentity
from runloop_jupyter.secret import Secret
from runloop_jupyter.transfer import parts
from runloop_jupyter.transfer.cache import if_any
from runloop_jupyter.transfer.transfer import Transfer

pytestmark = pytest.mark.usefixtures("fuse")

BIG = noise(24 * MIB + 12345)
ROWS = 2 * MIB  # of float64: 16 MiB a column


@pytest.fixture(scope="module")
def big(home, tmp_path_factory):
    path = tmp_path_factory.mktemp("big") / "fuse-big.bin"
    path.write_bytes(BIG)
    return rl.put(path, "fuse-big.bin")


@pytest.fixture(scope="module")
def columns(home, tmp_path_factory):
    """A table of four columns of 16 MiB, in chunks of 8, and one column's bytes."""
    path = tmp_path_factory.mktemp("columns") / "fuse-columns.parquet"
    numbers = np.random.default_rng(1)
    frame = pa.table({name: numbers.random(ROWS) for name in "abcd"})
    pq.write_table(frame, path, compression="none", use_dictionary=False, row_group_size=ROWS // 2)
    found = pq.read_metadata(path)
    own = sum(found.row_group(n).column(2).total_compressed_size for n in range(found.num_row_groups))
    return rl.put(path, "fuse-columns.parquet"), frame, own


def test_a_file_is_read_as_it_was_put(tmp_path, big):
    with mounted(tmp_path / "m", big) as made:
        path = made.where / "fuse-big.bin"
        assert path.stat().st_size == len(BIG)
        assert path.read_bytes() == BIG
        assert made.counts().read >= len(BIG)
        assert len(BIG) <= made.counts().fetched <= len(BIG) + MIB


def test_nothing_is_fetched_until_something_is_read(tmp_path, big):
    with mounted(tmp_path / "m", big) as made:
        with (made.where / "fuse-big.bin").open("rb"):
            assert [each.name for each in made.where.iterdir()] == ["fuse-big.bin"]
        assert made.counts().fetched == made.counts().requests == 0


def test_what_is_in_the_cache_is_read_from_there(tmp_path, big):
    with mounted(tmp_path / "m", big) as made:
        rl.get(big.id)
        assert (made.where / "fuse-big.bin").read_bytes() == BIG
        assert made.counts().fetched == 0


def test_threads_that_read_here_and_there_read_the_right_bytes(tmp_path, big):
    with mounted(tmp_path / "m", big) as made:
        file = os.open(made.where / "fuse-big.bin", os.O_RDONLY)

        def some(seed):
            chance = random.Random(seed)
            for _ in range(40):
                start = chance.randrange(len(BIG) + 10)
                length = chance.choice([1, 511, 4096, 65537, MIB + 1])
                assert os.pread(file, length, start) == BIG[start : start + length]

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(some, range(8)))
        os.close(file)


def test_numpy_maps_it(tmp_path, big):
    with mounted(tmp_path / "m", big) as made:
        mapped = np.memmap(made.where / "fuse-big.bin", mode="r")
        assert (mapped == np.frombuffer(BIG, np.uint8)).all()
        del mapped


def test_a_mapped_file_is_read_by_several_threads_of_this_very_process(tmp_path, big):
    with (
        mounted(tmp_path / "m", big) as made,
        (made.where / "fuse-big.bin").open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
        ThreadPoolExecutor(4) as pool,
    ):

        def some(seed):
            for start in random.Random(seed).sample(range(0, len(BIG), 4096), 200):
                assert mapped[start : start + 100] == BIG[start : start + 100]

        list(pool.map(some, range(4)))


def test_pyarrow_maps_a_table(tmp_path, columns):
    thing, frame, _ = columns
    with mounted(tmp_path / "m", thing) as made, pa.memory_map(str(made.where / "fuse-columns.parquet")) as file:
        assert pq.read_table(file, columns=["b"]).equals(frame.select(["b"]))


def test_a_column_moves_at_most_a_tenth_more_than_it_has(tmp_path, columns):
    thing, frame, own = columns
    with mounted(tmp_path / "m", thing) as made:
        got = pd.read_parquet(made.where / "fuse-columns.parquet", columns=["c"])
        assert (got["c"].to_numpy() == frame["c"].to_numpy()).all()
        assert own <= made.counts().fetched <= 1.1 * own + MIB


def test_a_small_object_comes_whole_and_stays_for_the_next_mount(tmp_path):
    thing = rl.put("a few words, " * 1000, "fuse-few")
    with mounted(tmp_path / "m", thing) as made:
        assert (made.where / "fuse-few.txt").read_text() == "a few words, " * 1000
        assert if_any().known(session.current().store.identity.id, thing.id) is not None


def test_an_empty_file_is_empty(tmp_path):
    path = tmp_path / "fuse-nothing.bin"
    path.write_bytes(b"")
    with mounted(tmp_path / "m", rl.put(path, "fuse-nothing.bin")) as made:
        assert (made.where / "fuse-nothing.bin").read_bytes() == b""


def test_names_with_slashes_are_directories(tmp_path):
    things = [rl.put(text, f"fuse-deep/{text}/x") for text in ("one", "two")]
    with mounted(tmp_path / "m", *things) as made:
        found = {str(each.relative_to(made.where)) for each in made.where.rglob("*") if each.is_file()}
        assert found == {"fuse-deep/one/x.txt", "fuse-deep/two/x.txt"}
        assert (made.where / "fuse-deep/two/x.txt").read_text() == "two"


def test_what_is_kept_in_parts_is_one_file(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "LARGEST", MIB)
    monkeypatch.setattr(parts, "PART_BYTES", 2 * MIB)
    path = tmp_path / "fuse-parts.bin"
    path.write_bytes(BIG[: 7 * MIB + 11])
    thing = rl.put(path, "fuse-parts.bin")
    with mounted(tmp_path / "m", thing) as made, (made.where / path.name).open("rb") as file:
        assert os.pread(file.fileno(), 100, 2 * MIB - 50) == BIG[2 * MIB - 50 : 2 * MIB + 50]
        assert file.read() == path.read_bytes()


def test_nothing_can_be_written(tmp_path, big):
    with mounted(tmp_path / "m", big) as made:
        path = made.where / "fuse-big.bin"
        for act in (
            lambda: path.open("ab"),
            path.unlink,
            lambda: path.chmod(0o777),
            lambda: path.rename(made.where / "other"),
            (made.where / "new").mkdir,
            lambda: (made.where / "new").write_text("x"),
            lambda: os.truncate(path, 0),
            lambda: os.setxattr(path, "user.x", b"y"),
        ):
            with pytest.raises(OSError) as caught:
                act()
            assert caught.value.errno == errno.EROFS
        assert not os.access(path, os.W_OK)


def test_a_file_says_where_it_came_from(tmp_path, big):
    with mounted(tmp_path / "m", big) as made:
        path = made.where / "fuse-big.bin"
        assert {name: os.getxattr(path, name).decode() for name in os.listxattr(path)} == {
            "user.runloop.id": big.id,
            "user.runloop.version": big.version,
            "user.runloop.digest": big.digest,
        }
        assert path.stat().st_mtime_ns == big.view.create_time_ms * 1_000_000


def test_the_same_file_has_the_same_number_in_every_mount(tmp_path, big):
    with mounted(tmp_path / "one", big) as one, mounted(tmp_path / "two", big) as two:
        assert (one.where / "fuse-big.bin").stat().st_ino == (two.where / "fuse-big.bin").stat().st_ino


def test_another_version_under_the_same_name_is_seen_whole(tmp_path):
    old = rl.put("old", "fuse-version")
    new = rl.put("a longer, newer one", "fuse-version")
    transfer = Transfer("x", "down", "")
    with mounted(tmp_path / "m", old) as made:
        path = made.where / "fuse-version.txt"
        assert path.read_text() == "old"
        made.show(layout_of(new), transfer)
        seen = []
        # The system says that a file was closed some moments after it was.
        eventually(lambda: seen.append(path.read_text()) or seen[-1] != "old")
        made.show(layout_of(old, rl.put("more", "fuse-more")), transfer)
        eventually(lambda: seen.append(path.read_text()) or seen[-1] == "old")
        assert made.size == table.at(made.where).size == len("old") + len("more")
        assert set(seen) == {"old", "a longer, newer one"}
        assert sorted(each.name for each in made.where.iterdir()) == ["fuse-more.txt", "fuse-version.txt"]


def test_what_is_open_stays_what_it_was(tmp_path, big):
    other = noise(20 * MIB, seed=2)
    source = tmp_path / "other.bin"
    source.write_bytes(other)
    newer = rl.put(source, "fuse-big.bin", force=True)
    with mounted(tmp_path / "m", big) as made:
        path = made.where / "fuse-big.bin"
        with path.open("rb") as file:
            file.read(MIB)
            made.show(layout_of(newer), Transfer("x", "down", ""))
            assert path.read_bytes() == BIG
            assert file.read() == BIG[MIB:]
        eventually(lambda: path.stat().st_size == len(other))
        assert path.read_bytes() == other


def test_what_can_not_be_had_is_an_error_that_says_why(tmp_path):
    source = tmp_path / "gone.bin"
    source.write_bytes(noise(2 * MIB))
    thing = rl.put(source, "fuse-gone.bin")
    with mounted(tmp_path / "m", thing) as made:
        session.current().store.objects.delete(thing.id)
        with pytest.raises(OSError) as caught:
            (made.where / "fuse-gone.bin").read_bytes()
        assert caught.value.errno == errno.EIO
        made.counts()
        assert "/fuse-gone.bin: " in made.last_failure
        assert "signature" not in made.last_failure


def test_a_directory_that_is_not_empty_is_refused(tmp_path, big):
    (tmp_path / "m").mkdir()
    (tmp_path / "m/mine.txt").write_text("mine")
    with pytest.raises(MountError, match="has things in it"):
        mount(tmp_path / "m", big)
    assert (tmp_path / "m/mine.txt").read_text() == "mine"


def test_a_directory_is_mounted_once_and_by_way_of_links_too(tmp_path, big):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with mounted(tmp_path / "link", big) as made:
        assert (tmp_path / "real/fuse-big.bin").stat().st_size == len(BIG)
        for where in (tmp_path / "real", made.where):
            with pytest.raises(MountError):
                mount(where, big)
    assert (tmp_path / "link").is_symlink()


def test_a_directory_that_was_made_goes_and_one_that_was_there_stays(tmp_path, big):
    (tmp_path / "there").mkdir()
    for name in ("there", "made"):
        mount(tmp_path / name, big).unmount()
    assert [each.name for each in tmp_path.iterdir()] == ["there"]


def test_a_mount_is_written_down_as_long_as_it_is_there(tmp_path, big):
    with mounted(tmp_path / "m", big) as made:
        (record,) = [each for each in table.everything() if each.where == str(made.where)]
        assert (record.mode, record.what, record.size) == ("fuse", "things", len(BIG))
        assert record.server.alive
    assert not [each for each in table.everything() if each.where == str(made.where)]


def test_one_in_use_is_let_go_of_only_when_asked_again(tmp_path, big):
    made = mount(tmp_path / "m", big)
    with (made.where / "fuse-big.bin").open("rb") as file:
        with pytest.raises(MountError, match="in use"):
            made.unmount()
        assert file.read(10) == BIG[:10]
        made.unmount()
        assert not is_mounted(str(made.where))
        assert file.read() == BIG[10:]  # what is open is read on
    eventually(lambda: not made.alive)
    made.unmount()


def test_a_service_is_reached_with_a_key_that_is_nowhere_but_in_the_pipe(tmp_path, serve, monkeypatch):
    served = serve()
    monkeypatch.setenv("RUNLOOP_API_KEY", KEY)
    found = served.put("fuse-remote.bin", BIG[: 2 * MIB])
    profile = Profile("service", "a test", served.base_url, Secret(KEY))
    store = session.open_store(profile)
    layout = lay_out([("fuse-remote.bin", store.objects.get(found["id"]))])
    made = FuseMount(store, layout, tmp_path / "m", Transfer("x", "down", ""))
    try:
        assert (made.where / "fuse-remote.bin").read_bytes() == BIG[: 2 * MIB]
        about = Path(f"/proc/{made._process.pid}")
        (record,) = [each for each in table.everything() if each.where == str(made.where)]
        assert KEY not in f"{(about / 'cmdline').read_text()}{(about / 'environ').read_text()}{record}"
    finally:
        made.unmount()
        store.objects.service.close()


def test_a_store_that_is_another_one_by_now_is_refused(tmp_path, big):
    store = session.current().store
    other = dataclasses.replace(store, identity=StoreIdentity("another", "embedded store"))
    with pytest.raises(MountError, match="another one"):
        FuseMount(other, layout_of(big), tmp_path / "m", Transfer("x", "down", ""))
    assert not (tmp_path / "m").exists()


def test_a_forked_child_neither_holds_the_mount_nor_ends_it(tmp_path, big):
    with mounted(tmp_path / "m", big) as made:
        path = made.where / "fuse-big.bin"
        context = multiprocessing.get_context("fork")
        ready = context.Event()
        go = context.Event()
        child = context.Process(target=_read_when, args=(path, ready, go))
        child.start()
        ready.wait(20)
        pipe = Path(f"/proc/{os.getpid()}/fd/{made._process.stdin.fileno()}").readlink()
        held = {each.readlink() for each in Path(f"/proc/{child.pid}/fd").iterdir()}
        go.set()
        child.join(20)
        assert child.exitcode == 0
        assert pipe not in held
        assert made.alive
        assert path.read_bytes()[:10] == BIG[:10]


def _read_when(path, ready, go):
    ready.set()
    go.wait(20)
    assert path.read_bytes() == BIG


def test_the_layout_reaches_the_server_however_large_it_is(tmp_path, big):
    names = sorted(f"fuse-many/{number}.bin" for number in range(3000))
    layout = Layout(tuple(Shown(name, big.view, Kind.FILE) for name in names))
    with mounted(tmp_path / "m", big) as made:
        made.show(layout, Transfer("x", "down", ""))
        assert len(list((made.where / "fuse-many").iterdir())) == 3000
