"""Folders and archives in a mount by FUSE: directories with what is in them, and nothing unpacked anywhere."""

import errno
import gzip
import io
import os
import random
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from fuse_mounts import MIB, mounted, noise

import runloop_jupyter as rl
from runloop_jupyter.transfer import parts

pytestmark = pytest.mark.usefixtures("fuse")

SCAN = noise(5 * MIB + 17, seed=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("folder") / "survey"
    (root / "scans/raw").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "scans/raw/1.raw").write_bytes(SCAN)
    (root / "notes, Übersicht.txt").write_text("counted twice")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "latest").symlink_to("scans/raw/1.raw")
    return root


def tree_of(root):
    """What a walk sees: paths, and what is there."""
    found = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = os.readlink(path)  # noqa: PTH115
        elif path.is_dir():
            found[name] = None
        else:
            found[name] = path.read_bytes(), bool(path.stat().st_mode & 0o100)
    return found


@pytest.mark.parametrize("how", ["tar.gz", "files"])
def test_a_folder_is_the_folder_that_it_was(tmp_path, folder, how):
    thing = rl.put(folder, f"fuse-survey-{how}", format=None if how == "tar.gz" else "files")
    with mounted(tmp_path / "m", thing) as made:
        seen = made.where / f"fuse-survey-{how}"
        assert tree_of(seen) == tree_of(folder)
        assert (seen / "latest").read_bytes() == SCAN


def test_a_folder_alone_is_the_whole_mount(tmp_path, folder):
    thing = rl.put(folder, "fuse-alone")
    from runloop_jupyter import session
    from runloop_jupyter.mounts.fuse import FuseMount
    from runloop_jupyter.mounts.layout import lay_out
    from runloop_jupyter.transfer.transfer import Transfer

    layout = lay_out([("", thing.view)])
    made = FuseMount(session.current().store, layout, tmp_path / "m", Transfer("x", "down", ""))
    try:
        assert tree_of(made.where) == tree_of(folder)
    finally:
        made.unmount()


def test_of_a_folder_kept_as_files_only_what_is_read_is_fetched(tmp_path, folder):
    thing = rl.put(folder, "fuse-lazy", format="files")
    with mounted(tmp_path / "m", thing) as made:
        assert (made.where / "fuse-lazy/notes, Übersicht.txt").read_text() == "counted twice"
        assert made.counts().fetched < MIB


def test_a_file_of_a_folder_that_is_kept_in_pieces_is_one(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(parts, "LARGEST", MIB)
    monkeypatch.setattr(parts, "PART_BYTES", 2 * MIB)
    thing = rl.put(folder, "fuse-pieces", format="files")
    with mounted(tmp_path / "m", thing) as made:
        assert (made.where / "fuse-pieces/scans/raw/1.raw").read_bytes() == SCAN


def test_members_of_an_archive_are_read_at_random(tmp_path):
    members = {f"{number}.bin": noise(3 * MIB + number, seed=number) for number in range(4)}
    root = tmp_path / "many"
    root.mkdir()
    for name, data in members.items():
        (root / name).write_bytes(data)
    thing = rl.put(root, "fuse-members")
    with mounted(tmp_path / "m", thing) as made:

        def some(seed):
            chance = random.Random(seed)
            for _ in range(25):
                name, data = chance.choice(list(members.items()))
                start, length = chance.randrange(len(data)), chance.choice([1, 4096, MIB])
                with (made.where / "fuse-members" / name).open("rb") as file:
                    assert os.pread(file.fileno(), length, start) == data[start : start + length]

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(some, range(4)))


def test_nothing_of_an_archive_is_unpacked_onto_the_disk(tmp_path, folder):
    from runloop_jupyter.paths import cache_dir

    thing = rl.put(folder, "fuse-packed")
    with mounted(tmp_path / "m", thing) as made:
        tree_of(made.where)
        assert not [each for each in cache_dir().rglob("*") if each.name in {"1.raw", "run.sh", "scans"}]


def a_tar(name, tmp_path, *, packed):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for number in range(3):
            member = tarfile.TarInfo(f"inner/{number}.bin")
            member.size, member.mtime = len(SCAN), 1_600_000_000
            tar.addfile(member, io.BytesIO(SCAN))
    path = tmp_path / name
    path.write_bytes(gzip.compress(out.getvalue(), 1) if packed else out.getvalue())
    return path


def test_of_a_plain_tar_only_headers_and_what_is_read_are_fetched(tmp_path):
    thing = rl.put(a_tar("fuse-plain.tar", tmp_path, packed=False), "fuse-plain.tar")
    with mounted(tmp_path / "m", thing) as made:
        inner = made.where / "fuse-plain/inner"
        assert sorted(each.name for each in inner.iterdir()) == ["0.bin", "1.bin", "2.bin"]
        assert made.counts().fetched < 2 * MIB
        assert (inner / "1.bin").read_bytes() == SCAN
        assert (inner / "1.bin").stat().st_mtime == 1_600_000_000


def test_a_tar_gz_of_somebody_elses_is_a_directory(tmp_path):
    thing = rl.put(a_tar("fuse-other.tar.gz", tmp_path, packed=True), "fuse-other.tar.gz")
    with mounted(tmp_path / "m", thing) as made:
        assert (made.where / "fuse-other/inner/2.bin").read_bytes() == SCAN


def test_what_is_called_an_archive_and_is_none_is_the_file_that_it_is(tmp_path):
    path = tmp_path / "fuse-fake.tar.gz"
    path.write_bytes(b"no archive at all")
    thing = rl.put(path, "fuse-fake.tar.gz")
    with mounted(tmp_path / "m", thing) as made:
        (found,) = made.where.iterdir()
        assert found.read_bytes() == b"no archive at all"


def test_an_archive_that_reaches_out_is_an_error_that_says_so(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("fine"))
        tar.addfile(tarfile.TarInfo("../outside"))
    path = tmp_path / "fuse-slip.tar.gz"
    path.write_bytes(out.getvalue())
    thing = rl.put(path, "fuse-slip.tar.gz")
    with mounted(tmp_path / "m", thing) as made:
        with pytest.raises(OSError) as caught:
            list((made.where / "fuse-slip").iterdir())
        assert caught.value.errno == errno.EIO
        made.counts()
        assert "outside its folder" in made.last_failure
