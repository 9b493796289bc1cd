"""Magics in a real IPython shell on a real embedded store."""

import logging
import re

import numpy as np
import pytest
from IPython.core.error import UsageError
from shells import ok

import runloop_jupyter as rl
from runloop_jupyter import errors
from runloop_jupyter.actions.forms import KINDS

ANSI = re.compile(r"\x1b\[[0-9;]*m")

pytestmark = pytest.mark.usefixtures("fresh_shell")


def test_a_variable_goes_up_under_its_own_name_and_comes_back(run, shell):
    put = ok(run("%rl_put df -m project=birds"))
    assert (put.name, put.kind, put.metadata) == ("df", "table", {"project": "birds"})
    ok(run("back = %rl_get df"))
    assert shell.user_ns["back"].equals(shell.user_ns["df"])


def test_each_line_magic_gives_what_its_python_twin_gives(run):
    rl.put([1, 2], "magics/twin")
    assert ok(run("%rl_get magics/twin")) == rl.get("magics/twin")
    assert list(ok(run("%rl_ls magics/twin"))) == list(rl.ls("magics/twin"))
    assert ok(run("%rl_info magics/twin")).object == rl.info("magics/twin").object
    assert ok(run("%rl_status")).identity == rl.status().identity


def test_a_trailing_semicolon_hides_the_result_and_does_no_harm(run):
    assert "magics/semicolon" in run("%rl_put df -n magics/semicolon").out
    ran = run("%rl_put df -n magics/semicolon ;")
    assert ran.error is None
    assert "magics/semicolon" not in ran.out


def test_a_trailing_semicolon_does_not_lose_what_is_assigned(run, shell):
    ok(run("put = %rl_put df -n magics/kept;"))
    assert shell.user_ns["put"].name == "magics/kept"


def test_names_with_spaces_quotes_and_comments(run):
    ok(run("%rl_put df -n 'magics/two words' -m \"note=it's fine\"  # a comment"))
    assert ok(run("%rl_get 'magics/two words'")).shape == (3, 1)
    assert rl.ls("two words")[0].metadata == {"note": "it's fine"}


def test_variables_are_filled_in(run, shell):
    shell.user_ns |= {"run_": 7, "cfg": {"lr": 0.1}}
    ok(run("%rl_put $cfg -n magics/run-{run_} -m lr={cfg['lr']}"))
    assert rl.get("magics/run-7") == {"lr": 0.1}
    assert rl.ls("magics/run-7")[0].metadata == {"lr": "0.1"}


def test_json_in_metadata_is_left_as_it_is(run):
    ok(run("""%rl_put df -n magics/json -m 'cfg={"a": 1}'"""))
    assert rl.ls("magics/json")[0].metadata == {"cfg": '{"a": 1}'}


def test_an_object_variable_names_that_very_version(run):
    ok(run("first = %rl_put df -n magics/object"))
    ok(run("df = df + 1"))
    ok(run("%rl_put df -n magics/object"))
    assert ok(run("%rl_get $first"))["x"].tolist() == [1, 2, 3]


def test_minus_o_puts_the_value_into_a_variable_and_shows_nothing(run, shell):
    ok(run("%rl_put df -n magics/out"))
    assert ok(run("%rl_get magics/out -o into")) is None
    assert shell.user_ns["into"].shape == (3, 1)


def test_a_cell_goes_up_as_its_text(run):
    ok(run("%%rl_put magics/notes.md -m a=1\n# Title\nline\n"))
    assert rl.get("magics/notes.md") == "# Title\nline\n"


def test_a_word_that_is_a_variable_and_a_file_is_refused_with_both_ways_to_say_it(run, tmp_path):
    (tmp_path / "df").write_text("a file")
    error = run("%rl_put df").error
    assert "./df" in str(error)
    assert "$df" in str(error)
    assert ok(run("%rl_put ./df")).kind == "file"
    assert ok(run("%rl_put $df")).kind == "table"


def test_a_file_goes_up_as_it_is_and_comes_back_as_a_path(run, tmp_path):
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    put = ok(run("%rl_put data.csv"))
    assert (put.name, put.kind, put.view.content_type) == ("data.csv", "file", "text")
    assert ok(run("%rl_get data.csv")).read_text() == "a,b\n1,2\n"
    assert ok(run("%rl_get data.csv --as text")) == "a,b\n1,2\n"


def test_a_path_variable_is_named_after_its_file(run, shell, tmp_path):
    (tmp_path / "data.csv").write_text("x")
    shell.user_ns["source"] = tmp_path / "data.csv"
    assert ok(run("%rl_put source")).name == "data.csv"


def test_a_word_that_is_nothing_names_what_comes_close(run):
    error = run("%rl_put dff").error
    assert isinstance(error, errors.InputError)
    assert "Close: df" in str(error)


@pytest.mark.parametrize("word", ["df['x']", "df.head()", "df.x", "{df['x']}", "df[df.x>1]"])
def test_an_expression_is_told_to_become_a_variable_first(run, word):
    error = run(f"%rl_put {word}").error
    assert isinstance(error, errors.InputError)
    assert "assign it to a variable first" in str(error)
    assert f"rl.put({word.strip('{}')}, 'NAME')" in str(error)


