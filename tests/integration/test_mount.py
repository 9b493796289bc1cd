"""%rl_mount in a real shell on a real embedded store: what is shown under a directory, and until when."""

import os
import time
from pathlib import Path

import pandas as pd
import pytest
from shells import ok

import runloop_jupyter as rl
from runloop_jupyter.actions import following, mounting
from runloop_jupyter.actions import mount as mount_action
from runloop_jupyter.errors import InputError, MountError, ObjectNotFound, ServerError, TransferCancelled
from runloop_jupyter.mounts import fuse, link
from runloop_jupyter.mounts.writable import sending as writable_sending

pytestmark = pytest.mark.usefixtures("fresh_shell")


@pytest.fixture(autouse=True)
def _nothing_stays_mounted():
    yield
    rl.umount(everything=True)
    assert mounting.mine() == []


@pytest.fixture
def top(request):
    """The beginning of names that no other test has."""
    return request.node.name.replace("[", "-").replace("]", "")


def tree(directory):
    """The files beneath a directory, and what is in each."""
    root = Path(directory)
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def wait_for(condition, timeout=20):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def test_an_object_is_a_file_under_its_own_name_with_the_ending_of_what_it_is(run, top):
    rl.put(pd.DataFrame({"x": [1, 2]}), f"{top}/deep/penguins")
    mount = ok(run(f"%rl_mount {top}/deep/penguins data"))
    assert list(tree("data")) == ["penguins.parquet"]
    assert list(pd.read_parquet(mount / "penguins.parquet")["x"]) == [1, 2]
    assert (mount.mode, mount.path) == ("link", Path("data").absolute())
    assert os.fspath(mount) == str(mount.path)


def test_a_pattern_shows_the_newest_of_each_name_that_fits(run, top):
    rl.put(b"old", f"{top}/a.bin")
    rl.put(b"new", f"{top}/a.bin")
    rl.put(b"b", f"{top}/deep/b.bin")
    rl.put(b"other", f"{top}x")
    ok(run(f"%rl_mount '{top}/*' data"))
    assert tree("data") == {f"{top}/a.bin": b"new", f"{top}/deep/b.bin": b"b"}


def test_a_folder_of_names_is_shown_without_its_own(run, top):
    rl.put(b"a", f"{top}/runs/a.bin")
    rl.put(b"b", f"{top}/runs/deep/b.bin")
    ok(run(f"%rl_mount {top}/runs data"))
    assert tree("data") == {"a.bin": b"a", "deep/b.bin": b"b"}


def test_a_query_shows_what_it_holds_of_now_and_no_older_version(run, top):
    rl.put(b"1", f"{top}/one.bin", metadata={"mount-case": top})
    rl.put(b"2", f"{top}/two.bin", metadata={"mount-case": top})
    rl.put(b"2'", f"{top}/two.bin")
    ok(run(f"%rl_mount -w mount-case={top} data"))
    assert tree("data") == {f"{top}/one.bin": b"1"}


def test_a_version_is_shown_as_it_was(run, top):
    rl.put(b"old", f"{top}.bin")
    rl.put(b"new", f"{top}.bin")
    ok(run(f"%rl_mount {top}.bin@-1 data"))
    assert list(tree("data").values()) == [b"old"]


def test_a_folder_is_the_directory_itself_however_it_is_kept(tmp_path, top):
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.txt").write_text("a")
    for kept in ("tar.gz", "files"):
        rl.put(folder, f"{top}-{kept}", format=kept)
        assert tree(rl.mount(f"{top}-{kept}", kept).path) == {"deep/a.txt": b"a"}


def test_a_whole_store_is_named_by_its_profile(top):
    rl.put(b"x", f"{top}/x.bin")
    mount = rl.mount("local:", "all", yes=True)
    assert (mount / f"{top}/x.bin").read_bytes() == b"x"


def test_what_is_mounted_is_read_only_and_goes_with_the_mount(run, top):
    rl.put(b"x", f"{top}.bin")
    mount = ok(run(f"%rl_mount {top}.bin data"))
    path = mount / f"{top}.bin"
    assert path.stat().st_mode & 0o222 == 0
    assert "unmounted data" in run("%rl_umount data").out
    assert not Path("data").exists()


def test_a_cell_that_is_run_again_mounts_anew(run, top):
    rl.put(b"old", f"{top}.bin")
    ok(run(f"%rl_mount {top}.bin data"))
    rl.put(b"new", f"{top}.bin")
    ok(run(f"%rl_mount {top}.bin data"))
    assert list(tree("data").values()) == [b"new"]
    assert len(rl.mounted()) == 1


