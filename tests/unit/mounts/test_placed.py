import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.mounts import placed
from runloop_jupyter.mounts.placed import Leaf, Thing, Tree


@pytest.fixture
def root(tmp_path):
    """A directory with a file and a directory of the mount's in it."""
    where = tmp_path / "root"
    (where / "runs/scans/sub").mkdir(parents=True)
    (where / "a.txt").write_text("a")
    (where / "runs/scans/sub/b.txt").write_text("b")
    (where / "runs/scans/link").symlink_to("sub")
    return where


@pytest.fixture
def things(root):
    return [
        Thing("", "", folders=["runs"]),
        placed.look(root, "obj_1", "a.txt"),
        placed.look(root, "obj_2", "runs/scans"),
    ]


def test_all_that_was_placed_goes_and_the_directory_stays(root, things):
    placed.remove(root, things)
    assert not list(root.iterdir())


def test_what_somebody_wrote_stays_and_is_named(root, things):
    (root / "runs/scans/sub/mine").write_text("m")
    (root / "own").mkdir()
    placed.remove(root, things)
    assert placed.left(root) == ["own", "runs/scans/sub/mine"]


def test_a_file_that_was_replaced_stays(root, things):
    (root / "mine").write_text("m")
    (root / "mine").rename(root / "a.txt")
    placed.remove(root, things)
    assert placed.left(root) == ["a.txt"]


def test_a_file_that_was_written_to_stays(root, things):
    with (root / "a.txt").open("a") as file:
        file.write("more")
    placed.remove(root, things)
    assert (root / "a.txt").read_text() == "amore"


def test_nothing_is_removed_through_a_link_that_somebody_put_in_the_way(root, things, tmp_path):
    (root / "runs/scans").rename(tmp_path / "kept")
    (root / "runs/scans").symlink_to(tmp_path / "kept")
    placed.remove(root, things)
    assert (tmp_path / "kept/sub/b.txt").read_text() == "b"
    assert placed.left(root) == ["runs/scans"]


def test_what_is_gone_already_is_no_error(root, things):
    (root / "a.txt").unlink()
    placed.remove(root, things)
    placed.remove(root, things)
    assert not list(root.iterdir())


def test_a_thing_is_untouched_until_anything_in_it_changes(root, things):
    scans = things[2]
    assert placed.is_untouched(root, scans)
    (root / "runs/scans/empty").mkdir()
    assert not placed.is_untouched(root, scans)
    (root / "runs/scans/empty").rmdir()
    assert placed.is_untouched(root, scans)
    (root / "runs/scans/sub/b.txt").unlink()
    assert not placed.is_untouched(root, scans)


def test_after_a_change_that_broke_off_what_is_there_is_known(root, things):
    file, scans = things[1], things[2]
    (root / "a.txt").rename(root / "b.txt")
    assert placed.present(root, [file, file.moved("b.txt"), scans]) == [file.moved("b.txt"), scans]


def test_only_a_workshop_is_cleared(tmp_path):
    (tmp_path / "precious").mkdir()
    placed.clear(str(tmp_path / "precious"))
    assert (tmp_path / "precious").is_dir()
    with placed.workshop(tmp_path / ".data.0123456789ab.part") as workshop:
        (workshop / "x").write_text("x")
        assert workshop.stat().st_mode & 0o777 == 0o700
    assert not workshop.exists()


def test_a_record_of_another_version_is_none(tmp_path):
    (tmp_path / "a.tree").write_text('[2,"/","/"]\n')
    (tmp_path / "b.tree").write_text("nothing")
    assert (
        placed.where(tmp_path / "a.tree") is placed.where(tmp_path / "b.tree") is placed.where(tmp_path / "c") is None
    )


paths = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20)
leaves = st.builds(Leaf, paths, st.integers(0), st.integers(0), st.integers(0))
written = st.lists(
    st.builds(Thing, paths, paths, st.lists(leaves, max_size=4), st.lists(paths, max_size=4)), max_size=5
)


@given(written, paths, paths)
def test_what_is_written_down_is_read_again_whatever_its_names(tmp_path_factory, things, root, workshop):
    path = tmp_path_factory.getbasetemp() / "any.tree"
    placed.write(path, Tree(root, workshop), things)
    assert placed.where(path) == Tree(root, workshop)
    assert list(placed.things(path)) == things
