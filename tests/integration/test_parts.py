"""Part of what is stored, through a real store: little is fetched, and what would not fit into memory is offered so."""

from __future__ import annotations

import os
import subprocess
import sys

import geopandas
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from frames import SERIES
from geopandas.testing import assert_geodataframe_equal
from pandas.testing import assert_frame_equal, assert_series_equal
from shapely import Point

import runloop_jupyter as rl
from runloop_jupyter.actions import get as getting
from runloop_jupyter.errors import DecodeError, InputError
from runloop_jupyter.transfer.reader import RangeReader

ROWS, COLUMNS = 500_000, 50


@pytest.fixture(scope="module")
def big(home, tmp_path_factory):
    """A frame of 200 MB, and its file by another maker."""
    frame = pd.DataFrame(np.random.default_rng(0).random((ROWS, COLUMNS))).add_prefix("c")
    rl.put(frame, "big")
    path = tmp_path_factory.mktemp("elsewhere") / "big.parquet"
    frame.to_parquet(path, row_group_size=50_000)
    rl.put(path)
    return frame


@pytest.fixture
def fetched(monkeypatch):
    """The readers that were opened on the store, each with the bytes that it fetched."""
    opened: list[RangeReader] = []

    class Counted(RangeReader):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            opened.append(self)

    monkeypatch.setattr(getting, "RangeReader", Counted)
    return opened


@pytest.mark.parametrize("name", ["big", "big.parquet"])
@pytest.mark.parametrize(
    ("wish", "share"),
    [
        ({"columns": ["c40", "c3"]}, 0.10),
        ({"head": 10}, 0.12),  # of a column at least its dictionary, as large as its writer lets it grow
        ({"columns": ["c7"], "head": 10}, 0.01),
    ],
    ids=["2 of 50 columns", "head 10", "both"],
)
@pytest.mark.parametrize("form", ["pandas", "polars", "arrow", "numpy"])
def test_a_part_of_200_mb_fetches_a_small_share(big, fetched, name, wish, share, form):
    size = rl.ls(name)[0].size
    back = rl.get(name, format=form, **wish)
    expected = big[wish.get("columns", list(big.columns))].head(wish.get("head", ROWS))
    (reader,) = fetched
    assert reader.bytes_fetched < size * share
    values = {
        "arrow": lambda: back.to_pandas(),
        "polars": lambda: back.to_pandas(),
        "numpy": lambda: pd.DataFrame(back),
    }
    found = values.get(form, lambda: back)()
    np.testing.assert_array_equal(found.to_numpy(), expected.to_numpy())


def test_a_part_of_what_was_fetched_whole_before_comes_from_this_machine(big, fetched):
    rl.get("big", format="path")
    assert_frame_equal(rl.get("big", columns=["c1"], head=3), big[["c1"]].head(3))
    assert fetched == []


@pytest.mark.parametrize("case", SERIES)
def test_a_series_comes_back_equal(case):
    thing = rl.put(SERIES[case], f"series/{case}")
    assert_series_equal(rl.get(thing), SERIES[case], check_exact=True, check_freq=True)
    assert thing.shape == f"{len(SERIES[case])}"


def test_a_geodataframe_comes_back_equal_and_in_part():
    frame = geopandas.GeoDataFrame({"a": range(9)}, geometry=[Point(i, i) for i in range(9)], crs=4326)
    thing = rl.put(frame, "geo")
    assert thing.shape == "9 × 2"
    assert_geodataframe_equal(rl.get("geo"), frame)
    assert_geodataframe_equal(rl.get("geo", columns=["geometry"], head=2), frame[["geometry"]].head(2))
    assert_geodataframe_equal(geopandas.read_parquet(rl.get("geo", format="path")), frame)


def test_labels_that_are_not_text_are_called_by_themselves():
    frame = pd.DataFrame({5: [1], 2: [3]})
    rl.put(frame, "labels")
    assert_frame_equal(rl.get("labels", columns=[2]), frame[[2]])
    levels = pd.DataFrame(np.eye(2), columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))
    rl.put(levels, "levels")
    assert_frame_equal(rl.get("levels", columns=[("b", 2)]), levels[[("b", 2)]])


