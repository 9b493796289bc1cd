"""What .runloopignore leaves out of a folder, which is what git would by a .gitignore of the same words."""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runloop_jupyter import archive
from runloop_jupyter.errors import ArchiveError


def make(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def pack(root: Path) -> tuple[set[str], archive.Packed]:
    file = io.BytesIO()
    done = archive.pack(root, file, checkpoint=lambda: None)
    return {name for name, _ in archive.members(file, 999).entries}, done


def test_what_it_names_stays_out_and_is_counted(tmp_path):
    make(tmp_path, {".runloopignore": "*.tmp\nbuild/\n", "a.tmp": "", "a.csv": "", "build/x/y": "", "d/b.tmp": ""})
    names, done = pack(tmp_path)
    assert names == {".runloopignore", "a.csv"}
    assert done.ignored == 3  # a folder is one thing


def test_one_in_a_folder_beneath_speaks_of_that_folder_and_has_the_last_word(tmp_path):
    files = dict.fromkeys(["a.log", "keep/a.log", "keep/b.log", "other/x", "other/y", "x"], "")
    make(tmp_path, {**files, ".runloopignore": "*.log", "keep/.runloopignore": "!a.log", "other/.runloopignore": "/x"})
    names, _ = pack(tmp_path)
    assert {name for name in names if ".runloop" not in name} == {"keep/a.log", "other/y", "x"}


def test_a_gitignore_is_not_looked_at(tmp_path):
    make(tmp_path, {".gitignore": "*.parquet", "data.parquet": ""})
    assert pack(tmp_path)[0] == {".gitignore", "data.parquet"}


def test_what_can_not_be_packed_may_be_named_in_it(tmp_path):
    make(tmp_path, {".runloopignore": "pipe\nout", "a": ""})
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "out").symlink_to("/etc")
    assert pack(tmp_path)[0] == {".runloopignore", "a"}


def test_patterns_meet_names_that_are_not_utf8(tmp_path):
    (tmp_path / ".runloopignore").write_bytes(b"\xef\xbb\xbf*.\xff\r\nb\r\n")
    for name in (b"a.\xff", b"b", b"c"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("")
    assert pack(tmp_path)[0] == {".runloopignore", "c"}


@pytest.mark.parametrize("line", ["!", "[z-a]"])
def test_a_line_that_is_no_pattern_is_refused_by_its_number(tmp_path, line):
    make(tmp_path, {"d/.runloopignore": f"fine\n{line}\n"})
    with pytest.raises(ArchiveError, match=r"d/\.runloopignore, line 2: “.*” is no pattern"):
        pack(tmp_path)


def test_one_that_is_no_plain_file_is_refused(tmp_path):
    (tmp_path / ".runloopignore").symlink_to("/etc/hostname")
    with pytest.raises(ArchiveError, match=r"\.runloopignore can't be read.*plain file"):
        pack(tmp_path)


NAMES = ["a", "b", "a.txt", "b.txt", "foo", "keep.txt", "d"]
patterns = st.lists(
    st.sampled_from(
        [
            "*.txt",
            "!keep.txt",
            "foo/",
            "/a",
            "d/*",
            "!d/b",
            "**/b",
            "a/**",
            "foo",
            "?",
            "[ab]",
            "# a",
            "",
            "d/foo",
            "*",
            "!*/",
        ]
    ),
    max_size=5,
).map("\n".join)
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)


@given(files=st.sets(paths, min_size=1, max_size=10), at_root=patterns, beneath=patterns)
@example(files={"keep.txt/foo/a"}, at_root="foo\n!keep.txt", beneath="")
@example(files={"a/foo/a"}, at_root="foo/\n!*/", beneath="")
@settings(max_examples=40, deadline=None)
def test_it_says_what_git_would_say(files, at_root, beneath):
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "repository"
        made = {".runloopignore": at_root, ".gitignore": at_root}
        for name in sorted(files):
            if not any(other != name and (other + "/").startswith(name + "/") for other in files):
                made[name] = ""
        if any(name.startswith("d/") for name in made):
            made |= {"d/.runloopignore": beneath, "d/.gitignore": beneath}
        make(root, made)
        said = subprocess.run(
            ["git", "-c", "init.defaultBranch=main", "-c", "core.excludesFile=/dev/null", "init", "-q", "."],
            cwd=root,
            check=True,
            capture_output=True,
        )
        said = subprocess.run(
            ["git", "-c", "core.excludesFile=/dev/null", "ls-files", "-o", "-z", "--exclude-per-directory=.gitignore"],
            cwd=root,
            check=True,
            capture_output=True,
            text=True,
        )
        ours = {name for name in pack(root)[0] if not name.startswith(".git/")}
        assert ours == set(said.stdout.split("\0")) - {""}
