"""``runloop://`` over a real store: names, versions and ids as paths, and libraries that read and write by them."""

import os
import pickle
import resource
import subprocess
import sys
import uuid
from contextlib import suppress

import fsspec
import pandas as pd
import pytest
from store_process import KEY

import runloop_jupyter as rl
from runloop_jupyter.errors import InputError, MetadataError, ProfileError, TransferError
from runloop_jupyter.filesystems.objects import RunloopFileSystem
from runloop_jupyter.transfer import parts

COLUMN = 1 << 20
FRAME = pd.DataFrame({"x": range(1000), "y": ["a", "b"] * 500})


@pytest.fixture
def fs():
    return fsspec.filesystem("runloop")


@pytest.fixture
def top(fs):
    """The name of a folder of the test's own."""
    return f"t-{uuid.uuid4().hex}"


def test_what_was_put_is_read_by_its_name_and_what_is_written_is_got_by_it(fs, top):
    rl.put(FRAME, top)
    pd.testing.assert_frame_equal(pd.read_parquet(f"runloop://{top}"), FRAME)
    FRAME.to_csv(f"runloop://{top}-2.csv", index=False)
    assert pd.read_csv(rl.get(f"{top}-2.csv")).equals(FRAME)


def test_a_path_means_the_newest_version_and_a_version_or_an_id_means_itself(fs, top):
    first = rl.put(b"one", top)
    rl.put(b"two", top)
    assert [fs.cat(each) for each in (top, first.version, f"{top}@-1", first.id)] == [b"two", b"one", b"one", b"one"]
    assert fs.info(first.id)["version"] == first.version.partition("@")[2]


def test_slashes_in_names_make_folders(fs, top):
    for name in ("b.txt", "c/d.txt", "c/e/f.txt"):
        fs.pipe(f"{top}/{name}", name.encode())
    assert fs.ls(top, detail=False) == [f"{top}/b.txt", f"{top}/c"]
    assert [entry["type"] for entry in fs.ls(f"{top}/c")] == ["file", "directory"]
    assert fs.find(f"{top}/c") == [f"{top}/c/d.txt", f"{top}/c/e/f.txt"]
    assert fs.find(top, maxdepth=1, withdirs=True) == [f"{top}/b.txt", f"{top}/c"]
    assert fs.glob(f"{top}/**/*.txt") == [f"{top}/b.txt", f"{top}/c/d.txt", f"{top}/c/e/f.txt"]
    assert (fs.isdir(f"{top}/c"), fs.isfile(f"{top}/c"), fs.isdir(f"{top}/c/d.txt")) == (True, False, False)
    with pytest.raises(FileNotFoundError):
        fs.ls(f"{top}/no")


@pytest.fixture
def scans(top, tmp_path):
    """A folder that is kept as files, and what is in it."""
    files = {"a.txt": b"1", "b/c.bin": b"2" * 70_000, "b/empty": b""}
    for name, data in files.items():
        (tmp_path / "scans" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "scans" / name).write_bytes(data)
    (tmp_path / "scans" / "latest").symlink_to("b/c.bin")
    rl.put(tmp_path / "scans", f"{top}/scans", format="files")
    return files


def test_beneath_a_file_there_is_the_file_alone(fs, top):
    fs.pipe(f"{top}/a/b.txt", b"1")
    assert fs.find(f"{top}/a/b.txt", withdirs=True) == [f"{top}/a/b.txt"]


