"""Reading through a mount by FUSE, beside ``runloop://`` and beside the engine, which brings an object to a file.

A Parquet file of a gibibyte on the embedded store, 8 columns of float64 in chunks of 8 MiB:

    column      one column by pandas, through both: bytes moved beside the column's own, and requests
    straight    all of it from one end to the other, 1 MiB at a time, in turns with the engine
    mapped      np.memmap, and pyarrow.memory_map: the same column; and one byte in each 8 MiB

``python benchmarks/mount.py [--mib N] [--runs N]``. ``BENCH_DIR`` names the disk to measure on.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1 << 20
ROWS = MIB  # of a group: chunks of 8 MiB
COLUMNS = [f"c{number}" for number in range(8)]
COLUMN = "c3"
NAME = "columns.parquet"


def write(path: Path, mib: int) -> int:
    """Write the file, and return how many bytes the column has in it."""
    schema = pa.schema([(name, pa.float64()) for name in COLUMNS])
    numbers = np.random.default_rng(1)
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False, write_page_index=False) as writer:
        for _ in range(max(1, mib // (8 * len(COLUMNS)))):
            values = [pa.array(numbers.random(ROWS)) for _ in COLUMNS]
            writer.write_table(pa.table(values, schema=schema), row_group_size=ROWS)
    found = pq.read_metadata(path)
    place = COLUMNS.index(COLUMN)
    return sum(found.row_group(n).column(place).total_compressed_size for n in range(found.num_row_groups))


def straight(file: Any) -> int:
    """Read a file to its end; return how many bytes that were."""
    room, done = bytearray(MIB), 0
    while count := file.readinto(room):
        done += count
    return done


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that an act takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


@contextmanager
def mounted(view: Any, directory: Path) -> Iterator[Any]:
    """Mount one object, anew: the system keeps no pages of it."""
    from runloop_jupyter import session
    from runloop_jupyter.mounts.fuse import FuseMount
    from runloop_jupyter.mounts.layout import lay_out
    from runloop_jupyter.transfer.transfer import Transfer

    made = FuseMount(session.current().store, lay_out([(NAME, view)]), directory, Transfer(NAME, "down", ""))
    try:
        yield made
    finally:
        gc.collect()  # what is mapped is let go of
        made.unmount()


def engine(view: Any, target: Path) -> None:
    """Bring it to a file, as the engine does: verified, and nothing kept for the next time."""
    from runloop_jupyter import session
    from runloop_jupyter.transfer import parts
    from runloop_jupyter.transfer.manifest import facts_of
    from runloop_jupyter.transfer.transfer import Transfer

    with target.open("w+b", buffering=0) as file:
        parts.download(
            session.current().store.objects, view, file, Transfer(NAME, "down", ""), facts_of(view.metadata)["digest"]
        )
    target.unlink()


def column(view: Any, own: int, home: Path) -> None:
    import fsspec

    def say(way: str, moved: int, requests: int, seconds: float) -> None:
        over = moved - 1.1 * own - MIB
        print(
            f"column, {way}: {moved / MIB:.2f} MiB moved for {own / MIB:.2f} ({moved / own:.3f}; at most 1.1 and 1 MiB:"
            f" {'missed' if over > 0 else 'kept'}), {requests} requests, {seconds:.2f} s"
        )

    with fsspec.open(f"runloop://{NAME}").open() as file:
        took = timed(lambda: pd.read_parquet(file, columns=[COLUMN]))
        say("runloop://", file.bytes_fetched, file.requests, took)
    for way, read in (
        ("FUSE and pandas", lambda path: pd.read_parquet(path, columns=[COLUMN])),
        ("FUSE and memory_map", lambda path: pq.read_table(path, columns=[COLUMN], memory_map=True)),
    ):
        with mounted(view, home / "mount") as made:
            took = timed(lambda read=read: read(made.where / NAME))  # type: ignore[misc]
            told = made.counts()
            say(way, told.fetched, told.requests, took)


def all_of_it(view: Any, size: int, home: Path, runs: int) -> None:
    import fsspec

    took: dict[str, list[float]] = {"engine": [], "runloop://": [], "FUSE": []}
    for _ in range(runs):
        took["engine"].append(timed(lambda: engine(view, home / "fetched")))
        with fsspec.open(f"runloop://{NAME}").open() as file:
            took["runloop://"].append(timed(lambda file=file: straight(file)))  # type: ignore[misc]
        with mounted(view, home / "mount") as made, (made.where / NAME).open("rb", buffering=0) as file:
            took["FUSE"].append(timed(lambda file=file: straight(file)))  # type: ignore[misc]
            told = made.counts()
    for way, seconds in took.items():
        beside = median(a / b for a, b in zip(seconds, took["engine"], strict=True))
        print(f"straight, {way}: {median(seconds):.2f} s, {size / MIB / median(seconds):.0f} MiB/s, ratio {beside:.2f}")
    print(f"straight, FUSE: {told.fetched / MIB:.1f} MiB moved, {told.requests} requests (at most 4 times the engine)")


def mapped(view: Any, size: int, home: Path) -> None:
    with mounted(view, home / "mount") as made:
        took = timed(lambda: np.memmap(made.where / NAME, mode="r")[:: 8 * MIB].sum())
        told = made.counts()
        print(
            f"mapped, np.memmap: a byte in each of {-(-size // (8 * MIB))} stretches of 8 MiB in {took:.2f} s,"
            f" {told.fetched / MIB:.1f} MiB moved, {told.requests} requests"
        )
        with pa.memory_map(str(made.where / NAME)) as file:
            print(f"mapped, pa.memory_map: {pq.ParquetFile(file).metadata.num_rows:,} rows")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--mib", type=int, default=1024)
    words.add_argument("--runs", type=int, default=3)
    wish = words.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as made:
        home = Path(made)
        os.environ["RUNLOOP_JUPYTER_HOME"], os.environ["RUNLOOP_JUPYTER_CACHE"] = f"{made}/home", f"{made}/cache"
        sys.path.insert(0, str(Path(__file__).parents[1]))
        import runloop_jupyter as rl
        from runloop_jupyter.local import launch
        from runloop_jupyter.mounts.fuse import available

        if missing := available():
            raise SystemExit(f"FUSE can't be had here: {missing}")
        path = home / NAME
        own = write(path, wish.mib)
        try:
            view = rl.put(path, NAME).view
            size = path.stat().st_size
            path.unlink()
            column(view, own, home)
            mapped(view, size, home)
            all_of_it(view, size, home, wish.runs)
        finally:
            launch.stop()


if __name__ == "__main__":
    main()
