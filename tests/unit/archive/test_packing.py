"""What folders hold beside plain files, and disks that fill up while an archive is written."""

import errno
import io
import os
import threading

import pytest

from runloop_jupyter import archive
from runloop_jupyter.errors import ArchiveError


def go_on():
    """The checkpoint of a test that isn't stopped."""


def pack(folder, file=None):
    file = io.BytesIO() if file is None else file
    return file, archive.pack(folder, file, checkpoint=go_on)


def nested(root, depth, name="d"):
    """Make folders within folders, by descriptor: the path may be longer than the system takes."""
    here = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)


def test_a_file_with_two_names_comes_back_under_both(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("one")
    os.link(tmp_path / "data" / "a", tmp_path / "data" / "b")
    file, done = pack(tmp_path / "data")
    assert (done.files, done.bytes) == (2, 6)
    archive.unpack(file, tmp_path / "back", checkpoint=go_on)
    assert {path.name: path.read_text() for path in (tmp_path / "back").iterdir()} == {"a": "one", "b": "one"}


def test_a_sparse_file_comes_back_with_its_holes_as_zeros(tmp_path):
    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / "sparse").open("wb") as file:
        file.truncate(5 << 20)
        file.seek(3 << 20)
        file.write(b"here")
    packed, _ = pack(tmp_path / "data")
    archive.unpack(packed, tmp_path / "back", checkpoint=go_on)
    assert (tmp_path / "back" / "sparse").read_bytes() == (tmp_path / "data" / "sparse").read_bytes()


def test_what_is_packed_can_be_unpacked_however_deep_and_the_rest_is_refused_by_name(tmp_path):
    for name, depth in (("deep", 199), ("deeper", 200)):
        (tmp_path / name).mkdir()
        nested(tmp_path / name, depth)
    archive.unpack(pack(tmp_path / "deep")[0], tmp_path / "back", checkpoint=go_on)
    assert (tmp_path / "back" / ("d/" * 199) / "file").exists()
    with pytest.raises(ArchiveError, match=r"^d/d/d/.*… lies more than 200 folders deep; pack a part of it$"):
        pack(tmp_path / "deeper")


def test_a_path_too_long_to_come_back_is_refused_by_name(tmp_path):
    nested(tmp_path, 17, "n" * 250)
    with pytest.raises(ArchiveError, match=r"^nnnn.*… is longer than 4,096 bytes; pack a part of it$"):
        pack(tmp_path)


class FullDisk(io.RawIOBase):
    """A file on a disk with room for a mebibyte."""

    def __init__(self):
        self.written = 0

    def writable(self):
        return True

    def write(self, data):
        self.written += len(data)
        if self.written > 1 << 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(data)


def test_a_disk_that_fills_up_is_heard_of_and_no_thread_stays(tmp_path):
    (tmp_path / "noise").write_bytes(os.urandom(12 << 20))
    before = threading.active_count()
    with pytest.raises(OSError, match="No space left") as error:
        pack(tmp_path, FullDisk())
    assert error.value.errno == errno.ENOSPC
    assert threading.active_count() == before


def test_one_who_stops_it_leaves_no_thread(tmp_path):
    (tmp_path / "noise").write_bytes(os.urandom(12 << 20))
    packed, _ = pack(tmp_path)
    before = threading.active_count()
    for work in (
        lambda stop: archive.pack(tmp_path, io.BytesIO(), checkpoint=stop),
        lambda stop: archive.unpack(packed, tmp_path / "back", checkpoint=stop),
    ):
        calls = iter(range(6))

        def stop(calls=calls):
            if next(calls) == 5:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            work(stop)
        assert threading.active_count() == before
