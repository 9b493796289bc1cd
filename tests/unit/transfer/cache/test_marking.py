"""A directory becomes a cache once, and only what an earlier layout made in it goes."""

import time

from cached import DATA, Far, a_view, transfer

from runloop_jupyter.transfer.cache import marking


def everything(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_directory_is_marked_as_a_cache(tmp_path):
    marking.begin(tmp_path)
    assert (tmp_path / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_what_the_earlier_layout_kept_goes_and_nothing_else(tmp_path):
    account, embedded = "0123456789abcdef" * 2, "298cc290-56df-4c7a-b15f-18b8894efd71"
    for path in (f"files/{account}/obj_1/x.csv", f"files/{embedded}/obj_2/abc/folder/y", "files/mine/notes.txt", "z"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    marking.begin(tmp_path)
    deadline = time.monotonic() + 10
    while any(path.name.startswith(".gone") for path in tmp_path.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert everything(tmp_path) == ["CACHEDIR.TAG", "files/mine/notes.txt", "z"]


def test_what_is_in_the_new_layout_stays_though_the_mark_is_lost(cache):
    store = "0123456789abcdef" * 2
    marking.begin(cache.root)
    path = cache.fetched_path(store, a_view(), "x.csv", None, Far(), transfer())
    (cache.root / "CACHEDIR.TAG").unlink()
    marking.begin(cache.root)
    assert path.read_bytes() == DATA
    assert (cache.root / "CACHEDIR.TAG").exists()
