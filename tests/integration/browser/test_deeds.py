"""What a browser does: bytes up and down, variables, mounts, links, deletes; and what is left when it is stopped."""

from __future__ import annotations

import os
import time
from pathlib import Path

import httpx
import pandas as pd
import pytest
from comm_front import CommFrontEnd
from kernels import Kernel

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.transfer import journal, spools

MIB = 1 << 20


def store():
    return session.current().store


def states_of(name):
    page = store().objects.list(Filter(name=name, state="UPLOADING"), limit=10)
    return [view.state for view in page.objects]


def nothing_is_left_of(name):
    assert list(spools.directory().iterdir()) == []
    assert [each.name for each in journal.everything()] == []
    assert states_of(name) == []
    assert rl.ls(name) is not None
    assert [thing.name for thing in rl.ls(name)] == []


def made(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["up.bin", "table.csv", "packed.tar.gz"])
def test_what_a_page_sends_is_what_a_put_of_that_file_makes(front, tmp_path, name):
    data = os.urandom(2 * MIB + 17)
    rid = front.upload(name, data, metadata={"project": "up"}, ttl="30d")
    value = front.end_of(rid)["value"]
    sent = rl.ls(name)[0]
    put = rl.put(made(tmp_path, name, data), name, metadata={"project": "up"}, ttl="30d", force=True)
    assert (sent.id, sent.name) == (value["id"], value["name"])
    for attribute in ("kind", "format", "digest", "size", "metadata"):
        assert getattr(sent, attribute) == getattr(put, attribute)
    assert sent.view.content_type == put.view.content_type
    assert abs((sent.expires - put.expires).total_seconds()) < 60
    assert rl.get(sent).read_bytes() == data
    rl.rm(name, all_versions=True)


def test_an_empty_file_can_be_sent(front):
    rid = front.upload("empty.txt", b"")
    assert front.end_of(rid)["kind"] == "ok"
    assert rl.ls("empty.txt")[0].size == 0
    rl.rm("empty.txt")


def test_the_same_bytes_again_are_no_new_version(front):
    front.end_of(front.upload("same.bin", b"abc"))
    assert front.end_of(front.upload("same.bin", b"abc"))["value"]["said"].startswith("unchanged")
    rl.rm("same.bin")


@pytest.mark.parametrize("chunks", [0, 1, 3])
def test_an_upload_that_is_cancelled_leaves_nothing(front, chunks):
    rid = front.upload("stopped.bin", bytes(8 * MIB), stop_after=chunks)
    front.wait(lambda: front.progress(rid))
    front.say(rid, "cancel")
    assert front.end_of(rid)["error"] == "Cancelled"
    nothing_is_left_of("stopped.bin")


def test_an_upload_that_is_cancelled_after_its_last_byte_is_there_or_leaves_nothing(front):
    for _ in range(5):
        rid = front.upload("late.bin", os.urandom(3 * MIB))
        front.say(rid, "cancel")
        end = front.end_of(rid)
        if end["kind"] == "ok":
            assert rl.ls("late.bin")[0].id == end["value"]["id"]
            rl.rm("late.bin", all_versions=True)
        else:
            assert end["error"] == "Cancelled"
            nothing_is_left_of("late.bin")


@pytest.mark.parametrize(("said", "sent"), [(10, 9), (10, 11), (0, 1)])
def test_more_or_fewer_bytes_than_were_said_are_refused_and_leave_nothing(front, said, sent):
    rid = front.begin("upload", name="odd.bin", size=said, type="", metadata={}, ttl=None)
    front.wait(lambda: front.progress(rid))
    front.say(rid, "chunk", {}, bytes(sent))
    front.say(rid, "end")
    assert "of “odd.bin” came" in front.end_of(rid)["message"]
    nothing_is_left_of("odd.bin")


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"name": ""}, "AddressError"),
        ({"name": "x", "size": -1}, "InputError"),
        ({"name": "x", "size": 1 << 42}, "TransferError"),
        ({"name": "x", "ttl": "soon"}, "InputError"),
        ({"name": "x", "metadata": {"rl.kind": "y"}}, "MetadataError"),
    ],
    ids=str,
)
def test_an_upload_that_cant_be_meant_or_has_no_room_is_refused_before_a_byte_is_sent(front, args, error):
    whole = {"name": "x", "size": 1, "type": "", "metadata": {}, "ttl": None, **args}
    assert front.refused("upload", **whole)["error"] == error
    nothing_is_left_of("x")


