"""Ctrl-C in a real kernel: under a second, nothing left, and the next cell works."""

import json
import time

import pytest
from leftovers import look

import runloop_jupyter as rl
from runloop_jupyter.paths import cache_dir, home_dir

LARGE = 1 << 30
FRAME = """
import numpy as np, pandas as pd
rng = np.random.default_rng(7)
frame = pd.DataFrame({f"x{i}": rng.normal(size=10_000_000) for i in range(7)})
frame["label"] = rng.choice(["adelie", "gentoo", "chinstrap"], 10_000_000).astype(object)
"""


@pytest.fixture
def loaded(kernel):
    assert kernel.run("%load_ext runloop_jupyter").status == "ok"
    return kernel


@pytest.fixture
def large(tmp_path):
    """A large file that costs no disk here."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(LARGE)
    return path


def blobs():
    """The bytes that are on their way into the store."""
    return sum(each.stat().st_size for each in (home_dir() / "store").glob("**/*") if each.is_file())


def spooled():
    """The bytes in spools, those without a name among them."""
    return sum(each.stat().st_size for each in (cache_dir() / "spool").glob("*"))


def arriving():
    """Return what tells whether some of a large object has come, one that hadn't begun to before."""
    partial = cache_dir() / "partial"
    before = {each.name for each in partial.glob("*.json")}

    def has_come():
        notes = [json.loads(each.read_text()) for each in partial.glob("*.json") if each.name not in before]
        return any(sum(stop - start for start, stop in note["done"]) > LARGE // 20 for note in notes)

    return has_come


def assert_clean(reply, kernel):
    assert reply.status == "Interrupted", reply.text
    assert reply.seconds < 1, f"{reply.seconds:.2f} s from the interrupt to the end of the cell"
    assert len(reply.text.strip().splitlines()) == 1, reply.text
    assert kernel.run("1 + 1").text == "2"
    deadline = time.monotonic() + 5
    while (left := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def test_while_a_large_file_is_sent(loaded, large):
    before = blobs()
    reply = loaded.interrupt_when(f"%rl_put {large}", lambda: blobs() > before + LARGE // 20)
    assert_clean(reply, loaded)
    assert list(rl.ls("large.bin")) == []


def test_while_a_large_file_is_fetched(loaded, large, tmp_path):
    assert loaded.run(f"%rl_put {large} -n fetched").status == "ok"
    target = tmp_path / "target"
    target.mkdir()

    reply = loaded.interrupt_when(f"%rl_get fetched --to {target / 'x.bin'}", arriving())
    assert_clean(reply, loaded)
    assert list(target.iterdir()) == []
    assert "what came is kept" in reply.text
    assert loaded.run(f"%rl_get fetched --to {target / 'x.bin'}").status == "ok"
    assert (target / "x.bin").stat().st_size == LARGE
    assert not any((cache_dir() / "partial").iterdir())


def test_while_a_frame_of_ten_million_rows_is_packed(loaded):
    assert loaded.run(FRAME).status == "ok"
    reply = loaded.interrupt_when("%rl_put frame -n interrupted/packed", lambda: spooled() > 10_000_000)
    assert_clean(reply, loaded)
    assert list(rl.ls("interrupted/packed")) == []


def test_while_a_frame_of_ten_million_rows_is_read(loaded):
    assert loaded.run(FRAME).status == "ok"
    assert loaded.run("%rl_put frame -n read").status == "ok"
    began = time.monotonic()
    reply = loaded.interrupt_when("%rl_get read -o back", lambda: time.monotonic() - began > 1)
    assert_clean(reply, loaded)
    assert loaded.run("'back' in globals()").text == "False"


def test_while_many_files_are_sent_at_once(loaded, tmp_path):
    for n in range(6):
        with (tmp_path / f"part-{n}.bin").open("wb") as file:
            file.truncate(LARGE // 3)
    before = blobs()
    reply = loaded.interrupt_when(f"%rl_put {tmp_path}/part-*.bin -n parts", lambda: blobs() > before + LARGE // 20)
    assert_clean(reply, loaded)
    assert len(rl.ls("parts/")) < 6


@pytest.fixture
def large_folder(tmp_path):
    """A folder of forty large files that cost no disk here."""
    folder = tmp_path / "large-folder"
    folder.mkdir()
    for n in range(40):
        with (folder / f"{n}.bin").open("wb") as file:
            file.write(f"{n}".encode())
            file.truncate(LARGE // 64)
    return folder


def test_while_a_folder_is_sent_as_files(loaded, large_folder):
    before = blobs()
    reply = loaded.interrupt_when(f"%rl_put {large_folder} --as files", lambda: blobs() > before + LARGE // 10)
    assert_clean(reply, loaded)
    assert list(rl.ls("large-folder")) == list(rl.ls("large-folder", type="part")) == []


def test_while_a_folder_that_is_kept_as_files_is_fetched(loaded, large_folder, tmp_path):
    assert loaded.run(f"%rl_put {large_folder} --as files").status == "ok"
    target = tmp_path / "target"
    target.mkdir()

    def came():
        return sum(each.stat().st_blocks for each in target.glob(".*/*")) > 0

    reply = loaded.interrupt_when(f"%rl_get large-folder --to {target}", came)
    assert_clean(reply, loaded)
    deadline = time.monotonic() + 5
    while list(target.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(target.iterdir()) == []
    rl.rm("large-folder")


def test_while_a_large_object_is_kept(loaded, large):
    assert loaded.run(f"%rl_put {large} -n kept --ttl 1h").status == "ok"
    before = blobs()
    reply = loaded.interrupt_when("%rl_keep kept", lambda: blobs() > before + LARGE // 20)
    assert_clean(reply, loaded)
    assert rl.ls("kept")[0].expires is not None


def test_in_the_middle_of_a_mount_that_fetches(loaded, large, tmp_path):
    assert loaded.run(f"%rl_put {large} -n mounted-large").status == "ok"
    target = tmp_path / "data"
    mount = f"%rl_mount mounted-large {target} --mode link"
    assert_clean(loaded.interrupt_when(mount, arriving()), loaded)
    assert not target.exists()
    assert "0 mounts" in loaded.run("%rl_mount").text
    assert loaded.run(mount).status == "ok"
    assert (target / "mounted-large").stat().st_size == LARGE
    assert loaded.run("%rl_umount --all").status == "ok"
    assert not target.exists()