def test_in_a_magic_a_name_with_a_comma_stands_in_double_quotes(run, fresh_shell, shell):
    shell.user_ns["df"] = pd.DataFrame({"a,b": [1], "c": [2], "d": [3]})
    run("%rl_put df -n commas")
    assert run("""%rl_get commas --columns 'c,"a,b"' -o part""").error is None
    assert list(shell.user_ns["part"].columns) == ["c", "a,b"]


def test_lines_of_a_text_file_and_items_of_an_array_fetch_little(tmp_path, fetched):
    path = tmp_path / "log.csv"
    path.write_text("".join(f"{i},x\n" for i in range(500_000)))
    rl.put(path)
    assert rl.get("log.csv", head=2) == "0,x\n1,x\n"
    rl.put(np.arange(4_000_000), "array")
    assert rl.get("array", head=3).tolist() == [0, 1, 2]
    assert all(reader.bytes_fetched <= 512 << 10 for reader in fetched)
    assert len(fetched) == 2


def test_what_has_no_parts_is_refused_before_it_is_fetched(fetched):
    rl.put({"a": list(range(100_000))}, "json")
    with pytest.raises(InputError, match="a stored json can't be given in part by head"):
        rl.get("json", head=3)
    assert sum(reader.bytes_fetched for reader in fetched) == 0


def test_a_rotten_page_in_the_store_is_an_error_in_a_part(home):
    frame = pd.DataFrame({"a": np.random.default_rng(1).random(5000)})
    thing = rl.put(frame, "rotten-page")
    (blob,) = [
        path for path in (home / "data" / "store").rglob("*") if path.is_file() and path.stat().st_size == thing.size
    ]
    start = pq.ParquetFile(blob).metadata.row_group(0).column(0).data_page_offset
    data = bytearray(blob.read_bytes())
    data[start + 500] ^= 1
    blob.chmod(0o600)
    blob.write_bytes(data)
    with pytest.raises(DecodeError, match="CRC"):
        rl.get("rotten-page", head=10)


def test_ctrl_c_stops_a_part_on_its_way(big, monkeypatch):
    class Interrupted(RangeReader):
        def readinto(self, buffer):
            if self.requests > 3:
                raise KeyboardInterrupt
            return super().readinto(buffer)

    monkeypatch.setattr(getting, "RangeReader", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        rl.get("big.parquet", columns=["c1"], format="polars")


LIMITED = """
import re, resource
import pandas, psutil, pyarrow.parquet
import runloop_jupyter as rl
from runloop_jupyter.errors import NotEnoughMemory

rl.get("big", head=100_000, columns=["c1", "c2"])  # threads and arenas are there
room = {room} << 20
resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + room, resource.RLIM_INFINITY))
try:
    print(rl.get("big").shape)
except NotEnoughMemory as error:
    print(error)
    head = int(re.search(r"--head (\\d+)", str(error))[1])
    print(rl.get("big", head=head).shape)
"""


def limited(room: int) -> list[str]:
    """Get the big table in a process that may take `room` MiB more, and return what it prints."""
    # glibc takes 64 MiB of addresses for each thread otherwise, which a limit of addresses counts and one of memory not
    environment = os.environ | {"MALLOC_ARENA_MAX": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED.format(room=room)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_a_table_that_does_not_fit_is_offered_in_a_part_that_does(big):
    refused, shape = limited(room=300)
    assert refused.startswith("“big” was not read: it would take about")
    assert "Get part of it with --columns a,b or --head" in refused
    assert shape.endswith(f", {COLUMNS})")
    assert int(shape[1:].split(",")[0]) >= 100_000


def test_a_table_that_is_said_to_fit_does(big):
    assert limited(room=600) == [f"({ROWS}, {COLUMNS})"]


def test_a_polars_series_comes_back_equal():
    series = pl.Series("s", [["a"], None])
    rl.put(series, "polars-series")
    assert rl.get("polars-series").equals(series, check_dtypes=True, check_names=True)
