"""A store of its own for a tutorial: a few thousand objects as ninety days of training runs would have left them.

What was put ninety days ago can't be put today, so they are written as the embedded store itself would have written
them, into a home that goes when the kernel does. The user's own store is not touched.
"""

from __future__ import annotations

import atexit
import json
import os
import random
import tempfile
import time
from typing import Any

from blake3 import blake3

from runloop_jupyter import session
from runloop_jupyter.index import connect, transaction
from runloop_jupyter.local import launch
from runloop_jupyter.local.blobs import Blobs
from runloop_jupyter.local.database import SCHEMA
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.local.objects import Objects
from runloop_jupyter.wire.objects import ObjectCreateParameters

RUNS = 3000
DAYS = 90
_DAY_S = 86_400.0
_DATASETS = ("birds", "glaciers", "plankton")
_MODELS = ("resnet50", "unet", "vit")


def open_store() -> str:
    """Make the store, let this kernel use it, and return what is in it, in words."""
    home = tempfile.TemporaryDirectory(prefix="runloop-sample-")
    for name in [name for name in os.environ if name.startswith(("RUNLOOP_", "RUNTOOLS_"))]:
        del os.environ[name]
    os.environ |= {"RUNLOOP_JUPYTER_HOME": f"{home.name}/data", "RUNLOOP_JUPYTER_CACHE": f"{home.name}/cache"}
    session.reset()
    _fill(Layout(launch.default_root()))

    def close() -> None:
        launch.stop()
        home.cleanup()

    atexit.register(close)
    return f"{RUNS:,} objects of {DAYS} days, in a store of their own"


def _fill(layout: Layout) -> None:
    layout.root.mkdir(mode=0o700, parents=True)
    chance = random.Random(90)  # noqa: S311 - the same runs each time
    now = 0.0
    connection = connect(layout.database, SCHEMA)
    blobs = Blobs(layout)
    objects = Objects(connection, blobs, clock=lambda: now)
    # Half a step away from each round number of days, so that "--since 7d" finds the same ones however slow the reader.
    step = DAYS * _DAY_S / RUNS
    began = time.time() - DAYS * _DAY_S + step / 2
    with transaction(connection):
        for run in range(RUNS):
            now = began + run * step
            name, metadata, value, ttl_s = _run(run, chance)
            body = json.dumps(value, separators=(",", ":")).encode()
            facts = {"digest": f"blake3:{blake3(body).hexdigest()}", "type": "dict", "items": len(value)}
            view = objects.create(
                ObjectCreateParameters(
                    name=name,
                    content_type="text",
                    metadata={**metadata, "rl.kind": "json", "rl.format": "json", "rl.facts": json.dumps(facts)},
                    ttl_ms=None if ttl_s is None else round((time.time() - now + ttl_s) * 1000),
                )
            )
            path = blobs.path(view.id)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(body)
            objects.complete(view.id)
    connection.close()


def _run(run: int, chance: random.Random) -> tuple[str, dict[str, str], dict[str, Any], float | None]:
    """Return name, metadata, value and how many seconds from now it lives; every tenth is trained a second time."""
    dataset, model = chance.choice(_DATASETS), chance.choice(_MODELS)
    if run % 10 in (4, 9):
        dataset, model = "birds", "resnet50"
    number = run - 5 if run % 10 == 9 else run
    accuracy = round(0.6 + 0.38 * chance.random() ** 0.7, 3)
    epochs = chance.choice((10, 20, 50, 100))
    metadata = {"dataset": dataset, "model": model, "acc": f"{accuracy:.3f}", "epochs": str(epochs)}
    if run % 100 == 50:
        metadata["reviewed_by"] = chance.choice(("ada", "grace"))
    name = f"runs/{dataset}/{model}-{number:04}"
    ttl_s = (1 + run % 6) * _DAY_S + 3600 if run % 250 == 7 else None
    return name, metadata, {"acc": accuracy, "epochs": epochs, "seed": run}, ttl_s
