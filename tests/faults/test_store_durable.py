"""What the kernel is asked, and in which order, before a store says 200: that is what a power cut would leave."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from store_process import Store, open_store
from system_calls import Call, answers, read, recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = b"x" * 3_000_000


class Recorded:
    """A store whose calls are recorded, in as many runs as `restart` makes of it."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "new" / "store"
        self.directory = directory
        self.runs = 0
        self.restart()

    def restart(self) -> None:
        if self.runs:
            self.store.close()
        self.runs += 1
        self.record = self.directory / f"calls-{self.runs}"
        self.store: Store = open_store(self.root, under=recorder(self.record))

    def calls(self) -> list[list[Call]]:
        """The calls of the last run before each answer, once it has ended."""
        self.store.close()
        return answers(read(self.record))


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    opened = Recorded(tmp_path)
    yield opened
    opened.store.close()


def in_order(calls: list[Call], *wanted: str) -> None:
    """Each pattern's call has ended before the next one's begins; the last is the answer."""
    done = -1
    said = "\n".join(f"{each.began}-{each.ended} {each.name}({each.text}" for each in calls)
    for pattern in wanted:
        after = [each for each in calls if each.began > done and re.search(pattern, f"{each.name}({each.text}")]
        assert after, f"{pattern} doesn't come after what must come before it:\n{said}"
        done = min(each.ended for each in after)
    assert "HTTP/1.1 200" in calls[-1].text, said
    assert done < calls[-1].began, f"the answer goes out before {wanted[-1]} has ended:\n{said}"


def committed(calls: list[Call], *, before: str = "") -> None:
    """The log's last page is written, then on the disk, then the answer goes out, and `before` it nothing."""
    written = [each for each in calls if each.name == "pwrite64" and "store.db-wal" in each.text]
    assert written
    synced = [each for each in calls if each.name in ("fdatasync", "fsync") and "store.db-wal" in each.text]
    assert synced
    first_written, first_synced = written[0], synced[0]
    assert first_written.ended < first_synced.began
    assert first_synced.ended < calls[-1].began
    if before:
        late = [each for each in calls if re.search(before, f"{each.name}({each.text}")]
        assert late
        assert all(each.began > first_synced.ended for each in late)


def test_create_is_in_the_log_on_the_disk_before_it_is_answered(recorded: Recorded) -> None:
    recorded.store.create()
    (create, *_) = recorded.calls()
    committed(create)


def test_an_upload_is_synced_named_and_its_name_synced_before_it_is_answered(recorded: Recorded) -> None:
    created = recorded.store.create()
    assert recorded.store.upload(created, CONTENT).status_code == 200
    _, upload, *_ = recorded.calls()
    object_id = created["id"]
    directory = f"blobs/{object_id[-2:]}"
    in_order(
        upload,
        r"write\(.*/incoming/\w+\.part",
        r"fsync\(.*/incoming/\w+\.part>",
        rf"rename\w*\(.*\.part.*{directory}/{object_id}",
        rf"fsync\(\d+<[^>]*/{directory}>\)",
    )
    # The first file of a directory: the directory's own name too.
    in_order(upload, rf"mkdir\w*\(.*{directory}\"", r"fsync\(\d+<[^>]*/blobs>\)")
    written = [each for each in upload if each.name == "write" and ".part>" in each.text]
    synced = next(each for each in upload if each.name == "fsync" and ".part>" in each.text)
    assert all(each.ended < synced.began for each in written)


def test_complete_is_in_the_log_on_the_disk_before_it_is_answered(recorded: Recorded) -> None:
    recorded.store.put()
    _, _, complete, *_ = recorded.calls()
    committed(complete)


def test_complete_after_a_restart_trusts_no_name_that_the_run_before_gave(recorded: Recorded) -> None:
    created = recorded.store.create()
    recorded.store.upload(created, CONTENT)
    recorded.restart()
    recorded.store.post(f"/v1/objects/{created['id']}/complete")
    complete, *_ = recorded.calls()
    in_order(complete, rf"fsync\(\d+<[^>]*/blobs/{created['id'][-2:]}>\)", r"pwrite64\(.*-wal", r"f\w*sync\(.*-wal")


def test_delete_is_in_the_log_on_the_disk_before_the_bytes_go_and_before_it_is_answered(recorded: Recorded) -> None:
    view = recorded.store.put()
    recorded.store.delete(view["id"])
    *_, deleted, _ = recorded.calls()
    committed(deleted, before=rf"unlink\w*\(.*{view['id']}")


def test_a_new_store_is_durable_with_the_way_to_it_before_it_serves(recorded: Recorded, tmp_path: Path) -> None:
    recorded.store.create()
    start, *_ = recorded.calls()
    serving = next(each for each in start if each.name == "write" and '"serving ' in each.text)
    for made in (tmp_path, recorded.root.parent, recorded.root):
        synced = [each for each in start if re.fullmatch(rf"\d+<{re.escape(str(made))}>\).*", each.text)]
        assert synced, f"{made} was never synced"
        assert synced[0].ended < serving.began
    # The database's own name: the directory again, after the first write to its log.
    log = next(each for each in start if each.name == "pwrite64" and "store.db-wal" in each.text)
    again = [each for each in start if re.fullmatch(rf"\d+<{re.escape(str(recorded.root))}>\).*", each.text)]
    assert any(log.ended < each.began and each.ended < serving.began for each in again)
