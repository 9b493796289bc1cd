"""Many objects become files beneath a directory: all that can, none that is there already touched."""

import os
from pathlib import Path

import numpy as np
import pytest
from network import kernel_dies

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.actions.recover import recover
from runloop_jupyter.errors import InputError, ObjectNotFound, SomeFailed


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def put_files(prefix, **contents):
    for name, content in contents.items():
        path = Path(f"source-{name}")
        path.write_text(content)
        rl.put(path, f"{prefix}/{name}")


def tree(directory):
    return {str(path.relative_to(directory)): path.read_text() for path in Path(directory).rglob("*") if path.is_file()}


def test_a_pattern_writes_what_it_fits_by_what_follows_its_fixed_part(run, fresh_shell):
    put_files("many/7", **{"a.txt": "A", "deep/b.txt".replace("/", "-"): "B"})
    rl.put("C", "many/7/deep/c.txt")
    rl.put(np.arange(3), "many/7/array")
    got = run("%rl_get 'many/7/*' --to out").value
    assert sorted(str(path.relative_to(Path("out").absolute())) for path in got) == [
        "a.txt", "array.npy", "deep-b.txt", "deep/c.txt"
    ]  # fmt: skip
    assert Path("out/a.txt").read_text() == "A"
    assert np.load("out/array.npy").tolist() == [0, 1, 2]
    assert "4 objects" in got.table().to_text()


def test_three_hundred_small_files_come_back_as_they_went(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    contents = {f"{number:03}.bin": os.urandom(100 + number) for number in range(300)}
    for name, content in contents.items():
        (source / name).write_bytes(content)
    asked = []
    objects = session.current().store.objects
    real = objects.service.call
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            objects.service,
            "call",
            lambda method, *args, **more: asked.append((method, args[0])) or real(method, *args, **more),
        )
        batch = rl.put_all(f"{source}/*.bin", "many/300")
        assert len(batch) == 300
        assert sum(method == "GET" and path == "/v1/objects" for method, path in asked) == 1
        asked.clear()
        assert not any(thing.outcome.sent for thing in rl.put_all(f"{source}/*.bin", "many/300"))
        assert len(asked) <= 2  # what is there, and what is gone
    got = rl.get_all("many/300/*", to=tmp_path / "target")
    assert len(got) == 300
    assert {path.name: path.read_bytes() for path in (tmp_path / "target").iterdir()} == contents


def test_a_second_time_nothing_comes_and_after_a_loss_only_what_is_missing():
    put_files("many/again", a="A", b="B")
    rl.get_all("many/again/*", to="out")
    Path("out/b").unlink()
    got = rl.get_all("many/again/*", to="out")
    assert "2 objects · 1 B came · 1 were there" in got.table().to_text()
    assert tree("out") == {"a": "A", "b": "B"}


def test_a_file_that_is_there_with_other_content_is_not_touched_and_its_object_is_named():
    put_files("many/there", a="A", b="B")
    Path("out").mkdir()
    Path("out/a").write_text("mine")
    with pytest.raises(
        SomeFailed, match=r"1 of 2 objects are here, 1 failed\. “many/there/a”: .*exists already"
    ) as caught:
        rl.get_all("many/there/*", to="out")
    assert list(caught.value.failed) == ["many/there/a"]
    assert tree("out") == {"a": "mine", "b": "B"}


@pytest.mark.parametrize("name", ["many/out/../../escaped", "many/out//etc/passwd", "many/out/./x", "many/out/.. /x"])
def test_a_name_that_would_leave_the_directory_is_refused_by_name(name, tmp_path):
    put_files("many/out", fine="F")
    rl.put(Path("source-fine"), name, force=True)
    try:
        with pytest.raises(SomeFailed) as caught:
            rl.get_all("many/out/*", to="inner")
        assert list(caught.value.failed) == [name]
        assert tree("inner") == {"fine": "F"}
        assert not (tmp_path / "escaped").exists()
    finally:
        from runloop_jupyter.actions import remove

        remove.delete(remove.plan(name, all_versions=True))


