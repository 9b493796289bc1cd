"""A folder kept as files: only what changed moves, one of them can be had, and it is one thing to whoever looks."""

import json
import os
import re
import shutil
import sys
import threading
from functools import partial

import blake3
import pandas as pd
import pytest
from leftovers import look
from network import while_it
from shells import ok

import runloop_jupyter as rl
from runloop_jupyter import session as sessions
from runloop_jupyter.actions import source
from runloop_jupyter.actions.recover import recover
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.errors import (
    ArchiveError,
    InputError,
    ObjectNotFound,
    ServerError,
    TransferCancelled,
    TransferError,
    Unreachable,
)
from runloop_jupyter.transfer import journal, manifest, parts, presigned
from runloop_jupyter.transfer.cache import current
from runloop_jupyter.transfer.folders import fetching, scanning, seen, sending, together
from runloop_jupyter.transfer.folders import members as folder_members
from runloop_jupyter.transfer.folders.listing import File, Listing
from runloop_jupyter.transfer.transfer import Phase, Transfer
from runloop_jupyter.wire.objects import ObjectCreateParameters


def objects():
    return sessions.current().store.objects


def members(state="READ_ONLY"):
    where = Filter(state=state, metadata={"rl.kind": "part"})
    return [view for page in objects().pages(where) for view in page.objects]


def delete_all():
    for thing in rl.ls(limit=1000, versions=True):
        if thing.state == "READ_ONLY":
            rl.rm(thing)


@pytest.fixture(autouse=True)
def _nothing_is_left():
    yield
    delete_all()
    assert members() == []
    assert not look()


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "scans"
    (root / "a" / "b").mkdir(parents=True)
    (root / "empty").mkdir()
    for n in range(3):
        (root / "a" / f"{n}.raw").write_bytes(os.urandom(50_000 + n))
    pd.DataFrame({"x": [1, 3], "y": list(os.urandom(2))}).to_parquet(root / "a" / "b" / "t.parquet")
    (root / "nothing").touch()
    (root / "run.sh").write_bytes(b"#!/bin/sh\n" + os.urandom(8).hex().encode())
    (root / "run.sh").chmod(0o755)
    (root / "latest").symlink_to("a/1.raw")
    return root


def tree(root):
    """What is in a folder, in a form to be compared."""
    found = {}
    for path in sorted(root.rglob("*")):
        at = str(path.relative_to(root))
        if path.is_symlink():
            found[at] = ("link", str(path.readlink()))
        elif path.is_dir():
            found[at] = ("folder",)
        else:
            found[at] = ("file", path.read_bytes(), path.stat().st_mode & 0o111)
    return found


def test_a_folder_comes_back_as_it_was(folder, tmp_path):
    thing = rl.put(folder, format="files")
    assert (thing.kind, thing.format, thing.shape) == ("folder", "files", "7 files")
    assert tree(rl.get("scans")) == tree(folder)
    rl.get("scans", to=tmp_path / "back")
    assert tree(tmp_path / "back") == tree(folder)


@pytest.fixture
def moved(monkeypatch):
    """Names of what is sent, and ids of what is fetched, but for heads."""

    class Moved:
        def __init__(self):
            self.sent, self.fetched = [], []

        def clear(self):
            self.__init__()

    seen = Moved()
    send, fetch = sending.upload, fetching.download

    def upload(store, source, there, parameters, *rest):
        if parameters.metadata["rl.kind"] == "part":
            seen.sent.append(source.name)
        return send(store, source, there, parameters, *rest)

    def download(store, view, *rest):
        seen.fetched.append(view.id)
        return fetch(store, view, *rest)

    monkeypatch.setattr(sending, "upload", upload)
    monkeypatch.setattr(fetching, "download", download)
    return seen


def change(folder, path="a/2.raw", content=b"changed"):
    (folder / path).write_bytes(content + os.urandom(8))


