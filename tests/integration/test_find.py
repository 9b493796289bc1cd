"""ls, info and status on a real embedded store."""

import os
import time

import httpx
import numpy as np
import pandas as pd
import pytest
from shells import ok

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.errors import InputError, ObjectNotFound
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
    "facts nested too deeply": {"metadata": {"rl.facts": "[" * 60_000, "rl.kind": "table"}},
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
    lambda: rl.ls(since="soon"),
    lambda: rl.ls(before=5),
    lambda: rl.ls(expiring="2026-11-01"),
    lambda: rl.ls(sort="-"),
    lambda: rl.ls(sort=5),
    lambda: rl.keys(""),
    lambda: rl.keys(5),
    lambda: rl.keys(limit=0),
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


def shown(*args, **kwargs):
    return rl.ls(*args, **kwargs).table().to_text()


def test_conditions_compare(run):
    assert names("find/", where=["acc>0.9"]) == ["find/runs/2026-11/val"]
    assert names("find/", where=["acc<=0.9"]) == ["find/runs/2026-11/val", "find/runs/2026-10/val"]
    assert names("find/", where="model!=vit") == ["find/weights", "find/runs/2026-11/val"]
    assert names("find/", where="acc") == ["find/runs/2026-11/val", "find/runs/2026-10/val"]


def test_an_older_version_that_fits_says_that_a_newer_one_does_not():
    table = rl.ls("find/runs/2026-11", where=["acc<0.91"])
    assert table[0].metadata["acc"] == "0.9"
    assert "not the newest" in table.table().to_text()


def test_times_narrow():
    assert names("find/w", since="1h") == ["find/weights"]
    assert names("find/w", before="1h") == []
    assert names("find/", expiring="3d") == ["find/weights"]
    assert names("find/", expiring="1d") == []
    with pytest.raises(InputError, match="nothing is both"):
        rl.ls(since="1d", before="2d")


def test_order_is_by_any_column_and_what_has_none_comes_last():
    acc = ["find/runs/2026-11/val", "find/runs/2026-10/val"]
    assert names("find/", sort="-acc")[:2] == acc
    assert names("find/", sort="acc")[:2] == acc[::-1]
    assert names("find/runs/", sort="name") == acc[::-1]
    assert names("find/", sort="expires")[0] == "find/weights"
    assert names("find/runs/2", sort="-metadata.acc") == acc


@pytest.mark.parametrize(
    "line",
    [
        "%rl_ls find/ -w 'acc>0.9' --sort -size --since 1h --limit 5",
        "%rl_ls --sort=-acc find/ -w acc>0.9",
        "%rl_ls find/runs/* -w model=resnet50 acc>0.9 --type table",
    ],
)
def test_a_line_says_all_of_it(run, line):
    assert [each.name for each in ok(run(line))] == ["find/runs/2026-11/val"]


def test_versions_have_their_labels_and_a_state_only_where_one_is_gone():
    first, second = rl.put("1", "versions/v"), rl.put("2", "versions/v")
    text = shown("versions/v", versions=True)
    assert [each.version for each in rl.ls("versions/v", versions=True)] == [second.version, first.version]
    assert f"@{second.version.rpartition('@')[2]}" in text
    assert "2 of 2 versions" in text
    assert "state" not in text
    rl.rm(second)
    objects = session.current().store.objects
    stopped = objects.create(ObjectCreateParameters(name="versions/v", content_type="text"))
    text = shown("versions/v", versions=True)
    assert "state" in text
    assert [line.split()[2] for line in text.splitlines()[2:4]] == ["unfinished", "deleted"]
    assert list(rl.ls("versions/v", versions=True).to_pandas()["state"]) == ["UPLOADING", "DELETED", "READ_ONLY"]
    survivors = rl.ls("versions/v")
    assert survivors[0].version == first.version
    assert "newest is gone" in survivors.table().to_text()
    objects.delete(stopped.id)


def test_public_objects_are_listed_apart_and_got_by_their_ids(run):
    table = ok(run("%rl_ls --public penguins -w licence=CC0-1.0"))
    assert [each.name for each in table] == ["penguins", "penguins-raw.csv"]
    assert "2 of 2 objects" in table.table().to_text()
    assert "1 of 2 objects" in shown("penguins", public=True, limit=1)
    assert shown("nothing like it", public=True).startswith("no objects fit")
    frame = ok(run(f"%rl_get {table[0].id}"))
    assert frame.shape == (344, 8)
    assert f"%rl_get {table[0].id}" in rl.info(table[0])._shown().to_text()


def test_a_public_object_is_nothing_that_a_bare_name_means():
    with pytest.raises(ObjectNotFound):
        rl.get("seattle-weather")
    assert "seattle-weather" not in shown()


def test_keys_and_their_values_most_used_first(run):
    keys = rl.keys()
    assert keys.counts["model"] == 4
    assert next(iter(keys)) == "model"
    assert not [key for key in keys if key.startswith("rl.")]
    values = ok(run("%rl_keys model"))
    assert list(values) == ["resnet50", "vit"]
    assert dict(values.counts) == {"resnet50": 3, "vit": 1}
    assert "2 of 2 values" in values.table().to_text()
    assert repr(values) == "<KeyTable 2 of 2 values of 'model'>"
    assert list(values.to_pandas()["objects"]) == [3, 1]
    assert "<table" in values._repr_html_()


def test_an_unknown_key_is_one_line_with_what_is_close():
    with pytest.raises(InputError, match=r"no object has the metadata key “modle”\. Close: model"):
        rl.keys("modle")


def test_what_only_an_unfinished_object_has_is_no_value_to_find_by():
    objects = session.current().store.objects
    half = objects.create(ObjectCreateParameters(name="half", content_type="text", metadata={"model": "half"}))
    assert "half" not in rl.keys("model")
    objects.delete(half.id)


def test_long_metadata_is_folded_and_what_finds_no_column_is_named():
    metadata = {f"k{n}": f"{n}" for n in range(7)} | {"story": "once upon a time " * 20}
    thing = rl.put("x", "folded/x", metadata=metadata)
    table = rl.ls("folded/", where=["k6"])
    text = table.table().to_text()
    assert "k6" in text.splitlines()[0]
    assert "metadata not shown:" in text
    assert all(f"k{n}" in text for n in range(7))
    assert f'title="{metadata["story"]}"' in rl.ls("folded/", where=["story"])._repr_html_()
    rl.rm(thing)
