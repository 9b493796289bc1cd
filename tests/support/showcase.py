"""The store of a small research group, as one looks after a year: what pictures of the browser are taken of.

A few dozen objects have real bytes, put as anybody puts them; some thousand runs lie behind them as holes.
"""

from __future__ import annotations

import io
import json
import random
import tarfile
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
from many_objects import DAY_MS, write_store

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.local.ids import make_id, next_position
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.wire.objects import ObjectView

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR_MS: Final = DAY_MS // 24
MODELS: Final = ("resnet50", "vit-b16", "convnext")
PROJECTS: Final = (("birds", 70), ("scans", 25), ("methods", 5))


def write(root: Path, scratch: Path, runs: int = 8000) -> None:
    """Write the store at `root`, which isn't running; the values are put into the current home's store first.

    Args:
        root: Where the store will be.
        scratch: A directory for files that are put.
        runs: How many objects without real bytes there are.
    """
    now_ms = round(time.time() * 1000)
    real = [(view, body, age_ms, ttl_ms) for view, body, age_ms, ttl_ms in _put_all(scratch)]
    views: list[tuple[int, ObjectView, bytes | None]] = [
        (now_ms - age_ms, view, body) for view, body, age_ms, _ in real
    ]
    ends = {view.id: now_ms + ttl_ms for view, _, _, ttl_ms in real if ttl_ms is not None}
    views += [(view.create_time_ms, view, None) for view in _runs(runs, now_ms)]
    views.sort(key=lambda each: each[0])
    bodies: dict[str, bytes] = {}

    def placed() -> Iterator[ObjectView]:
        position = None
        for created, view, body in views:
            position = next_position(position, created)
            object_id = make_id(position)
            if body is not None:
                bodies[object_id] = body
            ends_ms = ends.get(view.id, view.delete_after_time_ms)
            yield msgspec.structs.replace(view, id=object_id, create_time_ms=created, delete_after_time_ms=ends_ms)

    write_store(root, placed())
    for object_id, body in bodies.items():
        (Layout(root).blobs / object_id[-2:] / object_id).write_bytes(body)


def _put_all(scratch: Path) -> Iterator[tuple[ObjectView, bytes, int, int | None]]:
    """Put what has real bytes; yield the object, its bytes, its age and the rest of its time in milliseconds."""
    for name, value, metadata, age_ms, ttl_ms in _values(scratch):
        thing = rl.put(value, name, metadata=metadata, force=True)
        url = session.current().store.objects.download_url(thing.id)
        yield thing.view, _fetch(url.reveal()), age_ms, ttl_ms


def _fetch(url: str) -> bytes:
    import httpx

    return httpx.get(url).raise_for_status().content