def test_after_one_change_one_file_is_sent_and_one_is_fetched(folder, moved):
    first = rl.put(folder, format="files")
    assert first.outcome.moved.endswith(": all sent")
    assert len(moved.sent) == 5  # an empty file needs no object
    rl.get("scans")
    assert len(moved.fetched) == 5
    moved.clear()
    change(folder)
    second = rl.put(folder, format="files")
    assert moved.sent == ["2.raw"]
    assert re.fullmatch(r"7 files, [0-9.]+ KiB: 1 file \(15 B\) sent, 6 known", second.outcome.moved)
    assert second.outcome.superseded == first
    assert tree(rl.get("scans")) == tree(folder)
    assert len(moved.fetched) == 1
    assert manifest.set_of(first.view.metadata) == manifest.set_of(second.view.metadata)


def test_the_same_folder_is_not_sent_again_nor_read_again(folder, moved, monkeypatch):
    for path in folder.rglob("*"):
        os.utime(path, ns=(10**18, 10**18), follow_symlinks=False)
    monkeypatch.setattr(seen, "TICK_NS", -(10**9))  # ctime is of this moment, which nobody can put back
    first = rl.put(folder, format="files")
    moved.clear()
    monkeypatch.setattr(scanning.digest, "of_file", None)
    again = rl.put(folder, format="files")
    assert (again == first, again.outcome.sent, moved.sent) == (True, False, [])


def test_a_file_that_was_changed_a_moment_ago_is_read_again(folder):
    """Its times may not tell: within a tick of the disk's clock they are the same."""
    rl.put(folder, format="files")
    known = seen.Seen(folder)
    assert all(known.digest(path.stat()) is None for path in folder.rglob("*") if path.is_file())


def test_what_moved_or_is_there_twice_is_not_sent(folder, moved):
    (folder / "twin.raw").write_bytes((folder / "a" / "1.raw").read_bytes())
    rl.put(folder, format="files")
    assert len(moved.sent) == 5
    moved.clear()
    (folder / "a" / "2.raw").rename(folder / "moved.raw")
    (folder / "run.sh").chmod(0o644)
    thing = rl.put(folder, format="files")
    assert (thing.outcome.sent, moved.sent) == (True, [])
    assert tree(rl.get("scans")) == tree(folder)


def test_it_is_one_object_to_whoever_looks(folder, run, fresh_shell):
    thing = ok(run(f"%rl_put {folder} --as files -m project=x"))
    assert [each.name for each in rl.ls()] == ["scans"]
    assert (
        rl.ls()[0].size
        == thing.size
        == sum(p.stat().st_size for p in folder.rglob("*") if not p.is_symlink() and p.is_file())
    )
    assert rl.status().objects == 1
    assert [each.name for each in rl.ls(where="project=x")] == ["scans"]
    assert all("project" not in view.metadata for view in members())
    assert "as files" in thing.card().to_text()
    page = rl.info("scans").page().to_text()
    assert "a/b/t.parquet" in page
    with pytest.raises(InputError, match="kept as files, and a link"):
        rl.url("scans")
    with pytest.raises(InputError, match="it comes as a path"):
        rl.get("scans", format="bytes")


def test_one_file_is_had_by_its_path_and_nothing_else_is_fetched(folder, run, fresh_shell, moved, tmp_path):
    first = rl.put(folder, format="files")
    moved.clear()
    assert rl.get("scans/a/2.raw").read_bytes() == (folder / "a" / "2.raw").read_bytes()
    frame = ok(run("%rl_get scans/a/b/t.parquet --as pandas"))
    pd.testing.assert_frame_equal(frame, pd.read_parquet(folder / "a" / "b" / "t.parquet"))
    assert len(moved.fetched) == 0  # by way of what fetches any object
    assert rl.get("scans/a/b/t.parquet", format="bytes")[:4] == b"PAR1"
    rl.get("scans/a/1.raw", to=tmp_path / "one.raw")
    assert (tmp_path / "one.raw").read_bytes() == (folder / "a" / "1.raw").read_bytes()
    assert rl.get("scans/nothing").read_bytes() == b""
    assert rl.get("scans/latest").read_bytes() == (folder / "a" / "1.raw").read_bytes()
    assert tree(rl.get("scans/a")) == tree(folder / "a")
    old = (folder / "a" / "2.raw").read_bytes()
    change(folder)
    rl.put(folder, format="files")
    assert rl.get("scans/a/2.raw").read_bytes() == (folder / "a" / "2.raw").read_bytes()
    assert rl.get(f"{first.version}/a/2.raw").read_bytes() == old
    assert rl.info("scans/a/b/t.parquet").object.version.endswith("/a/b/t.parquet")
    inside = rl.info("scans/a/1.raw").object
    assert inside.version.startswith("scans@")
    assert inside.get().read_bytes() == rl.get(inside.version).read_bytes() == (folder / "a" / "1.raw").read_bytes()
    with pytest.raises(InputError, match="is a file in a folder"):
        rl.rm(inside)
    with pytest.raises(ObjectNotFound, match=r"“scans” has no a/b/tt\.parquet in it\. Close: a/b/t\.parquet"):
        rl.get("scans/a/b/tt.parquet")
    with pytest.raises(ObjectNotFound, match="no object is named"):
        rl.get("scnas/a/b/t.parquet")


