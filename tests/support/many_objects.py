"""Forty thousand objects in seconds: an embedded store's database as its daemon would have written it.

The blobs aren't there; whoever lists doesn't look at them.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Final

from runloop_jupyter.index import ObjectIndex, connect, transaction
from runloop_jupyter.local.database import SCHEMA
from runloop_jupyter.local.ids import make_id, next_position
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.wire.objects import ObjectView

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DAY_MS: Final = 86_400_000
MODELS: Final = ("resnet50", "vit", "unet", "swin", "mlp")
KINDS: Final = (("table", "parquet"), ("array", "npy"), ("json", "json"), ("folder", "tgz"))


def many(n: int, now_ms: int, seed: int = 7) -> list[ObjectView]:
    """Return `n` objects, newest first: a year of runs, a few versions under each name, 14 metadata pairs each.

    One in twenty is deleted, one in a hundred was never finished, one in ten has a time to live.
    """
    rng = random.Random(seed)
    views = []
    step = 365 * DAY_MS // n
    position = None
    for number in range(n):  # oldest first, as they were put
        created = now_ms - (n - number) * step
        position = next_position(position, created)
        state = "DELETED" if rng.random() < 0.05 else "UPLOADING" if rng.random() < 0.01 else "READ_ONLY"
        ends = now_ms + rng.randrange(1, 90 * DAY_MS) if rng.random() < 0.1 else None
        views.append(
            ObjectView(
                id=make_id(position),
                name=f"runs/{rng.randrange(1, 13):02}/{rng.choice(MODELS)}-{rng.randrange(n // 80):05}/val",
                state=state,
                content_type="binary",
                create_time_ms=created,
                size_bytes=None if state == "UPLOADING" else rng.randrange(1 << 30),
                delete_after_time_ms=ends,
                metadata=None if state == "DELETED" else _metadata(rng, number),
            )
        )
    return views[::-1]


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
    root.mkdir(parents=True, mode=0o700, exist_ok=True)
    connection = connect(Layout(root).database, SCHEMA)
    index = ObjectIndex(connection)
    position = None
    with transaction(connection):
        for view in reversed(views):
            position = next_position(position, view.create_time_ms)
            index.put(position, view)
            if view.delete_after_time_ms is not None:
                connection.execute("INSERT INTO ttl VALUES (?, ?)", (view.delete_after_time_ms, position))
    connection.close()
