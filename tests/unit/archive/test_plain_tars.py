"""A tar that nobody packed is unpacked with the same care."""

import gzip
import io
import tarfile

import pytest
from hostile_tars import corpus, packed

from runloop_jupyter import archive
from runloop_jupyter.errors import ArchiveError

FILES = {"a.txt": b"one", "sub/run.sh": b"#!/bin/sh", "sub/empty": b""}


def go_on():
    """The checkpoint of a test that isn't stopped."""


@pytest.fixture(params=[tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["ustar", "gnu", "pax"])
def tar(request):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=request.param) as writing:
        for name, data in FILES.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755 if name.endswith(".sh") else 0o644
            writing.addfile(info, io.BytesIO(data))
    return file.getvalue()


def test_a_plain_tar_unpacks_as_it_would_packed(tar, tmp_path):
    file = io.BytesIO(tar)
    plain = archive.unpack(file, tmp_path / "plain", checkpoint=go_on)
    zipped = archive.unpack(io.BytesIO(gzip.compress(tar)), tmp_path / "zipped", checkpoint=go_on)
    assert plain == zipped
    for folder in ("plain", "zipped"):
        assert {name: (tmp_path / folder / name).read_bytes() for name in FILES} == FILES
    assert (tmp_path / "plain/sub/run.sh").stat().st_mode & 0o777 == 0o755
    assert not file.closed


def test_a_look_into_a_plain_tar_names_its_files(tar):
    assert [name for name, _ in archive.members(io.BytesIO(tar), 9).entries] == list(FILES)


@pytest.mark.parametrize("cut", [513, 700, 1500])
def test_a_plain_tar_that_is_cut_off_leaves_nothing(tar, cut, tmp_path):
    with pytest.raises(ArchiveError):
        archive.unpack(io.BytesIO(tar[:cut]), tmp_path / "x", checkpoint=go_on)
    assert not list(tmp_path.iterdir())


def test_what_is_refused_packed_is_refused_plain(tmp_path):
    (tmp_path / "outside").mkdir()
    tried = 0
    for hostile in corpus(str(tmp_path / "outside")):
        # Damage to the gzip around it, and bombs that only swell where they are packed, are of that alone.
        if hostile.kept or "swells" in hostile.name:
            continue
        try:
            plain = gzip.decompress(hostile.packed)
        except (OSError, EOFError, gzip.zlib.error):
            continue
        if len(plain) > 4 << 20 or "behind it" in hostile.name or hostile.name == "is a gzip of a gzip":
            continue
        tried += 1
        with pytest.raises(ArchiveError):
            archive.unpack(io.BytesIO(plain), tmp_path / "x", checkpoint=go_on, **hostile.limits)
        assert [each.name for each in tmp_path.iterdir()] == ["outside"]
    assert tried > 150
    assert not list((tmp_path / "outside").iterdir())


def test_the_first_bytes_tell_a_tar_from_what_is_only_called_one(tar):
    assert archive.is_tar(io.BytesIO(tar))
    assert archive.is_tar(io.BytesIO(gzip.compress(tar)))
    assert archive.is_tar(io.BytesIO(packed()))  # of an empty folder
    for other in (
        b"",
        b"x",
        b"text " * 300,
        gzip.compress(b""),
        gzip.compress(b"text " * 300),
        b"\x1f\x8b",
        bytes(512),
    ):
        file = io.BytesIO(other)
        assert not archive.is_tar(file), other[:20]
        assert file.tell() == 0
