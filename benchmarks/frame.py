"""Ten million rows of eight mixed columns, put and got as a DataFrame, beside what the pieces cost by themselves.

Put: `rl.put(frame)` into the embedded store, against pyarrow writing the same Parquet (zstd) and `curl -T` sending it
to nginx. Get: `rl.get(name)`, nothing kept from before, against curl fetching it to a file and pyarrow reading that
into pandas. In turns; medians.

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


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


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
        took: dict[str, list[float]] = {"put": [], "write + curl up": [], "get": [], "curl down + read": []}

        def got() -> None:
            rl.get("frame")

        def written(url: str) -> None:
            pq.write_table(pa.Table.from_pandas(table), mine, compression="zstd")
            curl("-T", str(mine), f"{url}/frame")

        def read(url: str) -> None:
            curl(f"{url}/frame", to=str(back))
            pq.read_table(back).to_pandas()

        try:
            with nginx(home / "nginx") as url:
                for _ in range(chosen.rounds):
                    took["put"].append(timed(lambda: rl.put(table, "frame", force=True)))
                    took["write + curl up"].append(timed(lambda: written(url)))
                    shutil.rmtree(home / "cache", ignore_errors=True)
                    took["get"].append(timed(got))
                    took["curl down + read"].append(timed(lambda: read(url)))
        finally:
            launch.stop(home / "home" / "store")
        print(f"{mine.stat().st_size / 2**20:.0f} MiB of Parquet")
    for what, times in took.items():
        print(f"{what:18} {median(times):6.2f} s")
    put = median(took["put"]) / median(took["write + curl up"])
    get = median(took["get"]) / median(took["curl down + read"])
    print(f"put: ratio {put:.2f}, get: ratio {get:.2f} (at most {MOST})")
    return 0 if max(put, get) <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
