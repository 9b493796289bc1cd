"""A store process killed with SIGKILL at random moments, again and again, while clients work with it.

``python tests/faults/store_kills.py --kills 1000`` prints what was checked; a few kills are a test (test_store_kills).

Every object says in its metadata what its bytes are, and every client keeps a ledger of what the store acknowledged.
Some kills come while the store starts, recovers or migrates. After each the store is started again and held against
ledger and disk:

- what was acknowledged as complete is READ_ONLY with its bytes, what was put is still there to be completed;
- whatever is READ_ONLY, acknowledged or not, has the bytes its metadata names;
- what was acknowledged as deleted, or is past its time, is in no list and on no disk;
- each file belongs to an object that wants it, each object that must have a file has it, and nothing is ERROR;
- the database is sound and of a version as a whole;
- a request that got no answer does its work once, however often it is sent again.

A kill leaves the page cache alone. What a power cut would do is told by the order of the system calls: see
test_store_durable.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import logging
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

KEY: Final = "key-of-the-kills"
CLIENTS: Final = 4
LIVE: Final = 8  # objects of one client
SIZES: Final = (0, 1, 700, 4_096, 65_536, 1_500_000)
SIZE_WEIGHTS: Final = (1, 1, 4, 4, 4, 1)
# A due time is compared with two clocks' readings, taken a request apart.
SLACK_MS: Final = 50


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--stores", type=int, default=2, help="at the same time")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        torments = [Torment(Path(directory) / f"store-{n}", options.seed + n) for n in range(options.stores)]
        share = -(-options.kills // options.stores)
        threads = [threading.Thread(target=each.run, args=(share,)) for each in torments]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.2)
            if sys.stderr.isatty():
                print(f"\r{sum(each.counts['kills'] for each in torments)} kills", end="", file=sys.stderr)
    counts = sum((each.counts for each in torments), Counter[str]())
    for name, count in sorted(counts.items()):
        print(f"{count:>9,}  {name}")
    starts = sorted(second for each in torments for second in each.starts)
    print(f"start to ready: median {starts[len(starts) // 2]:.3f} s, longest {starts[-1]:.3f} s")
    wrong = [line for each in torments for line in each.wrong]
    print(f"{len(wrong)} violations in {time.monotonic() - began:.0f} s")
    for line in wrong[:20]:
        print(line)
    return 1 if wrong else 0


@dataclass
class Thing:
    """One object in a client's ledger. Each step is "", "sent" or "acked"."""

    name: str
    content: bytes = field(repr=False)
    ttl_ms: int | None
    request: str
    create: str = ""
    put: str = ""
    complete: str = ""
    delete: str = ""
    id: str = ""
    url: str = ""
    due_ms: float = float("inf")

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def alive(self) -> bool:
        """Whether it must still be there."""
        return not self.delete and time.time() * 1000 < self.due_ms - SLACK_MS

    @property
    def gone(self) -> bool:
        """Whether it must be gone."""
        return self.delete == "acked" or time.time() * 1000 > self.due_ms + SLACK_MS


