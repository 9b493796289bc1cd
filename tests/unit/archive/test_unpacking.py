"""Disks that take two names for one, and folders that pack to next to nothing."""

import io
import os

import hostile_tars as tars
import pytest

from runloop_jupyter import archive
from runloop_jupyter.errors import ArchiveError


def go_on():
    """The checkpoint of a test that isn't stopped."""


@pytest.fixture
def folding_disk(monkeypatch):
    """A disk to which A and a are one name, as those of macOS are."""
    for call in ("mkdir", "open"):
        real = getattr(os, call)

        def folded(path, *args, real=real, **how):
            return real(path.casefold() if how.get("dir_fd") is not None else path, *args, **how)

        monkeypatch.setattr(os, call, folded)


@pytest.mark.parametrize(
    "parts",
    [
        [tars.file("data", b"1"), tars.file("Data", b"2")],
        [tars.file("d/x"), tars.file("D/y")],
        [tars.header("d", tars.FOLDER), tars.header("D", tars.FOLDER)],
        [tars.file("d"), tars.file("D/y")],
    ],
)
def test_names_that_are_one_to_the_disk_are_refused_by_name(folding_disk, tmp_path, parts):
    with pytest.raises(ArchiveError, match=r"names that are one to this disk") as refusal:
        archive.unpack(io.BytesIO(tars.packed(*parts)), tmp_path / "back", checkpoint=go_on)
    assert "D" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_sparse_files_comes_back_though_it_packs_to_next_to_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("runloop_jupyter.archive.unpacking._RATIO_FREE", 1 << 20)
    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / "sparse").open("wb") as file:
        file.truncate(64 << 20)
    packed = io.BytesIO()
    done = archive.pack(tmp_path / "data", packed, checkpoint=go_on)
    with pytest.raises(ArchiveError, match="times its size"):
        archive.unpack(packed, tmp_path / "back", checkpoint=go_on)
    assert archive.unpack(packed, tmp_path / "back", checkpoint=go_on, declared=done.bytes).bytes == 64 << 20


def test_what_says_that_it_is_larger_than_the_disk_is_refused_before_anything_is_written(tmp_path):
    packed = io.BytesIO(tars.packed(tars.file("a")))
    with pytest.raises(ArchiveError, match=r"unpacks to 1,152,921,504,606,846,976 bytes"):
        archive.unpack(packed, tmp_path / "back", checkpoint=go_on, declared=1 << 60)


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_the_packed_bytes_do_not_depend_on_the_number_of_cores(tmp_path, monkeypatch, cores):
    for n in range(3):
        (tmp_path / f"{n}.csv").write_bytes(b"%d,2.5\n" % n * (300 << 10))
    file = io.BytesIO()
    archive.pack(tmp_path, file, checkpoint=go_on)
    monkeypatch.setattr("runloop_jupyter.archive.gzipped._cores", lambda: cores)
    other = io.BytesIO()
    archive.pack(tmp_path, other, checkpoint=go_on)
    assert file.getvalue() == other.getvalue()
