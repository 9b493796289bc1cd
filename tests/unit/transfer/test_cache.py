"""Files kept on this machine: named so that nothing escapes, whole and verified or not there."""

import os
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runloop_jupyter.errors import DigestMismatch
from runloop_jupyter.transfer import cache
from runloop_jupyter.wire.objects import ObjectView

DATA = b"species,island\nadelie,torgersen\n"
# Any code point, halves of surrogate pairs too, with what matters to paths made frequent.
NAMES = st.text(st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from("./\\ _~-:*\x00\n\u202e")))
SUFFIXES = st.sampled_from(["", ".parquet", ".npy", ".txt", ".json"])
LONGEST = 150


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def a_view(**changes):
    fields = {"id": "obj_1", "name": "penguins.csv", "state": "READ_ONLY", "content_type": "text"}
    return ObjectView(**{**fields, "create_time_ms": 1_700_000_000_123, "size_bytes": len(DATA), **changes})


class Far:
    """Where the bytes come from, and how often they were asked for."""

    def __init__(self, data=DATA, error=None):
        self.data, self.error, self.asked = data, error, 0

    def __call__(self, file):
        self.asked += 1
        file.write(self.data)
        if self.error:
            raise self.error


def fetch(far, view=None, name="penguins.csv", store="store-1"):
    return cache.cached(store, view or a_view(), name, far)


def longer_at_the_same_time(path):
    before = path.stat()
    path.write_bytes(DATA + b"more")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def files(root):
    return [path for path in root.rglob("*") if path.is_file()]


@given(NAMES, SUFFIXES)
@example("..", ".parquet")
@example("", ".parquet")
@example(".", "")
@example("a/../..", "")
@example("\ud800", "")
@example("é" * 400, ".parquet")
@example("x." + "y" * 400, "")
@example("." + "x" * 400, ".txt")
@example("\U0001f427" * 100 + ".tar.gz", "")
def test_whatever_an_object_is_called_its_file_is_one_visible_name(name, suffix):
    found = cache.file_name(name, suffix)
    assert found
    assert "/" not in found
    assert "\\" not in found
    assert "\x00" not in found
    assert not found.startswith((".", " "))
    assert len(os.fsencode(found)) <= LONGEST
    assert all(character.isprintable() or unicodedata.category(character) not in {"Cc", "Cs"} for character in found)
    assert found.lower().endswith(suffix)


@given(name=NAMES, suffix=SUFFIXES)
def test_that_name_stays_in_its_directory(name, suffix, tmp_path_factory):
    found = tmp_path_factory.getbasetemp() / cache.file_name(name, suffix)
    assert found.resolve().parent == tmp_path_factory.getbasetemp().resolve()


@given(NAMES, SUFFIXES)
def test_a_name_that_is_a_file_name_already_stays(name, suffix):
    once = cache.file_name(name, suffix)
    assert cache.file_name(once, suffix) == once


@pytest.mark.parametrize(
    ("name", "suffix", "expected"),
    [
        ("penguins", ".parquet", "penguins.parquet"),
        ("penguins.parquet", ".parquet", "penguins.parquet"),
        ("PENGUINS.PARQUET", ".parquet", "PENGUINS.PARQUET"),
        ("runs/2026-11/val metrics", ".parquet", "val metrics.parquet"),
        ("folder/", "", "folder"),
        ("../../etc/passwd", "", "passwd"),
        ("..", ".parquet", "object.parquet"),
        (".bashrc", "", "bashrc"),
        ("C:\\boot.ini", "", "C__boot.ini"),
        ("данные.csv", "", "данные.csv"),
        ("e\u0301.csv", "", "\u00e9.csv"),
        ("gpj.\u202eexe", "", "gpj._exe"),
    ],
)
def test_a_file_is_called_as_its_object_as_far_as_it_can_be(name, suffix, expected):
    assert cache.file_name(name, suffix) == expected


def test_a_long_name_keeps_its_ending():
    assert cache.file_name("x" * 300 + ".tar", "").endswith("xxx.tar")


@given(store=NAMES, thing=NAMES)
@example(store="..", thing="..")
@example(store=".", thing="")
def test_whatever_a_store_calls_its_objects_their_place_is_two_below_the_files(store, thing, tmp_path_factory):
    root = tmp_path_factory.getbasetemp() / "places"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNLOOP_JUPYTER_CACHE", str(root))
        found = cache.place(store[:40], thing[:40])
    assert found.is_dir()
    assert found.resolve().parent.parent == (root / "files").resolve()


def test_the_second_time_it_is_served_from_here():
    far = Far()
    first, second = fetch(far), fetch(far)
    assert first == second
    assert second.read_bytes() == DATA
    assert far.asked == 1


def test_a_cached_file_can_not_be_written_and_has_the_time_of_its_object():
    found = fetch(Far()).stat()
    assert found.st_mode & 0o777 == 0o400
    assert found.st_mtime_ns == a_view().create_time_ms * 1_000_000


def test_objects_and_stores_do_not_share_files():
    far = Far()
    places = {fetch(far), fetch(far, a_view(id="obj_2")), fetch(far, store="store-2")}
    assert len(places) == far.asked == 3


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda path: path.write_bytes(DATA + b"more"), id="longer"),
        pytest.param(lambda path: path.write_bytes(DATA[::-1]), id="other bytes"),
        pytest.param(longer_at_the_same_time, id="longer at the same time"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.unlink(), id="gone"),
        pytest.param(lambda path: os.utime(path), id="touched"),
    ],
)
def test_a_file_that_was_tampered_with_is_fetched_again(tamper):
    far = Far()
    path = fetch(far)
    path.chmod(0o600)
    tamper(path)
    assert fetch(far).read_bytes() == DATA
    assert far.asked == 2


@pytest.mark.parametrize("error", [DigestMismatch("wrong"), KeyboardInterrupt(), OSError(28, "No space")], ids=repr)
def test_a_fetch_that_fails_keeps_nothing(error, root):
    with pytest.raises(type(error)):
        fetch(Far(error=error))
    assert files(root) == []


def test_a_fetch_that_fails_leaves_what_was_there(root):
    path = fetch(Far())
    path.chmod(0o600)
    os.utime(path)
    with pytest.raises(DigestMismatch):
        fetch(Far(b"worse", DigestMismatch("wrong")))
    assert [each.read_bytes() for each in files(root)] == [DATA]


def test_an_empty_object_is_cached_as_an_empty_file():
    far = Far(b"")
    view = a_view(size_bytes=0)
    fetch(far, view)
    assert fetch(far, view).read_bytes() == b""
    assert far.asked == 1


@pytest.mark.parametrize("time_ms", [-(2**63), -1, 0, 2**63 - 1])
def test_a_time_that_no_filesystem_knows_is_cached_all_the_same(time_ms):
    far = Far()
    view = a_view(create_time_ms=time_ms)
    fetch(far, view)
    fetch(far, view)
    assert far.asked == 1