def test_a_directory_with_something_in_it_is_left_alone(tmp_path, top):
    rl.put(b"x", f"{top}.bin")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years")
    with pytest.raises(MountError, match="empty"):
        rl.mount(f"{top}.bin", "mine")
    assert tree("mine") == {"thesis.tex": b"years"}


def test_much_that_is_not_here_yet_needs_a_yes(monkeypatch, top):
    monkeypatch.setattr(mount_action, "FEW", 10)
    monkeypatch.setattr(mount_action, "MANY", 100)
    monkeypatch.setattr(fuse, "available", lambda: "there is no /dev/fuse")
    rl.put(os.urandom(5000), f"{top}.bin")
    monkeypatch.setattr(mount_action, "_copies", lambda _: False)
    with pytest.raises(InputError, match=r"4\.9 KiB in 1 file, 4\.9 KiB of it not here yet\. -y mounts it$"):
        rl.mount(f"{top}.bin", "data")
    assert not Path("data").exists()
    mount = rl.mount(f"{top}.bin", "data", yes=True)
    assert mount.notes == ["no FUSE here (there is no /dev/fuse)"]
    rl.umount("data")
    rl.mount(f"{top}.bin", "data")  # now it is here


def test_what_is_here_but_would_be_copied_needs_a_yes_too(monkeypatch, top):
    monkeypatch.setattr(mount_action, "MANY", 100)
    monkeypatch.setattr(mount_action, "_copies", lambda _: True)
    monkeypatch.setattr(fuse, "available", lambda: "there is no /dev/fuse")
    rl.put(os.urandom(5000), f"{top}.bin")
    rl.get(f"{top}.bin")
    with pytest.raises(InputError, match=r"4\.9 KiB in 1 file, all of it here\. -y mounts it$"):
        rl.mount(f"{top}.bin", "data")


@pytest.mark.parametrize(("user", "copies"), [(0, True), (1000, False)])
def test_for_root_what_is_in_the_cache_is_copied_and_for_others_on_one_disk_it_is_not(
    monkeypatch, tmp_path, user, copies
):
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert mount_action._copies(tmp_path / "not" / "made") is copies