class Client(threading.Thread):
    """Works with the store until that dies."""

    def __init__(self, torment: Torment, things: list[Thing], seed: str) -> None:
        super().__init__()
        self.torment = torment
        self.things = things
        self.rng = random.Random(seed)
        self.steps = 0
        self.connection = http.client.HTTPConnection("127.0.0.1", torment.port, timeout=20)

    def run(self) -> None:
        try:
            while not self.torment.killing.is_set():
                self.step()
                self.steps += 1
        except (OSError, http.client.HTTPException):
            pass  # killed; what was sent may or may not have been done
        finally:
            self.connection.close()

    def step(self) -> None:
        self.things[:] = [each for each in self.things if not each.gone]
        if len(self.things) < LIVE and self.rng.random() < 0.4:
            content = self.rng.randbytes(self.rng.choices(SIZES, SIZE_WEIGHTS)[0])
            ttl = self.rng.choice((1, 30, 200, 5_000)) if self.rng.random() < 0.2 else None
            word = f"{self.rng.getrandbits(60):x}"
            thing = Thing(f"thing-{word}", content, ttl, word)
            self.things.append(thing)
        elif self.things:
            thing = self.rng.choice(self.things)
        else:
            return
        if thing.create != "acked":
            self.create(thing)
        elif thing.delete or (thing.complete == "acked" and self.rng.random() < 0.3) or self.rng.random() < 0.03:
            thing.delete = thing.delete or "sent"
            if self.answered(thing, "POST", f"/v1/objects/{thing.id}/delete", request="d") is not None:
                thing.delete = "acked"
                self.torment.deleted.add(thing.id)
                self.torment.counts["deletes acknowledged"] += 1
        elif thing.complete == "acked":
            self.read(thing)
        elif thing.complete or (thing.put == "acked" and self.rng.random() < 0.8):
            thing.complete = "sent"
            if self.answered(thing, "POST", f"/v1/objects/{thing.id}/complete", request="c") is not None:
                thing.complete = "acked"
                self.torment.counts["completes acknowledged"] += 1
        else:
            if thing.put != "acked":
                thing.put = "sent"
            path = urlsplit(thing.url)
            if self.answered(thing, "PUT", f"{path.path}?{path.query}", thing.content) is not None:
                thing.put = "acked"
                self.torment.counts["uploads acknowledged"] += 1

    def create(self, thing: Thing) -> None:
        thing.create = "sent"
        body = {"name": thing.name, "content_type": "binary", "metadata": {"sha256": thing.digest}}
        if thing.ttl_ms is not None:
            body["ttl_ms"] = thing.ttl_ms
        answer = self.answered(thing, "POST", "/v1/objects", json.dumps(body).encode(), request="n")
        if answer is not None:
            view = json.loads(answer)
            thing.id, thing.url = view["id"], view["upload_url"]
            thing.due_ms = view.get("delete_after_time_ms") or float("inf")
            thing.create = "acked"
            self.torment.counts["creates acknowledged"] += 1

    def read(self, thing: Thing) -> None:
        answer = self.answered(thing, "GET", f"/v1/objects/{thing.id}/download")
        if answer is not None:
            url = urlsplit(json.loads(answer)["download_url"])
            content = self.answered(thing, "GET", f"{url.path}?{url.query}")
            if content is not None and content != thing.content:
                self.torment.wrong.append(f"{thing.id} was read with other bytes")
            self.torment.counts["reads compared"] += 1

    def answered(
        self, thing: Thing, method: str, path: str, body: bytes | None = None, request: str | None = None
    ) -> bytes | None:
        """Return the body of a 200; None for what is refused because its time has come. Anything else is wrong."""
        headers = {"Content-Type": "application/json"}
        if path.startswith("/v1/"):
            headers["Authorization"] = f"Bearer {KEY}"
        if request:
            headers["x-request-id"] = thing.request + request
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status == 200:
            return content
        if not thing.alive and 400 <= answer.status < 500:
            return None
        self.torment.wrong.append(f"{method} {path[:60]} of {thing}: {answer.status} {content[:200]!r}")
        return None


