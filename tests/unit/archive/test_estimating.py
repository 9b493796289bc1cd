"""How much room an archive takes is known, about, before it is written."""

import io
import os

import pytest

from runloop_jupyter import archive


def go_on():
    """The checkpoint of a test that isn't stopped."""


def both(folder, **how):
    file = io.BytesIO()
    packed = archive.pack(folder, file, checkpoint=go_on, **how)
    looked = archive.estimate(folder, include_secrets=how.get("include_secrets", False), checkpoint=go_on)
    return looked, packed, len(file.getvalue())


@pytest.mark.parametrize("content", [os.urandom(3 << 20), bytes(3 << 20), b"1.25,2.5\n" * (300 << 10)])
def test_it_comes_close(tmp_path, content):
    for n in range(3):
        (tmp_path / f"{n}.bin").write_bytes(content)
    looked, packed, size = both(tmp_path)
    assert looked.bytes == packed.bytes
    assert looked.entries == 3
    assert size * 0.7 < looked.packed + 20_000
    assert looked.packed < size * 1.3 + 20_000


def test_what_is_left_out_does_not_count(tmp_path):
    (tmp_path / ".env").write_bytes(os.urandom(1 << 20))
    (tmp_path / "skipped").write_bytes(os.urandom(1 << 20))
    (tmp_path / ".runloopignore").write_text("skipped")
    looked, packed, _ = both(tmp_path)
    assert looked.bytes == packed.bytes == 7
    looked, packed, _ = both(tmp_path, include_secrets=True)
    assert looked.bytes == packed.bytes == 7 + (1 << 20)
    assert packed.left_out == []


def test_holes_of_sparse_files_count_as_what_they_pack_to(tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    assert archive.estimate(tmp_path, include_secrets=False, checkpoint=go_on).packed < 20 << 20


def test_an_empty_folder_takes_next_to_nothing(tmp_path):
    assert archive.estimate(tmp_path, include_secrets=False, checkpoint=go_on) == archive.Estimate(0, 0, 0, 0)