def test_when_the_widget_is_closed_an_upload_stops_and_leaves_nothing(kernel):
    front = CommFrontEnd(kernel, kernel.run("c = rl.browse()"))
    rid = front.upload("closed.bin", bytes(8 * MIB), stop_after=2)
    front.wait(lambda: front.progress(rid))
    front.close_comm()
    deadline = time.monotonic() + 10
    while list(spools.directory().iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    nothing_is_left_of("closed.bin")
    front.close()


def test_an_upload_is_one_transfer_that_others_see(front, kernel):
    rid = front.upload("seen.bin", os.urandom(2 * MIB), stop_after=1)
    front.wait(lambda: front.progress(rid))
    running = kernel.run("[(t.label, t.direction, t.state) for t in rl.transfers() if t.label == 'seen.bin']").text
    assert running == "[('seen.bin', 'put', 'running')]"
    moving = front.wait(
        lambda: [t for e in front.events("transfers") for t in e["transfers"] if t["label"] == "seen.bin"]
    )
    front.ask("cancelTransfer", id=moving[-1]["id"])
    assert front.end_of(rid)["error"] == "Cancelled"
    nothing_is_left_of("seen.bin")


def test_memory_stays_as_it_is_while_much_is_sent(front, kernel):
    import psutil

    process = psutil.Process(kernel.pid)
    front.end_of(front.upload("warm.bin", os.urandom(4 * MIB)))
    before, most = process.memory_info().rss, 0
    data = os.urandom(MIB) * 96
    rid = front.upload("much.bin", data)
    most = max(most, process.memory_info().rss)
    assert front.end_of(rid, 60)["kind"] == "ok"
    most = max(most, process.memory_info().rss)
    assert most - before < 48 * MIB
    assert rl.ls("much.bin")[0].size == len(data)
    rl.rm("much.bin")
    rl.rm("warm.bin")


def test_a_download_is_the_stored_bytes_under_the_name_of_its_file(front, tmp_path):
    thing = rl.put(pd.DataFrame({"x": range(1000)}), "down/frame")
    data, end = front.download(thing.id)
    assert end["value"] == {"name": "frame.parquet", "size": len(data)}
    assert data == rl.get(thing, format="bytes")
    rl.rm(thing)


def test_a_large_download_comes_whole_by_ranges(front, tmp_path):
    data = os.urandom(21 * MIB)
    thing = rl.put(made(tmp_path, "large.bin", data))
    came, end = front.download(thing.id)
    assert end["kind"] == "ok"
    assert came == data
    rl.rm(thing)


def test_a_download_that_is_cancelled_ends(front, tmp_path):
    thing = rl.put(made(tmp_path, "half.bin", bytes(20 * MIB)))
    rid = front.begin("download", id=thing.id)
    front.say(rid, "grant", {"n": 2})
    front.wait(lambda: len(front.progress(rid)) == 2)
    front.say(rid, "cancel")
    assert front.end_of(rid)["error"] == "Cancelled"
    rl.rm(thing)


def test_an_object_comes_into_a_variable_that_is_new(front, kernel):
    thing = rl.put({"a": [1, 2]}, "values/one")
    value = front.ask("get", id=thing.id, variable="one")
    assert value["variable"] == "one"
    assert kernel.run("one").text == "{'a': [1, 2]}"
    rl.rm(thing)


@pytest.mark.parametrize(
    ("variable", "error"),
    [("time", "VariableTaken"), ("not one", "InputError"), ("class", "InputError"), ("", "InputError")],
)
def test_no_variable_is_overwritten_and_none_has_an_odd_name(front, variable, error):
    thing = rl.put({"a": 1}, "values/two")
    assert front.refused("get", id=thing.id, variable=variable)["error"] == error
    rl.rm(thing)


def test_a_variable_is_set_while_a_cell_runs(front, kernel):
    thing = rl.put("here", "values/three")
    running = kernel.start(
        "end = time.time() + 10\nwhile 'three' not in dir() and time.time() < end: time.sleep(0.01)\nthree"
    )
    front.ask("get", id=thing.id, variable="three")
    assert kernel.wait(running).text == "'here'"
    rl.rm(thing)


def test_objects_are_mounted_one_beneath_the_other(front, kernel, browsed):
    things = [rl.put(f"text {i}", f"mounts/{i}.txt") for i in range(2)]
    value = front.ask("mount", ids=[each.id for each in things], directory="seen")
    assert value["directory"] == "seen"
    found = sorted(each.name for each in (browsed / "work" / "seen").rglob("*.txt"))
    assert found == ["0.txt", "1.txt"]
    kernel.run("%rl_umount --all")
    for each in things:
        rl.rm(each)


def test_a_link_works_and_says_how_far_it_reaches(front):
    thing = rl.put("linked", "links/one")
    assert front.ask("reach", id=thing.id)["reach"] == "only on this computer"
    link = front.ask("link", id=thing.id, expires=3600)
    assert httpx.get(link["url"], trust_env=False).text == "linked"
    assert abs(link["until"] / 1000 - time.time() - 3600) < 60
    assert front.refused("link", id=thing.id, expires=1e9)["error"] == "InputError"
    rl.rm(thing)


def test_a_link_is_in_no_state_and_no_log(front, kernel):
    thing = rl.put("linked", "links/two")
    url = front.ask("link", id=thing.id, expires=3600)["url"]
    signature = url.partition("signature=")[2]
    assert signature
    assert signature not in kernel.run("str(b.get_state()) + str(vars(b)) + str(b._serving.__dict__)").text
    rl.rm(thing)


def test_exactly_the_versions_that_are_named_are_deleted_and_each_failure_is_said(front):
    old = rl.put("old", "versions/one")
    new = rl.put("new", "versions/one")
    value = front.ask("delete", ids=[old.id, "obj_none"])
    assert value["deleted"] == [old.id]
    ((failed),) = value["failed"]
    assert failed["id"] == "obj_none"
    assert "is not in the embedded store" in failed["why"]
    assert [each.id for each in rl.ls("versions/one")] == [new.id]
    rl.rm(new)


def test_what_would_expire_is_kept(front):
    thing = rl.put("short", "keeps/one", ttl="1h")
    kept = front.ask("keep", id=thing.id)
    assert rl.ls("keeps/one")[0].expires is None
    assert rl.ls("keeps/one")[0].id == kept["id"]
    rl.rm("keeps/one", all_versions=True)


def test_a_change_elsewhere_is_told(front):
    front.ask("hello")
    thing = rl.put("new", "elsewhere/one")
    assert front.wait(lambda: front.events("changed"))[-1]["fresh"]["indexed"] > 0
    rl.rm(thing)


def test_what_fails_can_be_tried_again(front, kernel):
    path = Path("/nowhere")
    assert not path.exists()
    kernel.run("try:\n    rl.get('no such thing')\nexcept Exception: pass")
    front.ask("hello")
    failed = [each for each in front.ask("hello")["transfers"] if each["label"] == "no such thing"]
    assert failed[0]["state"] == "failed"
    assert failed[0]["can"] == ["retry"]
    assert front.refused("retryTransfer", id=failed[0]["id"])["error"] == "ObjectNotFound"


def test_what_a_killed_kernel_left_of_an_upload_is_cleared_at_the_next_load(browsed):
    first = Kernel(cwd=str(browsed / "work"))
    front = CommFrontEnd(first, first.run("import runloop_jupyter as rl\nb = rl.browse()"))
    rid = front.upload("killed.bin", bytes(8 * MIB), stop_after=3)
    front.wait(lambda: any(value.get("written") for value in front.progress(rid)))
    first.kill()
    front.close()
    first.close()
    assert list(spools.directory().iterdir()) != []
    second = Kernel(cwd=str(browsed / "work"))
    second.run("%load_ext runloop_jupyter")
    second.close()
    nothing_is_left_of("killed.bin")
