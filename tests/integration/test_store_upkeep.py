"""What its owner asks of a running store, and what it tells."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from store_process import runloop_local

from runloop_jupyter.local import launch
from runloop_jupyter.local.ids import make_id
from runloop_jupyter.local.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path


def told(command: str, root: Path, *more: str) -> dict[str, Any]:
    """What a command says to programs."""
    answer = runloop_local(command, "--root", str(root), "--json", *more)
    assert answer.stdout.count("\n") == 1, answer
    return dict(json.loads(answer.stdout))


@pytest.fixture
def littered(root: Path) -> dict[str, Path]:
    """A store with one object, and files of each kind that no object has."""
    endpoint = launch.ensure(root)
    headers = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
    blobs, incoming = Layout(root).blobs, Layout(root).incoming
    with httpx.Client(base_url=endpoint.base_url, headers=headers, trust_env=False) as client:

        def put() -> str:
            view = client.post("/v1/objects", json={"name": "n", "content_type": "text"}).json()
            client.put(view["upload_url"], content=b"kept")
            client.post(f"/v1/objects/{view['id']}/complete")
            return str(view["id"])

        kept, deleted, stray = put(), put(), make_id(7)
        client.post(f"/v1/objects/{deleted}/delete")
        waiting = client.post("/v1/objects", json={"name": "waiting", "content_type": "text"}).json()
        client.put(waiting["upload_url"], content=b"not complete yet")
    files = {
        "kept": blobs / kept[-2:] / kept,
        "waiting": blobs / waiting["id"][-2:] / waiting["id"],
        "leftover": blobs / deleted[-2:] / deleted,
        "stray": blobs / stray[-2:] / stray,
        "not ours": blobs / kept[-2:] / "notes.txt",
        "uploading": incoming / "a.part",
        "cut off": incoming / "b.part",
    }
    for path in files.values():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if not path.exists():
            path.write_bytes(b"12345")
    os.utime(files["cut off"], (1, 1))
    return files


def remaining(files: dict[str, Path]) -> set[str]:
    return {what for what, path in files.items() if path.exists()}


def test_gc_removes_what_no_object_has_and_nothing_else(root: Path, littered: dict[str, Path]) -> None:
    everything = set(littered)
    counted = {"expired": 0, "leftovers": 1, "cut_off": 1, "strays": 0, "size_bytes": 10}
    assert told("gc", root, "--dry-run") == {**counted, "dry_run": True}
    assert remaining(littered) == everything
    assert told("gc", root) == {**counted, "dry_run": False}
    assert remaining(littered) == everything - {"leftover", "cut off"}
    assert told("gc", root) == dict.fromkeys(counted, 0) | {"dry_run": False}


def test_gc_takes_strays_when_it_is_told_to(root: Path, littered: dict[str, Path]) -> None:
    aside = Layout(root).strays
    aside.mkdir(mode=0o700)
    (aside / make_id(8)).write_bytes(b"678")
    answer = told("gc", root, "--strays")
    assert (answer["strays"], answer["size_bytes"]) == (2, 18)
    assert remaining(littered) == {"kept", "waiting", "not ours", "uploading"}
    assert not list(aside.iterdir())


def test_gc_says_what_it_did(root: Path, littered: dict[str, Path]) -> None:
    said = runloop_local("gc", "--root", str(root)).stdout
    assert said == ("removed 0 expired objects; the files of 1 deleted ones, 1 cut-off uploads, 0 strays: 10 bytes\n")


def test_status_tells_where_how_much_and_what_is_wrong(root: Path) -> None:
    endpoint = launch.ensure(root)
    before = told("status", root)
    assert before["problems"] == []
    assert before["log"] == str(Layout(root).log)
    assert before["disk_free_bytes"] > 0
    assert 0 < before["uptime_seconds"] < 60
    assert (before["pid"], before["objects"], before["size_bytes"]) == (endpoint.pid, {}, 0)
    Layout(root).log.chmod(0o644)
    with Layout(root).log.open("a") as log:
        log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')},000 ERROR GET /v1/objects failed\n")
        log.write("2001-01-01 00:00:00,000 ERROR long ago\n")
    Layout(root).strays.mkdir()
    (Layout(root).strays / "one").touch()
    problems = told("status", root)["problems"]
    assert len(problems) == 3
    assert "is open to others" in problems[0]
    assert "1 files belong to no object" in problems[1]
    assert "1 errors in the log" in problems[2]
    assert "problem: " + problems[2] in runloop_local("status", "--root", str(root)).stdout


@pytest.mark.parametrize("command", ["env", "status", "stop", "gc", "export", "import"])
def test_every_command_answers_programs_in_json_also_when_it_fails(tmp_path: Path, command: str) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no directory")
    more = [str(tmp_path / "bag")] if command in ("export", "import") else []
    answer = runloop_local(command, "--root", str(in_the_way / "store"), "--json", *more)
    said = json.loads(answer.stdout)
    if command in ("status", "stop"):
        assert said.get("running", said.get("stopped")) is False
    else:
        assert answer.returncode == 1
        assert "can't be started" in said["error"]
        assert answer.stderr.count("\n") == 1


def test_every_command_explains_itself() -> None:
    overview = runloop_local("--help").stdout
    for command in ("serve", "env", "status", "stop", "gc", "export", "import"):
        assert f"\n    {command} " in overview
        said = runloop_local(command, "--help").stdout
        assert "--json" in said
        assert "--root" in said
        assert len(said.split("\n\n")[1]) > 30
