"""What a browser's kernel end answers, over a real comm in a real kernel, also while a cell runs."""

from __future__ import annotations

import time

import pytest
from comm_front import CommFrontEnd

import runloop_jupyter as rl


def page(front, **query):
    return front.ask("page", query=query, first=0, n=100, asOf=None, columns=["project"])


def id_of(front, name):
    return next(row["id"] for row in page(front)["rows"] if row["name"] == name)


def test_the_first_answer_is_enough_to_show_everything(front):
    hello = front.ask("hello")
    assert hello["place"] == {"label": "embedded store", "profile": "local", "embedded": True}
    assert hello["columns"] == ["project"]
    rows = {row["name"]: row for row in hello["page"]["rows"]}
    assert set(rows) >= {"runs/1/birds", "notes.md", "runs/1/config", "scans"}
    birds = rows["runs/1/birds"]
    assert (birds["kind"], birds["format"], birds["versions"], birds["cells"]) == ("table", "parquet", 2, ["birds"])
    assert (hello["chunkBytes"], hello["inFlight"]) == (1 << 20, 4)


def test_a_page_is_of_what_is_asked_for(front):
    assert [row["name"] for row in page(front, search="BIRD")["rows"]] == ["runs/1/birds"]
    assert {row["name"] for row in page(front, beneath="runs/")["rows"]} == {"runs/1/birds", "runs/1/config"}
    assert page(front, search="no such thing")["total"] == 0


def test_facets_count_what_a_list_can_be_narrowed_by(front):
    facets = front.ask("facets", query={}, keys=["project", "rl.kind"])
    counts = {each["key"]: dict(zip(each["values"], each["counts"], strict=True)) for each in facets["keys"]}
    assert counts["project"]["notes"] == 1
    assert {"table", "folder", "json", "text"} <= set(counts["rl.kind"])
    assert "runs" in facets["folders"]["values"]
    for ranges, n in ((facets["sizes"], 3), (facets["puts"], 4), (facets["expiries"], 2)):
        assert len(ranges["ends"]) == n
        assert len(ranges["counts"]) == n + 1
        assert ranges["ends"] == sorted(ranges["ends"])
    assert facets["expiries"]["counts"][1] >= 1


def test_what_was_typed_so_far_gets_suggestions(front):
    found = front.ask("suggest", text="proj")["suggestions"]
    assert {"sort": "key", "text": "project"} in [{"sort": each["sort"], "text": each["text"]} for each in found]


def test_keys_are_those_of_users(front):
    keys = [each["key"] for each in front.ask("keys")["keys"]]
    assert "project" in keys
    assert not [key for key in keys if key.startswith("rl.")]


def test_facts_say_all_of_an_object_and_what_does_the_same_in_a_cell(front):
    facts = front.ask("facts", id=id_of(front, "runs/1/birds"))
    assert facts["subtitle"].startswith("table · 7 × 2 · ")
    assert facts["subtitle"].endswith("newest of 2")
    assert {"label": "project", "value": "birds", "metadata": True} in facts["facts"]
    assert [each["newest"] for each in facts["versions"]] == [True, False]
    assert facts["code"]["get"] == "df = %rl_get runs/1/birds"
    assert (facts["variable"], facts["directory"]) == ("birds", "birds")


def test_a_look_inside_a_table_shows_its_first_rows(front):
    look = front.ask("preview", id=id_of(front, "runs/1/birds"))
    assert (look["kind"], look["ofRows"], look["ofColumns"]) == ("table", 7, 2)
    assert [column["name"] for column in look["columns"]] == ["species", "mass"]
    assert look["rows"][1] == ["Gentoo", "1"]


def test_a_look_inside_a_text_shows_it_as_text(front):
    look = front.ask("preview", id=id_of(front, "notes.md"))
    assert (look["kind"], look["text"], look["whole"]) == ("text", "# Notes\n\nof a <b>kind</b>\n", True)


def test_a_look_inside_a_folder_shows_its_files(front):
    look = front.ask("preview", id=id_of(front, "scans"))
    assert look["kind"] == "archive"
    assert sorted((each["path"], each["size"]) for each in look["members"]) == [(f"{i}.raw", 1000) for i in range(3)]


