"""How much memory there is, and what is offered where a value would not fit."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runloop_jupyter.errors import NotEnoughMemory
from runloop_jupyter.values import memory

GIB = 1 << 30


@pytest.fixture
def computer(tmp_path):
    """Make a root with control groups: files by their path, with their text."""

    def make(groups: str, **files: str):
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(groups)
        for path, text in files.items():
            file = tmp_path / "sys/fs/cgroup" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return make


def v2(path: str, limit: int | str, used: int, cached: int = 0) -> dict[str, str]:
    return {
        f"{path}memory.max": f"{limit}\n",
        f"{path}memory.current": f"{used}\n",
        f"{path}memory.stat": f"anon 1\ninactive_file {cached}\n",
    }


def v1(path: str, limit: int, used: int, cached: int = 0) -> dict[str, str]:
    return {
        f"memory/{path}memory.limit_in_bytes": f"{limit}\n",
        f"memory/{path}memory.usage_in_bytes": f"{used}\n",
        f"memory/{path}memory.stat": f"cache 1\ninactive_file 5\ntotal_inactive_file {cached}\n",
    }


TINY = 200 << 20  # less than any computer that runs this has left


@pytest.mark.parametrize(
    ("groups", "files", "left"),
    [
        pytest.param("0::/pod/me\n", v2("pod/me/", TINY, 50 << 20, 10 << 20), TINY - (40 << 20), id="v2"),
        pytest.param("0::/\n", v2("", TINY, 50 << 20), TINY - (50 << 20), id="v2, a container's own root"),
        pytest.param(
            "0::/pod/me\n",
            v2("pod/me/", "max", 1) | v2("pod/", TINY, 1 << 20),
            TINY - (1 << 20),
            id="v2, the one above",
        ),
        pytest.param(
            "0::/pod/me\n", v2("pod/me/", 99 * GIB, 1) | v2("pod/", TINY, 1 << 20), TINY - (1 << 20), id="v2, the least"
        ),
        pytest.param("0::/../../other\n", v2("", TINY, 0), TINY, id="v2, seen from another namespace"),
        pytest.param("0::/\n", v2("unified/", TINY, 0), TINY, id="v2 beside v1"),
        pytest.param("4:memory:/docker/x\n", v1("docker/x/", TINY, 9, 4), TINY - 5, id="v1"),
        pytest.param("4:cpu,memory:/docker/x\n", v1("", TINY, 9, 4), TINY - 5, id="v1, a container's own root"),
        pytest.param("4:memory:/x\n0::/\n", v1("x/", TINY, 9, 50), TINY, id="v1, all of it cached"),
        pytest.param("0::/me\n", v2("me/", TINY, TINY + 5), -5, id="over the limit"),
    ],
)
def test_the_least_of_all_limits_counts_and_cached_files_do_not(computer, groups, files, left):
    assert memory.available(computer(groups, **files)) == left


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        pytest.param("0::/me\n", v2("me/", "max", 1), id="no limit"),
        pytest.param("0::/me\n", {"me/memory.max": "12"}, id="half of the files"),
        pytest.param("0::/me\n", v2("me/", "many", 1), id="no number"),
        pytest.param("0::/me\n", {}, id="no files"),
        pytest.param("4:memory:/\n", v1("", 9223372036854771712, 9), id="v1's word for no limit"),
        pytest.param("nonsense", {}, id="nonsense"),
        pytest.param("", {}, id="nothing"),
    ],
)
def test_without_a_limit_it_is_the_computers(computer, groups, files):
    assert memory.available(computer(groups, **files)) > TINY


def test_where_there_is_no_proc_it_is_the_computers(tmp_path):
    assert memory.available(tmp_path) > TINY


def test_the_limit_of_addresses_counts():
    code = (
        "import resource, psutil; from runloop_jupyter.values import memory;"
        "resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + 2**28, resource.RLIM_INFINITY));"
        "print(memory.available())"
    )
    left = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    assert 0.9 * 2**28 < left <= 2**28


@pytest.fixture
def left(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: GIB)


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize("needed", [None, 0, GIB - memory.RESERVE])
def test_what_fits_or_is_of_unknown_size_is_let_by(needed):
    memory.check(needed, ())


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize(
    ("parts", "said"),
    [
        pytest.param([], "Get the file with --as path", id="whole only"),
        pytest.param(["head"], "Get part of it with --head 8000000, or the file with --as path", id="head"),
        pytest.param(["columns", "head"], "with --columns a,b or --head 8000000, or the file with", id="both"),
    ],
)
def test_what_would_not_fit_is_offered_in_parts_that_do(parts, said):
    with pytest.raises(NotEnoughMemory) as caught:
        memory.check(3 * GIB, parts, lambda head: head * 110)
    assert "about 3.0 GiB of memory and 896 MiB can be had" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize("needs", [lambda head: 5 * GIB, lambda head: None])
def test_no_head_is_offered_where_none_is_known_to_fit(needs):
    with pytest.raises(NotEnoughMemory) as caught:
        memory.check(3 * GIB, ["head"], needs)
    assert "--head" not in str(caught.value)


def test_nothing_is_asked_for_small_values(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: pytest.fail("asked"))
    memory.check(1 << 20, ())
