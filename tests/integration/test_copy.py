"""cp between real places: two stores, this machine's files, and another filesystem of fsspec's."""

import fsspec
import pytest
from store_process import KEY

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.errors import InputError, NewestGone, ObjectNotFound, SomeFailed


@pytest.fixture
def far(store, monkeypatch):
    """A second store, the profile `env`; the current one is the embedded one."""
    monkeypatch.setenv("RUNLOOP_BASE_URL", str(store.http.base_url).rstrip("/"))
    monkeypatch.setenv("RUNLOOP_API_KEY", KEY)
    rl.use("local")
    return session.current().store_named("env")


@pytest.fixture
def top(request):
    """The beginning of names that no other test has."""
    return request.node.name.replace("[", "-").replace("]", "")


def versions(name, store):
    """Bytes of the versions of a name, the oldest first, and the metadata of each."""
    table = rl.ls(f"{store}:{name}", versions=True) if store != "local" else rl.ls(name, versions=True)
    living = [thing for thing in table if thing.name == name and thing.state == "READ_ONLY"]
    return [(rl.get(thing, format="bytes"), thing.metadata) for thing in reversed(living)]


def test_every_version_is_carried_once_the_oldest_first_with_its_metadata(far, top):
    for step in range(3):
        rl.put(f"v{step}".encode(), f"{top}/a", metadata={"step": step})
    rl.put(b"other", f"{top}/b", ttl="2d")
    first = rl.cp(f"local:{top}/*", "env:")
    assert (len(first), first.there) == (4, 0)
    assert versions(f"{top}/a", "env") == [(f"v{step}".encode(), {"step": str(step)}) for step in range(3)]
    left = rl.info(f"env:{top}/b").object.expires - rl.info(f"{top}/b").object.expires
    assert abs(left.total_seconds()) < 60
    again = rl.cp(f"local:{top}/*", "env:")
    assert (len(again), again.there) == (0, 4)
    rl.put(b"v3", f"{top}/a")
    assert [row.source.split("@")[0] for row in rl.cp(f"local:{top}/*", "env:")] == [f"{top}/a"]
    assert versions(f"{top}/a", "env")[-1] == (b"v3", {})


def test_what_is_carried_remembers_the_id_it_had_and_stays_what_it_was(far, top):
    thing = rl.put({"a": [1, 2]}, top)
    rl.cp(f"local:{top}", "env:")
    there = rl.info(f"env:{top}").object
    assert (there.facts["from"], there.digest, there.format) == (thing.id, thing.digest, thing.format)
    assert rl.get(f"env:{top}") == {"a": [1, 2]}


def test_a_copy_that_was_stopped_in_the_middle_goes_on_where_it_was(far, top, monkeypatch):
    from runloop_jupyter.actions import carry

    for number in range(6):
        for step in range(2):
            rl.put(f"{number}.{step}".encode(), f"{top}/{number}")
    sent, upload = [], carry.upload

    def breaking(*arguments):
        if len(sent) >= 5:
            arguments[-1].close()
            raise ConnectionError
        sent.append(arguments)
        return upload(*arguments)

    monkeypatch.setattr(carry, "upload", breaking)
    with pytest.raises(SomeFailed):
        rl.cp(f"local:{top}/*", "env:")
    monkeypatch.setattr(carry, "upload", upload)
    rl.cp(f"local:{top}/*", "env:")
    for number in range(6):
        expected = [f"{number}.{step}".encode() for step in range(2)]
        assert [data for data, _ in versions(f"{top}/{number}", "env")] == expected


def test_a_folder_that_is_kept_as_files_is_carried_whole_with_what_its_versions_share(far, top, tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}.bin").write_bytes(bytes([number]) * 1000)
    rl.put(tmp_path / "in", top, format="files")
    (tmp_path / "in" / "1.bin").write_bytes(b"changed")
    rl.put(tmp_path / "in", top, format="files")
    assert len(rl.cp(f"local:{top}*", "env:")) == 2
    back = rl.get(f"env:{top}", cache=False)
    assert {path.name: path.read_bytes() for path in back.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "in").iterdir()
    }
    members = [view for page in far.objects.pages() for view in page.objects if view.name.startswith(f"{top}.rl-")]
    assert len(members) == 4
    assert rl.cp(f"local:{top}*", "env:").there == 2


