"""Forty thousand objects in seconds, a million in minutes: an embedded store's database as if by its daemon; a service.

The blobs are holes of the right size, for a store that starts looks whether they are there.
"""

from __future__ import annotations

import json
import random
import time
from array import array
from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from misbehaving import Answer

from runloop_jupyter.index import connect, transaction
from runloop_jupyter.index.row import INSERT, row
from runloop_jupyter.local.database import SCHEMA
from runloop_jupyter.local.ids import make_id, next_position
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.wire.json import encode
from runloop_jupyter.wire.objects import ObjectListView, ObjectView

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from misbehaving import Backend

DAY_MS: Final = 86_400_000
MODELS: Final = ("resnet50", "vit", "unet", "swin", "mlp")
KINDS: Final = (("table", "parquet"), ("array", "npy"), ("json", "json"), ("folder", "tgz"))


def many(n: int, now_ms: int, seed: int = 7) -> list[ObjectView]:
    """Return `n` objects, newest first: a year of runs, a few versions under each name, 14 metadata pairs each.

    One in twenty is deleted, one in a hundred was never finished, one in ten has a time to live.
    """
    return list(oldest_first(n, now_ms, seed))[::-1]


def oldest_first(n: int, now_ms: int, seed: int = 7) -> Iterator[ObjectView]:
    """Yield what `many` returns in the order in which it was put."""
    rng = random.Random(seed)
    step = 365 * DAY_MS // n
    position = None
    for number in range(n):
        created = now_ms - (n - number) * step
        position = next_position(position, created)
        state = "DELETED" if rng.random() < 0.05 else "UPLOADING" if rng.random() < 0.01 else "READ_ONLY"
        ends = now_ms + rng.randrange(DAY_MS, 90 * DAY_MS) if rng.random() < 0.1 else None
        yield ObjectView(
            id=make_id(position),
            name=f"runs/{rng.randrange(1, 13):02}/{rng.choice(MODELS)}-{rng.randrange(n // 80):05}/val",
            state=state,
            content_type="binary",
            create_time_ms=created,
            size_bytes=None if state == "UPLOADING" else rng.randrange(1 << 30),
            delete_after_time_ms=ends,
            metadata=None if state == "DELETED" else _metadata(rng, number),
        )


def _metadata(rng: random.Random, number: int) -> dict[str, str]:
    kind, stored = rng.choice(KINDS)
    facts = {
        "rows": rng.randrange(10**6),
        "columns": rng.randrange(1, 90),
        "digest": f"blake3:{rng.randbytes(32).hex()}",
    }
    metadata = {
        "model": rng.choice(MODELS),
        "acc": rng.choice([f"{rng.random():.4f}", f"{rng.random():.2e}", "n/a", "nan"]),
        "lr": rng.choice(["1e-3", "0.01", "3e-4"]),
        "epoch": str(rng.randrange(300)),
        "seed": str(rng.randrange(1000)),
        "date": f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
        "dataset": rng.choice(["imagenet", "coco", "cifar10"]),
        "host": f"node-{rng.randrange(64)}",
        "user": rng.choice(["ada", "grace", "alan"]),
        "steps": f"{rng.randrange(10**6):,}",
        "note": f"run {number} of the sweep",
        "rl.kind": kind,
        "rl.format": stored,
        "rl.facts": json.dumps(facts, separators=(",", ":")),
    }
    if rng.random() < 0.02:
        metadata["loss>raw"] = f"{rng.random():.3f}"
    return metadata


def store_with(root: Path, views: Sequence[ObjectView]) -> None:
    """Write `views`, newest first, as the database of the store at `root`, which isn't running."""
    write_store(root, reversed(views))


