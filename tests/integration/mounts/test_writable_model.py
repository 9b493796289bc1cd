"""Whatever is done on either side of a writable folder, in whatever order: no version is ever lost."""

import atexit
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from folders import files, mount, new_name, stored, versions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.filesystems import entries

PATHS = ("a", "d/b.txt")
NEW = 2
CONTENTS = st.sampled_from([0, 1, NEW, NEW, NEW, NEW])
OFTEN = st.tuples(st.sampled_from(["save", "save over", "put"]), st.sampled_from(PATHS), CONTENTS)
STEPS = st.one_of(
    OFTEN,
    OFTEN,
    st.tuples(st.sampled_from(["sync", "refresh"]), st.just(""), st.just(0)),
    st.tuples(st.sampled_from(["delete", "touch", "rename"]), st.sampled_from(PATHS), st.integers(0, 1)),
    st.tuples(st.sampled_from(["unmount", "die", "die and forget"]), st.just(""), st.integers(1, 3)),
)


def die(folder, forgets=0):
    """What a kernel that is killed leaves; `forgets` is how many lines of its state never reached the disk."""
    folder._ended.set()
    folder._thread.join()
    folder._state.close()
    folder._hold.release()
    folder.record.remove()
    atexit.unregister(folder._at_exit)
    replace(folder._record, owner=replace(folder._record.owner, born="gone")).save()
    known = folder._record.directory / "known.jsonl"
    lines = known.read_bytes().splitlines(keepends=True)
    known.write_bytes(b"".join(lines[: len(lines) - forgets]))


class Both:
    """A folder, its store, and what must never be lost of either."""

    def __init__(self, where):
        self.name = new_name()
        self.where = where
        self.folder = mount(self.name, where)
        self.kept = set()  # what was in a file when all was sent, or was put
        self.versions = 0
        self.number = 0

    def step(self, what, path, number):
        at = self.where / path
        match what:
            case "save" | "save over":
                at.parent.mkdir(exist_ok=True)
                if what == "save" and at.exists():
                    at.unlink()
                with at.open("r+b" if at.exists() else "wb") as file:
                    file.write(self.content(number))
                    file.truncate()
            case "put":
                content = self.content(number)
                rl.put(content, f"{self.name}/{path}", force=True)
                self.kept.add(content)
            case "delete":
                at.unlink(missing_ok=True)
            case "touch":
                if at.exists():
                    at.touch()
            case "rename":
                other = self.where / PATHS[number]
                if at.exists() and not other.exists():
                    other.parent.mkdir(exist_ok=True)
                    at.rename(other)
            case "sync":
                self.sync()
            case "refresh":
                self.folder.refresh()
            case "unmount":
                self.kept |= set(files(self.where).values())
                self.folder.unmount()
                self.folder = mount(self.name, self.where)
            case "die" | "die and forget":
                die(self.folder, number if what != "die" else 0)
                self.folder = mount(self.name, self.where)
        self.check()

    def content(self, number):
        """New bytes, or such as were there before, or none."""
        self.number += 1
        return [b"", b"same", f"content {self.number}".encode()][number]

    def sync(self):
        self.kept |= set(files(self.where).values())
        self.folder.sync()
        self.check()

    def check(self):
        views = list(entries.beneath(session.current().store, self.name).values())
        all_versions = [content for view in {view.name for view in views} for content in versions(view)]
        there = set(all_versions) | set(files(self.where).values())
        assert self.kept <= there, self.kept - there
        assert len(all_versions) >= self.versions  # nothing deletes
        self.versions = len(all_versions)

    def end(self):
        self.sync()
        self.folder.refresh()
        self.sync()
        assert self.folder.sync().files == []
        self.folder.unmount()
        self.folder = mount(self.name, self.where)
        self.folder.sync()
        assert files(self.where) == stored(self.name)
        assert not list(self.where.glob("**/.runloop*"))
        self.folder.unmount()


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=8, max_size=20))
def test_every_content_that_was_synced_or_put_is_a_version_or_a_file(steps):
    where = Path(tempfile.mkdtemp(prefix="writable-"))
    both = Both(where)
    try:
        for step in steps:
            both.step(*step)
        both.end()
    finally:
        both.folder.unmount()
        shutil.rmtree(where)
