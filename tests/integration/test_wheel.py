"""The built wheel, installed as a user installs it: pure Python, nothing to compile, nothing missing."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from store_process import environment

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    where = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(where), str(ROOT)],
        check=True,
        timeout=120,
    )
    (path,) = where.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    where = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(where), str(wheel)]
    subprocess.run(pip, check=True, timeout=120)
    return where


def test_it_is_one_wheel_for_every_platform(wheel):
    assert wheel.name.endswith("-py3-none-any.whl")


def test_it_holds_the_package_its_types_and_licence_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "runloop_jupyter/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"runloop_jupyter"}
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "runloop_jupyter").rglob("*.py")}
    assert sources == {name for name in names if name.endswith(".py")}


def test_it_holds_the_scripts_of_its_widgets_so_that_installing_it_needs_no_node(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    scripts = {str(path.relative_to(ROOT)) for path in (ROOT / "runloop_jupyter" / "static").iterdir()}
    assert "runloop_jupyter/static/link.js" in scripts
    assert scripts == {name for name in names if name.startswith("runloop_jupyter/static/")}
    assert not any("node_modules" in name or name.endswith(".ts") for name in names)


def test_it_holds_the_data_sets_that_a_new_store_shows(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    here = "runloop_jupyter/local/public/"
    files = {str(path.relative_to(ROOT)) for path in (ROOT / here).iterdir() if path.is_file()}
    assert f"{here}catalogue.json" in files
    assert files == {name for name in names if name.startswith(here)}


def test_the_main_job_works_from_it(installed, tmp_path):
    code = (
        "import runloop_jupyter as rl\n"
        "print(rl.__file__)\n"
        "print(rl.get(rl.put({'a': 1}, 'x')))\n"
        "from runloop_jupyter.local import launch\n"
        "launch.stop()\n"
    )
    home = {"RUNLOOP_JUPYTER_HOME": str(tmp_path / "home"), "RUNLOOP_JUPYTER_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment(**home), "PYTHONPATH": str(installed)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == [str(installed / "runloop_jupyter" / "__init__.py"), "{'a': 1}"]


def test_its_command_runs(installed, tmp_path):
    done = subprocess.run(
        [sys.executable, str(installed / "bin" / "runloop-local"), "status"],
        env={**environment(RUNLOOP_JUPYTER_HOME=str(tmp_path / "home")), "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3, done.stderr  # no store runs
    assert "Traceback" not in done.stderr