def test_a_folder_that_is_kept_as_files_is_looked_into_and_isnt_one_file_to_download(front, tmp_path):
    for i in range(2):
        (tmp_path / f"{i}.raw").write_bytes(bytes(100 + i))
    thing = rl.put(tmp_path, "kept", format="files")
    look = front.ask("preview", id=thing.id)
    assert sorted((each["path"], each["size"]) for each in look["members"]) == [("0.raw", 100), ("1.raw", 101)]
    assert "no one file to download" in front.refused("download", id=thing.id)["message"]
    rl.rm(thing)


def test_bytes_that_are_not_what_they_say_are_one_clear_error(front, tmp_path):
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1" + bytes(1000) + b"PAR1")
    thing = rl.put(path)
    refusal = front.refused("preview", id=thing.id)
    assert refusal["error"] == "DecodeError"
    assert refusal["message"]
    rl.rm(thing)


def test_a_picture_that_is_too_large_to_be_shown_says_so(front, tmp_path):
    import struct
    import zlib

    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)))
    thing = rl.put(path)
    look = front.ask("preview", id=thing.id)
    assert (look["kind"], look["why"].partition(" pixels")[0]) == ("none", "60,000 × 60,000")
    rl.rm(thing)


def test_a_picture_comes_as_its_bytes(front, kernel, tmp_path):
    from PIL import Image

    path = tmp_path / "dot.png"
    Image.new("RGB", (3, 2), "red").save(path)
    thing = rl.put(path)
    rid = front.begin("preview", id=thing.id)
    look = front.end_of(rid)["value"]
    assert (look["kind"], look["type"], look["width"], look["height"]) == ("image", "image/png", 3, 2)
    (buffers,) = (buffers for content, buffers, _ in front.messages if content.get("rid") == rid)
    assert buffers == [path.read_bytes()]
    rl.rm(thing)


def test_an_svg_is_a_text_never_a_picture(front, tmp_path):
    path = tmp_path / "x.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    thing = rl.put(path)
    assert front.ask("preview", id=thing.id)["kind"] == "text"
    rl.rm(thing)


@pytest.mark.parametrize(
    ("op", "args", "says"),
    [
        ("page", {"query": {}, "first": -1, "n": 10, "asOf": None, "columns": []}, "begins at 0"),
        ("page", {"query": {}, "first": 0, "n": 501, "asOf": None, "columns": []}, "1 to 500"),
        ("page", {"query": {"search": 7}, "first": 0, "n": 1, "asOf": None, "columns": []}, "can't be meant"),
        ("page", {"query": {"conditions": [{"key": "a", "sign": "~", "values": ["1"]}]}}, "can't be meant"),
        ("page", {}, "can't be meant"),
        ("preview", {"id": 7}, "can't be meant"),
        ("preview", {"id": "obj_none", "more": 1}, "can't be meant"),
        ("preview", {"id": "obj_none"}, "is not in the embedded store"),
        ("selected", {"ids": ["x"] * 10_001}, "too many"),
        ("no such", {}, "can't do that"),
    ],
    ids=str,
)
def test_what_cant_be_meant_is_refused_in_a_line(front, op, args, says):
    refusal = front.refused(op, **args)
    assert says in refusal["message"]


def answers_in(front, op, **args):
    began = time.monotonic()
    front.ask(op, **args)
    return time.monotonic() - began


QUERY = {"query": {}, "first": 0, "n": 100, "asOf": None, "columns": []}


