import json
import os
import subprocess
import sys

import pytest

from runloop_jupyter import process
from runloop_jupyter.mounts import table
from runloop_jupyter.paths import cache_dir


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def where(tmp_path):
    return tmp_path / "data"


def kernel_dies(record):
    path = cache_dir() / "mounts" / f"{record.token}.json"
    said = json.loads(path.read_bytes())
    said["owner"]["born"] = "0"
    path.write_text(json.dumps(said))


def test_what_was_entered_is_read_again_as_it_was(where):
    server = table.Server(4711, 99)
    record = table.enter("fuse", "-w a=b", where, "embedded store", server=server, made=True, size=7)
    assert table.everything() == [record]
    assert table.at(where) == record
    assert (record.server, record.made, record.size, record.where) == (server, True, 7, str(where))


def test_a_name_that_is_not_utf_8_is_read_as_it_was(tmp_path):
    where = tmp_path / os.fsdecode(b"\xff")
    assert table.enter("link", "x", where, "s") == table.at(where)


def test_a_mount_of_a_living_kernel_is_not_abandoned_and_one_of_a_dead_one_is(where):
    record = table.enter("link", "x", where, "s")
    assert not list(table.abandoned())
    kernel_dies(record)
    assert [each.token for each in table.abandoned()] == [record.token]


def test_a_mount_of_another_machine_is_left_to_that(where):
    record = table.enter("link", "x", where, "s")
    path = cache_dir() / "mounts" / f"{record.token}.json"
    said = json.loads(path.read_bytes())
    said["owner"]["host"] = "elsewhere"
    path.write_text(json.dumps(said))
    assert not list(table.abandoned())


def test_what_stands_beside_a_record_goes_with_it_and_other_records_stay(where):
    record, other = table.enter("link", "x", where, "s"), table.enter("link", "y", where, "s")
    record.beside("tree").write_text("x")
    record.remove()
    record.remove()
    assert not record.is_there()
    assert [each.name for each in (cache_dir() / "mounts").iterdir()] == [f"{other.token}.json"]


def test_what_was_being_written_when_somebody_was_killed_goes_in_time(where):
    record = table.enter("link", "x", where, "s")
    folder = cache_dir() / "mounts"
    for name in (
        f".{record.token}.tree.0123456789ab.part",
        ".old.json.0123456789ab.part",
        ".new.json.0123456789ab.part",
    ):
        (folder / name).touch()
    os.utime(folder / ".old.json.0123456789ab.part", (1, 1))
    table.tidy()
    record.remove()
    assert [each.name for each in folder.iterdir()] == [".new.json.0123456789ab.part"]


def test_the_newest_of_a_directory_is_the_one_that_is_there(where):
    table.enter("link", "x", where, "s")
    assert table.at(where).what == "x"
    newer = table.enter("link", "y", where, "s")
    assert table.at(where) == newer


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"token": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_record_is_passed_over(where, content):
    record = table.enter("link", "x", where, "s")
    (cache_dir() / "mounts" / "other.json").write_bytes(content)
    assert table.everything() == [record]


def test_a_record_under_another_ones_name_is_none(where):
    record = table.enter("link", "x", where, "s")
    (cache_dir() / "mounts" / "0000.json").write_bytes((cache_dir() / "mounts" / f"{record.token}.json").read_bytes())
    assert table.everything() == [record]


def test_where_there_is_no_cache_there_are_no_mounts(monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", "/dev/null/cache")
    assert table.everything() == []
    table.tidy()


def test_looking_where_nothing_is_mounted_loads_nothing_heavy():
    script = (
        "import sys; from runloop_jupyter.mounts import table; assert not list(table.abandoned());"
        "print([m for m in ('httpx', 'msgspec', 'pyarrow', 'pandas', 'fsspec', 'isal') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_server_is_told_by_when_it_began():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    server = table.Server(child.pid, process.start_ticks(child.pid))
    assert server.alive
    assert not table.Server(child.pid, 1).alive
    child.communicate(b"\n")
    assert not server.alive
    assert not table.Server(child.pid, None).alive
