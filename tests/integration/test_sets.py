"""What is too large for one object is kept in parts, and is one thing to whoever puts, finds, gets and deletes it."""

import json
import os
import time

import numpy as np
import pandas as pd
import pytest
from leftovers import look
from network import while_it
from shells import ok

import runloop_jupyter as rl
from runloop_jupyter import session as sessions
from runloop_jupyter.actions.recover import recover
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.errors import (
    DigestMismatch,
    InputError,
    ObjectNotFound,
    ServerError,
    TransferCancelled,
    TransferError,
)
from runloop_jupyter.transfer import journal, manifest, parts, sending_parts
from runloop_jupyter.transfer.transfer import Phase, Transfer
from runloop_jupyter.wire.objects import ObjectCreateParameters

PART = 300_000


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Parts as small as a test is."""
    monkeypatch.setattr(parts, "LARGEST", 1_000_000)
    monkeypatch.setattr(parts, "PART_BYTES", PART)


@pytest.fixture
def large(tmp_path):
    """A file of five parts, the last of them shorter."""
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(4 * PART + 7))
    return path


def delete_all():
    for thing in rl.ls(limit=1000, versions=True):
        if thing.state == "READ_ONLY":
            rl.rm(thing)


def objects():
    return sessions.current().store.objects


def members(state="READ_ONLY"):
    where = Filter(state=state, metadata={"rl.kind": "part"})
    return [view for page in objects().pages(where) for view in page.objects]


def members_of(thing):
    return [view for view in members() if manifest.set_of(view.metadata) == thing.facts["set"]]


@pytest.fixture(autouse=True)
def _nothing_is_left():
    yield
    delete_all()
    assert members() == []
    assert not look()


def test_a_large_file_comes_back_every_way_that_a_small_one_does(large, tmp_path):
    thing = rl.put(large, "every/way.bin")
    content = large.read_bytes()
    assert (thing.size, thing.kind, thing.format) == (len(content), "file", "file")
    assert len(members_of(thing)) == 5
    assert rl.get("every/way.bin").read_bytes() == content
    assert rl.get("every/way.bin", format="bytes") == content
    assert rl.get(thing, to=tmp_path / "back.bin").read_bytes() == content


def test_it_is_one_object_to_whoever_looks(large, run, fresh_shell):
    thing = rl.put(large, "whole-seen.bin", metadata={"project": "sets"})
    rl.put("small", "whole-seen-small")
    assert [each.name for each in rl.ls()] == ["whole-seen-small", "whole-seen.bin"]
    assert [each.size for each in rl.ls(where="project=sets")] == [len(large.read_bytes())]
    assert [each.name for each in rl.ls(sort="-size")] == ["whole-seen.bin", "whole-seen-small"]
    assert [each.name for each in rl.ls("whole-seen", versions=True)] == ["whole-seen-small", "whole-seen.bin"]
    assert "looked at all 2" in rl.ls().table().to_text()
    assert "looked at the newest 2 of" not in rl.ls().table().to_text()
    assert len(rl.ls(type="part")) == 5
    assert rl.status().objects == 2
    assert "1.1 MiB" in ok(run("%rl_ls whole-seen.bin")).table().to_text()
    info = rl.info("whole-seen.bin").page().to_text()
    assert "in 5 parts" in info
    assert all(view.metadata.get("project") is None for view in members_of(thing))


def test_no_name_means_a_part(large):
    thing = rl.put(large, "named.bin")
    for view in members_of(thing):
        assert view.name.startswith("named.bin.rl-part-0000")
        with pytest.raises(ObjectNotFound) as refusal:
            rl.get(view.name)
        assert "Close:" not in str(refusal.value)  # the other parts would be close
    assert [each.name for each in rl.ls("named")] == ["named.bin"]


def test_a_second_time_nothing_is_sent(large):
    first = rl.put(large, "again.bin")
    again = rl.put(large, "again.bin")
    assert not again.outcome.sent
    assert again == first
    assert again.size == large.stat().st_size
    large.write_bytes(large.read_bytes() + b"more")
    other = rl.put(large, "again.bin")
    assert other.outcome.sent
    assert other.outcome.superseded == first
    assert rl.get("again.bin@-1").read_bytes() + b"more" == rl.get("again.bin").read_bytes()


def test_to_delete_one_version_leaves_the_parts_of_another(large):
    first = rl.put(large, "two.bin")
    second = rl.put(large, "two.bin", force=True)
    assert rl.rm(first).size == large.stat().st_size
    assert len(members()) == len(members_of(second)) == 5
    assert rl.get("two.bin").read_bytes() == large.read_bytes()
    rl.rm("two.bin")
    assert members() == []
    assert [each.name for each in rl.ls("two.bin", versions=True)] == ["two.bin", "two.bin"]


def test_a_large_frame_is_a_frame_and_its_first_rows_cost_little(run, fresh_shell):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({f"c{n}": rng.normal(size=60_000) for n in range(4)})
    thing = rl.put(frame, "frame")
    assert (thing.kind, thing.format, thing.shape) == ("table", "parquet", "60,000 × 4")
    assert thing.view.metadata["rl.format"] == "parts"
    info = rl.info("frame")
    assert info.preview.rows == 60_000
    assert 0 < info.bytes_read < thing.size
    pd.testing.assert_frame_equal(rl.get("frame", head=5, columns=["c2"]), frame[["c2"]].head(5))
    pd.testing.assert_frame_equal(rl.get("frame"), frame)


def test_a_large_folder_is_a_folder(tmp_path):
    (tmp_path / "scans").mkdir()
    for n in range(3):
        (tmp_path / "scans" / f"{n}.raw").write_bytes(os.urandom(500_000))
    thing = rl.put(tmp_path / "scans")
    assert (thing.kind, thing.shape) == ("folder", "3 files")
    assert thing.view.content_type == "binary"  # a devbox would unpack what calls itself a tgz, and this is a list
    back = rl.get("scans")
    assert {path.name: path.read_bytes() for path in back.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "scans").iterdir()
    }
    assert not rl.put(tmp_path / "scans").outcome.sent


def test_a_head_never_outlives_a_part(large):
    thing = rl.put(large, "mortal.bin", ttl="2h")
    ends = [view.delete_after_time_ms for view in members_of(thing)]
    assert len(ends) == 5
    assert thing.view.delete_after_time_ms < min(ends)
    assert abs(thing.view.delete_after_time_ms - time.time() * 1000 - 7_200_000) < 60_000
    assert not rl.put(large, "mortal.bin", ttl="2h").outcome.sent


def test_parts_that_take_too_long_make_no_head_that_would_outlive_them(large, monkeypatch):
    monkeypatch.setattr(sending_parts, "OUTLIVES_MS", 0)
    thing = rl.put(large, "late.bin", ttl="1h")
    assert thing.view.delete_after_time_ms < min(view.delete_after_time_ms for view in members_of(thing))
    with pytest.raises(TransferError, match=r"took so long that its first part is about to expire.*longer ttl"):
        rl.put(large, "later.bin", ttl="30s")


def test_keep_gives_a_version_of_which_no_part_expires(large):
    rl.put(large, "kept.bin", metadata={"a": "b"}, ttl="1h")
    kept = rl.keep("kept.bin")
    assert kept.expires is None
    assert [view.delete_after_time_ms for view in members_of(kept)] == [None] * 5
    assert (kept.metadata, kept.format, kept.size) == ({"a": "b"}, "file", large.stat().st_size)
    assert rl.get("kept.bin").read_bytes() == large.read_bytes()


def test_a_link_to_it_is_refused(large):
    rl.put(large, "linked.bin")
    with pytest.raises(InputError, match="kept in parts"):
        rl.url("linked.bin")


@pytest.mark.parametrize("call", [1, 3, 6])
def test_a_put_that_fails_leaves_no_part(large, monkeypatch, call):
    calls = 0

    def fail(*args, **how):
        nonlocal calls
        calls += 1
        if calls == call:
            raise ServerError("the store is ill")
        return real(*args, **how)

    real = sending_parts.upload_one
    monkeypatch.setattr(sending_parts, "upload_one", fail)
    with pytest.raises(ServerError):
        rl.put(large, "fails.bin")
    assert members() == []
    assert not look()
    assert len(rl.ls("fails.bin")) == 0


def test_a_file_that_changes_while_it_is_sent_becomes_no_object(large, monkeypatch):
    def change(*args, **how):
        view = real(*args, **how)
        about = large.stat()
        with large.open("r+b") as file:
            file.seek(3 * PART)
            file.write(b"changed")
        os.utime(large, ns=(about.st_atime_ns, about.st_mtime_ns))  # its time alone must not be what tells
        return view

    real = sending_parts.upload_one
    monkeypatch.setattr(sending_parts, "upload_one", change)
    with pytest.raises(TransferError, match=r"large\.bin changed while it was sent"):
        rl.put(large, "changing.bin")
    assert members() == []
    assert not look()


def test_a_part_that_is_gone_is_said_and_the_rest_can_be_deleted(large):
    thing = rl.put(large, "holed.bin")
    objects().delete(members_of(thing)[2].id)
    with pytest.raises(TransferError, match=r"a part of “holed\.bin” is gone"):
        rl.get("holed.bin")
    # The same bytes again are no reason not to send them: what is there can't be had.
    assert rl.put(large, "holed.bin").outcome.sent
    assert rl.get("holed.bin").read_bytes() == large.read_bytes()
    rl.rm(thing)
    rl.rm("holed.bin")
    assert members() == []


def test_a_put_that_is_cancelled_on_its_way_leaves_no_part(large):
    while_it(Phase.SENDING, Transfer.cancel, after=2 * PART)
    with pytest.raises(TransferCancelled):
        rl.put(large, "cancelled.bin")
    assert members() == []
    assert not look()


def test_a_get_that_is_cancelled_on_its_way_leaves_nothing(large, tmp_path):
    rl.put(large, "half.bin")
    while_it(Phase.RECEIVING, Transfer.cancel, after=2 * PART)
    with pytest.raises(TransferCancelled):
        rl.get("half.bin", to=tmp_path / "half.bin")
    assert [path.name for path in tmp_path.iterdir()] == ["large.bin"]


def test_how_far_it_is_is_said_of_the_whole(large):
    seen = []
    session = sessions.current()
    session.transfers.added.listen(lambda transfer: transfer.changed.listen(seen.append))
    rl.put(large, "told.bin")
    rl.get("told.bin")
    size = large.stat().st_size
    for phase in (Phase.SENDING, Phase.RECEIVING):
        of_phase = [now.done for now in seen if now.phase is phase and now.total == size]
        assert of_phase == sorted(of_phase)
        assert max(of_phase) >= size


def forge(name, found, facts=None, *, like=None):
    """Store a head as anybody could."""
    data = found.to_bytes()
    metadata = manifest.of_head({"rl.kind": "file", "rl.format": "file", "rl.facts": "{}"}, found, "")
    metadata["rl.facts"] = json.dumps(json.loads(metadata["rl.facts"]) | {"manifest": None} | (facts or {}))
    view = objects().create(ObjectCreateParameters(name=name, content_type="binary", metadata=metadata))
    from runloop_jupyter.transfer import presigned

    with presigned.request("PUT", view.upload_url, headers={"Content-Length": str(len(data))}, content=iter([data])):
        pass
    objects().complete(view.id)


def test_a_forged_list_deletes_nothing_that_does_not_say_it_is_of_that_set(large):
    precious = rl.put("precious", "precious")
    other = rl.put(large, "others.bin")
    part = members_of(other)[0]
    listed = (
        manifest.Part(precious.id, precious.size, precious.digest),
        manifest.Part(part.id, part.size_bytes, "blake3:00"),
    )
    forge("forged", manifest.Manifest("f0", sum(each.size for each in listed), "blake3:00", listed))
    with pytest.raises(TransferError, match=r"a part of “forged” is gone"):
        rl.get("forged")
    rl.rm("forged")
    assert rl.get("precious") == "precious"
    assert len(members_of(other)) == 5


def test_a_list_of_another_set_or_size_is_not_put_together(large):
    thing = rl.put(large, "real.bin")
    found = parts.read(objects(), thing.view, sessions.current().transfers.new("x", "down", ""))
    forge("swapped", manifest.Manifest(found.set, found.size, found.digest, found.parts[::-1]))
    with pytest.raises(DigestMismatch, match="its digest differs"):
        rl.get("swapped")
    forge("resized", found, {"size": 5})
    with pytest.raises(DigestMismatch, match="speaks of something else"):
        rl.get("resized")
    forge("renamed", found, {"set": "other"})
    with pytest.raises(TransferError, match="is of another set"):
        rl.get("renamed")


def abandoned(monkeypatch):
    """Let every intent be one whose kernel is gone."""
    monkeypatch.setattr(journal.Intent, "abandoned", True)


def test_a_kernel_that_dies_while_it_deletes_leaves_the_rest_to_the_next(large, monkeypatch):
    thing = rl.put(large, "half-gone.bin")
    monkeypatch.setattr(parts, "discard", lambda *_: False)
    rl.rm(thing)
    assert len(rl.ls("half-gone.bin")) == 0
    assert len(members()) == 5
    abandoned(monkeypatch)
    (line,) = recover(sessions.current())
    assert "rm of “half-gone.bin”" in line
    assert "the rest of it was deleted" in line
    assert members() == []


def test_a_kernel_that_dies_just_before_it_deletes_leaves_the_set_whole(large, monkeypatch):
    thing = rl.put(large, "alive.bin")

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("runloop_jupyter.api.objects.Objects.delete", die)
        with pytest.raises(KeyboardInterrupt):
            rl.rm(thing)
    abandoned(monkeypatch)
    (line,) = recover(sessions.current())
    assert "it is there still" in line
    assert rl.get("alive.bin").read_bytes() == large.read_bytes()


@pytest.mark.parametrize("call", [2, 6])
def test_a_kernel_that_dies_while_it_sends_leaves_nothing_after_the_next_load(large, monkeypatch, call):
    calls = 0

    def die(*args, **how):
        nonlocal calls
        calls += 1
        if calls == call:  # made in the store, and the answer never came
            objects().create(args[3])
            raise KeyboardInterrupt
        return real(*args, **how)

    real = sending_parts.upload_one
    with monkeypatch.context() as patch:
        patch.setattr(sending_parts, "upload_one", die)
        patch.setattr(sending_parts.Sending, "_give_up", lambda self: None)
        patch.setattr(journal.Intent, "close", lambda self: None)
        with pytest.raises(KeyboardInterrupt):
            rl.put(large, "dies.bin")
    assert look().intents == ["dies.bin"]
    assert len(look().uploading) == 1
    assert len(members()) == call - 1
    abandoned(monkeypatch)
    (line,) = recover(sessions.current())
    assert "put of “dies.bin”" in line
    assert "%rl_transfers resume sends it" in line
    assert members() == look().uploading == []
    rl.put(large, "dies.bin")
    assert rl.get("dies.bin").read_bytes() == large.read_bytes()
    assert not look()


def test_a_get_that_was_cut_off_goes_on_with_the_parts_that_are_missing(large, tmp_path, monkeypatch):
    monkeypatch.setattr("runloop_jupyter.transfer.arriving.RESUMABLE", 0)
    rl.put(large, "goes-on.bin")
    fetched = []
    real = parts.download_one

    def until(most):
        def fetch(store, view, *rest):
            if manifest.is_member(view):
                if len(fetched) == most:
                    raise KeyboardInterrupt
                fetched.append(view.size_bytes)
            return real(store, view, *rest)

        monkeypatch.setattr(parts, "download_one", fetch)

    until(2)
    with pytest.raises(KeyboardInterrupt):
        rl.get("goes-on.bin", to=tmp_path / "back.bin")
    assert not (tmp_path / "back.bin").exists()
    until(99)
    rl.get("goes-on.bin", to=tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == large.read_bytes()
    assert fetched == [PART] * 4 + [7]


def test_what_is_put_under_the_name_of_a_part_is_no_version_of_it(large):
    part = members_of(rl.put(large, "named-alike.bin"))[0]
    content = large.read_bytes()[:PART]
    again = large.with_name("again.bin")
    again.write_bytes(content)
    thing = rl.put(again, part.name)
    assert (thing.outcome.sent, thing.outcome.superseded) == (True, None)