def _values(scratch: Path) -> Iterator[tuple[str, Any, dict[str, str], int, int | None]]:
    import numpy as np
    import pandas as pd
    from PIL import Image

    rng = np.random.default_rng(11)
    birds = {"project": "birds", "model": "resnet50"}

    def metrics(rows: int) -> pd.DataFrame:
        epoch = np.arange(rows) % 480
        return pd.DataFrame(
            {
                "epoch": epoch,
                "loss": (2.3 * np.exp(-epoch / 90) + rng.normal(0, 0.02, rows)).astype("float32"),
                "acc": (0.93 - 0.82 * np.exp(-epoch / 60) + rng.normal(0, 0.004, rows)).astype("float32"),
                "split": pd.Categorical(rng.choice(["train", "val"], rows)),
                "lr": 3e-4 * np.cos(epoch / 480),
                "grad_norm": rng.gamma(2, 1.5, rows),
                "seconds": rng.normal(41, 2, rows),
                "gpu": rng.choice(["a100-0", "a100-1"], rows),
                "note": rng.choice(["", "", "", "restarted"], rows),
            }
        )

    minute = 60_000
    for n, acc in ((2, "0.871"), (1, "0.904"), (0, "0.913")):
        age = 12 * minute + n * 5 * HOUR_MS
        yield "runs/2026-11/val_metrics", metrics(48_000 - n), {**birds, "acc": acc}, age, None
    yield "runs/2026-11/train_metrics", metrics(120_000), birds, 12 * minute + 9000, None
    weights = rng.normal(0, 1, (512, 1024)).astype("float32")
    yield "runs/2026-11/embedding", weights, birds, 14 * minute, 6 * DAY_MS
    config = {"model": "resnet50", "optimizer": {"name": "adamw", "lr": 3e-4, "betas": [0.9, 0.999]}, "epochs": 480}
    yield "runs/2026-11/config", config, birds, 14 * minute + 8000, None
    side = np.linspace(0, 1, 96)
    picture = (np.outer(side, side[::-1]) * 160 + np.eye(96) * 90).clip(0, 255).astype("uint8")
    image = Image.fromarray(picture).resize((384, 384), Image.Resampling.NEAREST)
    yield "runs/2026-11/confusion.png", image, birds, 15 * minute, None
    yield "runs/2026-10/checkpoints.tar.gz", _tar(scratch, rng), birds, 18 * DAY_MS, 31 * HOUR_MS
    yield "penguins", metrics(344), {}, 23 * DAY_MS, None
    notes = scratch / "notes on sampling.md"
    notes.write_text("# Sampling\n\n" + "Gulls were counted twice at the northern sites; see the remarks.\n\n" * 60)
    yield "notes on sampling.md", notes, {"project": "methods"}, 31 * DAY_MS, None


def _tar(scratch: Path, rng: Any) -> Path:
    path = scratch / "checkpoints.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name in ["checkpoints/README.md", *(f"checkpoints/step-{n:05}.safetensors" for n in range(0, 24000, 2000))]:
            data = rng.bytes(40_000 if name.endswith("safetensors") else 900)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def _runs(n: int, now_ms: int) -> list[ObjectView]:
    """Return `n` objects of the year before, oldest first."""
    chance = random.Random(5)
    kinds = (
        ("table", "parquet", "val_metrics", 24),
        ("model", "safetensors", "weights.safetensors", 29),
        ("archive", "tgz", "checkpoints.tar.gz", 31),
        ("image", "png", "confusion.png", 17),
        ("text", "md", "notes.md", 13),
    )
    found = []
    for number in range(n):
        kind, stored, leaf, size = chance.choices(kinds, weights=(60, 14, 9, 9, 8))[0]
        project = chance.choices([name for name, _ in PROJECTS], weights=[weight for _, weight in PROJECTS])[0]
        age_ms = 2 * HOUR_MS + round((n - number) / n * 360 * DAY_MS)
        month = time.strftime("%Y-%m", time.gmtime((now_ms - age_ms) / 1000))
        model = chance.choices(MODELS, weights=(60, 30, 10))[0]
        facts = {"digest": f"blake3:{chance.randbytes(32).hex()}", "rows": 480, "columns": 9}
        metadata = {"project": project, "rl.kind": kind, "rl.format": stored, "rl.facts": json.dumps(facts)}
        if project == "birds":
            metadata |= {"model": model, "acc": f"{0.6 + 0.35 * chance.random():.3f}"}
        ttl = chance.choice([20 * HOUR_MS, 5 * DAY_MS, 40 * DAY_MS]) if chance.random() < 0.02 else None
        found.append(
            ObjectView(
                id=f"obj_{number}",
                name=f"runs/{month}/{model}-{chance.randrange(n // 6):04}/{leaf}",
                state="READ_ONLY",
                content_type="binary",
                create_time_ms=now_ms - age_ms,
                size_bytes=round(chance.uniform(0.6, 1.9) * (1 << size)),
                delete_after_time_ms=None if ttl is None else now_ms + ttl,
                metadata=metadata,
            )
        )
    return found
