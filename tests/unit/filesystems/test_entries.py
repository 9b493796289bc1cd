"""A store's flat list as a tree: of each name its newest version, folders where names have slashes."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.filesystems import entries
from runloop_jupyter.wire.objects import ObjectListView, ObjectView


def view(name, at, state="READ_ONLY", size=1, metadata=None):
    return ObjectView(
        id=f"obj_{name}_{at}",
        name=name,
        state=state,
        content_type="text",
        create_time_ms=at,
        size_bytes=size,
        metadata=metadata or {},
    )


def a_store(*views):
    """A store that answers lists as one does: narrowed by part of the name and by the state, newest first."""

    def pages(where, **_):
        fits = [each for each in views if (where.name or "") in each.name and each.state == where.state]
        yield ObjectListView(objects=sorted(fits, key=lambda each: -each.create_time_ms), has_more=False)

    return SimpleNamespace(objects=SimpleNamespace(pages=pages))


def test_of_each_name_the_newest_version_is_there():
    assert entries.beneath(a_store(view("a", 1), view("a", 2)), "")["a"].create_time_ms == 2


def test_a_name_whose_newest_version_is_deleted_is_not_there():
    store = a_store(view("a", 1), view("a", 2, "DELETED"), view("b", 3, "DELETED"), view("b", 4))
    assert set(entries.beneath(store, "")) == {"b"}


def test_an_upload_that_was_stopped_takes_no_name_away():
    assert set(entries.beneath(a_store(view("a", 1), view("a", 2, "DELETED", size=None)), "")) == {"a"}


def test_a_folder_has_what_begins_with_it_and_not_what_only_holds_it():
    store = a_store(view("a/b", 1), view("x/a/b", 2), view("ab", 3))
    assert set(entries.beneath(store, "a")) == {"a/b"}


def test_parts_of_sets_are_no_files():
    assert entries.beneath(a_store(view("a", 1, metadata={"rl.kind": "part"})), "") == {}


def test_a_file_and_a_folder_of_one_name_are_both_shown():
    files = entries.beneath(a_store(view("a", 1), view("a/b", 2)), "")
    assert [(entry["name"], entry["type"]) for entry in entries.children("", files)] == [
        ("a", "file"),
        ("a", "directory"),
    ]


NAMES = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join), min_size=1, max_size=6)


@given(NAMES)
def test_walking_down_through_the_folders_finds_each_file_once(names):
    files = entries.beneath(a_store(*(view(name, at) for at, name in enumerate(dict.fromkeys(names)))), "")

    def walk(folder):
        inside = {path: each for path, each in files.items() if not folder or path.startswith(f"{folder}/")}
        for entry in entries.children(folder, inside):
            if entry["type"] == "file":
                yield entry["name"]
            else:
                yield from walk(entry["name"])

    assert sorted(walk("")) == sorted(set(names))
    assert entries.folders("", files) == {name.rpartition("/")[0] for name in _with_parents(names)} - {""}


def _with_parents(names):
    for name in names:
        while name:
            yield name
            name = name.rpartition("/")[0]