def test_a_link_that_leads_out_of_the_directory_is_not_followed(tmp_path):
    put_files("many/link", fine="F")
    rl.put("X", "many/link/sub/x")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SomeFailed, match="leads out of"):
        rl.get_all("many/link/*", to="inner")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_names_that_would_be_one_file_are_refused_both():
    put_files("many/clash", fine="F")
    rl.put(Path("source-fine"), "many/clash/a:b", force=True)
    rl.put(Path("source-fine"), "many/clash/a_b", force=True)
    with pytest.raises(SomeFailed, match="would be one file") as caught:
        rl.get_all("many/clash/*", to="out")
    assert sorted(caught.value.failed) == ["many/clash/a:b", "many/clash/a_b"]
    assert tree("out") == {"fine": "F"}


def test_an_object_beneath_what_is_a_file_is_refused_and_the_file_comes():
    put_files("many/under", a="A")
    rl.put("x", "many/under/a/b")
    with pytest.raises(SomeFailed) as caught:
        rl.get_all("many/under/*", to="out")
    assert list(caught.value.failed) == ["many/under/a/b"]
    assert tree("out") == {"a": "A"}


def test_names_and_objects_come_under_the_last_part_of_their_names():
    put_files("many/list", a="A", b="B")
    thing = rl.ls("many/list/b")[0]
    rl.get_all(["many/list/a", thing], to="out")
    assert tree("out") == {"a": "A", "b": "B"}


def test_one_that_is_not_there_stops_no_other_and_is_named():
    put_files("many/some", a="A")
    with pytest.raises(SomeFailed, match="“many/some/nope”: no object is named"):
        rl.get_all(["many/some/a", "many/some/nope"], to="out")
    assert tree("out") == {"a": "A"}


def test_a_name_whose_newest_version_is_gone_is_refused_and_never_silently_an_older_one():
    put_files("many/gone", a="old", b="B")
    Path("source-a").write_text("new")
    newer = rl.put(Path("source-a"), "many/gone/a")
    rl.rm(newer)
    with pytest.raises(SomeFailed, match="“many/gone/a”: its newest version is gone"):
        rl.get_all("many/gone/*", to="out")
    assert tree("out") == {"b": "B"}


def test_one_whose_bytes_are_not_what_was_put_is_named_and_nothing_of_it_stays(monkeypatch):
    put_files("many/broken", a="A", b="B")
    from runloop_jupyter.transfer import whole

    real = whole.download

    def broken(objects, view, file, transfer, expected):
        real(objects, view, file, transfer, "blake3:00" if view.name.endswith("/a") else expected)

    monkeypatch.setattr(whole, "download", broken)
    with pytest.raises(SomeFailed) as caught:
        rl.get_all("many/broken/*", to="out")
    assert isinstance(caught.value.failed["many/broken/a"], rl.errors.DigestMismatch)
    assert tree("out") == {"b": "B"}


def test_a_store_that_is_gone_ends_it_at_once_and_not_for_each(monkeypatch, tmp_path):
    for number in range(50):
        (tmp_path / f"{number}.gone").write_text(f"{number}")
    tried = []

    def unreachable(*args, **more):
        tried.append(args)
        raise rl.errors.Unreachable("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(session.current().store.objects, "create", unreachable)
        with pytest.raises(rl.errors.Unreachable):
            rl.put_all("*.gone", "many/unreachable")
    assert len(tried) <= 16
    kernel_dies()  # each may have been made all the same, and the next load looks
    recover(session.current())


@pytest.mark.parametrize(
    ("what", "to", "error"),
    [("many/none/*", "out", ObjectNotFound), ([], "out", InputError), ([3], "out", InputError), (7, "out", InputError),
     ("many/*", "no/such/parent", InputError), ("many/*", "", InputError)],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(what, to, error):
    with pytest.raises(error):
        rl.get_all(what, to=to)
    assert not Path("out").exists()


def test_when_it_returns_every_directory_that_got_a_file_is_on_the_disk(run, tmp_path, monkeypatch):
    from runloop_jupyter.actions import get_all

    done = []
    monkeypatch.setattr(get_all, "fsync_dir", done.append)
    source = tmp_path / "source"
    for name in ("durable/a.bin", "durable/b.bin", "durable/in/between/c.bin"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(name.encode())
    rl.put_all(f"{source}/**/*.bin")
    rl.get_all("durable/*", to=tmp_path / "to")
    assert sorted(done) == [tmp_path / "to", tmp_path / "to" / "in", tmp_path / "to" / "in" / "between"]