@pytest.mark.parametrize("word", ["data.csv", "nope()", "3", "'a b'", "x" * 5000, "'~nobody-by-this-name/x'"])
def test_what_is_neither_variable_nor_file_nor_expression_is_said_to_be_so(run, word):
    error = run(f"%rl_put {word}").error
    assert isinstance(error, errors.InputError)
    assert "is no variable and no file here" in str(error)
    assert "expression" not in str(error)


def test_text_that_also_names_a_file_is_put_by_the_words_of_its_error(run, shell, tmp_path):
    (tmp_path / "my data.csv").write_text("a,b\n")
    shell.user_ns["title"] = "my data.csv"
    said = str(run("%rl_put title").error)
    assert "--as text (format='text')" in said
    assert "%rl_put './my data.csv' (Path('my data.csv'))" in said
    assert ok(run("%rl_put title --as text")).kind == "text"
    assert ok(run("%rl_put './my data.csv'")).kind == "file"


def test_a_cell_of_json_goes_up_as_the_value_it_says(run):
    put = ok(run('%%rl_put magics/a.json --as json\n{"a": [1, 2.5, null]}\n'))
    assert put.kind == "json"
    assert rl.get("magics/a.json") == {"a": [1, 2.5, None]}


@pytest.mark.parametrize(
    ("form", "text", "said"),
    [
        ("json", "{oops", "the cell is not JSON"),
        ("json", "[" * 100_000, "the cell is not JSON"),
        ("json", "[NaN]", "nan, which JSON can't hold"),
        ("parquet", "a", "stored as text, or as the value that its JSON says"),
        ("nope", "a", "stored as text, or as the value that its JSON says"),
    ],
)
def test_a_cell_that_cannot_be_stored_so_is_refused_in_one_line(run, form, text, said):
    error = run(f"%%rl_put magics/refused --as {form}\n{text}\n").error
    assert isinstance(error, errors.RunloopError)
    assert said in str(error)
    assert len(rl.ls("magics/refused")) == 0


FAILING = [
    ("%rl_get magics/nope", errors.ObjectNotFound),
    ("%rl_put df --nope", errors.InputError),
    ("%rl_put df -m novalue", errors.InputError),
    ("%rl_put df -m rl.kind=x", errors.MetadataError),
    ("%rl_put df --ttl soon", errors.InputError),
    ("%rl_put df -n ''", errors.AddressError),
    ("%rl_put 'open", errors.InputError),
    ("%rl_put $nope", errors.InputError),
    ("%rl_put df --as nope", errors.InputError),
    ("%rl_get magics/x --as nope", errors.InputError),
    ("%rl_get df -o 'not a name'", errors.InputError),
    ("%rl_get df -o class", errors.InputError),
    ("%rl_get df --to f --as text", errors.InputError),
    ("%rl_ls --limit 0", errors.InputError),
    ("%rl_rm", errors.InputError),
    ("%rl_info s3://bucket/key", errors.AddressError),
    ("%rl status", errors.InputError),
    ("x = %rl_get magics/nope", errors.ObjectNotFound),
]


@pytest.mark.parametrize(("code", "kind"), FAILING, ids=[code for code, _ in FAILING])
def test_an_error_is_one_line_that_fails_the_cell_and_can_be_caught(run, code, kind):
    ran = run(code)
    assert type(ran.error) is kind
    assert not isinstance(ran.error, UsageError)
    shown = ANSI.sub("", ran.out + ran.err).strip()
    assert shown.startswith(kind.__name__)
    assert len(shown.splitlines()) == 1
    caught = run(
        f"import runloop_jupyter as rl\ntry:\n    {code}\nexcept rl.errors.RunloopError as e:\n    print(type(e))"
    )
    assert caught.error is None
    assert kind.__name__ in caught.out


def test_the_last_error_can_be_asked_for(run):
    ran = run("%rl_get obj_0000000000000000000000000000")
    assert rl.last_error is ran.error


def test_a_type_that_nothing_is_of_is_answered_with_the_types_there_are(run):
    ran = run("%rl_ls --type nonsense")
    assert "no objects of the type “nonsense” fit" in ran.out
    assert all(kind in ran.out for kind in KINDS)
    assert "nonsense" in ok(ran)._repr_html_()
    assert "There are" not in run("%rl_ls no-such-name --type table").out


def test_help_is_printed_and_does_nothing(run):
    ran = run("%rl_put df -n magics/help --help")
    assert "Examples:" in ran.out
    assert "--ttl" in ran.out
    assert len(rl.ls("magics/help")) == 0


def test_question_mark_shows_help_with_examples(shell):
    text = shell.inspector.info(shell.magics_manager.magics["line"]["rl_put"], "rl_put")["docstring"]
    assert "Examples:" in text
    assert "--ttl" in text