class Torment:
    """One store, its clients, and who kills it."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.rng = random.Random(seed)
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.starts: list[float] = []
        self.deleted: set[str] = set()
        self.ledgers: list[list[Thing]] = [[] for _ in range(CLIENTS)]
        self.killing = threading.Event()
        self.pid = self.port = 0
        self.nursery = _nursery()
        # What is migrated to comes after the version that this package writes.
        self.version = self.base = self.said("base")
        self.possible = {self.version}  # which the database can be of

    def run(self, kills: int) -> None:
        try:
            self.start()
            while True:
                self.until_ready()
                self.check()
                if self.counts["kills"] >= kills or self.wrong:
                    break
                self.work(self.rng.randrange(60))
                self.check_database()
                while self.rng.random() < 0.3:
                    self.kill_while_starting()
                self.start()
        except Exception as error:
            self.wrong.append(f"{type(error).__name__}: {error}")
            raise
        finally:
            self.kill()
            self.nursery.stdin.close()
            self.nursery.stdout.close()
            self.nursery.wait()

    def kill_while_starting(self) -> None:
        self.version += self.rng.random() < 0.5
        self.possible.add(self.version)
        self.start()
        time.sleep(self.rng.uniform(0, 0.1))
        self.kill()
        self.check_database()
        self.counts["kills while starting"] += 1

    def start(self) -> None:
        self.began = time.monotonic()
        self.nursery.stdin.write(json.dumps([str(self.root), self.version]) + "\n")
        self.nursery.stdin.flush()
        self.pid = self.said("pid")

    def until_ready(self) -> None:
        self.port = self.said("port")
        self.possible = {self.version}
        self.starts.append(time.monotonic() - self.began)

    def said(self, word: str) -> int:
        """Return the number the nursery, or the store, says after `word`."""
        while True:
            line = self.nursery.stdout.readline().split()
            if not line:
                raise AssertionError("the nursery ended")
            if line[0] == "failed":
                raise AssertionError(f"the store didn't start: {' '.join(line)}")
            if line[0] == word and (word != "port" or line[2] == str(self.pid)):
                return int(line[1])

    def kill(self) -> None:
        """End the store, and wait until the system has taken it away."""
        self.counts["kills"] += 1
        with suppress(ProcessLookupError):
            while True:
                os.kill(self.pid, signal.SIGKILL)
                self.killing.set()
                time.sleep(0.001)

    def work(self, steps: int) -> None:
        """Let the clients work, and kill the store under their hands after about so many steps."""
        self.killing.clear()
        clients = [
            Client(self, things, f"{self.seed}/{self.counts['kills']}/{number}")
            for number, things in enumerate(self.ledgers)
        ]
        for each in clients:
            each.start()
        deadline = time.monotonic() + 2
        while sum(each.steps for each in clients) < steps and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(self.rng.uniform(0, 0.005))
        self.kill()
        for each in clients:
            each.join()
        self.counts["kills under clients"] += 1

    def check(self) -> None:
        """Hold the store that has just started against ledger and disk."""
        listed = {state: self.listing(state) for state in ("READ_ONLY", "UPLOADING", "ERROR")}
        there = {**listed["READ_ONLY"], **listed["UPLOADING"]}
        things = [each for ledger in self.ledgers for each in ledger]
        files = {each.name: each for each in (self.root / "blobs").glob("*/*")}
        self.right(not listed["ERROR"], f"ERROR: {list(listed['ERROR'])[:3]}")
        self.right(not list((self.root / "incoming").iterdir()), "uploads are left in incoming")
        self.right(not (self.root / "strays").exists(), "strays")
        self.right(not self.deleted & there.keys(), f"deleted, and listed: {self.deleted & there.keys()}")
        self.right(not self.deleted & files.keys(), f"deleted, and on the disk: {self.deleted & files.keys()}")
        self.counts["deletes that held"] += len(self.deleted)
        now = time.time() * 1000
        for object_id, path in files.items():
            view = there.get(object_id)
            due = view is None and any(each.id == object_id and not each.alive for each in things)
            due = due or (view is not None and view.get("delete_after_time_ms", now + 1e9) < now + SLACK_MS)
            self.right(view is not None or due or not path.exists(), f"an orphan: {path}")
        self.counts["files held against objects"] += len(files)
        for object_id, view in listed["READ_ONLY"].items():
            if view.get("delete_after_time_ms", now + 1e9) < now + 5 * SLACK_MS:
                continue
            self.right(object_id in files, f"READ_ONLY without a file: {object_id}")
            content = files[object_id].read_bytes() if object_id in files else b""
            whole = hashlib.sha256(content).hexdigest() == view["metadata"]["sha256"]
            self.right(whole and view["size_bytes"] == len(content), f"READ_ONLY with other bytes: {object_id}")
            self.counts["READ_ONLY objects compared"] += 1
        known = {each.id for each in things} | {each.name for each in things if each.create == "sent"}
        for object_id, view in there.items():
            known_or_due = object_id in known or view["name"] in known or "delete_after_time_ms" in view
            self.right(known_or_due, f"nobody put {object_id} {view['name']}")
        for each in things:
            if not each.alive or each.create != "acked":
                continue
            view = there.get(each.id)
            if view is None:
                self.right(not each.alive, f"acknowledged and lost: {each}")
            elif each.complete == "acked":
                self.right(view["state"] == "READ_ONLY", f"completed, and {view['state']}: {each}")
                self.counts["acknowledged objects found"] += 1
            elif each.put == "acked":
                right = each.id in files and files[each.id].read_bytes() == each.content
                self.right(right, f"put, and not there: {each}")
                self.counts["acknowledged uploads found"] += 1
        self.counts["checks"] += 1

    def check_database(self) -> None:
        """Look at a copy of the killed store's database: it is sound, and of a version as a whole."""
        with tempfile.TemporaryDirectory() as directory:
            for each in self.root.glob("store.db*"):
                shutil.copy(each, directory)
            with closing(sqlite3.connect(Path(directory) / "store.db")) as connection:
                (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                steps = connection.execute("SELECT name FROM sqlite_master WHERE name GLOB 'step_[0-9]*'").fetchall()
                held = connection.execute("SELECT pair, count(*) FROM object_meta GROUP BY pair").fetchall()
                kept = connection.execute("SELECT pair, n FROM meta_pair ORDER BY pair").fetchall()
                found = [
                    (pair, connection.execute("SELECT count(*) FROM object_pair(?)", (str(pair),)).fetchone()[0])
                    for pair, _ in held
                ]
        self.right(sound == "ok", f"the database: {sound}")
        self.right(version in self.possible, f"version {version}, not one of {self.possible}")
        wanted = [] if version <= self.base else [(f"step_{version}",)]
        self.right(steps == wanted, f"version {version} with {steps}")
        self.right(held == kept, "the numbers kept of pairs are others than those counted")
        self.right(held == found, "the index of pairs has others than the table")
        self.counts["pairs found in their index"] += len(found)
        self.counts["databases found sound"] += 1

    def listing(self, state: str) -> dict[str, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        found: dict[str, dict[str, Any]] = {}
        after = ""
        with closing(connection):
            while True:
                path = f"/v1/objects?limit=5000&include_total_count=false&state={state}{after}"
                connection.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
                page = json.loads(connection.getresponse().read())
                found.update({each["id"]: each for each in page["objects"]})
                if not page["has_more"]:
                    return found
                after = f"&starting_after={page['objects'][-1]['id']}"

    def right(self, condition: bool, otherwise: str) -> None:
        if not condition:
            self.wrong.append(f"after kill {self.counts['kills']}: {otherwise}")


def _nursery() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__)), "--nursery"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def nursery() -> None:
    """Fork a store for each line of standard input. The imports are done once: a start takes what the store takes."""
    from runloop_jupyter.index import Schema
    from runloop_jupyter.local import server
    from runloop_jupyter.local.layout import Layout
    from runloop_jupyter.secret import Secret

    logging.disable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are reaped at once
    current = server.SCHEMA

    def step(version: int) -> str:
        """A migration that takes a moment, so that a kill can hit it."""
        return (
            f"CREATE TABLE step_{version} AS SELECT id, randomblob(200) AS filler FROM object;"
            f"DROP TABLE IF EXISTS step_{version - 1}"
        )

    print("base", current.version, flush=True)
    for line in sys.stdin:
        root, version = json.loads(line)
        pid = os.fork()
        if pid:
            print("pid", pid, flush=True)
            continue
        os.close(0)
        steps = (*current.steps, *(step(number) for number in range(current.version + 1, version + 1)))
        newest = "".join(f"{step(number)};" for number in range(current.version + 1, version + 1))
        server.SCHEMA = Schema(version=len(steps) + 1, script=current.script + newest, steps=steps)
        try:
            server.serve(
                Layout(Path(root)),
                server.Options(key=Secret(KEY), ready=lambda state: print("port", state.port, os.getpid(), flush=True)),
            )
        except BaseException as error:
            print("failed", repr(error).replace("\n", " "), flush=True)
        os._exit(0)


if __name__ == "__main__":
    if sys.argv[1:] == ["--nursery"]:
        nursery()
    else:
        sys.exit(main())
