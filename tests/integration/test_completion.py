"""Tab on a magic's line, in a real IPython shell on a real embedded store."""

import json
import logging
import re
import threading
import time

import pandas as pd
import pytest
from IPython.core.completer import provisionalcompleter
from shells import ok

import runloop_jupyter as rl
from runloop_jupyter import errors, session
from runloop_jupyter.address import quoted
from runloop_jupyter.magics import names

pytestmark = pytest.mark.usefixtures("fresh_shell")


def complete(shell, line):
    """What Tab offers at the end of `line`, as JupyterLab asks for it."""
    with provisionalcompleter():
        return [line[: each.start] + each.text for each in shell.Completer.completions(line, len(line))]


def complete_until(shell, line, offer):
    """The same, pressed again for up to two seconds: names are fetched behind the user's back."""
    deadline = time.monotonic() + 2
    while offer not in (offers := complete(shell, line)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return offers


@pytest.fixture(autouse=True)
def _names_are_never_fresh(monkeypatch):
    monkeypatch.setattr(names, "FRESH_S", 0)
    yield
    for thread in threading.enumerate():
        if thread.name == "rl-names":
            thread.join()


@pytest.mark.parametrize(
    "before", ["%rl_get ", "x = %rl_get ", "%rl_info ", "%rl_rm ", "a = 1\nx = %rl_get ", "%rl_ls "]
)
def test_tab_completes_names_wherever_a_magic_stands(shell, before):
    rl.put("1", "magics/tab-one")
    assert before + "magics/tab-one" in complete_until(shell, before + "magics/tab-", before + "magics/tab-one")


@pytest.mark.parametrize(
    ("line", "offer"),
    [
        ("%rl_put --", "%rl_put --ttl"),
        ("%rl_get penguins --a", "%rl_get penguins --allow-pickle"),
        ("x = %rl_get p --as pan", "x = %rl_get p --as pandas"),
        ("%rl_put d", "%rl_put df"),
        ("%rl_put df --ttl 3", "%rl_put df --ttl 30d"),
        ("%rl_ls --type ta", "%rl_ls --type table"),
        ("%rl_get x -o d", "%rl_get x -o df"),
        ("%rl_put ./da", "%rl_put ./data.csv"),
        ("%rl_ls -w tabk", "%rl_ls -w tabkey="),
        ("%rl_ls -w tabkey=", "%rl_ls -w tabkey=tabvalue"),
        ("%rl_put df -m a=1 tabk", "%rl_put df -m a=1 tabkey="),
        ("%rl_get $ob", "%rl_get $obj"),
        ("%rl_put $d", "%rl_put $df"),
        ("%rl_get 'magics/tab sp", "%rl_get 'magics/tab space'"),
        ('%rl_get "magics/tab sp', '%rl_get "magics/tab space"'),
        ("%rl_get magics/tab\\ sp", "%rl_get 'magics/tab space'"),
        ("%rl_get x -n 'a b' --a", "%rl_get x -n 'a b' --allow-pickle"),
        ("%rl_put df -n 'a b' -m tabk", "%rl_put df -n 'a b' -m tabkey="),
        ("%rl_put df -m 'a=b c' tabk", "%rl_put df -m 'a=b c' tabkey="),
        ("%rl_ls -w 'tab key'=", "%rl_ls -w 'tab key=tab value'"),
        ("%rl_ls -w tab\\ k", "%rl_ls -w 'tab key'="),
        ("%rl_put 'my d", "%rl_put 'my dir/'"),
        ("%rl_put 'my dir/'", "%rl_put 'my dir/it'\"'\"'s'"),
        ("%%rl_put notes --as ", "%%rl_put notes --as json"),
        ("%rl_ls --sort -s", "%rl_ls --sort -size"),
        ("%rl_ls --sort tabk", "%rl_ls --sort tabkey"),
        ("%rl_ls --sort '-tab k", "%rl_ls --sort '-tab key'"),
        ("%rl_ls --sort --li", "%rl_ls --sort --limit"),
        ("%rl_ls --since 3", "%rl_ls --since 30d"),
        ("%rl_ls --expiring ", "%rl_ls --expiring 7d"),
        ("%rl_url x --expires 1", "%rl_url x --expires 12h"),
        ("%rl_ls -w tabk", "%rl_ls -w tabkey"),
        ("%rl_ls -w tabn", "%rl_ls -w tabnumber>"),
        ("%rl_ls -w tabnumber>", "%rl_ls -w 'tabnumber>7'"),
        ("%rl_ls -w a=1 'tabnumber>=", "%rl_ls -w a=1 'tabnumber>=7'"),
        ("%rl_ls -w tabo", "%rl_ls -w '\"tabodd>\"'="),
        ("%rl_keys tabk", "%rl_keys tabkey"),
        ("%rl_keep magics/tab\\ sp", "%rl_keep 'magics/tab space'"),
        ("%rl_url magics/tab\\ sp", "%rl_url 'magics/tab space'"),
        ("%rl_use lo", "%rl_use local"),
        ("%rl_cache cl", "%rl_cache clear"),
        ("%rl_get magics/tab-table --columns ", "%rl_get magics/tab-table --columns x"),
        ("%rl_get magics/tab-table@-1 --columns x,tw", "%rl_get magics/tab-table@-1 --columns 'x,two words'"),
    ],
)
def test_tab_completes_options_variables_paths_and_metadata(shell, tmp_path, line, offer):
    (tmp_path / "data.csv").write_text("")
    (tmp_path / "my dir").mkdir()
    (tmp_path / "my dir" / "it's").write_text("")
    metadata = {"tabkey": "tabvalue", "tab key": "tab value", "tabnumber": 7, "tabodd>": "1"}
    rl.put(pd.DataFrame({"x": [1], "two words": [2]}), "magics/tab-table")
    shell.user_ns["obj"] = rl.put("1", "magics/tab space", metadata=metadata)
    assert offer in complete_until(shell, line, offer)


ODD_NAMES = [
    "-dash",
    "--",
    "a{b}c",
    "local:z",
    "http://e.org/a",
    "cost $5",
    "it's",
    'a "quote"',
    "back\\slash",
    "#1",
    "a;",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_what_tab_offers_and_what_the_card_says_work_as_they_stand(shell, run, name):
    put = rl.put(f"under {name}", name)
    typed = "%rl_get " + quoted(name)
    assert typed in complete_until(shell, "%rl_get ", typed)
    assert typed in put.card().to_text()
    assert ok(run(typed)) == f"under {name}"
    assert ok(run(f"x = {typed}")) is None
    assert shell.user_ns["x"] == f"under {name}"


@pytest.mark.parametrize("name", ["zero\u200bwidth", "bidi\u202egnp", "no\u00a0break"])
def test_a_name_that_cannot_be_seen_is_got_by_its_id(shell, run, name):
    put = rl.put(f"under {name!a}", name)
    assert f"%rl_get {put.id}" in put.card().to_text()
    assert ok(run(f"%rl_get {put.id}")) == f"under {name!a}"
    rl.put("1", "magics/tab-seen")
    offers = complete_until(shell, "%rl_get ", "%rl_get magics/tab-seen")
    assert "%rl_get magics/tab-seen" in offers
    assert not [offer for offer in offers if name in offer]


@pytest.mark.parametrize(
    "line",
    [
        "%rl_get zzz",
        "x = %rl_get $zzz",
        "%rl_get pri",
        "%rl_get zzz -o zzz",
        "%rl_get zzz --as zzz",
        "%rl_ls --limit ",
        "%rl_login lo",
        "%rl_get zzz --columns ",
        "%rl_keys zzz",
        "%rl_status ",
        "%rl ",
        "%rl_get x # pri",
        "%rl_get x;",
        "%rl_put pri",
        "%rl_put no/such/directory/",
        "%rl_put $",
    ],
)
def test_tab_offers_nothing_where_nothing_fits_and_python_never(shell, line):
    shell.user_ns.pop("df")
    assert complete(shell, line) == []


@pytest.mark.parametrize(
    ("line", "offer"),
    [
        ("%rl_cp ru", "runloop://"),
        ("%rl_cp lo", "local:"),
        ("%rl_cp local:tab-pl", "local:tab-places/"),
        ("%rl_cp local:tab-places/", "local:tab-places/deep/"),
        ("%rl_cp runloop://tab-places/de", "runloop://tab-places/deep/"),
        ("%rl_cp runloop://lo", "runloop://local:"),
        ("%rl_cp runloop://local:tab-places/deep/o", "runloop://local:tab-places/deep/one"),
        ("%rl_get local:tab-places/deep/", "local:tab-places/deep/one"),
        ("%rl_mount local:tab-places/", "local:tab-places/deep/"),
        ("%rl_mount tab-places/deep/one ./da", "./data/"),
        ("%rl_mount -w k=v ./da", "./data/"),
        ("%rl_mount tab-places --mode f", "fuse"),
        ("%rl_browse tab-pl", "tab-places/"),
        ("x = %rl_browse tab-places/", "tab-places/deep/"),
        ("%rl_browse loc", "local:"),
        ('pd.read_csv("runloop://tab-places/', "runloop://tab-places/deep/"),
        ("x = open('runloop://local:tab-places/deep/", "runloop://local:tab-places/deep/one"),
    ],
)
def test_tab_completes_places_a_folder_at_a_time(shell, tmp_path, line, offer):
    rl.put("1", "tab-places/deep/one")
    (tmp_path / "data").mkdir()
    whole = line[: len(line) - len(re.split(r"[ '\"]", line)[-1])] + offer
    offers = complete_until(shell, line, whole)
    assert whole in offers
    assert len(offers) == len(set(offers))


def test_tab_offers_nothing_of_pythons_in_a_runloop_url(shell):
    assert complete(shell, "pd.read_csv('runloop://no-such-thing") == []


def test_tab_does_not_close_a_quote_that_the_editor_has_closed(shell):
    rl.put("1", "magics/tab closed")
    complete_until(shell, "%rl_get ", "%rl_get 'magics/tab closed'")
    line = "%rl_get 'magics/tab cl"
    with provisionalcompleter():
        offers = [each.text for each in shell.Completer.completions(line + "'", len(line))]
    assert offers == ["'magics/tab closed"]


def test_trouble_with_fetching_names_is_logged_and_nothing_more(shell, monkeypatch, caplog):
    def trouble():
        raise OSError("the home is gone")

    printed = []
    monkeypatch.setattr(session, "current", trouble)
    monkeypatch.setattr(threading, "excepthook", printed.append)
    with caplog.at_level(logging.DEBUG, "runloop_jupyter"):
        assert names.Names().get() == names.Known()
    assert "the home is gone" in caplog.text
    assert {record.levelno for record in caplog.records if record.name.startswith("runloop_jupyter")} == {logging.DEBUG}
    assert printed == []


@pytest.mark.parametrize("line", ["rl_get ", "print('%rl_get ", "x = 'a %rl_get ", "df.", "%time rl_"])
def test_tab_elsewhere_is_not_ours(shell, line):
    rl.put("1", "magics/tab-one")
    assert "magics/tab-one" not in complete(shell, line)


def test_tab_never_waits_for_a_store_that_is_gone(shell, monkeypatch):
    given_up = threading.Event()

    class Gone:
        @property
        def store(self):
            given_up.wait(10)
            raise errors.Unreachable("gone")

    monkeypatch.setattr(session, "current", Gone)
    began = time.monotonic()
    complete(shell, "%rl_get mag")
    took = time.monotonic() - began
    given_up.set()
    assert took < 1


def test_a_profile_file_that_cannot_be_read_offers_no_profiles_and_no_error(shell, home):
    path = home / "data" / "profiles.toml"
    path.write_text("[profiles.work")
    path.chmod(0o600)
    try:
        assert complete(shell, "%rl_use ") == []
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("schema", "columns"),
    [
        ("a:int64, two words:str, …", ["a", "two words"]),
        ("m:decimal128(10, 2), s:struct<a: int64, b: string>, z:str", ["m", "s", "z"]),
        ("x" * 40 + ":str, y:str", ["y"]),
        ("", []),
        (5, []),
    ],
)
def test_columns_are_those_that_the_short_schema_has_whole(schema, columns):
    assert names.Known(facts={"t": json.dumps({"schema": schema})}).columns("t") == columns


@pytest.mark.parametrize("facts", ["[" * 100_000, "[1]", "no json", "null"])
def test_facts_of_others_offer_no_columns_and_no_error(facts):
    assert names.Known(facts={"t": facts}).columns("t") == []
