"""Whatever an archive says, nothing is written outside its root; it is refused by name, and nothing of it appears."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hostile_tars import Hostile, corpus, extended, file, hard, header, link, packed, record
from hypothesis import given, settings
from hypothesis import strategies as st

from runloop_jupyter import archive
from runloop_jupyter.errors import ArchiveError, one_line

TOLD = []


class Ground:
    """A folder that is none of an archive's business, and the archives that reach for it."""

    def __init__(self, top):
        self.top = top
        self.outside = top / "outside"
        self.outside.mkdir()
        (self.outside / "target").write_text("precious")
        (self.outside / "target").chmod(0o600)
        self.corpus = list(corpus(str(self.outside)))
        self._count = 0

    @contextmanager
    def scene(self):
        """Give a place to unpack in, beside that folder."""
        self._count += 1
        room = self.top / f"room{self._count}"
        room.mkdir()
        try:
            yield Scene(self.top, room)
        finally:
            shutil.rmtree(room)


class Scene:
    """A place to unpack in, and what there is around it."""

    def __init__(self, top, room):
        self.top = top
        self.room = room
        self.root = self.room / "data"
        self.before = self.look()

    def look(self):
        """Everything there is but for what the root holds: names, modes, times of files, content."""
        found = {}
        for folder, folders, files in os.walk(self.top):
            if folder == str(self.room):
                folders[:] = [name for name in folders if name != self.root.name]
            for name in [*folders, *files]:
                path = f"{folder}/{name}"
                about = os.lstat(path)
                content = Path(path).read_bytes() if stat.S_ISREG(about.st_mode) else None
                found[path] = (about.st_mode, content, about.st_nlink if stat.S_ISREG(about.st_mode) else 0)
        return found

    def unpack(self, data, **limits):
        archive.unpack(io.BytesIO(data), self.root, checkpoint=lambda: None, durable=False, **limits)

    def check_contained(self):
        """Of what is beneath the root nothing leads out, and nothing but files, links and folders is there."""
        real = os.path.realpath(self.root)
        for folder, folders, files in os.walk(self.root):
            for name in [*folders, *files]:
                path = f"{folder}/{name}"
                mode = os.lstat(path).st_mode
                assert stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)
                assert not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX)
                assert os.path.realpath(path).startswith(real)


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    return Ground(tmp_path_factory.mktemp("ground"))


@pytest.fixture
def scene(ground):
    with ground.scene() as opened:
        yield opened


@pytest.fixture(scope="module", autouse=True)
def _say_how_many():
    yield
    refused = sum(not each.kept for each in TOLD)
    print(f"\nhostile archives: {len(TOLD)}, of which {refused} refused by name and {len(TOLD) - refused} contained")


def cases():
    # The path is the test's own, and no part of a case's name.
    return [pytest.param(number, id=each.name) for number, each in enumerate(corpus("/nonexistent/outside"))]


@pytest.mark.parametrize("number", cases())
def test_a_hostile_archive(number, ground, scene, monkeypatch):
    hostile: Hostile = ground.corpus[number]
    monkeypatch.setattr("runloop_jupyter.archive.unpacking._RATIO_FREE", 1 << 20)
    began = time.monotonic()
    if hostile.kept:
        scene.unpack(hostile.packed, **hostile.limits)
        scene.check_contained()
    else:
        with pytest.raises(ArchiveError) as refusal:
            scene.unpack(hostile.packed, **hostile.limits)
        said = str(refusal.value)
        assert said == one_line(said), "the refusal is not one line of plain text"
        assert not os.path.lexists(scene.root)
    assert time.monotonic() - began < 10
    assert scene.look() == scene.before
    TOLD.append(hostile)


def test_none_of_them_does_more_when_it_is_only_looked_into(ground, scene):
    for hostile in ground.corpus:
        with suppress(ArchiveError):
            assert len(archive.members(io.BytesIO(hostile.packed), 50).entries) <= 50
    assert scene.look() == scene.before


names = st.lists(
    st.sampled_from(["a", "b", "..", ".", "", "l", "A", "\udcff", "d", "target", "n" * 90]), min_size=1, max_size=5
).map("/".join)
raw_names = names.map(lambda name: name.encode("utf-8", "surrogateescape")[:100])
things = st.one_of(
    st.builds(file, raw_names, st.binary(max_size=600)),
    st.builds(link, raw_names, raw_names),
    st.builds(hard, raw_names, raw_names),
    st.builds(header, raw_names, st.sampled_from([bytes([n]) for n in range(0x30, 0x38)] + [b"S", b"\0", b"Z"])),
    st.builds(
        extended,
        st.builds(
            record,
            st.sampled_from(["path", "linkpath", "size", "mtime", "hdrcharset"]),
            names.map(lambda name: name.encode("utf-8", "surrogateescape")),
        ),
        st.sampled_from([b"x", b"g", b"X"]),
    ),
    st.builds(extended, raw_names, st.sampled_from([b"L", b"K", b"x"])),
)


@given(parts=st.lists(things, max_size=8))
@settings(max_examples=250, deadline=None)
def test_entries_in_any_order_stay_beneath_the_root(parts, ground):
    check(ground, packed(*parts))


@given(
    flips=st.lists(st.tuples(st.integers(0, 5119), st.integers(0, 255)), max_size=12),
    fix=st.booleans(),
)
@settings(max_examples=250, deadline=None)
def test_any_change_of_a_tar_stays_beneath_the_root(flips, fix, ground):
    plain = bytearray(
        extended(record("path", "d/one"))
        + file("one", b"1" * 100)
        + link("l", "d/one")
        + hard("h", "d/one")
        + file("d/two", b"2" * 600)
        + bytes(1024)
    )
    for at, value in flips:
        plain[at % len(plain)] = value
    if fix:  # of each header the checksum too, so that what it says is believed
        for at in range(0, len(plain) - 511, 512):
            if plain[at + 257 : at + 262] == b"ustar":
                plain[at + 148 : at + 156] = b" " * 8
                plain[at + 148 : at + 156] = b"%06o\0 " % sum(plain[at : at + 512])
    check(ground, gzip.compress(bytes(plain)))


def check(ground, data):
    with ground.scene() as scene:
        refused = None
        try:
            scene.unpack(data, max_bytes=1 << 20)
        except ArchiveError as error:
            refused = str(error)
        if refused is None:
            scene.check_contained()
        else:
            assert refused == one_line(refused)
            assert not os.path.lexists(scene.root)
        assert scene.look() == scene.before


def test_there_are_hundreds_of_them(ground):
    assert len(ground.corpus) > 350
