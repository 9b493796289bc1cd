"""What an archive holds, as a tree: what `unpack` refuses is refused here, and nothing is taken for an archive."""

import gzip
import io
import tarfile
from contextlib import closing

import pytest
from hostile_tars import corpus
from hypothesis import given, settings
from hypothesis import strategies as st

from runloop_jupyter.errors import ArchiveError
from runloop_jupyter.mounts.fuse.archives import Archives, Unpacker, begins_as_tar
from runloop_jupyter.mounts.fuse.contents import OnDisk
from runloop_jupyter.mounts.fuse.nodes import Directory, File, Link
from runloop_jupyter.wire.objects import ObjectView

OUTSIDE = "/somewhere/else"
HOSTILE = list(corpus(OUTSIDE))
PLAIN = {"is zeros", "is a tar without gzip"}
"""What `unpack` refuses for not being packed, and is read here."""


class Here:
    """Opens one object whose bytes are on this disk."""

    def __init__(self, path):
        self.path = path
        self.given = []

    def object(self, view):
        return OnDisk(self.path.open("rb"))

    def whole(self, view):
        self.given.append(self.path.open("rb"))
        return self.given[-1]

    def close(self):
        for each in self.given:
            each.close()


@pytest.fixture
def look(tmp_path):
    """Return the tree of an archive with these bytes."""

    heres = []

    def looked(data):
        path = tmp_path / "archive"
        path.write_bytes(data)
        heres.append(Here(path))
        view = ObjectView(
            id="obj_1",
            name="archive",
            state="READ_ONLY",
            content_type="tgz",
            create_time_ms=1_700_000_000_000,
            size_bytes=len(data),
        )
        root = Archives(heres[-1]).directory(view)
        root.children()
        return root

    yield looked
    for each in heres:
        each.close()


def walk(directory, path=""):
    for name, node in directory.children().items():
        yield f"{path}{name}", node
        if isinstance(node, Directory):
            yield from walk(node, f"{path}{name}/")


def content(file):
    opened = file.source.open()
    room = bytearray(file.size)
    assert opened.read_into(memoryview(room), 0) == file.size
    opened.close()
    return bytes(room)


@pytest.mark.parametrize("each", [each for each in HOSTILE if not each.limits], ids=lambda each: each.name)
def test_a_hostile_archive_is_refused_or_harmless(look, each):
    if not each.kept and each.name not in PLAIN:
        with pytest.raises(ArchiveError) as caught:
            look(each.packed)
        assert "\n" not in str(caught.value)
        return
    for path, node in walk(look(each.packed)):
        assert not path.startswith("/")
        assert ".." not in path.split("/")
        if isinstance(node, Link):
            assert not node.target.startswith("/")
        if isinstance(node, File):
            content(node)


def a_tar(files, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


NAMES = st.lists(
    st.text("abcö. ", min_size=1, max_size=5).filter(lambda name: set(name) != {"."}), min_size=1, max_size=3
)


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(NAMES.map(lambda steps: "top/" + "-".join(steps)), st.binary(max_size=3000), max_size=6),
    st.sampled_from(["w", "w:gz"]),
)
def test_what_tarfile_packs_is_found_byte_by_byte(tmp_path_factory, files, mode):
    path = tmp_path_factory.mktemp("tar") / "archive"
    path.write_bytes(a_tar(files, mode))
    view = ObjectView(
        id="1", name="a", state="READ_ONLY", content_type="tar", create_time_ms=0, size_bytes=path.stat().st_size
    )
    with closing(Here(path)) as here:
        root = Archives(here).directory(view)
        found = {path: content(node) for path, node in walk(root) if isinstance(node, File)}
    assert found == files


def test_a_tar_that_is_cut_off_is_refused(look):
    whole = a_tar({"x": bytes(5000)})
    with pytest.raises(ArchiveError, match="cut off"):
        look(whole[:3000])


def test_one_that_unpacks_out_of_all_proportion_is_refused_before_it_is_passed_through(look):
    header = tarfile.TarInfo("zeros")
    header.size = 1 << 40
    with pytest.raises(ArchiveError, match="times its size"):
        look(gzip.compress(header.tobuf()))


def test_a_look_that_failed_is_made_again(tmp_path):
    here = Here(tmp_path / "archive")
    view = ObjectView(id="1", name="a", state="READ_ONLY", content_type="tar", create_time_ms=0, size_bytes=10240)
    root = Archives(here).directory(view)
    with pytest.raises(OSError):
        root.children()
    here.path.write_bytes(a_tar({"x": b"there by now"}))
    assert list(root.children()) == ["x"]


def test_the_places_that_it_unpacks_from_are_few(tmp_path):
    path = tmp_path / "packed.gz"
    path.write_bytes(gzip.compress(bytes(range(256)) * 40_000))
    with path.open("rb") as file:
        unpacker = Unpacker(file, 256 * 40_000)
        room = bytearray(1000)
        assert unpacker.read_into(memoryview(room), 256 * 30_000) == 1000
        assert room == (bytes(range(256)) * 4)[:1000]
        assert len(unpacker._blocks) == 1


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (a_tar({"x": b"1"}), True),
        (a_tar({"x": b"1"}, "w:gz"), True),
        (a_tar({}), True),
        (gzip.compress(b"a log, not a tar"), False),
        (b"PK\x03\x04 a zip", False),
        (b"", False),
        (b"\x1f\x8b and nothing", False),
    ],
    ids=["a tar", "a tar.gz", "an empty tar", "a packed log", "a zip", "nothing", "the first bytes of a gzip"],
)
def test_its_first_bytes_tell_whether_it_is_one(data, is_one):
    assert begins_as_tar(data[: 64 << 10]) is is_one


def test_an_archive_is_only_looked_into_once(look):
    root = look(a_tar({"x": b"1"}))
    before = root.children()
    assert root.children() is before
    assert root.look is None