def test_an_object_with_exactly_that_name_wins(folder):
    rl.put(folder, format="files")
    rl.put("I am an object", "scans/a/1.raw")
    assert rl.get("scans/a/1.raw") == "I am an object"


def test_a_file_of_an_archive_is_had_by_its_path_too(folder):
    rl.put(folder, "packed", format="tar.gz")
    assert rl.get("packed/a/2.raw").read_bytes() == (folder / "a" / "2.raw").read_bytes()
    assert list(rl.get("packed/a/b/t.parquet", format="pandas")["x"]) == [1, 3]
    assert tree(rl.get("packed/a")) == tree(folder / "a")
    with pytest.raises(ObjectNotFound, match=r"“packed” has no 2\.raw in it\. Close: a/2\.raw"):
        rl.get("packed/2.raw")
    with pytest.raises(ObjectNotFound, match=r"has no a/\.\./\.\./x"):
        rl.get("packed/a/../../x")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_to_delete_a_version_leaves_what_others_share(folder, order):
    versions, contents = [], []
    for _ in range(3):
        change(folder)
        versions.append(rl.put(folder, format="files"))
        contents.append(tree(folder))
    assert len(members()) == 7
    for count, number in enumerate(order, 1):
        rl.rm(versions[number])
        assert len(members()) == (7 - count if count < 3 else 0)
        for other in set(range(3)) - set(order[:count]):
            assert tree(rl.get(versions[other], cache=False)) == contents[other]


def test_all_versions_go_at_once(folder):
    rl.put(folder, format="files")
    change(folder)
    rl.put(folder, format="files")
    rl.rm("scans", all_versions=True)
    assert members() == []


def test_members_outlive_the_head_so_that_the_next_put_can_share_them(folder, moved):
    thing = rl.put(folder, format="files", ttl="2h")
    day = 86_400_000
    assert all(view.delete_after_time_ms - thing.view.delete_after_time_ms > day - 60_000 for view in members())
    moved.clear()
    change(folder)
    second = rl.put(folder, format="files", ttl="20h")
    assert moved.sent == ["2.raw"]
    ends = [view.delete_after_time_ms for view in members()]
    assert second.view.delete_after_time_ms < min(ends)
    moved.clear()
    rl.put(folder, format="files", ttl="30d")
    assert len(moved.sent) == 5  # none of them lives so long
    moved.clear()
    rl.put(folder, format="files")
    assert len(moved.sent) == 5


def test_keep_shares_what_lives_for_ever_and_sends_the_rest(folder, moved):
    rl.put(folder, format="files")
    moved.clear()
    change(folder)
    mortal = rl.put(folder, format="files", ttl="1h", metadata={"a": "b"})
    assert moved.sent == ["2.raw"]
    moved.clear()
    kept = rl.keep("scans")
    assert len(moved.sent) == 1
    assert (kept.expires, kept.metadata, kept.outcome.superseded) == (None, {"a": "b"}, mortal)
    assert "1 file (15 B) sent, 6 known" in kept.outcome.moved
    rl.rm(mortal)
    assert tree(rl.get("scans", cache=False)) == tree(folder)
    other = rl.keep("scans", "scans-2026")
    rl.rm(kept)
    assert tree(rl.get(other, cache=False)) == tree(folder)


