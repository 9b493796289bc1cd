"""A whole store as plain files, and back: nothing lost, nothing half-done, nothing taken on trust."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from store_process import environment, eventually, runloop_local

from runloop_jupyter.errors import EmbeddedStoreError
from runloop_jupyter.local import launch
from runloop_jupyter.local.bring_in import DESCRIPTION_LENGTH, bring_in
from runloop_jupyter.local.caller import Caller
from runloop_jupyter.local.ids import make_id, position_of
from runloop_jupyter.local.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOSTILE_NAMES = [
    "../../etc/passwd",
    "line\nbreak\r\n",
    "nul\0",
    "c:\\con",
    "data/x  y",
    "ünï 🐧",
    "-rf",
    "a" * 4000,
    "",
]


class Client:
    """A background store and its wire."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.endpoint = launch.ensure(root)
        headers = {"Authorization": f"Bearer {self.endpoint.key.reveal()}"}
        self.http = httpx.Client(base_url=self.endpoint.base_url, headers=headers, trust_env=False, timeout=30)

    def put(self, name: str, content: bytes, **more: Any) -> str:
        created = self.http.post("/v1/objects", json={"name": name, "content_type": "binary", **more}).json()
        assert self.http.put(created["upload_url"], content=content).status_code == 200
        assert self.http.post(f"/v1/objects/{created['id']}/complete").status_code == 200
        return str(created["id"])

    def objects(self, **params: Any) -> list[dict[str, Any]]:
        return list(self.http.get("/v1/objects", params={"limit": 5000, **params}).json()["objects"])

    def read(self, object_id: str) -> bytes:
        return self.http.get(self.http.get(f"/v1/objects/{object_id}/download").json()["download_url"]).content


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A store with something of everything in it; nobody changes it."""
    with pytest.MonkeyPatch.context() as patched:
        for name in os.environ:
            if name.startswith(("RUNLOOP_", "RUNTOOLS_")):
                patched.delenv(name)
        client = Client(tmp_path_factory.mktemp("full") / "store")
        for number, name in enumerate(HOSTILE_NAMES):
            client.put(name, name.encode() * number, metadata={"n": str(number), name[:50] or "k": name})
        client.put("empty", b"", metadata=None)
        client.put("large", os.urandom(3 << 20), ttl_ms=86_400_000)
        client.http.post("/v1/objects", json={"name": "never finished", "content_type": "text"})
        gone = client.put("deleted", b"x")
        client.http.post(f"/v1/objects/{gone}/delete")
        yield client
        client.http.close()
        launch.stop(client.root)


@pytest.fixture(scope="module")
def bag(full: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That store, exported. Whoever changes it copies it first."""
    target = tmp_path_factory.mktemp("bag") / "bag"
    answer = runloop_local("export", str(target), "--root", str(full.root), "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["objects"] == len(HOSTILE_NAMES) + 2
    return target


@pytest.fixture(scope="module")
def target(full: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store for what is refused."""
    where = tmp_path_factory.mktemp("target") / "store"
    yield where
    launch.stop(where)


@pytest.fixture
def known(target: Path) -> Iterator[Callable[[], set[str]]]:
    """Ask that store which ids it knows."""
    client = Client(target)
    yield lambda: {each["id"] for each in client.objects()}
    client.http.close()


@pytest.fixture
def other(root: Path) -> Iterator[Client]:
    """Another store, empty."""
    client = Client(root)
    yield client
    client.http.close()


@pytest.fixture
def broken(bag: Path, tmp_path: Path) -> Path:
    """A copy of the bag to be damaged."""
    return shutil.copytree(bag, tmp_path / "broken")


def take_in(bag: Path, root: Path, *, restore: bool = False) -> dict[str, Any]:
    """Import as the command does; what it counted, or the error."""
    try:
        with Caller(Layout(root), launch.ensure(root)) as caller:
            return asdict(bring_in(caller, bag, restore=restore))
    except EmbeddedStoreError as error:
        return {"error": str(error)}


def contents(bag: Path) -> list[Path]:
    return sorted(each for each in bag.glob("data/*/*") if each.suffix != ".json")


def relist(bag: Path) -> None:
    """Make the manifest agree with what is there, as whoever forges a bag would."""
    lines = [
        f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.relative_to(bag)}\n"
        for each in sorted(bag.glob("data/*/*"))
    ]
    (bag / "manifest-sha256.txt").write_text("".join(lines))
    (bag / "tagmanifest-sha256.txt").unlink()


def test_a_bag_is_checked_without_us(bag: Path) -> None:
    """As ``sha256sum -c`` does, and RFC 8493 says: every file is listed, no other file is there, and sums are right."""
    for manifest, there in (
        ("manifest-sha256.txt", {str(each.relative_to(bag)) for each in bag.rglob("data/**/*") if each.is_file()}),
        ("tagmanifest-sha256.txt", {"bagit.txt", "bag-info.txt", "manifest-sha256.txt"}),
    ):
        listed = dict(reversed(line.split("  ", 1)) for line in (bag / manifest).read_text().splitlines())
        assert set(listed) == there
        for path, digest in listed.items():
            assert hashlib.sha256((bag / path).read_bytes()).hexdigest() == digest
    assert (bag / "bagit.txt").read_text() == "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    payload = [each.stat().st_size for each in bag.rglob("data/**/*") if each.is_file()]
    assert f"Payload-Oxum: {sum(payload)}.{len(payload)}\n" in (bag / "bag-info.txt").read_text()


def test_names_are_in_the_json_and_never_in_a_path(bag: Path) -> None:
    for each in bag.rglob("*"):
        assert re.fullmatch(r"[a-z0-9]{2}|obj_[a-z0-9]{27}(\.json)?|data|[a-z0-9-]+\.txt", each.name)
        assert stat.S_IMODE(each.stat().st_mode) == (0o700 if each.is_dir() else 0o600)
    names = [json.loads(each.read_text())["name"] for each in bag.rglob("*.json")]
    assert sorted(names) == sorted([*HOSTILE_NAMES, "empty", "large"])


def test_what_was_exported_comes_back_as_it_was(full: Client, bag: Path, root: Path, other: Client) -> None:
    before = full.objects(state="READ_ONLY")
    assert take_in(bag, root)["objects"] == len(before)
    assert other.objects() == before
    assert all(other.read(each["id"]) == full.read(each["id"]) for each in before)
    pages, after = [], ""
    while page := other.objects(limit=2, starting_after=after):
        pages += page
        after = page[-1]["id"]
    assert pages == before
    assert {stat.S_IMODE(each.stat().st_mode) for each in root.rglob("*") if each.is_file()} == {0o600}
    again = root.parent / "again"
    assert runloop_local("export", str(again), "--root", str(root)).returncode == 0
    assert (again / "manifest-sha256.txt").read_bytes() == (bag / "manifest-sha256.txt").read_bytes()


def test_a_second_import_changes_nothing_and_a_deleted_object_stays_so_unless_asked(
    bag: Path, root: Path, other: Client
) -> None:
    first = take_in(bag, root)
    client = other
    victim = client.objects()[3]
    client.http.post(f"/v1/objects/{victim['id']}/delete")
    second = take_in(bag, root)
    assert (second["objects"], second["here"], second["deleted"]) == (0, first["objects"] - 1, 1)
    assert client.objects()[3]["state"] == "DELETED"
    third = take_in(bag, root, restore=True)
    assert (third["objects"], third["deleted"]) == (1, 0)
    assert client.objects()[3] == victim
    assert client.read(victim["id"]) == (bag / "data" / victim["id"][-2:] / victim["id"]).read_bytes()
    launch.stop(root)
    launch.ensure(root)
    assert client.objects()[3] == victim


@pytest.mark.parametrize("bit", [0, 7])
def test_damaged_bytes_never_become_an_object(broken: Path, root: Path, other: Client, bit: int) -> None:
    victim = max(contents(broken), key=lambda each: each.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1 << bit
    victim.write_bytes(data)
    assert "hasn't the SHA-256" in take_in(broken, root)["error"]
    assert victim.name not in [each["id"] for each in other.objects()]
    assert list(Layout(root).incoming.iterdir()) == []
    assert not list(Layout(root).blobs.rglob(victim.name))


def test_an_import_that_failed_goes_on_once_the_bag_is_mended(bag: Path, broken: Path, root: Path) -> None:
    victim = contents(broken)[-1]
    kept = victim.read_bytes()
    victim.write_bytes(kept + b"more")
    assert "the bag is damaged" in take_in(broken, root)["error"]
    victim.write_bytes(kept)
    answer = take_in(broken, root)
    assert answer["objects"] + answer["here"] == len(contents(bag))


def test_what_is_past_its_time_stays_out(broken: Path, root: Path) -> None:
    for each in broken.rglob("*.json"):
        described = json.loads(each.read_text())
        if described["name"] == "large":
            described["delete_after_time_ms"] = int(time.time() * 1000) - 1
            each.write_text(json.dumps(described))
    relist(broken)
    answer = take_in(broken, root)
    assert (answer["expired"], answer["objects"]) == (1, len(HOSTILE_NAMES) + 1)


def forge(broken: Path, **changes: Any) -> None:
    """Change what one description says, and the manifest with it."""
    described = contents(broken)[0].with_suffix(".json")
    described.write_text(json.dumps(json.loads(described.read_text()) | changes))
    relist(broken)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "obj_" + "0" * 27},
        {"id": "../../../../etc/passwd"},
        {"content_type": "text/html"},
        {"create_time_ms": -1},
        {"create_time_ms": 10**18},
        {"delete_after_time_ms": 2**63},
        {"size_bytes": -1},
        {"sha256": "0" * 64},
        {"sha256": None},
        {"metadata": {"k": 1}},
        {"metadata": {str(n): "" for n in range(300)}},
        {"name": "n" * 5000},
    ],
    ids=lambda changes: str(changes)[:30],
)
def test_a_forged_description_is_refused(
    broken: Path, target: Path, known: Callable[[], set[str]], changes: dict[str, Any]
) -> None:
    victim = contents(broken)[0].name
    forge(broken, **changes)
    assert take_in(broken, target)["error"].count("\n") == 0
    assert victim not in known()


def replaced_by_a_link(path: Path) -> None:
    kept = path.rename(path.parent.parent.parent / "elsewhere")
    path.symlink_to(kept)


def replaced_by_a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("what", ["content", "description", "directory"])
@pytest.mark.parametrize("by", [replaced_by_a_link, replaced_by_a_fifo])
def test_only_plain_files_of_the_bag_are_read(broken: Path, target: Path, what: str, by: Any) -> None:
    content = contents(broken)[0]
    victim = {"content": content, "description": content.with_suffix(".json"), "directory": content.parent}[what]
    if by is replaced_by_a_fifo and victim.is_dir():
        shutil.rmtree(victim)
        victim.touch()
    by(victim)
    assert "can't be read" in take_in(broken, target)["error"]


@pytest.mark.parametrize(
    ("manifest", "complaint"),
    [
        ("0" * 64 + "  data/../../../etc/passwd\n", "no object of a store"),
        ("0" * 64 + "  data/zz/obj_" + "0" * 27 + "\n", "no object of a store"),
        ("0" * 64 + "  /etc/passwd\n", "no object of a store"),
        ("0" * 64 + "  data/00/obj_" + "0" * 27 + "\n", "1 objects and 0 descriptions"),
        ("x" * 100_000, "no object of a store"),
        ("\xff\xfe\0", "no object of a store"),
    ],
)
def test_a_manifest_that_lists_anything_else_is_refused(
    broken: Path, target: Path, manifest: str, complaint: str
) -> None:
    (broken / "manifest-sha256.txt").write_text(manifest, encoding="latin-1")
    (broken / "tagmanifest-sha256.txt").unlink()
    assert complaint in take_in(broken, target)["error"]


def test_a_manifest_that_was_cut_short_is_no_smaller_store(broken: Path, target: Path) -> None:
    manifest = broken / "manifest-sha256.txt"
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:2]))
    assert "isn't whole" in take_in(broken, target)["error"]


def test_an_import_that_breaks_off_leaves_nothing_of_the_object_it_was_at(bag: Path, root: Path, other: Client) -> None:
    victim = max(contents(bag), key=lambda each: each.stat().st_size)
    described = victim.with_suffix(".json").read_bytes()

    def body() -> Iterator[bytes]:
        yield described
        yield victim.read_bytes()[: 2 << 20]
        eventually(lambda: any(Layout(root).incoming.iterdir()))
        raise KeyboardInterrupt

    length = len(described) + victim.stat().st_size
    with Caller(Layout(root), other.endpoint) as caller, pytest.raises(KeyboardInterrupt):
        caller.control("POST", "import", body(), length, {DESCRIPTION_LENGTH: str(len(described))})
    eventually(lambda: not any(Layout(root).incoming.iterdir()))
    assert other.objects() == []
    assert "Traceback" not in Layout(root).log.read_text()


@pytest.mark.parametrize("length", ["", "0", "-1", "x", "99999999999"])
def test_an_import_without_a_description_is_refused(target: Path, length: str) -> None:
    with (
        Caller(Layout(target), launch.ensure(target)) as caller,
        pytest.raises(EmbeddedStoreError, match="the description has no length"),
    ):
        caller.control("POST", "import", b"{}", 0, {DESCRIPTION_LENGTH: length})


def test_a_store_of_another_version_that_cannot_do_it_is_named(target: Path) -> None:
    with (
        Caller(Layout(target), launch.ensure(target)) as caller,
        pytest.raises(EmbeddedStoreError, match=r"of another version \(.*`runloop-local stop`"),
    ):
        caller.control("POST", "later-invention")


def test_a_directory_that_is_no_export_is_named(tmp_path: Path, target: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        assert "is no export of a store" in take_in(path, target)["error"]


def test_an_object_of_the_same_moment_is_pushed_aside_by_none(
    bag: Path, broken: Path, root: Path, other: Client
) -> None:
    """Ids begin with their moment; two stores may have had the same one, and paging must still meet both."""
    take_in(bag, root)
    twin = contents(broken)[0]
    position = position_of(twin.name)
    assert position is not None
    described = json.loads(twin.with_suffix(".json").read_text())
    double = make_id(position)
    shutil.rmtree(broken / "data")
    (broken / "data" / double[-2:]).mkdir(parents=True)
    (broken / "data" / double[-2:] / double).write_bytes((bag / "data" / twin.parent.name / twin.name).read_bytes())
    (broken / "data" / double[-2:] / f"{double}.json").write_text(json.dumps({**described, "id": double}))
    relist(broken)
    assert take_in(broken, root)["objects"] == 1
    paged, after = [], ""
    while page := other.objects(limit=1, starting_after=after):
        after = page[0]["id"]
        paged.append(after)
    assert len(paged) == len(set(paged)) == len(contents(bag)) + 1
    assert {double, twin.name} < set(paged)


def test_an_export_never_writes_over_anything(full: Client, tmp_path: Path) -> None:
    for target in (tmp_path / "file", tmp_path / "directory", tmp_path / "link"):
        if target.name == "file":
            target.write_text("mine")
        elif target.name == "directory":
            target.mkdir()
        else:
            target.symlink_to("nowhere")
        answer = runloop_local("export", str(target), "--root", str(full.root))
        assert answer.returncode == 1
        assert "is there already" in answer.stderr
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["directory", "file", "link"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_export_that_is_broken_off_shows_nothing_and_can_be_made_again(
    root: Path, other: Client, tmp_path: Path, number: signal.Signals
) -> None:
    for n in range(20):
        other.put(f"n{n}", bytes(4 << 20))
    command = [sys.executable, "-m", "runloop_jupyter.local.cli", "export", str(tmp_path / "bag"), "--root", str(root)]
    running = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
    part = tmp_path / ".bag.part"
    eventually(lambda: part.is_dir() and len(list(part.glob("data/*/*"))) > 4)
    second = runloop_local("export", str(tmp_path / "bag"), "--root", str(root)) if number == signal.SIGINT else None
    running.send_signal(number)
    _, said = running.communicate(timeout=30)
    assert not (tmp_path / "bag").exists()
    if number == signal.SIGINT:
        assert running.returncode == 130
        assert "Traceback" not in said
        assert not part.exists()
        assert second is not None
        assert second.returncode == 1
        assert "another export" in second.stderr or "is there already" in second.stderr
    assert runloop_local("export", str(tmp_path / "bag"), "--root", str(root)).returncode == 0
    assert len(contents(tmp_path / "bag")) == 20
    assert not part.exists()


def test_an_export_waits_for_no_lock_that_is_not_its_own(full: Client, tmp_path: Path) -> None:
    part = tmp_path / ".bag.part"
    part.mkdir()
    (part / "left by a killed one").write_text("x")
    fd = os.open(part, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        answer = runloop_local("export", str(tmp_path / "bag"), "--root", str(full.root))
        assert answer.returncode == 1
        assert "another export" in answer.stderr
        assert list(part.iterdir())
    finally:
        os.close(fd)
    assert runloop_local("export", str(tmp_path / "bag"), "--root", str(full.root)).returncode == 0
    assert not (tmp_path / "bag" / "left by a killed one").exists()