def test_on_another_disk_it_is_copied_for_all(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert mount_action._copies(Path("/proc/x")) is True


def test_a_mount_that_can_not_be_made_leaves_the_one_before_it(run, top):
    rl.put(b"x", f"{top}.bin")
    ok(run(f"%rl_mount {top}.bin data"))
    assert isinstance(run("%rl_mount no-such-thing-at-all data").error, ObjectNotFound)
    assert list(tree("data").values()) == [b"x"]
    assert len(rl.mounted()) == 1


def test_one_that_was_stopped_at_its_very_end_is_not_there(monkeypatch, top):
    rl.put(b"x", f"{top}.bin")

    class Stopped(link.LinkMount):
        def __init__(self, store, layout, where, transfer, *, what=""):
            super().__init__(store, layout, where, transfer, what=what)
            transfer.cancel()

    monkeypatch.setattr(mount_action, "LinkMount", Stopped)
    with pytest.raises(TransferCancelled):
        rl.mount(f"{top}.bin", "data")
    assert not Path("data").exists()
    assert (list(rl.mounted()), rl.mounted().others) == ([], [])


def test_a_name_that_looks_like_a_pattern_is_the_object_of_that_name(top):
    rl.put(b"x", f"{top}[1].bin")
    rl.put(b"y", f"{top}1.bin")
    assert list(tree(rl.mount(f"{top}[1].bin", "data").path).values()) == [b"x"]


def test_all_are_let_go_of_though_one_is_at_work(monkeypatch, tmp_path, top):
    rl.put(b"x", f"{top}.bin")
    for name in ("one", "two", "three"):
        rl.mount(f"{top}.bin", name)
    monkeypatch.chdir(tmp_path / "one")
    with pytest.raises(MountError, match="where this kernel is"):
        rl.umount(everything=True)
    assert [each.said for each in rl.mounted()] == ["one"]
    monkeypatch.chdir(tmp_path)


def test_a_folder_to_write_in_that_can_not_send_is_let_go_of_and_named(monkeypatch, top):
    mount = rl.mount(f"{top}/results", "results", write=True)
    (mount / "new.txt").write_text("new")

    def full(*arguments):
        arguments[-1].close()
        raise ServerError("the store fell over")

    with monkeypatch.context() as broken:
        broken.setattr(writable_sending, "upload", full)
        with pytest.raises(MountError, match="results"):
            rl.umount("results")
    assert list(rl.mounted()) == []
    rl.mount(f"{top}/results", "results", write=True)
    rl.umount("results")
    assert rl.get(f"{top}/results/new.txt", format="text") == "new"


def test_an_explicit_wish_for_fuse_that_can_not_be_had_is_an_error_that_says_why(monkeypatch, top):
    monkeypatch.setattr(fuse, "available", lambda: "there is no /dev/fuse")
    rl.put(b"x", f"{top}.bin")
    with pytest.raises(MountError, match=r"FUSE can't be had here: there is no /dev/fuse\. --mode link fetches all"):
        rl.mount(f"{top}.bin", "data", mode="fuse")


def test_a_mount_that_follows_shows_what_comes_and_not_what_goes(monkeypatch, top):
    monkeypatch.setattr(following, "EVERY_S", 0.05)
    rl.put(b"1", f"{top}/one.bin")
    mount = rl.mount(f"{top}/*", "data", follow=True)
    rl.put(b"2", f"{top}/two.bin")
    wait_for(lambda: (mount / f"{top}/two.bin").exists())
    rl.put(b"1'", f"{top}/one.bin")
    wait_for(lambda: (mount / f"{top}/one.bin").read_bytes() == b"1'")
    rl.rm(f"{top}/two.bin")
    wait_for(lambda: not (mount / f"{top}/two.bin").exists())
    assert mount.trouble is None


def test_alone_it_lists_mode_what_where_and_what_was_fetched(run, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("m"))
    rl.put(b"x" * 5000, "listed.bin")
    assert "%rl_mount WHAT DIR mounts" in ok(run("%rl_mount")).table().to_text()
    ok(run("%rl_mount listed.bin data"))
    text = ok(run("%rl_mount")).table().to_text()
    for said in ("link", "listed.bin", " data ", "4.9 KiB", "1 mount"):
        assert said in text


def test_what_is_beneath_a_mount_names_it_and_what_is_not_mounted_is_one_line(top):
    rl.put(b"x", f"{top}.bin")
    rl.mount(f"{top}.bin", "data")
    with pytest.raises(InputError, match=r"nothing is mounted at other. There are .*data"):
        rl.umount("other")
    assert len(rl.umount(f"data/{top}.bin")) == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%rl_mount something", "WHAT DIR"),
        ("%rl_mount a b c", "WHAT DIR"),
        ("%rl_mount '' b", "mount what?"),
        ("%rl_mount a b --mode ship", "--mode"),
        ("%rl_mount a b -m k=v", "for what is written"),
        ("%rl_mount --write 'a/*' b", "no name for a folder to write in"),
        ("%rl_mount --write -w k=v b", "needs the name"),
        ("%rl_mount --write a b --follow", "a mode of its own"),
        ("%rl_umount", "umount what?"),
        ("%rl_mount no-such-thing-at-all data", "no object is named"),
        ("%rl_mount no-such-thing-at-all/ data", "nothing is named"),
        ("%rl_mount 'no-such-thing-*' data", "nothing fits"),
    ],
)
def test_what_can_not_be_meant_is_one_clear_line(run, line, says):
    failed = run(line)
    assert isinstance(failed.error, InputError | ObjectNotFound)
    assert says in str(failed.error)
    assert "\n" not in str(failed.error)
    assert not Path("data").exists()


def test_one_file_of_a_folder_is_refused_with_what_to_mount(tmp_path, top):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("a")
    rl.put(tmp_path / "in", top, format="files")
    with pytest.raises(InputError, match=f"“{top}/a.txt” is in the folder “{top}”. Mount that"):
        rl.mount(f"{top}/a.txt", "data")


def test_what_is_written_in_a_folder_to_write_in_is_an_object_once_it_is_unmounted(run, top):
    rl.put(b"there", f"{top}/there.txt")
    mount = ok(run(f"%rl_mount --write {top} results -m run=7"))
    assert tree("results") == {"there.txt": b"there"}
    (mount / "deep").mkdir()
    (mount / "deep" / "new.txt").write_text("new")
    ok(run("%rl_umount results"))
    assert rl.get(f"{top}/deep/new.txt", format="text") == "new"
    assert rl.info(f"{top}/deep/new.txt").object.metadata == {"run": "7"}
    assert (Path("results") / "deep" / "new.txt").read_text() == "new"