def test_a_folder_with_a_file_too_large_for_one_object(folder, monkeypatch, moved, tmp_path):
    monkeypatch.setattr(parts, "LARGEST", 40_000)
    monkeypatch.setattr(parts, "PART_BYTES", 15_000)
    rl.put(folder, format="files")
    assert len(moved.sent) == 3 * 4 + 2
    assert tree(rl.get("scans")) == tree(folder)
    rl.get("scans", to=tmp_path / "back", cache=False)
    assert tree(tmp_path / "back") == tree(folder)
    assert rl.get("scans/a/2.raw").read_bytes() == (folder / "a" / "2.raw").read_bytes()
    moved.clear()
    change(folder)
    rl.put(folder, format="files")
    assert moved.sent == ["2.raw"]


def test_what_does_not_fit_into_the_cache_goes_straight_to_its_place(folder, monkeypatch, tmp_path):
    rl.put(folder, format="files")
    rl.cache().clear()
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE_SIZE", "100k")
    rl.get("scans", to=tmp_path / "back")
    assert tree(tmp_path / "back") == tree(folder)
    identity = sessions.current().store.identity.id
    assert not any(current().known(identity, view.id) for view in members())


def test_secrets_stay_out_and_special_files_are_refused(folder):
    (folder / ".env").write_text("KEY=1")
    thing = rl.put(folder, format="files")
    assert thing.outcome.notes == ("left out 1 file that may hold secrets: .env. Those too: --include-secrets",)
    assert not (rl.get("scans") / ".env").exists()
    with_them = rl.put(folder, format="files", include_secrets=True)
    assert (rl.get(with_them) / ".env").read_text() == "KEY=1"
    os.mkfifo(folder / "pipe")
    with pytest.raises(ArchiveError, match="pipe is a FIFO"):
        rl.put(folder, format="files")


def test_how_it_goes_is_decided_by_size_and_said_words_decide_before(folder, monkeypatch):
    assert rl.put(folder).format == "tar.gz"
    monkeypatch.setattr(source, "AS_FILES_FROM", 100_000)
    monkeypatch.setattr(source, "AS_FILES_MEAN", 1_000)
    assert rl.put(folder).format == "files"
    assert rl.put(folder, format="tar.gz").format == "tar.gz"
    monkeypatch.setattr(source, "AS_FILES_MEAN", 64 << 10)
    assert rl.put(folder, "tiny").format == "tar.gz"
    with pytest.raises(InputError, match=r"a folder is stored as tar\.gz or files"):
        rl.put(folder, format="parquet")
    with pytest.raises(InputError, match="a format is for values, and for folders"):
        rl.put(folder / "run.sh", format="files")


