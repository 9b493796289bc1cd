"""Ten million rows of eight mixed columns, put and got as a DataFrame, beside what the pieces cost by themselves.

Put: `rl.put(frame)` into the embedded store, against pyarrow writing the same Parquet (zstd) and `curl -T` sending it
to nginx. Get: `rl.get(name)`, nothing kept from before, against curl fetching it to a file and pyarrow reading that
into pandas; as polars against polars reading it, as an Arrow table against pyarrow. In turns; medians of seconds, and
of the processor's seconds of this process and of curl (not of either server).

    python benchmarks/frame.py [--rows N] [--rounds N]

Needs curl and nginx; see peers.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from peers import curl, nginx

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 1.15


def frame(rows: int) -> pd.DataFrame:
    """Return numbers, times, categories, flags and text, as a table of measurements has them."""
    chance = np.random.default_rng(5)
    sensors = np.array([f"sensor-{n:04}" for n in range(2000)], dtype=object)
    return pd.DataFrame(
        {
            "time": pd.date_range("2026-01-01", periods=rows, freq="ms"),
            "run": chance.integers(0, 500, rows),
            "value": chance.normal(size=rows),
            "error": chance.random(rows).astype("float32"),
            "ok": chance.random(rows) < 0.9,
            "kind": pd.Categorical.from_codes(chance.integers(0, 5, rows), list("abcde")),
            "sensor": sensors[chance.integers(0, 2000, rows)],
            "count": pd.array(chance.integers(0, 10**6, rows), dtype="Int64"),
        }
    )


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that `work` takes, and those of the processor."""
    started, used = time.perf_counter(), sum(os.times()[:4])
    work()
    return time.perf_counter() - started, sum(os.times()[:4]) - used


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--rounds", type=int, default=9)
    chosen = options.parse_args()
    for name in [name for name in os.environ if name.startswith("RUN")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory:
        home = Path(directory)
        home.chmod(0o755)
        os.environ |= {"RUNLOOP_JUPYTER_HOME": str(home / "home"), "RUNLOOP_JUPYTER_CACHE": str(home / "cache")}
        import runloop_jupyter as rl
        from runloop_jupyter.local import launch

        table = frame(chosen.rows)
        mine, back = home / "mine.parquet", home / "back.parquet"
        took: dict[str, list[tuple[float, float]]] = {}

        def get(form: str | None = None) -> None:
            rl.get("frame", format=form)

        def written(url: str) -> None:
            pq.write_table(pa.Table.from_pandas(table), mine, compression="zstd")
            curl("-T", str(mine), f"{url}/frame")

        def read(url: str, by: Callable[[Path], object]) -> None:
            curl(f"{url}/frame", to=str(back))
            by(back)

        def turn(what: str, ours: Callable[[], object], peers: Callable[[], object]) -> None:
            shutil.rmtree(home / "cache", ignore_errors=True)
            took.setdefault(what, []).append(timed(ours))
            took.setdefault(f"{what}: peer", []).append(timed(peers))

        try:
            with nginx(home / "nginx") as url:
                for _ in range(chosen.rounds):
                    turn("put", lambda: rl.put(table, "frame", force=True), lambda: written(url))
                    turn("get", get, lambda: read(url, lambda path: pq.read_table(path).to_pandas()))
                    turn("get polars", lambda: get("polars"), lambda: read(url, pl.read_parquet))
                    turn("get arrow", lambda: get("arrow"), lambda: read(url, pq.read_table))
        finally:
            launch.stop(home / "home" / "store")
        print(f"{mine.stat().st_size / 2**20:.0f} MiB of Parquet")
    middle = {what: [median(each) for each in zip(*times, strict=True)] for what, times in took.items()}
    for what, (wall, processor) in middle.items():
        print(f"{what:18} {wall:6.2f} s, of the processor {processor:6.2f} s")
    ratios = {what: middle[what][0] / middle[f"{what}: peer"][0] for what in ("put", "get", "get polars", "get arrow")}
    print(", ".join(f"{what}: ratio {ratio:.2f}" for what, ratio in ratios.items()), f"(at most {MOST})")
    put, get_ = ratios["put"], ratios["get"]
    return 0 if max(put, get_) <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