def test_a_folder_that_is_kept_as_files_is_a_folder(fs, top, scans):
    folder = f"{top}/scans"
    assert [entry["type"] for entry in fs.ls(top)] == ["directory"]
    assert fs.ls(folder, detail=False) == [f"{folder}/a.txt", f"{folder}/b"]
    assert fs.ls(f"{folder}/b", detail=False) == [f"{folder}/b/c.bin", f"{folder}/b/empty"]
    assert fs.find(top) == fs.find(folder) == [f"{folder}/{name}" for name in sorted(scans)]
    assert {name: fs.cat(f"{folder}/{name}") for name in scans} == scans
    assert fs.cat_file(f"{folder}/b/c.bin", 10, 12) == fs.cat_file(f"{folder}/latest", 10, 12) == b"22"
    assert (fs.isdir(folder), fs.isdir(f"{folder}/b"), fs.isfile(f"{folder}/a.txt")) == (True, True, True)
    for missing in (f"{folder}/no", f"{folder}/a.txt/no"):
        assert not fs.exists(missing)
    with pytest.raises(IsADirectoryError):
        fs.open(folder)


def test_a_folder_that_is_kept_as_files_comes_here_and_goes_as_a_whole(fs, top, scans, tmp_path):
    fs.get(f"{top}/scans", str(tmp_path / "out"), recursive=True)
    assert {name: (tmp_path / "out" / name).read_bytes() for name in scans} == scans
    with pytest.raises(NotImplementedError, match="Put the folder again"):
        fs.rm(f"{top}/scans/a.txt")
    fs.rm(f"{top}/scans", recursive=True)
    assert not fs.exists(f"{top}/scans")