def test_many_at_once_and_behind(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(source, "AS_FILES_FROM", 1000)
    monkeypatch.setattr(source, "AS_FILES_MEAN", 1)
    shutil.copytree(folder, tmp_path / "scans-b", symlinks=True)
    batch = rl.put_all(str(tmp_path / "scans*"), "two")
    assert [thing.format for thing in batch] == ["files", "files"]
    rl.get_all("two/*", to=tmp_path / "back")
    assert tree(tmp_path / "back" / "scans-b") == tree(folder)
    change(folder)
    going = rl.put(folder, "two/scans", background=True)
    assert going.result().outcome.moved.startswith("7 files")
    assert "1 file (15 B) sent" in going.result().outcome.moved
    assert tree(rl.get("two/scans", background=True).result()) == tree(folder)


@pytest.mark.parametrize("call", [1, 6])
def test_a_put_that_fails_leaves_nothing(folder, monkeypatch, call):
    calls = 0
    real = sending.upload

    def fail(*args):
        nonlocal calls
        calls += 1
        if calls == call:
            raise ServerError("the store is ill")
        return real(*args)

    monkeypatch.setattr(sending, "upload", fail)
    with pytest.raises(ServerError):
        rl.put(folder, format="files")
    assert members() == members("UPLOADING") == []
    assert not look()


def test_a_put_that_fails_leaves_what_it_shares(folder, monkeypatch):
    first = rl.put(folder, format="files")
    before = tree(folder)
    change(folder)
    monkeypatch.setattr(sending, "upload", lambda *_: (_ for _ in ()).throw(ServerError("the store is ill")))
    with pytest.raises(ServerError):
        rl.put(folder, format="files")
    assert tree(rl.get(first, cache=False)) == before
    assert len(members()) == 5


def test_a_put_that_is_cancelled_leaves_nothing(folder):
    while_it(Phase.SENDING, Transfer.cancel, after=100_000)
    with pytest.raises(TransferCancelled):
        rl.put(folder, format="files")
    assert members() == members("UPLOADING") == []
    assert not look()


def test_a_get_that_is_cancelled_leaves_nothing_and_the_next_goes_on(folder, tmp_path, moved, monkeypatch):
    rl.put(folder, format="files")
    rl.cache().clear()
    (tmp_path / "to").mkdir()
    one_by_one = partial(together.together, at_once=1)
    monkeypatch.setattr(fetching, "together", one_by_one)
    while_it(Phase.RECEIVING, Transfer.cancel, after=60_000)
    with pytest.raises(TransferCancelled):
        rl.get("scans", to=tmp_path / "to")
    assert list((tmp_path / "to").iterdir()) == []
    assert not look()
    came = len(moved.fetched)
    sessions.reset()  # whose transfers are not cancelled
    rl.get("scans", to=tmp_path / "to")
    assert tree(tmp_path / "to" / "scans") == tree(folder)
    assert came < 5
    assert len(moved.fetched) < came + 5


def test_a_file_that_changes_while_the_folder_is_sent_is_named(folder, monkeypatch):
    real = sending.upload
    lock = threading.Lock()

    def upload(store, path, there, *rest):
        with lock:
            if path.name == "2.raw":
                change(folder, "a/2.raw")
        return real(store, path, there, *rest)

    monkeypatch.setattr(sending, "upload", upload)
    with pytest.raises(TransferError, match=r"2\.raw changed while it was sent; nothing was kept"):
        rl.put(folder, format="files")
    assert members() == members("UPLOADING") == []
    assert not look()


def test_how_far_it_is_is_one_bar(folder):
    told = []
    rl.cache().clear()
    sessions.current().transfers.added.listen(lambda transfer: transfer.changed.listen(told.append))
    rl.put(folder, format="files")
    rl.get("scans", to=folder.parent / "back")
    for phase in (Phase.SENDING, Phase.RECEIVING):
        done = [now.done for now in told if now.phase is phase and now.total]
        assert max(done) == max(now.total for now in told if now.phase is phase and now.total)
        assert len(set(done)) >= 4


def test_a_member_that_is_gone_is_sent_again(folder, moved, tmp_path):
    thing = rl.put(folder, format="files")
    gone = next(view for view in members() if view.size_bytes == 50_002)
    objects().delete(gone.id)
    with pytest.raises(TransferError, match="a file of “scans” is gone"):
        rl.get("scans", to=tmp_path / "back")
    assert rl.get("scans/a/1.raw").stat().st_size == 50_001
    moved.clear()
    again = rl.put(folder, format="files")
    assert (again.outcome.sent, moved.sent) == (True, ["2.raw"])
    assert tree(rl.get("scans", cache=False)) == tree(folder)
    rl.rm(thing)


def test_a_put_that_shares_what_is_deleted_at_that_moment_sends_it_again(folder, monkeypatch):
    first = rl.put(folder, format="files")
    change(folder)
    real = sending.Sending._send_head
    removed = []

    def head(self, shorter_ms):
        if not removed:
            removed.append(rl.rm(first))  # members that only this one names go with it
        return real(self, shorter_ms)

    monkeypatch.setattr(sending.Sending, "_send_head", head)
    second = rl.put(folder, format="files")
    assert len(members()) == 5
    assert [each.id for each in rl.ls("scans", versions=True) if each.state == "READ_ONLY"] == [second.id]
    assert tree(rl.get("scans", cache=False)) == tree(folder)


def test_a_put_that_comes_between_the_look_and_the_deletion_keeps_what_it_needs(folder, monkeypatch):
    """Who deletes has looked which heads there are, and goes to work only when the new one is whole."""
    first = rl.put(folder, format="files")
    change(folder)
    send_head, discard = sending.Sending._send_head, folder_members.discard
    doomed = []

    def discard_later(objects, ids, transfer):
        doomed.append((objects, list(ids), transfer))
        return True

    def head(self, shorter_ms):
        if not doomed:
            with monkeypatch.context() as patch:
                patch.setattr(folder_members, "discard", discard_later)
                rl.rm(first)
        return send_head(self, shorter_ms)

    monkeypatch.setattr(sending.Sending, "_send_head", head)
    rl.put(folder, format="files")
    assert len(doomed[0][1]) == 5
    assert discard(*doomed[0])
    assert tree(rl.get("scans", cache=False)) == tree(folder)


def test_who_deletes_at_the_moment_when_another_head_comes_leaves_what_it_shares(folder, monkeypatch):
    """The list of heads is taken after a head is deleted: whoever shared with it before is seen."""
    first = rl.put(folder, format="files")
    change(folder)
    real = sending.Sending._lost

    def lost(self, shared):
        found = real(self, shared)
        rl.rm(first)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(sending.Sending, "_lost", lost)
        rl.put(folder, format="files")
    assert tree(rl.get("scans", cache=False)) == tree(folder)
    assert len(members()) == 5


def die_at(monkeypatch, call):
    """Let the kernel die in the middle of that upload: made in the store, and the answer never came."""
    calls = 0
    real = sending.upload

    def die(*args):
        nonlocal calls
        calls += 1
        if calls == call:
            objects().create(args[3])
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(sending, "upload", die)
    monkeypatch.setattr(sending.Sending, "_give_up", lambda self: None)
    monkeypatch.setattr(journal.Intent, "close", lambda self: None)


@pytest.mark.parametrize("call", [1, 6])
def test_what_a_killed_kernel_left_is_cleared_by_the_next_load(folder, monkeypatch, call):
    with monkeypatch.context() as patch:
        die_at(patch, call)
        with pytest.raises(KeyboardInterrupt):
            rl.put(folder, format="files")
    assert len(look().uploading) == 1
    monkeypatch.setattr(journal.Intent, "abandoned", True)
    (line,) = recover(sessions.current())
    assert "put of “scans”" in line
    assert "Put it again" in line
    assert members() == look().uploading == []


@pytest.mark.parametrize("call", [1, 2])
def test_what_a_killed_kernel_shared_stays(folder, monkeypatch, call):
    first = rl.put(folder, format="files")
    before = tree(folder)
    change(folder)
    with monkeypatch.context() as patch:
        die_at(patch, call)
        with pytest.raises(KeyboardInterrupt):
            rl.put(folder, format="files")
    assert len(members()) == 5 + call - 1
    monkeypatch.setattr(journal.Intent, "abandoned", True)
    recover(sessions.current())
    assert len(members()) == 5
    assert look().uploading == []
    assert tree(rl.get(first, cache=False)) == before


def test_what_a_killed_kernel_made_and_a_later_put_shares_stays(folder, monkeypatch):
    """An intent knows what it made, and not who came to need it."""
    with monkeypatch.context() as patch:
        patch.setattr(journal.Intent, "close", lambda self: None)
        first = rl.put(folder, format="files")  # whole, and its intent still there
    change(folder)
    second = rl.put(folder, format="files")
    objects().delete(first.id)
    monkeypatch.setattr(journal.Intent, "abandoned", True)
    recover(sessions.current())
    assert tree(rl.get(second, cache=False)) == tree(folder)
    assert len(members()) == 5


def test_a_kernel_that_dies_while_it_deletes_leaves_the_rest_to_the_next(folder, monkeypatch):
    thing = rl.put(folder, format="files")
    with monkeypatch.context() as patch:
        patch.setattr(folder_members, "discard", lambda *_: False)
        rl.rm(thing)
    assert len(members()) == 5
    monkeypatch.setattr(journal.Intent, "abandoned", True)
    (line,) = recover(sessions.current())
    assert "rm of “scans”" in line
    assert members() == []


def forge(name, listing, facts):
    """Store a head as anybody could."""
    data = listing.to_bytes()
    digest = f"blake3:{blake3.blake3(data).hexdigest()}"
    whole = {"files": len(listing.files), "size": listing.size, "digest": listing.digest} | facts
    metadata = manifest.of_folder({"rl.facts": json.dumps(whole)}, listing.set, digest)
    metadata["rl.facts"] = json.dumps(json.loads(metadata["rl.facts"]) | facts)
    view = objects().create(ObjectCreateParameters(name=name, content_type="binary", metadata=metadata))
    with presigned.request("PUT", view.upload_url, headers={"Content-Length": str(len(data))}, content=iter([data])):
        pass
    objects().complete(view.id)


def test_a_forged_list_gives_and_deletes_nothing_that_is_not_of_its_set(folder, tmp_path):
    precious = rl.put("precious", "precious")
    rl.put(folder, format="files")
    member = next(view for view in members() if view.size_bytes == 50_002)
    own = manifest.facts_of(member.metadata)["digest"]
    files = tuple(
        File(f"{n}.raw", False, size, digest, (manifest.Part(id_, size, digest),))
        for n, (id_, size, digest) in enumerate(
            [(precious.id, precious.size, precious.digest), (member.id, 50_002, own)]
        )
    )
    forge("forged", Listing("f0", (), (), files), {})
    rl.cache().clear()
    with pytest.raises(TransferError, match="a file of “forged” is gone"):
        rl.get("forged", to=tmp_path / "forged")
    with pytest.raises(TransferError, match="a file of “forged” is gone"):
        rl.get("forged/0.raw")
    rl.rm("forged")
    assert rl.get("precious") == "precious"
    assert len(members()) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scans"]


def test_a_list_that_speaks_of_something_else_is_refused(folder, tmp_path):
    empty = Listing("f1", ("x",), (), ())
    for name, facts, said in [
        ("sized", {"size": 5}, "speaks of something else"),
        ("digested", {"digest": "blake3:00"}, "speaks of something else"),
        ("another", {"set": "f2"}, "is of another set"),
        ("unsaid", {"manifest": None}, "no list of its files"),
    ]:
        forge(name, empty, facts)
        with pytest.raises(TransferError, match=said):
            rl.get(name, to=tmp_path / name)
        assert "f1" not in str(rl.info(name).trouble)
        assert rl.info(name).trouble


def test_what_is_offline_is_had_from_here(folder, monkeypatch):
    thing = rl.put(folder, format="files")
    rl.get("scans")
    monkeypatch.setattr(fetching, "download", None)
    assert tree(rl.get(thing.version)) == tree(folder)
    assert tree(rl.get(thing)) == tree(folder)


def lose_the_store(monkeypatch, call):
    """From that upload on nobody answers."""
    calls = 0
    real = sending.upload

    def gone(*_, **__):
        raise Unreachable("the store gave no answer")

    def upload(*args):
        nonlocal calls
        calls += 1
        if calls >= call:
            args[4].leave()
            gone()
        return real(*args)

    monkeypatch.setattr(sending, "together", partial(together.together, at_once=1))
    monkeypatch.setattr(sending, "upload", upload)
    monkeypatch.setattr("runloop_jupyter.api.objects.Objects.delete", gone)


@pytest.mark.parametrize("before", [False, True], ids=["new", "a version before"])
def test_what_arrived_before_the_store_was_lost_is_not_sent_twice(folder, monkeypatch, moved, before):
    if before:
        rl.put(folder, format="files")
        moved.clear()
        for n in range(3):
            change(folder, f"a/{n}.raw")
    with monkeypatch.context() as patch:
        lose_the_store(patch, 3)
        with pytest.raises(Unreachable):
            rl.put(folder, format="files")
    assert len(moved.sent) == 2
    assert look().intents == ["scans"]
    assert [each.state for each in rl.transfers() if each.state == "unfinished"] == []  # there is nothing to resume
    moved.clear()
    (folder / "a" / "2.raw").unlink()
    arrived = len(members())
    rl.put(folder, format="files")
    assert len(moved.sent) == (4 if not before else 2) - 2
    assert tree(rl.get("scans", cache=False)) == tree(folder)
    assert not look()
    assert arrived <= len(members()) + 1


def test_what_arrived_before_the_store_was_lost_is_cleared_by_the_next_load(folder, monkeypatch):
    with monkeypatch.context() as patch:
        lose_the_store(patch, 3)
        with pytest.raises(Unreachable):
            rl.put(folder, format="files")
    assert members()
    monkeypatch.setattr(journal.Intent, "abandoned", True)
    recover(sessions.current())
    assert members() == []


def test_to_clear_it_from_the_cache_takes_its_files_along(folder):
    rl.put(folder, format="files")
    rl.get("scans", to=folder.parent / "back")
    identity = sessions.current().store.identity.id
    assert all(current().known(identity, view.id) for view in members())
    rl.cache().clear("scans")
    assert not any(current().known(identity, view.id) for view in members())


def test_a_disk_that_has_no_room_for_it_twice_has_it_once(folder, monkeypatch):
    rl.put(folder, format="files")
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=(16 << 20) + 180_000))
    rl.get("scans", to=folder.parent / "back")
    assert tree(folder.parent / "back") == tree(folder)
    identity = sessions.current().store.identity.id
    assert not any(current().known(identity, view.id) for view in members())


