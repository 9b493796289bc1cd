"""ls, info and status on a real embedded store."""

import os
import time

import httpx
import numpy as np
import pandas as pd
import pytest

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.errors import InputError
from runloop_jupyter.wire.objects import ObjectCreateParameters


@pytest.fixture(scope="module", autouse=True)
def _objects():
    frame = pd.DataFrame({"x": range(10), "label": list("abcdefghij")})
    rl.put(frame, "find/runs/2026-10/val", metadata={"model": "vit", "acc": 0.897})
    rl.put(frame.head(5), "find/runs/2026-11/val", metadata={"model": "resnet50", "acc": 0.9})
    rl.put(frame, "find/runs/2026-11/val", metadata={"model": "resnet50", "acc": 0.913})
    rl.put(np.arange(6).reshape(2, 3), "find/weights", metadata={"model": "resnet50"}, ttl="2d")
    rl.put({"a": 1}, "find/Config.json")


def names(*args, **kwargs):
    return [each.name for each in rl.ls(*args, **kwargs)]


def test_the_newest_version_of_each_name_newest_first():
    assert names("find/") == ["find/Config.json", "find/weights", "find/runs/2026-11/val", "find/runs/2026-10/val"]


def test_versions_are_folded_and_counted():
    table = rl.ls("find/")
    assert table.versions["find/runs/2026-11/val"] == 2
    assert "×2" in table.table().to_text()
    assert table[2].metadata["acc"] == "0.913"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("find/runs/*", 2),
        ("find/*/val", 2),
        ("find/runs/2026-1[0]/*", 1),
        ("*weights", 1),
        ("weights", 1),
        ("WEIGHTS", 1),
        ("find/config", 1),
        ("find/config*", 0),
        ("find/w?ights", 1),
        ("runs", 2),
        ("find/nothing", 0),
    ],
)
def test_a_word_is_part_of_a_name_and_a_pattern_the_whole_of_it(pattern, found):
    assert len(names(pattern)) == found


def test_metadata_narrows():
    assert names("find/", where={"model": "resnet50"}) == ["find/weights", "find/runs/2026-11/val"]
    assert names("find/", where={"model": "resnet50", "acc": "0.913"}) == ["find/runs/2026-11/val"]
    assert names("find/", where={"model": ["vit", "none"]}) == ["find/runs/2026-10/val"]
    assert names("find/", where={"no such key": "x"}) == []


@pytest.mark.parametrize(("kind", "found"), [("table", 2), ("array", 1), ("json", 1), ("parquet", 2), ("folder", 0)])
def test_a_type_narrows(kind, found):
    assert len(names("find/", type=kind)) == found


def test_a_limit_shows_fewer_and_says_of_how_many():
    table = rl.ls("find/", limit=1)
    assert len(table) == 1
    assert "1 of 4 objects" in table.table().to_text()


def test_a_limit_that_shows_nothing_is_refused():
    with pytest.raises(InputError):
        rl.ls(limit=0)


def test_the_table_can_be_indexed_iterated_and_had_as_a_frame():
    table = rl.ls("find/")
    assert table[0] == next(iter(table))
    assert len(table[1:3]) == 2
    frame = table.to_pandas()
    assert list(frame["name"]) == [each.name for each in table]
    assert frame["metadata.acc"][2] == "0.913"


def test_what_does_not_exist_is_an_empty_table_and_no_error():
    assert "no objects fit" in rl.ls("find/nothing").table().to_text()


def test_info_shows_schema_and_head_of_a_table():
    text = rl.info("find/runs/2026-11/val").page().to_text()
    for expected in ("schema", "label", "5 of 10 rows", "versions", "blake3:", "acc=0.913"):
        assert expected in text


def test_info_of_a_large_table_reads_little_of_it():
    frame = pd.DataFrame(np.random.default_rng(7).normal(size=(1_000_000, 8)), columns=list("abcdefgh"))
    thing = rl.put(frame, "find/large")
    info = rl.info(thing)
    assert info.preview.rows == 1_000_000
    assert info.bytes_read < thing.size / 10


def test_info_of_text_and_json_shows_the_beginning():
    rl.put("line one\nline two\n" * 10_000, "find/notes.txt", format="text")
    assert "line one" in rl.info("find/notes.txt").page().to_text()
    assert '"a"' in rl.info("find/Config.json").page().to_text()


def test_info_of_a_folder_lists_its_members(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "one.txt").write_text("1")
    rl.put(tmp_path / "scans", "find/scans")
    assert "one.txt" in rl.info("find/scans").page().to_text()