def test_a_dry_run_says_what_would_be_copied_and_copies_nothing(far, top):
    rl.put(b"x", f"{top}/a")
    would = rl.cp(f"local:{top}/*", "env:", dry_run=True)
    assert (len(would), would.size, "would copy 1" in would._shown().to_text()) == (1, 1, True)
    assert len(rl.ls(f"env:{top}/*")) == 0


def test_a_name_whose_newest_is_gone_is_not_carried_as_if_it_were_there(far, top):
    rl.put(b"one", f"{top}/a")
    rl.rm(rl.put(b"two", f"{top}/a").id)
    with pytest.raises(NewestGone):
        rl.cp(f"local:{top}/*", "env:")
    assert len(rl.ls(f"env:{top}/*")) == 0


def test_several_objects_can_not_have_one_name(far, top):
    rl.put(b"x", f"{top}/a")
    with pytest.raises(InputError, match="one name"):
        rl.cp(f"local:{top}/*", "env:all")


def test_a_store_is_not_copied_onto_itself(far, top):
    rl.put(b"x", top)
    with pytest.raises(InputError, match="the same store"):
        rl.cp(f"local:{top}", "local:")


def test_a_folder_goes_up_and_comes_back_the_same(top, tmp_path):
    files = {"a.txt": b"1", "b/c.bin": b"2" * 70_000, "b/d/e": b""}
    for name, data in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    up = rl.cp(tmp_path / "in", f"runloop://{top}/")
    assert [row.target for row in up] == [f"{top}/in/{name}" for name in sorted(files)]
    down = rl.cp(f"runloop://{top}/in", str(tmp_path / "out"))
    assert {name: (tmp_path / "out" / name).read_bytes() for name in files} == files
    assert len(down) == 3
    again = rl.cp(f"runloop://{top}/in/", str(tmp_path / "out"))
    assert (again.there, again.size) == (3, 0)


def test_what_is_stored_already_with_the_same_bytes_is_not_sent_again(top, tmp_path):
    (tmp_path / "x").write_bytes(b"same")
    rl.cp(tmp_path / "x", f"runloop://{top}")
    assert rl.cp(tmp_path / "x", f"runloop://{top}").there == 1
    assert len(rl.ls(top, versions=True)) == 1


def test_a_file_that_is_there_with_other_bytes_is_refused_and_stays(top, tmp_path):
    rl.put(b"stored", top)
    (tmp_path / top).write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"):
        rl.cp(f"runloop://{top}", str(tmp_path))
    assert (tmp_path / top).read_bytes() == b"mine"


def test_a_pattern_of_files_keeps_what_comes_after_its_fixed_part(top, tmp_path):
    for name in ("runs/1.csv", "runs/2.csv", "runs/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    rl.cp(str(tmp_path / "runs" / "*.csv"), f"runloop://{top}/")
    assert [thing.name for thing in rl.ls(f"{top}/*", sort="name")] == [f"{top}/1.csv", f"{top}/2.csv"]


def test_another_filesystem_is_a_place_too(top):
    memory = fsspec.filesystem("memory")
    memory.pipe(f"/{top}/in", b"from memory")
    rl.cp(f"memory://{top}/in", f"runloop://{top}")
    assert rl.get(top, format="bytes") == b"from memory"
    rl.cp(f"runloop://{top}", f"memory://{top}/out")
    assert memory.cat(f"/{top}/out") == b"from memory"


@pytest.mark.parametrize("source", ["./no-such-file", "runloop://no-such-object", "local:no-such-*"])
def test_what_is_not_there_is_one_clear_line(source, tmp_path):
    with pytest.raises(ObjectNotFound):
        rl.cp(source, str(tmp_path))


def test_a_scheme_that_nobody_knows_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="nowhere:// can't be reached"):
        rl.cp("nowhere://x", str(tmp_path))


def test_the_magic_says_what_it_copied(run, fresh_shell, top):
    rl.put(b"x", top)
    ran = run(f"%rl_cp runloop://{top} ./here")
    assert ran.error is None
    assert "copied 1 object or file" in ran.value._shown().to_text()
