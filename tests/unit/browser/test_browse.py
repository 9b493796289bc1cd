"""A browser is opened where it can be seen, and says so where it can't."""

import subprocess
import sys
from pathlib import Path

import pytest

import runloop_jupyter as rl
from runloop_jupyter.browser import browse
from runloop_jupyter.errors import InputError, RunloopError


def test_outside_of_a_notebook_it_says_where_it_is_seen_and_what_does_without():
    with pytest.raises(InputError, match=r"seen in a notebook.*rl\.catalog"):
        rl.browse()


def test_what_cant_be_meant_is_said_first():
    with pytest.raises(InputError, match="is no place"):
        rl.browse("runs")


def test_a_script_that_isnt_there_is_one_clear_error(monkeypatch):
    is_file = Path.is_file
    monkeypatch.delitem(sys.modules, "runloop_jupyter.browser.widget", raising=False)
    monkeypatch.setattr(Path, "is_file", lambda path: path.name != "browser.js" and is_file(path))
    monkeypatch.setattr(browse, "in_notebook", lambda: True)
    with pytest.raises(RunloopError, match=r"script isn't there\. Install runloop_jupyter again"):
        rl.browse()


def test_the_script_is_part_of_the_package():
    from runloop_jupyter.browser import widget

    assert "render" in widget.SCRIPT.read_text(encoding="utf-8")


def test_naming_it_loads_nothing_of_widgets():
    code = (
        "import sys, runloop_jupyter as rl, runloop_jupyter.magics.load; rl.browse; "
        "assert not {'anywidget', 'ipywidgets', 'httpx'} & set(sys.modules), set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