def test_info_of_a_folder_with_a_large_file_does_not_fetch_that_to_see_the_next(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a.bin").write_bytes(os.urandom(12 << 20))
    (tmp_path / "runs" / "b.txt").write_text("b")
    rl.put(tmp_path / "runs", "find/runs")
    info = rl.info("find/runs")
    assert info.bytes_read < 6 << 20
    assert "1 of 2 · the rest lies behind more bytes than a look fetches" in info.page().to_text()


def test_info_of_a_damaged_table_says_so_and_shows_the_rest():
    rl.put(b"PAR1 this is not parquet PAR1", "find/broken.parquet")
    info = rl.info("find/broken.parquet")
    assert "find/broken.parquet" in info.page().to_text()


def test_status_says_which_store_and_how_it_is_reached():
    status = rl.status()
    assert status.profile.embedded
    assert status.objects >= 5
    text = status.card().to_text()
    assert "embedded store" in text
    assert "on this computer" in text


HOSTILE = {
    "facts nested too deeply": {"metadata": {"rl.facts": "[" * 100_000, "rl.kind": "table"}},
    "facts that are no dict": {"metadata": {"rl.facts": "[1]", "rl.kind": "table"}},
    "facts of wrong types": {"metadata": {"rl.facts": '{"rows": "x", "columns": [], "shape": {}, "digest": 7}'}},
    "a time to live beyond any calendar": {"ttl_ms": 10**15},
    "a number as long as a book": {"metadata": {"n": "1" * 40_000 + "x"}},
    "markup": {"metadata": {"<b>k</b>": "<script>alert(1)</script>"}},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_another_client_stored_can_always_be_listed_looked_at_and_fetched(case):
    objects = session.current().store.objects
    view = objects.create(ObjectCreateParameters(name=f"hostile/{case}", content_type="unspecified", **HOSTILE[case]))
    httpx.put(view.upload_url.reveal(), content=b"bytes", trust_env=False).raise_for_status()
    objects.complete(view.id)
    began = time.monotonic()
    table = rl.ls(f"hostile/{case}")
    assert "<script>" not in table._repr_html_()
    assert case in table.table().to_text()
    table.to_pandas()
    assert case in rl.info(view.id).page().to_text()
    assert rl.get(view.id, format="bytes") == b"bytes"
    assert time.monotonic() - began < 3


WRONG = [
    lambda: rl.get(5),
    lambda: rl.get(None),
    lambda: rl.get("x", format="polars", to="y"),
    lambda: rl.get("find/weights", to=""),
    lambda: rl.get("find/weights", to=5),
    lambda: rl.info(5),
    lambda: rl.rm(5),
    lambda: rl.rm(["find/weights"]),
    lambda: rl.ls(5),
    lambda: rl.ls(limit="5"),
    lambda: rl.ls(limit=None),
    lambda: rl.ls(where=5),
    lambda: rl.ls(where=["a", 5]),
    lambda: rl.ls(where={"a": None}),
    lambda: rl.ls(where={"a": [None]}),
    lambda: rl.put(1, 5),
    lambda: rl.put(1, "x", metadata="a"),
    lambda: rl.put(1, "x", metadata=[("a", 1)]),
    lambda: rl.put(1, "x", ttl="9" * 400 + "d"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_cannot_be_meant_is_one_clear_line_in_python_too(number):
    with pytest.raises(InputError):
        WRONG[number]()


def test_metadata_is_found_by_numbers_as_it_was_put():
    assert names("find/", where={"acc": 0.913}) == ["find/runs/2026-11/val"]
    assert names("find/", where={"acc": [0.1, 0.913]}) == ["find/runs/2026-11/val"]


def test_a_name_is_found_in_whatever_unicode_form_it_is_typed():
    rl.put(1, "find/é")
    assert names("find/e\u0301") == ["find/é"]


@pytest.mark.parametrize(
    ("pattern", "name"), [("find/z*[]x]q", "find/za]q"), ("find/z*[!]]q", "find/zbq"), ("find/[[]x", "find/[x")]
)
def test_brackets_in_a_pattern_are_read_as_a_shell_reads_them(pattern, name):
    rl.put(1, name)
    assert names(pattern) == [name]


@pytest.mark.parametrize("name", ["local:q", "runloop://z", "http://find.example/a", "find/x:y"])
def test_what_can_be_put_can_be_got_by_its_name(name):
    rl.put(f"text of {name}", name)
    assert rl.get(name) == f"text of {name}"
    assert rl.rm(name).done
