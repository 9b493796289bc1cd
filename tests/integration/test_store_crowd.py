"""Sixty-four clients at once: writers, rivals for one upload, readers, lists and deletes, all among each other."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from store_process import KEY, open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLIENTS = 64
SECONDS = 5
KEPT = 40  # objects that are left for the readers
SIZES = (0, 1, 1_000, 20_000, 300_000, 2_000_000)
SIZE_WEIGHTS = (1, 1, 8, 8, 2, 1)


def payload(name: str, version: int, size: int) -> bytes:
    """Bytes that say whose they are and prove that they are whole."""
    head = f"{name} {version} {size}\n".encode()
    return head + hashlib.shake_128(head).digest(size)


def is_payload(content: bytes, name: str) -> bool:
    head, _, _ = content.partition(b"\n")
    found, version, size = head.decode().split(" ")
    return found == name and content == payload(name, int(version), int(size))


class Crowd:
    """What the clients share: who is there, and what went wrong."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.there: dict[str, str] = {}  # id: name, of what is complete and not being deleted
        self.deleting: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.until = time.monotonic() + SECONDS


class Client:
    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd = crowd
        self.number = number
        self.rng = random.Random(number)
        self.made = 0
        self.connection = http.client.HTTPConnection("127.0.0.1", crowd.port, timeout=60)

    def run(self) -> None:
        kinds = (self.write, self.write, self.read, self.read, self.list, self.delete)
        work: Callable[[], None] = kinds[self.number % len(kinds)]
        try:
            while time.monotonic() < self.crowd.until:
                work()
        except Exception as error:
            self.crowd.wrong.append(f"{work.__name__}: {error!r}")
        finally:
            self.connection.close()

    def ask(self, method: str, path: str, body: bytes | None = None, *, may_be: tuple[int, ...] = ()) -> bytes | None:
        """Return the body of a 200; None for one of the statuses that it may be."""
        headers = {"Authorization": f"Bearer {KEY}"} if path.startswith("/v1/") else {}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        self.crowd.counts["requests"] += 1
        if answer.status == 200:
            return content
        if answer.status not in may_be:
            self.crowd.wrong.append(f"{method} {path[:50]}: {answer.status} {content[:200]!r}")
        return None

    def write(self) -> None:
        """Create, upload from two connections at once every fourth time, complete."""
        self.made += 1
        name = f"thing-{self.number}-{self.made}"
        body = json.dumps({"name": name, "content_type": "binary", "metadata": {"by": str(self.number)}})
        created = json.loads(self.ask("POST", "/v1/objects", body.encode()) or b"")
        url = urlsplit(created["upload_url"])
        contents = [payload(name, version, self.rng.choices(SIZES, SIZE_WEIGHTS)[0]) for version in range(2)]
        if self.made % 4 == 0:
            rival = Client(self.crowd, self.number)
            thread = threading.Thread(target=rival.ask, args=("PUT", f"{url.path}?{url.query}", contents[1]))
            thread.start()
            self.ask("PUT", f"{url.path}?{url.query}", contents[0])
            thread.join()
            rival.connection.close()
            self.crowd.counts["uploads with a rival"] += 1
        else:
            self.ask("PUT", f"{url.path}?{url.query}", contents[0])
        view = json.loads(self.ask("POST", f"/v1/objects/{created['id']}/complete") or b"")
        if view["size_bytes"] not in {len(each) for each in contents}:
            self.crowd.wrong.append(f"{name} has {view['size_bytes']} bytes")
        self.crowd.there[created["id"]] = name
        self.crowd.counts["written"] += 1

    def read(self) -> None:
        for object_id in self.some():
            name = self.crowd.there.get(object_id, "")
            answer = self.ask("GET", f"/v1/objects/{object_id}/download", may_be=(400,))
            url = urlsplit(json.loads(answer)["download_url"]) if answer else None
            content = self.ask("GET", f"{url.path}?{url.query}", may_be=(404,)) if url else None
            if content is None and object_id not in self.crowd.deleting:
                self.crowd.wrong.append(f"{object_id} can't be read, and nobody deleted it")
            if content is not None and name and not is_payload(content, name):
                self.crowd.wrong.append(f"{name} was read as {content[:60]!r}, {len(content)} bytes")
            self.crowd.counts["read"] += content is not None

    def list(self) -> None:
        before = set(self.crowd.there) - self.crowd.deleting
        page = json.loads(self.ask("GET", "/v1/objects?limit=5000&state=READ_ONLY") or b"")
        missing = before - {each["id"] for each in page["objects"]} - self.crowd.deleting
        if missing and not page["has_more"]:
            self.crowd.wrong.append(f"complete, and not in the list: {missing}")
        self.crowd.counts["listed"] += 1

    def delete(self) -> None:
        for object_id in self.some(beyond=KEPT):
            self.crowd.deleting.add(object_id)
            self.ask("POST", f"/v1/objects/{object_id}/delete")
            self.crowd.there.pop(object_id, None)
            self.crowd.counts["deleted"] += 1

    def some(self, beyond: int = 0) -> list[str]:
        """Return an id, or none where there aren't more than `beyond`."""
        there = list(self.crowd.there.copy())
        if len(there) <= beyond:
            time.sleep(0.01)
            return []
        return [self.rng.choice(there)]


def test_every_read_is_one_whole_payload_and_nothing_fails(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    crowd = Crowd(store.port)
    threads = [threading.Thread(target=Client(crowd, number).run) for number in range(CLIENTS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    counts = dict(crowd.counts)
    print(counts)
    assert crowd.wrong == []
    assert min(counts[each] for each in ("written", "read", "deleted", "listed", "uploads with a rival")) > 10, counts
    # What is left is exactly what the clients say is left, each with its file, and there is no file beside.
    listed = store.get("/v1/objects", params={"state": "READ_ONLY", "limit": 5000}).json()["objects"]
    files = {each.name: each for each in (store.root / "blobs").glob("*/*")}
    assert {each["id"] for each in listed} == crowd.there.keys() == files.keys()
    assert all(is_payload(files[object_id].read_bytes(), name) for object_id, name in crowd.there.items())
    assert list((store.root / "incoming").iterdir()) == []
    store.close()
    assert "Traceback" not in store.log()
