import random
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.address import version_label
from runloop_jupyter.mounts.layout import Kind, Layout, lay_out
from runloop_jupyter.wire import json
from runloop_jupyter.wire.objects import ObjectView

PARQUET = {"rl.kind": "table", "rl.format": "parquet", "rl.facts": "{}"}
FILE = {"rl.kind": "file", "rl.format": "file"}
PACKED = {"rl.kind": "folder", "rl.format": "tar.gz"}
AS_FILES = {"rl.kind": "folder", "rl.format": "files"}


def a_view(name, object_id=None, *, time=0, content="unspecified", metadata=None):
    return ObjectView(
        id=object_id or f"obj_{name}",
        name=name,
        state="READ_ONLY",
        content_type=content,
        create_time_ms=time,
        size_bytes=1,
        metadata=metadata,
    )


def paths(*views):
    """What each is shown as, by id."""
    return {each.view.id: each.path for each in lay_out([(view.name, view) for view in views]).shown}


def only(view):
    ((shown),) = lay_out([(view.name, view)]).shown
    return shown.path, shown.kind


def mark(view):
    return version_label(view.create_time_ms, view.id)[-5:]


def test_a_file_keeps_its_name_and_the_directories_in_it():
    assert only(a_view("runs/7/metrics.csv")) == ("runs/7/metrics.csv", Kind.FILE)


def test_a_value_gets_the_suffix_of_its_form():
    assert only(a_view("penguins", metadata=PARQUET)) == ("penguins.parquet", Kind.FILE)
    assert only(a_view("penguins.parquet", metadata=PARQUET))[0] == "penguins.parquet"
    assert only(a_view("penguins", metadata={"rl.kind": "x", "rl.format": "of nobody here"}))[0] == "penguins"


def test_a_value_that_is_kept_in_parts_gets_the_suffix_of_the_whole():
    parts = {"rl.kind": "table", "rl.format": "parts", "rl.facts": '{"format": "parquet", "size": 99}'}
    (shown,) = lay_out([("big", a_view("big", metadata=parts))]).shown
    assert (shown.path, shown.view.size_bytes) == ("big.parquet", 99)


@pytest.mark.parametrize(
    ("name", "content", "metadata", "path", "kind"),
    [
        ("scans", "tgz", PACKED, "scans", Kind.ARCHIVE),
        ("scans", "unspecified", AS_FILES, "scans", Kind.FOLDER),
        ("a/code.tar.gz", "tgz", FILE, "a/code", Kind.ARCHIVE),
        ("code.TGZ", "tgz", None, "code", Kind.ARCHIVE),
        ("code.tar", "tar", None, "code", Kind.ARCHIVE),
        ("code", "tar", None, "code", Kind.ARCHIVE),
        ("code.tar.gz", "gzip", None, "code", Kind.ARCHIVE),
        ("log.gz", "gzip", None, "log.gz", Kind.FILE),
        ("code.tar.gz", "unspecified", None, "code.tar.gz", Kind.FILE),
        ("code.tar.gz", "tgz", PARQUET, "code.tar.gz.parquet", Kind.FILE),
        ("v1.2", "unspecified", AS_FILES, "v1.2", Kind.FOLDER),
        (".tar.gz", "tgz", None, "object", Kind.ARCHIVE),
    ],
)
def test_what_a_devbox_would_unpack_is_a_directory(name, content, metadata, path, kind):
    assert only(a_view(name, content=content, metadata=metadata)) == (path, kind)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/etc/passwd", "etc/passwd"),
        ("a//b/./c", "a/b/c"),
        ("../../x", "object/object/x"),
        ("..", "object"),
        ("", "object"),
        ("a/", "a"),
        ("a\\b:c*?", "a_b_c__"),
        ("a\nb\x1b[2J\u202e", "a_b_[2J_"),
        ("half \ud800", "half _"),
        ("dots. . /x ", "dots/x"),
        ("A\u030a", "\u00c5"),
    ],
)
def test_a_part_that_is_none_on_some_disk_is_made_one(name, path):
    assert only(a_view(name, "obj_1"))[0] == path


def test_a_name_too_deep_for_a_path_is_shown_by_its_ends():
    assert only(a_view("/".join(["d"] * 900)))[0] == "d/d"