def test_a_file_in_a_folder_that_is_too_large_for_one_object_is_one_file(fs, top, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "LARGEST", 1_000_000)
    monkeypatch.setattr(parts, "PART_BYTES", 300_000)
    folder = tmp_path / "large"
    folder.mkdir()
    content = os.urandom(1_300_007)
    (folder / "large.bin").write_bytes(content)
    rl.put(folder, f"{top}/large", format="files")
    path = f"{top}/large/large.bin"
    assert fs.cat(path) == content
    assert fs.cat_file(path, 299_990, 300_010) == content[299_990:300_010]
    with fs.open(path) as file:
        assert (file.seek(-7, os.SEEK_END), file.read()) == (1_300_000, content[-7:])
        assert 0 < file.bytes_fetched < 300_000
        assert file.requests > 0
    fs.get_file(path, tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == content


def test_a_name_that_can_be_no_path_is_there_under_its_id(fs, top):
    odd = rl.put(b"x", f"{top}//twice")
    assert (odd.id in fs.ls("", detail=False), fs.cat(odd.id)) == (True, b"x")
    with pytest.raises(InputError, match="no path"):
        fs.pipe(f"{top}//twice", b"y")


def test_a_name_that_leads_upwards_leads_nowhere(fs, top, tmp_path):
    odd = rl.put(b"evil", f"{top}/../../{top}-evil")
    rl.put(b"x", f"{top}/good")
    fs.get(top, str(tmp_path / "a" / "b" / "out"), recursive=True)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["good"]
    assert (fs.find(top), fs.cat(odd.id)) == ([f"{top}/good"], b"evil")


def test_a_full_disk_while_writing_is_one_line_and_nothing_is_put(fs, top):
    file = fs.open(top, "wb")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(TransferError, match="no room for"), file:
            file.write(bytes(4 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not fs.exists(top)


def test_it_can_be_made_again_from_what_it_says_of_itself(fs):
    again = pickle.loads(pickle.dumps(fs))
    assert RunloopFileSystem.from_json(again.to_json()) == fs


def test_what_is_removed_is_gone_though_an_older_version_survives(fs, top):
    old = rl.put(b"one", f"{top}/x")
    rl.put(b"two", f"{top}/x")
    fs.rm(f"{top}/x")
    assert (fs.exists(f"{top}/x"), fs.find(top), fs.exists(top)) == (False, [], False)
    assert fs.cat(old.version) == b"one"
    with pytest.raises(FileNotFoundError, match=r"is deleted\. The one before it: .*@"):
        fs.info(f"{top}/x")


def test_nothing_is_put_by_a_with_that_ends_by_an_error(fs, top):
    for mode, data in (("wb", b"half"), ("w", "half")):
        with suppress(ZeroDivisionError), fs.open(top, mode) as file:
            file.write(data)
            raise ZeroDivisionError
    assert not fs.exists(top)


def test_nothing_is_put_by_a_file_that_is_forgotten(fs, top):
    file = fs.open(top, "wb")
    file.write(b"half")
    del file
    assert not fs.exists(top)


def test_a_file_that_is_written_can_be_sought_in(fs, top):
    with fs.open(top, "wb") as file:
        file.write(b"....")
        file.seek(1)
        file.write(b"ab")
    assert fs.cat(top) == b".ab."


def test_a_transaction_puts_all_or_nothing(fs, top):
    with fs.transaction:
        fs.pipe(f"{top}/a", b"1")
        assert not fs.exists(f"{top}/a")
    assert fs.cat(f"{top}/a") == b"1"
    with suppress(ZeroDivisionError), fs.transaction:
        fs.pipe(f"{top}/b", b"1")
        raise ZeroDivisionError
    assert not fs.exists(f"{top}/b")


def test_metadata_and_a_time_to_live_go_with_what_is_written_and_with_its_copies(fs, top):
    with fs.open(f"{top}/a", "wb", metadata={"site": "a"}, ttl="7d") as file:
        file.write(b"1")
    fs.cp(f"{top}/a", f"{top}/b")
    a, b = rl.ls(f"{top}/*")
    assert a.metadata == b.metadata == {"site": "a"}
    assert abs((a.expires - b.expires).total_seconds()) < 60
    with pytest.raises(MetadataError):
        fs.open(f"{top}/c", "wb", metadata={"rl.kind": "x"})


def test_appending_is_refused_for_objects_do_not_change(fs, top):
    with pytest.raises(NotImplementedError, match="doesn't change"):
        fs.open(top, "ab")


def test_ranges_are_those_of_a_slice(fs, top):
    fs.pipe(top, bytes(range(100)))
    got = fs.cat_ranges([top] * 5, [0, 10, -5, 90, 20], [3, 12, None, 200, 10])
    assert got == [bytes([0, 1, 2]), bytes([10, 11]), bytes(range(95, 100)), bytes(range(90, 100)), b""]
    missing = fs.cat_ranges([top, f"{top}-no"], 0, 1)
    assert missing[0] == b"\0"
    assert isinstance(missing[1], FileNotFoundError)


def test_files_move_as_they_are_and_whole(fs, top, tmp_path):
    data = os.urandom(3 << 20)
    (tmp_path / "in").write_bytes(data)
    fs.put(str(tmp_path / "in"), f"{top}/x")
    fs.get(f"{top}/x", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == data
    assert fs.info(f"{top}/x")["digest"] == rl.info(f"{top}/x").object.facts["digest"]


def test_one_column_is_fetched_without_the_others(fs, top):
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    table = pa.table({name: rng.random(COLUMN) for name in "abcdefgh"})
    with fs.open(top, "wb") as file:
        pq.write_table(table, file, compression="none", use_dictionary=False, row_group_size=COLUMN // 2)
    with fs.open(top) as file:
        got = pq.read_table(file, columns=["c"])
        assert got == table.select(["c"])
        assert 8 * COLUMN <= file.bytes_fetched <= 8 * COLUMN * 1.1 + (1 << 20)


def test_what_the_cache_has_is_read_without_a_request(fs, top):
    rl.put(FRAME, top)
    rl.get(top, format="path")
    with fs.open(top) as file:
        assert pd.read_parquet(file).equals(FRAME)
        assert (file.bytes_fetched, file.requests) == (0, 0)


def test_polars_pyarrow_and_duckdb_read_it_too(fs, top):
    import duckdb
    import polars as pl
    import pyarrow.dataset as ds

    FRAME.to_parquet(f"runloop://{top}/p.parquet")
    with fs.open(f"{top}/p.parquet") as file:
        assert pl.read_parquet(file).height == len(FRAME)
    assert ds.dataset(top, filesystem=fs).count_rows() == len(FRAME)
    with duckdb.connect() as database:
        database.register_filesystem(fs)
        found = database.sql(f"select sum(x) from read_parquet('runloop://{top}/*.parquet')").fetchall()
    assert found == [(FRAME.x.sum(),)]


def test_xarray_keeps_a_zarr_store_in_it(fs, top):
    import numpy as np
    import xarray as xr

    data = xr.Dataset({"t": (("y", "x"), np.arange(12.0).reshape(3, 4))})
    data.to_zarr(f"runloop://{top}/z.zarr", zarr_format=2, consolidated=True)
    xr.testing.assert_equal(xr.open_zarr(f"runloop://{top}/z.zarr").load(), data)


def test_pathlib_s_words_work_on_it(top):
    from upath import UPath

    path = UPath(f"runloop://{top}") / "a" / "b.txt"
    path.write_text("hello")
    assert (path.read_text(), path.parent.is_dir(), path.stat().st_size) == ("hello", True, 5)
    assert [each.name for each in UPath(f"runloop://{top}").rglob("*.txt")] == ["b.txt"]
    path.unlink()
    assert not path.exists()


DASK = """
import sys, dask, dask.dataframe as dd
if __name__ == "__main__":
    with dask.config.set(scheduler="processes", num_workers=2):
        print(dd.read_parquet(sys.argv[1]).x.sum().compute())
"""


def test_dask_reads_a_dataset_with_worker_processes(top, tmp_path):
    for number in range(4):
        FRAME.to_parquet(f"runloop://{top}/part-{number}.parquet")
    (tmp_path / "read.py").write_text(DASK)
    command = [sys.executable, str(tmp_path / "read.py"), f"runloop://{top}/*.parquet"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(ran.stdout) == 4 * FRAME.x.sum()


def test_a_pickle_has_no_key_and_is_the_same_filesystem(fs):
    from runloop_jupyter.local import launch

    pickled = pickle.dumps(fs)
    assert launch.ensure().key.reveal().encode() not in pickled
    assert pickle.loads(pickled) == fs


def test_a_worker_that_can_not_reach_that_very_store_says_so_in_one_line(fs, tmp_path):
    (tmp_path / "fs").write_bytes(pickle.dumps(fs))
    load = f"import pickle, pathlib; pickle.loads(pathlib.Path({str(tmp_path / 'fs')!r}).read_bytes())"
    elsewhere = {**os.environ, "RUNLOOP_JUPYTER_HOME": str(tmp_path / "home")}
    ran = subprocess.run([sys.executable, "-c", load], env=elsewhere, capture_output=True, text=True, check=False)
    subprocess.run([sys.executable, "-m", "runloop_jupyter.local.cli", "stop"], env=elsewhere, check=False)
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith("runloop_jupyter.errors.ProfileError: this was made with another store")


def test_a_profile_is_named_in_the_url_or_as_an_option(top):
    rl.put(b"x", top)
    with fsspec.open(f"runloop://local:{top}") as file:
        assert file.read() == b"x"
    assert RunloopFileSystem(profile="local").unstrip_protocol(top) == f"runloop://local:{top}"
    with pytest.raises(ProfileError, match="no profile “nowhere”"):
        fsspec.filesystem("runloop", profile="nowhere")


def test_an_instance_keeps_its_store_when_another_is_used_and_a_new_one_is_another(fs, serve, monkeypatch):
    other = serve()
    monkeypatch.setenv("RUNLOOP_BASE_URL", str(other.http.base_url))
    monkeypatch.setenv("RUNLOOP_API_KEY", KEY)
    before = fs.store.identity
    rl.use("env")
    after = fsspec.filesystem("runloop")
    assert fs.store.identity == before != after.store.identity
    assert (fs == after, fs._fs_token == after._fs_token) == (False, False)
