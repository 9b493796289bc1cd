"""What the README says can be done, and its tables say what the code does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from runloop_jupyter.magics.objects import RunloopMagics
from runloop_jupyter.magics.options import PARSERS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def rows(header):
    """The rows of the table whose first column is called `header`."""
    table = re.search(rf"^\| {header} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert table, header
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]


def test_the_python_in_it_runs_from_top_to_bottom():
    cells = [nbformat.v4.new_code_cell(code) for code in blocks("python")]
    assert len(cells) > 5
    NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=120, kernel_name="python3").execute()


def make_targets():
    return sorted(set(re.findall(r"`?\bmake ([a-z-]+)", README)) - {"it"})


@pytest.mark.parametrize("target", make_targets())
def test_each_make_command_in_it_is_a_target(target):
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_shell_commands_for_the_embedded_store_work_and_serve_another_client():
    (commands,) = (block for block in blocks("sh") if "runloop-local env" in block)
    client = 'python -c "from runloop_api_client import Runloop; print(list(Runloop().objects.list()))"'
    script = commands.replace("runloop-local status", f"{client}\nrunloop-local status")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_each_command_of_the_store_in_it_is_one():
    program = Path(sys.executable).with_name("runloop-local")
    for command in sorted(set(re.findall(r"runloop-local ([a-z]+)", README))):
        done = subprocess.run([program, command, "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)


def test_the_table_of_magics_is_all_there_are():
    named = {re.match(r"`%(\w+)", row[0])[1] for row in rows("magic")}
    assert named == {"rl", *PARSERS}


def test_the_table_of_options_is_all_there_are():
    said = {}
    for row in rows("option"):
        for flag in re.findall(r"`(-[-\w]+)`", row[0]):
            said[flag] = {f"rl_{magic.strip()}" for magic in row[1].split(",")}
    real = {}
    for magic, parser in PARSERS.items():
        for action in parser._actions:
            for flag in action.option_strings:
                if flag != "--help":
                    real.setdefault(flag, set()).add(magic)
    assert said == real


def test_what_can_be_configured_is_named():
    for name in RunloopMagics.class_own_traits(config=True):
        assert f"`{name}`" in README


def test_the_picture_is_there():
    for picture in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file()


def test_the_variables_it_names_are_read_somewhere():
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "runloop_jupyter").rglob("*.py"))
    for row in rows("variable"):
        for name in re.findall(r"`(\w+)`", row[0]):
            assert name in code