def test_a_put_that_is_tried_again_keeps_what_was_asked_for(folder, monkeypatch):
    (folder / ".env").write_text("KEY=1")
    with monkeypatch.context() as patch:
        patch.setattr(sending, "upload", lambda *_: (_ for _ in ()).throw(ServerError("the store is ill")))
        with pytest.raises(ServerError):
            rl.put(folder, format="files", include_secrets=True)
    (failed,) = [each for each in rl.transfers() if each.state == "failed"]
    thing = failed.retry()
    assert thing.format == "files"
    assert (rl.get(thing) / ".env").read_text() == "KEY=1"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the names on a disk are Unicode")
def test_names_that_are_not_unicode_come_back(folder):
    with open(os.fsencode(folder) + b"/\xff\xfe.raw", "wb") as file:  # noqa: PTH123
        file.write(b"bytes")
    (folder / 'ü\u2028 "quoted".raw').write_bytes(b"more")
    rl.put(folder, format="files")
    assert tree(rl.get("scans")) == tree(folder)
    assert not rl.put(folder, format="files").outcome.sent
    assert "U+DCFF" in rl.info("scans").page().to_text()


def test_a_folder_with_nothing_in_it_and_one_with_too_much(folder, tmp_path, monkeypatch):
    (tmp_path / "bare").mkdir()
    thing = rl.put(tmp_path / "bare", format="files")
    assert thing.outcome.moved == "0 files, 0 B: all sent"
    assert list(rl.get("bare").iterdir()) == []
    monkeypatch.setattr(scanning, "LARGEST", 1000)
    monkeypatch.setattr(sending, "upload", None)
    with pytest.raises(ArchiveError, match="too many files to be kept as files"):
        rl.put(folder, format="files")


def test_who_deletes_while_another_put_is_not_whole_yet_leaves_the_files_to_the_next_load(folder, monkeypatch):
    """Nobody can tell yet what that one shares."""
    first = rl.put(folder, format="files")
    metadata = manifest.of_folder({}, manifest.set_of(first.view.metadata), "blake3:00")
    coming = objects().create(ObjectCreateParameters(name="scans", content_type="binary", metadata=metadata))
    rl.rm(first)
    assert len(members()) == 5
    monkeypatch.setattr(journal.Intent, "abandoned", True)
    (line,) = recover(sessions.current())
    assert "is cleared by a later load" in line
    assert len(members()) == 5
    objects().delete(coming.id)
    (line,) = recover(sessions.current())
    assert "the rest of it was deleted" in line
    assert members() == []