def test_a_directory_alone_is_the_mount_itself_where_that_is_asked_for():
    view = a_view("scans", metadata=AS_FILES)
    assert [each.path for each in lay_out([("", view)]).shown] == [""]
    assert [each.path for each in lay_out([("", a_view("a.txt"))]).shown] == ["a.txt"]
    assert [each.path for each in lay_out([("", view), ("b", a_view("b"))]).shown] == ["b", "scans"]


def test_the_newest_has_the_path_and_the_others_show_their_version():
    old, new = a_view("run.csv", "obj_1", time=1000), a_view("run.csv", "obj_2", time=2000)
    assert paths(old, new) == {"obj_2": "run.csv", "obj_1": f"run~{mark(old)}.csv"}


def test_who_has_the_path_by_its_very_name_keeps_it():
    frame, file = a_view("penguins", time=2, metadata=PARQUET), a_view("penguins.parquet", time=1)
    assert paths(frame, file)[file.id] == "penguins.parquet"
    assert paths(frame, file)[frame.id] == f"penguins~{mark(frame)}.parquet"


def test_a_directory_made_by_slashes_goes_before_a_file_and_before_a_folder():
    file, folder = a_view("a", time=9), a_view("a", "obj_f", time=8, metadata=AS_FILES)
    assert paths(file, folder, a_view("a/b")) == {
        "obj_a/b": "a/b",
        "obj_a": f"a~{mark(file)}",
        "obj_f": f"a~{mark(folder)}",
    }


def test_paths_that_are_one_to_macos_are_told_apart():
    one, other = a_view("Data.csv", time=2), a_view("data.csv", time=1)
    assert paths(one, other) == {"obj_Data.csv": "Data.csv", "obj_data.csv": f"data~{mark(other)}.csv"}
    assert paths(a_view("A/x"), a_view("a", time=1))["obj_a"].startswith("a~")


def test_a_name_that_looks_like_another_ones_mark_is_left_to_who_has_it():
    old, new = a_view("run.csv", "obj_1", time=1), a_view("run.csv", "obj_2", time=2)
    taken = a_view(f"run~{mark(old)}.csv", "obj_3")
    found = paths(old, new, taken)
    assert found["obj_3"] == taken.name
    assert re.fullmatch(f"run~{mark(old)}[0-9a-f]{{3}}.csv", found["obj_1"])


def test_a_layout_goes_over_a_wire_and_comes_back():
    layout = lay_out([("a", a_view("a", metadata=PARQUET)), ("b", a_view("b", metadata=PACKED, content="tgz"))])
    assert json.decode(json.encode(layout), Layout) == layout


# Few letters, so that they meet; and all that there are.
part = st.text("aAb.é\u0301~ \\\0", max_size=3) | st.text(max_size=80)
name = st.lists(part, min_size=1, max_size=4).map("/".join).filter(bool)
stored = st.sampled_from([None, FILE, PARQUET, PACKED, AS_FILES])
views = st.lists(
    st.tuples(name, st.integers(-(2**40), 2**62), stored, st.sampled_from(["unspecified", "tgz", "gzip", "tar"])),
    max_size=12,
).map(
    lambda said: [
        a_view(name, f"obj_{n}", time=time, metadata=metadata, content=content)
        for n, (name, time, metadata, content) in enumerate(said)
    ]
)


def same(path):
    return unicodedata.normalize("NFC", path).casefold()


@given(views, st.randoms())
def test_whatever_names_there_are_each_object_has_one_safe_path_of_its_own(views, chance):
    shown = lay_out([(view.name, view) for view in views]).shown
    assert sorted(each.view.id for each in shown) == sorted(view.id for view in views)
    keys = [same(each.path) for each in shown]
    assert len(set(keys)) == len(keys)
    for each in shown:
        steps = each.path.split("/")
        # No path leads through what another object is.
        assert not {same("/".join(steps[:n])) for n in range(1, len(steps))} & set(keys)
        for step in steps:
            assert step.strip(" .") == step != ""
            assert len(step.encode()) <= 255
            assert not re.search(r"[\x00-\x1f\x7f/\\:]", step)
    again = list(views)
    chance.shuffle(again)
    assert lay_out([(view.name, view) for view in again]).shown == shown


@given(st.lists(st.sampled_from(["a", "A", "a/b", "a~1.csv", "x.csv"]), min_size=2, max_size=10), st.integers(0))
def test_marks_are_long_enough_however_many_have_one_name(names, seed):
    chance = random.Random(seed)
    all_of = [a_view(name, f"obj_{n}", time=chance.randrange(3)) for n, name in enumerate(names)]
    assert len(set(paths(*all_of).values())) == len(names)