def write_store(root: Path, views: Iterable[ObjectView]) -> None:
    """Write `views`, oldest first, as the database of the store at `root`, which isn't running.

    Metadata goes in at once, triggers set aside: one by one, half a million pairs take a quarter of a minute.
    """
    root.mkdir(parents=True, mode=0o700, exist_ok=True)
    connection = connect(Layout(root).database, SCHEMA)
    connection.execute("PRAGMA cache_size = -1000000")
    keys: dict[str, int] = {}
    names: dict[str, int] = {}
    pairs: dict[tuple[int, str], int] = {}
    uses = array("q", [0])  # by pair
    aside = [
        connection.execute("SELECT type, name, sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
        for name in ("object_meta_inserted", "meta_pair_inserted")
    ]
    with transaction(connection):
        for kind, name, _ in aside:
            connection.execute(f"DROP {kind} {name}")
        connection.execute("CREATE TEMP TABLE held (key, position, pair)")
        position = None
        walk = iter(views)
        while some := list(islice(walk, 10_000)):
            holders = []
            for view in some:
                if view.state == "READ_ONLY":
                    _make_hole(Layout(root).blobs, view)
                position = next_position(position, view.create_time_ms)
                named = names.setdefault(view.name, len(names) + 1)
                connection.execute("INSERT OR IGNORE INTO name (number) VALUES (?)", (named,))
                connection.execute(INSERT, row(position, view, named))
                if view.delete_after_time_ms is not None:
                    connection.execute("INSERT INTO ttl VALUES (?, ?)", (view.delete_after_time_ms, position))
                if view.metadata is None:
                    continue
                connection.execute(
                    "INSERT INTO object_metadata VALUES (?, ?)", (position, encode(view.metadata).decode())
                )
                words = []
                for text, value in view.metadata.items():
                    key = keys.setdefault(text, len(keys) + 1)
                    pair = pairs.setdefault((key, value), len(pairs) + 1)
                    if pair == len(uses):
                        uses.append(0)
                    uses[pair] += 1
                    holders.append((key, position, pair))
                    words.append(str(pair))
                connection.execute("INSERT INTO object_pair (rowid, pairs) VALUES (?, ?)", (position, " ".join(words)))
            connection.executemany("INSERT INTO held VALUES (?, ?, ?)", holders)
        connection.executemany(
            "INSERT INTO meta_pair VALUES (?, ?, ?, ?)",
            ((pair, key, value, uses[pair]) for (key, value), pair in pairs.items()),
        )
        connection.executemany("INSERT INTO meta_key VALUES (?, ?, 0, 0)", [(key, text) for text, key in keys.items()])
        connection.execute(
            "UPDATE meta_key SET (n, pairs) = (SELECT sum(n), count(*) FROM meta_pair AS p WHERE p.key = meta_key.key)"
        )
        connection.execute("INSERT INTO object_meta SELECT key, position, pair FROM held ORDER BY key, position")
        for *_, statement in aside:
            connection.execute(statement)
    connection.close()


def _make_hole(blobs: Path, view: ObjectView) -> None:
    directory = blobs / view.id[-2:]
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / view.id).open("xb") as file:
        file.truncate(view.size_bytes or 0)


def paged(views: Sequence[ObjectView], *, listens_to: Collection[str] = (), late_s: float = 0.0) -> Backend:
    """Return a service that lists `views`, newest first, and knows of the parameters in `listens_to` alone.

    Args:
        views: What is stored.
        listens_to: ``name``, ``state``, ``metadata``; of the others it takes no notice.
        late_s: How long it thinks about each page.
    """
    places = {view.id: place for place, view in enumerate(views)}
    bodies: dict[tuple[int, int], bytes] = {}

    def backend(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        url = urlsplit(path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        if url.path != "/v1/objects":
            return Answer(404, {"Content-Type": "application/json"}, b'{"message": "no such route"}')
        time.sleep(late_s)
        start = places[query["starting_after"]] + 1 if "starting_after" in query else 0
        limit = int(query.get("limit", 20))
        if not listens_to:
            if (start, limit) not in bodies:
                more = start + limit < len(views)
                bodies[start, limit] = encode(ObjectListView(objects=views[start : start + limit], has_more=more))
            return Answer(200, {"Content-Type": "application/json"}, bodies[start, limit])
        fits = (view for view in views[start:] if _fits(view, query, listens_to))
        page = list(islice(fits, limit + 1))
        return Answer(
            200,
            {"Content-Type": "application/json"},
            encode(ObjectListView(objects=page[:limit], has_more=len(page) > limit)),
        )

    return backend


def _fits(view: ObjectView, query: dict[str, str], listens_to: Collection[str]) -> bool:
    if "name" in listens_to and query.get("name", "").lower() not in view.name.lower():
        return False
    if "state" in listens_to and query.get("state", view.state) != view.state:
        return False
    wanted = {key[9:-1]: value for key, value in query.items() if key.startswith("metadata[")}
    has = view.metadata or {}
    return "metadata" not in listens_to or all(has.get(key) == value for key, value in wanted.items())
