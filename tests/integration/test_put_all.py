"""A pattern of paths: one object each, several at a time, whole or not at all."""

import os

import pytest

import runloop_jupyter as rl
from runloop_jupyter.errors import InputError, SomeFailed


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv", "deep/c.csv", "notes.md", ".hidden.csv"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(f"content of {name}, {os.urandom(4).hex()}")
    return tmp_path


def names(batch):
    return [thing.name for thing in batch]


def test_each_file_that_fits_becomes_an_object_named_by_its_path_beneath_the_pattern(folder):
    batch = rl.put_all("data/*.csv", "all/1")
    assert names(batch) == ["all/1/a.csv", "all/1/b.csv"]
    assert rl.get("all/1/a.csv").read_text() == (folder / "data" / "a.csv").read_text()
    assert names(rl.put_all("data/**/*.csv", "all/2/")) == ["all/2/a.csv", "all/2/b.csv", "all/2/deep/c.csv"]


def test_a_second_time_nothing_is_sent_and_after_a_change_only_what_changed(folder):
    rl.put_all("data/*.csv", "again")
    (folder / "data" / "b.csv").write_text("changed")
    batch = rl.put_all("data/*.csv", "again")
    assert [thing.outcome.sent for thing in batch] == [False, True]
    text = batch.table().to_text()
    assert "unchanged" in text
    assert "new version" in text
    assert "2 objects · 7 B sent · 1 unchanged · embedded store" in text


def test_metadata_and_tags_go_to_all_of_them(folder):
    with rl.tags(run=3):
        batch = rl.put_all("data/*.csv", "tagged", metadata={"site": "x"}, ttl="1h")
    assert all(thing.metadata == {"run": "3", "site": "x"} and thing.expires for thing in batch)


def test_what_may_be_a_secret_is_left_out_and_named(folder):
    (folder / "data" / "id_rsa").write_text("key")
    batch = rl.put_all("data/*", "secret")
    assert "secret/id_rsa" not in names(batch)
    assert "left out as they may hold secrets: id_rsa" in batch.table().to_text()
    with pytest.raises(InputError, match=r"no file or folder fits 'data/id_\*' but id_rsa"):
        rl.put_all("data/id_*")


def test_a_pattern_that_nothing_fits_is_refused():
    with pytest.raises(InputError, match="no file or folder fits"):
        rl.put_all("no/such/*.csv")


def test_two_paths_of_one_name_are_refused_before_anything_is_sent(folder):
    (folder / "data" / "deep" / "a.csv").write_text("another")
    with pytest.raises(InputError, match=r"both be called a\.csv"):
        rl.put_all([folder / "data" / "a.csv", folder / "data" / "deep" / "a.csv"], "twice")
    assert len(rl.ls("twice/")) == 0


def test_one_that_fails_stops_no_other_and_is_named_with_the_reason(folder):
    os.mkfifo(folder / "data" / "z.fifo")
    with pytest.raises(InputError, match=r"z\.fifo"):
        rl.put_all("data/*", "partly")
    (folder / "data" / "z.fifo").unlink()
    (folder / "data" / "aa").mkdir()
    os.mkfifo(folder / "data" / "aa" / "pipe")
    with pytest.raises(SomeFailed, match=r"4 of 5 objects are stored, 1 failed\. “partly/aa”: .*pipe") as caught:
        rl.put_all("data/*", "partly")
    assert list(caught.value.failed) == ["partly/aa"]
    assert isinstance(caught.value.failed["partly/aa"], rl.errors.ArchiveError)
    assert sorted(caught.value.done) == ["partly/a.csv", "partly/b.csv", "partly/deep", "partly/notes.md"]
    assert len(rl.ls("partly/")) == 4

    (folder / "data" / "aa" / "pipe").unlink()
    batch = rl.put_all("data/*", "partly")
    assert {thing.name: thing.outcome.sent for thing in batch if thing.outcome.sent} == {"partly/aa": True}


def test_one_alone_fails_as_put_does(folder):
    (folder / "data" / "aa").mkdir()
    os.mkfifo(folder / "data" / "aa" / "pipe")
    with pytest.raises(rl.errors.ArchiveError, match="pipe"):
        rl.put_all("data/aa")


def test_in_a_magic_a_pattern_is_said_as_in_a_shell(run, fresh_shell, folder):
    ran = run("batch = %rl_put data/*.csv -n magic/7 -m k=v")
    assert ran.error is None
    assert names(run("batch").value) == ["magic/7/a.csv", "magic/7/b.csv"]
    assert "no file or folder fits" in str(run("%rl_put data/*.parquet").error)
    run("%config RunloopMagics.prefix = 'pre/'")
    try:
        assert names(run("%rl_put data/*.csv").value) == ["pre/a.csv", "pre/b.csv"]
        assert run("%rl_put ./data/a.csv").value.name == "pre/a.csv"
        assert run("sheet = df\n%rl_put sheet").value.name == "pre/sheet"
        assert run("%rl_put df -n own").value.name == "own"
        assert "Close: pre/sheet" in str(run("%rl_get sheet").error)
    finally:
        run("%config RunloopMagics.prefix = ''")


def test_python_about_a_variable_is_not_taken_for_a_pattern(run, fresh_shell):
    assert "assign it to a variable first" in str(run("%rl_put df['x']").error)
