"""Loading the extension costs next to nothing, and drags nothing in."""

import ast
import json
import subprocess
import sys

import pytest
from store_process import environment

# DESIGN's law: each is imported when it is first needed.
HEAVY = ["httpx", "anywidget", "ipywidgets", "fsspec", "pandas", "pyarrow", "polars", "numpy", "aiohttp", "msgspec"]

SCRIPT = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "runloop_jupyter")
{more}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded(home, more=""):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(more=more)],
        env=environment(RUNLOOP_JUPYTER_HOME=str(home), RUNLOOP_JUPYTER_CACHE=str(home), IPYTHONDIR=str(home)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    said, _, modules = done.stdout.rstrip().rpartition("\n")
    return said, json.loads(modules)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return loaded(tmp_path_factory.mktemp("first"))


@pytest.mark.parametrize("module", HEAVY)
def test_loading_imports_nothing_heavy(first, module):
    assert module not in first[1]


def test_loading_says_one_line(first):
    assert first[0] == "runloop: embedded store on this computer (no key) · %rl for help"


def test_help_imports_nothing_heavy_either(tmp_path):
    _, modules = loaded(tmp_path, 'shell.run_line_magic("rl", ""); shell.run_line_magic("rl_put", "--help")')
    assert not set(HEAVY) & set(modules)


def test_loading_starts_no_store(tmp_path):
    loaded(tmp_path)
    assert not (tmp_path / "store").exists()


def test_a_profile_that_cannot_be_read_is_said_and_loading_goes_on(tmp_path):
    (tmp_path / "profiles.toml").write_text("default = ")
    (tmp_path / "profiles.toml").chmod(0o600)
    said, _ = loaded(tmp_path)
    assert "can't be read as TOML" in said


def test_importing_the_package_imports_nothing_but_itself():
    code = "import sys; before = set(sys.modules); import runloop_jupyter; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [name for name in ast.literal_eval(done.stdout) if name.startswith("runloop_jupyter.")] == []