@pytest.mark.parametrize(
    ("cell", "limit_s"),
    [
        ("time.sleep(3)", 0.15),
        ("import ipywidgets\nipywidgets.IntSlider().value = 3\nb.query = 'x'\nb.query = ''\ntime.sleep(3)", 0.15),
        ("end = time.time() + 3\nwhile time.time() < end: pass", 0.6),
    ],
    ids=["sleeping", "that wrote a widget's trait", "computing"],
)
def test_answers_come_while_a_cell_runs(front, kernel, cell, limit_s):
    front.ask("hello")
    front.streams.clear()
    running = kernel.start(f"print('it runs', flush=True)\n{cell}")
    front.wait_for_stream("it runs")
    took = [answers_in(front, op, **args) for op, args in [("page", QUERY)] * 5 + [("suggest", {"text": "b"})] * 3]
    began = time.monotonic()
    kernel.wait(running)
    assert time.monotonic() - began > 0.2, "the cell had ended by then"
    assert sorted(took)[len(took) // 2] <= limit_s, took


def test_python_sees_what_is_selected_and_the_page_what_python_selects(front, kernel):
    birds = id_of(front, "runs/1/birds")
    kernel.run("seen = []\nb.observe(lambda change: seen.append([each.name for each in change.new]), 'selection')")
    front.ask("selected", ids=[birds])
    kernel.run("b._callbacks.wait(5)")
    assert kernel.run("seen, b.selection[0].name").text == "([['runs/1/birds']], 'runs/1/birds')"
    kernel.run("b.selection = []; b.query = {'where': 'project=birds'}; b.columns = ['acc']")
    told = front.wait(
        lambda: (found := {k: v for each in front.events("set") for k, v in each.items()}) and len(found) == 3 and found
    )
    assert told == {"selection": [], "query": {"where": {"project": ["birds"]}}, "columns": ["acc"]}


def test_what_the_page_asked_for_is_the_query_in_python(front, kernel):
    front.ask("page", query={"search": "val", "order": "size"}, columns=["a"], shown=True)
    kernel.run("b._callbacks.wait(5)")
    assert kernel.run("b.query.search, b.query.order, b.columns").text == "('val', 'size', ['a'])"


def test_an_error_in_a_callback_is_shown_under_the_cell_that_opened_the_browser(front, kernel):
    kernel.run("b.observe(lambda change: 1 / 0, 'selection')")
    front.ask("selected", ids=[id_of(front, "notes.md")])
    said = front.wait_for_stream("ZeroDivisionError")
    assert said == front.opened_by


def test_the_store_stays_the_same_after_use(front, kernel):
    before = {row["name"] for row in page(front)["rows"]}
    kernel.run(
        "import os\nos.environ['RUNLOOP_API_KEY'] = 'k'\nos.environ['RUNLOOP_BASE_URL'] = 'http://127.0.0.1:9'\n"
        "%rl_use env"
    )
    try:
        assert {row["name"] for row in page(front)["rows"]} == before
        assert front.ask("preview", id=id_of(front, "notes.md"))["kind"] == "text"
        assert front.ask("facts", id=id_of(front, "notes.md"))["code"]["get"] == "notes = %rl_get local:notes.md"
    finally:
        kernel.run("del os.environ['RUNLOOP_API_KEY'], os.environ['RUNLOOP_BASE_URL']\n%rl_use local")


def test_what_is_saved_of_a_browser_is_its_script_and_nothing_else(kernel, front):
    front.ask("hello")
    state = kernel.run("sorted(k for k in b.get_state() if not k.startswith('_')), 'birds' in str(b.get_state())").text
    assert state == "(['layout', 'tabbable', 'tooltip'], False)"


def test_its_text_is_one_short_line_that_is_always_the_same(kernel, front):
    assert kernel.run("b").text == (
        "<Browser of the embedded store: run its cell in JupyterLab to see it; without one rl.catalog()>"
    )


def test_two_front_ends_are_both_answered(kernel, front):
    other = CommFrontEnd(kernel, None, comm_id=front.comm_id)
    assert other.ask("hello")["session"] == front.ask("hello")["session"]
    other.close()


def test_where_there_are_no_subshells_answers_come_after_the_cell(kernel, front):
    other = CommFrontEnd(kernel, None, comm_id=front.comm_id, subshell=False)
    assert other.ask("page", **QUERY)["total"] > 0
    running = kernel.start("print('it runs', flush=True)\ntime.sleep(1)\nprint('it ends', flush=True)")
    other.wait_for_stream("it runs")
    other.ask("page", **QUERY)
    kernel.wait(running)
    assert [text for text, _ in other.streams if "it ends" in text]
    other.close()


def test_a_page_that_is_seen_says_so_and_what_changes_is_told(front, kernel):
    front.ask("hello")
    assert front.ask("watching") is None
    kernel.run("b._lease._heard -= 10_000\nb._lease._look()")  # as after hours of silence
    assert kernel.run("b._place.catalog.changed.is_heard").text == "False"
    told = len(front.events("changed"))
    assert front.ask("watching") is None
    assert kernel.run("b._place.catalog.changed.is_heard").text == "True"
    assert front.wait(lambda: front.events("changed")[told:])[0]["fresh"]["indexed"] > 0
