"""Every kind of value through a real store and back: equal, or refused in one line with nothing left behind."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from frames import FRAMES, REFUSED
from leftovers import look
from pandas.testing import assert_frame_equal

import runloop_jupyter as rl
from runloop_jupyter.errors import DigestMismatch, InputError, MissingLibrary, RunloopError, UnsafeValue

VALUES = {
    "polars frame": (
        pl.DataFrame({"a": [1, None], "b": [["x"], []]}),
        lambda a, b: a.equals(b) and a.schema == b.schema,
    ),
    "polars frame without rows": (pl.DataFrame({"a": []}, schema={"a": pl.Int8}), lambda a, b: a.schema == b.schema),
    "arrow table": (pa.table({"a": [1, 2], "b": [{"c": 1}, None]}), lambda a, b: a.equals(b)),
    "array": (np.arange(6.0).reshape(2, 3, order="F"), lambda a, b: a.dtype == b.dtype and np.array_equal(a, b)),
    "array without elements": (np.zeros((0, 3), "i2"), lambda a, b: a.dtype == b.dtype and a.shape == b.shape),
    "array of records": (np.array([(1, "x")], dtype=[("n", "i4"), ("s", "U4")]), lambda a, b: (a == b).all()),
    "scalar of numpy": (np.float32(1.5), lambda a, b: a == b and type(a) is type(b)),
    "dict": ({"a": [1, 2.5, None, True], "ü": {"nested": "文"}}, lambda a, b: a == b),
    "list": ([], lambda a, b: a == b and type(a) is type(b)),
    "large integer": (2**100, lambda a, b: a == b),
    "float": (0.1, lambda a, b: a == b),
    "bool": (True, lambda a, b: a is b),
    "None": (None, lambda a, b: a is b),
    "text": ("line\r\nline\n\ttab 🐧 \u202e", lambda a, b: a == b),
    "empty text": ("", lambda a, b: a == b),
    "bytes": (bytes(range(256)), lambda a, b: a == b and type(a) is type(b)),
    "no bytes": (b"", lambda a, b: a == b),
}


@pytest.mark.parametrize("case", FRAMES)
def test_a_dataframe_comes_back_equal(case):
    assert_frame_equal(rl.get(rl.put(FRAMES[case], f"frames/{case}")), FRAMES[case], check_exact=True, check_freq=True)


@pytest.mark.parametrize("case", VALUES)
def test_a_value_comes_back_equal(case):
    value, equal = VALUES[case]
    assert equal(value, rl.get(rl.put(value, f"values/{case}")))


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_one_line_and_leaves_nothing(case):
    value, fragment = REFUSED[case]
    with pytest.raises(RunloopError) as caught:
        rl.put(value, f"refused/{case}")
    (line,) = caught.value._render_traceback_()
    assert fragment in str(caught.value)
    assert "\n" not in line
    assert len(rl.ls("refused/")) == 0
    assert not look()


UNSTORABLE = {
    "set": {1, 2},
    "nan in a dict": {"a": float("nan")},
    "tuple in a list": [(1, 2)],
    "number as a key": {1: "x"},
    "array of objects": np.array([object()]),
    "function": len,
    "lone surrogate": "\ud800",
    "lazy frame": pl.LazyFrame({"a": [1]}),
}


@pytest.mark.parametrize("case", UNSTORABLE)
def test_what_has_no_stored_form_says_what_to_do_and_leaves_nothing(case):
    with pytest.raises(RunloopError) as caught:
        rl.put(UNSTORABLE[case], f"unstorable/{case}")
    assert len(str(caught.value)) > 20
    assert len(rl.ls("unstorable/")) == 0
    assert not look()


@pytest.mark.parametrize(
    "name",
    [
        "文件 🐧.csv",
        "a b  c.txt",
        "<img src=x onerror=alert(1)>",
        "\u202egpj.exe",
        "-rf",
        "$HOME",
        "{name}",
        "a%2Fb?c=d&e#f",
        "..%2f..",
        "a'b\"c`d",
        "x" * 255,
        "con.txt",
        ".hidden",
    ],
)
def test_hostile_names_go_up_and_come_back_by_name_and_as_files(name, tmp_path):
    thing = rl.put(f"text of {name}", name)
    assert thing.name == name
    assert rl.get(name) == f"text of {name}"
    assert rl.ls(where={})[0].name == name
    path = rl.get(name, to=tmp_path)
    assert path.parent == tmp_path
    assert path.read_text() == f"text of {name}"


def test_a_name_that_climbs_stays_beneath_where_it_is_written(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    rl.put("x", "../../../climbs")
    assert rl.get("../../../climbs", to=inner).parent == inner
    assert rl.get("../../../climbs", format="path").is_relative_to(Path(os.environ["RUNLOOP_JUPYTER_CACHE"]))


@pytest.mark.parametrize("content", [b"", b"x", os.urandom(3_000_000)], ids=["empty", "a byte", "3 MB"])
def test_a_file_comes_back_byte_for_byte(content, tmp_path):
    path = tmp_path / f"file-{len(content)}.bin"
    path.write_bytes(content)
    thing = rl.put(path)
    assert thing.name == path.name
    assert rl.get(thing).read_bytes() == content
    assert rl.get(thing, format="bytes") == content


def test_a_file_of_a_known_format_can_be_had_as_a_value(tmp_path):
    frame = pd.DataFrame({"a": [1, 2]})
    frame.to_parquet(tmp_path / "frame.parquet")
    rl.put(tmp_path / "frame.parquet")
    assert rl.get("frame.parquet", format="pandas").equals(frame)
    assert rl.get("frame.parquet", format="polars").equals(pl.DataFrame({"a": [1, 2]}))


def test_a_folder_comes_back_whole_and_is_not_sent_twice(tmp_path):
    folder = tmp_path / "scans"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "deep" / "er" / "文.txt").write_text("deep")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("run.sh")
    (folder / ".env").write_text("KEY=1")
    first = rl.put(folder)
    assert first.kind == "folder"
    assert any(".env" in note for note in first.outcome.notes)
    os.utime(folder / "run.sh", (1, 1))
    assert not rl.put(folder).outcome.sent
    back = rl.get("scans")
    assert (back / "deep" / "er" / "文.txt").read_text() == "deep"
    assert os.access(back / "run.sh", os.X_OK)
    assert (back / "link").readlink() == Path("run.sh")
    assert (back / "empty").is_dir()
    assert not (back / ".env").exists()
    assert rl.get("scans", to=tmp_path / "copy") == tmp_path / "copy"
    assert (tmp_path / "copy" / "run.sh").exists()


def test_a_change_in_one_copy_of_a_folder_does_not_show_in_the_next(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("original")
    rl.put(tmp_path / "folder", "copies")
    (rl.get("copies") / "a").write_text("changed")
    assert (rl.get("copies") / "a").read_text() == "original"


def test_a_cached_file_that_was_tampered_with_is_fetched_again(tmp_path):
    rl.put("original", "tampered", format="text")
    path = rl.get("tampered", format="path")
    path.chmod(0o600)
    path.write_text("tampered")
    assert rl.get("tampered", format="path").read_text() == "original"


@pytest.mark.parametrize("path", ["no/such/file", "/dev/null"])
def test_a_path_that_is_no_file_is_refused(path):
    with pytest.raises(InputError):
        rl.put(Path(path))


def test_text_that_names_a_file_is_refused_with_the_two_ways_to_say_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("a,b")
    with pytest.raises(InputError, match=r"format='text'.*Path\('data.csv'\)"):
        rl.put("data.csv", "which")
    assert rl.get(rl.put("data.csv", "which", format="text")) == "data.csv"
    assert rl.get(rl.put(Path("data.csv"), "which")).read_text() == "a,b"


def test_a_value_without_a_name_is_refused():
    with pytest.raises(InputError, match=r"rl.put\(value, 'NAME'\)"):
        rl.put({"a": 1})


def test_a_form_that_a_value_cannot_be_given_in_names_those_it_can():
    rl.put({"a": 1}, "forms")
    with pytest.raises(InputError, match="text, bytes, path"):
        rl.get("forms", format="pandas")
    assert rl.get("forms", format="text") == '{"a":1}'


def test_a_library_that_is_missing_is_named_with_what_to_install(monkeypatch):
    rl.put(pl.DataFrame({"a": [1]}), "missing")
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(MissingLibrary, match="pip install polars"):
        rl.get("missing", format="polars")
    assert isinstance(rl.get("missing"), pa.Table)


def test_a_pickle_is_never_read_without_its_flag():
    rl.put({1, 2}, "pickle", pickle=True)
    with pytest.raises(UnsafeValue):
        rl.get("pickle")
    assert rl.get("pickle", allow_pickle=True) == {1, 2}


def test_bytes_that_are_not_those_that_went_up_are_an_error_and_are_not_kept(tmp_path, home):
    thing = rl.put("the right bytes", "rotten", format="text")
    (blob,) = [
        path
        for path in (home / "data" / "store").rglob("*")
        if path.is_file() and path.read_bytes() == b"the right bytes"
    ]
    blob.chmod(0o600)
    blob.write_bytes(b"the wrong bytes")
    with pytest.raises(DigestMismatch):
        rl.get(thing)
    with pytest.raises(DigestMismatch):
        rl.get(thing, to=tmp_path / "out.txt")
    assert list(tmp_path.iterdir()) == []
    assert not look()
