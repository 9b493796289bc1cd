"""The estimate of a stored table's memory, held against the peak of a process that reads it."""

from __future__ import annotations

import json
import subprocess
import sys

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from runloop_jupyter.values import registry
from runloop_jupyter.values.codec import Wish, memory_for

RNG = np.random.default_rng(0)
WORDS = np.array([f"sample-{i}-{'x' * (i % 23)}" for i in range(20_000)], dtype=object)


def words(n: int) -> np.ndarray:
    return WORDS[RNG.integers(0, len(WORDS), n)]


TABLES = {
    "numbers": lambda: pd.DataFrame(RNG.random((1_000_000, 16))).add_prefix("c"),
    "text": lambda: pd.DataFrame({f"s{i}": pd.array(words(1_000_000), dtype="str") for i in range(4)}),
    "text as objects": lambda: pd.DataFrame({"s": pd.Series(words(1_500_000), dtype=object)}),
    "lists": lambda: pd.DataFrame({"l": pd.Series([[float(i)] * 10 for i in range(300_000)], dtype=object)}),
    "points": lambda: geopandas.GeoSeries(shapely.points(RNG.random((700_000, 2)))),
}

READ = """
import json, sys, pathlib
import importlib
from runloop_jupyter.values import registry
from runloop_jupyter.values.codec import Wish

def kib(word):
    return int(pathlib.Path("/proc/self/status").read_text().split(word + ":")[1].split()[0])

facts, form = json.loads(sys.argv[2]), sys.argv[3] or None
importlib.import_module(form if form == "polars" else facts.get("library", "pyarrow"))
with open(sys.argv[1], "rb") as file:
    registry.decode("parquet", file, facts, Wish(form, head=10))
    before = kib("VmRSS")
    value = registry.decode("parquet", file, facts, Wish(form))
print((kib("VmHWM") - before) << 10)
"""


def peak(path, facts, form) -> int:
    """Return the bytes that reading the table took at its peak, in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", READ, str(path), json.dumps(facts), form or ""],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(ran.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("case", "form"),
    [*((case, None) for case in TABLES), ("text", "polars"), ("text", "arrow")],
)
def test_the_estimate_is_on_the_safe_side_of_the_peak_and_no_more_than_about_twice(tmp_path, case, form):
    value = TABLES[case]()
    codec = registry.codec_for(value)
    path = tmp_path / "table.parquet"
    with path.open("w+b") as file:
        facts = codec.encode(value, file, lambda: None)
        estimate = memory_for(codec, file, facts, Wish(form))
    taken = peak(path, facts, form)
    if estimate < taken:  # the threads that decode meet at other moments each time: what it needs is the least of them
        taken = min(taken, peak(path, facts, form), peak(path, facts, form))
    assert taken > 60 << 20  # large enough to be told from noise
    assert 1 <= estimate / taken <= 2.2


def test_a_file_from_elsewhere_is_judged_by_its_statistics(tmp_path):
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({f"s{i}": words(1_000_000) for i in range(4)}), path)
    with path.open("rb") as file:
        estimate = memory_for(registry.codec_named("parquet"), file, {}, Wish("arrow"))
    assert path.stat().st_size < estimate / 5  # a dictionary says little
    assert 0.9 <= estimate / peak(path, {}, "arrow") <= 2.2


def test_a_part_is_estimated_as_one(store):
    stored = store(pd.DataFrame(np.zeros((100_000, 20))).add_prefix("c"))

    def needed(**wish: object) -> int:
        return memory_for(stored.codec, stored.file, stored.facts, Wish(**wish))

    assert needed(columns=("c1", "c2")) < needed() / 8
    assert needed(head=1000) < needed() / 80
    assert needed(head=10**9) == needed()
    assert needed(head=0) == 0


def test_sizes_that_lie_do_not_hide_what_the_types_tell(store):
    stored = store(pd.DataFrame({"a": np.arange(100_000)}))
    table = pq.ParquetFile(stored.file)
    lying = type(stored.file)()
    with pq.ParquetWriter(lying, table.schema_arrow) as writer:
        writer.write_table(table.read())
        writer.add_key_value_metadata({b"runloop.bytes": b"[1]"})
    assert memory_for(stored.codec, lying, {}, Wish()) >= 800_000


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        pytest.param(np.zeros((1000, 1000)), 1, 1, id="array"),
        pytest.param(b"x" * 1_000_000, 1, 1.5, id="bytes"),
        pytest.param("x" * 1_000_000, 1, 2.5, id="text"),
        pytest.param("é🐧" * 200_000, 1, 8, id="text that isn't ASCII"),
    ],
)
def test_other_values_are_estimated_by_their_size(store, value, low, high):
    stored = store(value)
    size = value.nbytes if isinstance(value, np.ndarray) else sys.getsizeof(value)
    assert low <= memory_for(stored.codec, stored.file, stored.facts, Wish()) / size <= high


def test_json_takes_several_times_its_text(store):
    stored = store([{"id": i, "name": f"n{i}", "score": i / 7} for i in range(20_000)])
    assert memory_for(stored.codec, stored.file, stored.facts, Wish()) > 5 * len(stored.file.getvalue())