def test_rl_lists_the_magics_and_where_objects_go(run):
    text = str(ok(run("%rl")))
    assert "embedded store on this computer" in text
    for name in ("%rl_put", "%rl_get", "%rl_ls", "%rl_info", "%rl_rm", "%rl_status"):
        assert name in text


def test_deleting_is_refused_where_nobody_can_answer(run, monkeypatch):
    rl.put("x", "magics/rm")

    def nobody(question):
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    error = run("%rl_rm magics/rm").error
    assert "1 object, 1 B" in str(error)
    assert "-y" in str(error)
    assert rl.get("magics/rm") == "x"


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("YES", 0), ("", 1), ("n", 1), ("yeah", 1)])
def test_deleting_asks_first_and_only_yes_is_yes(run, monkeypatch, answer, left):
    rl.put("x", "magics/ask")
    asked = []
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or answer)
    ok(run("%rl_rm magics/ask"))
    assert "1 object, 1 B" in asked[0]
    assert len(rl.ls("magics/ask")) == left


def test_config_sets_defaults_and_the_line_wins(run):
    try:
        ok(run('%config RunloopMagics.metadata = {"project": "birds", "year": "2026"}'))
        ok(run('%config RunloopMagics.ttl = "2d"'))
        put = ok(run("%rl_put df -n magics/config -m year=2027"))
        assert put.metadata == {"project": "birds", "year": "2027"}
        assert put.expires is not None
    finally:
        run("%config RunloopMagics.metadata = {}")
        run('%config RunloopMagics.ttl = ""')


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("ttl", "'3x'", "ttl='3x' is not a length of time. Write 30d"),
        ("ttl", "'0s'", "out of range"),
        ("metadata", "{'rl.kind': 'x'}", "this extension's own"),
    ],
)
def test_config_refuses_at_once_what_could_never_be_put(run, caplog, option, value, said):
    before = ok(run(f"%config RunloopMagics.{option}"))
    try:
        run(f"%config RunloopMagics.{option} = {value}")
        assert said in caplog.text
        assert ok(run(f"%config RunloopMagics.{option}")) == before
        # IPython keeps it all the same.
        error = run("%reload_ext runloop_jupyter").error
        assert isinstance(error, errors.InputError)
        assert said in str(error)
    finally:
        run(f"%config RunloopMagics.{option} = {before!r}")
        ok(run("%load_ext runloop_jupyter"))


def test_config_lists_what_can_be_set(run):
    out = run("%config RunloopMagics").out
    for option in ("RunloopMagics.metadata", "RunloopMagics.ttl", "RunloopMagics.progress"):
        assert option in out


def test_a_pickle_needs_a_flag_both_ways(run, shell):
    shell.user_ns["odd"] = {1, 2, 3}
    assert isinstance(run("%rl_put odd -n magics/odd").error, errors.UnsupportedValue)
    ok(run("%rl_put odd -n magics/odd --pickle"))
    assert isinstance(run("%rl_get magics/odd").error, errors.UnsafeValue)
    assert ok(run("%rl_get magics/odd --allow-pickle")) == {1, 2, 3}


def test_arrays_round_trip_and_say_their_shape(run, shell):
    shell.user_ns["a"] = np.arange(6, dtype=">i4").reshape(2, 3)
    assert ok(run("%rl_put a -n magics/array")).shape == "2 × 3"
    back = ok(run("%rl_get magics/array"))
    assert back.dtype == ">i4"
    np.testing.assert_array_equal(back, shell.user_ns["a"])


def test_to_writes_the_stored_bytes_and_never_over_a_file(run, tmp_path):
    rl.put("text", "magics/to.txt", format="text")
    path = ok(run("%rl_get magics/to.txt --to ."))
    assert path.read_text() == "text"
    assert path.parent == tmp_path
    assert isinstance(run("%rl_get magics/to.txt --to .").error, errors.InputError)
    assert isinstance(run("%rl_get magics/to.txt --to no/such/dir/x").error, errors.InputError)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["to.txt"]


def test_loading_twice_does_no_harm(run, shell):
    before = len(shell.Completer.custom_matchers)
    ok(run("%reload_ext runloop_jupyter"))
    assert len(shell.Completer.custom_matchers) == before


def test_results_have_a_short_stable_repr_inside_other_things(run):
    ok(run("%rl_put df -n magics/repr"))
    assert repr([rl.ls("magics/repr")[0]]) == "[<Object 'magics/repr' table · 3 × 1 · embedded store>]"


def test_nothing_is_logged_at_debug_that_should_not_be(run, caplog):
    with caplog.at_level(logging.DEBUG):
        ok(run("%rl_put df -n magics/log"))
        ok(run("%rl_get magics/log"))
    assert "sig" not in caplog.text.lower().replace("signal", "")


def test_ctrl_c_in_a_magic_is_one_line_wherever_it_comes(run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("runloop_jupyter.actions.find.ls", interrupted)
    ran = run("%rl_ls")
    assert isinstance(ran.error, KeyboardInterrupt)
    assert isinstance(ran.error, errors.Interrupted)
    assert str(ran.error) == "%rl_ls was stopped"
