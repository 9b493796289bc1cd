"""Another profile holds for what comes next; what was made before keeps its store."""

import pickle
import threading

import pytest
from network import kernel_dies
from shells import ok
from store_process import KEY, open_store

import runloop_jupyter as rl
from runloop_jupyter import errors, profile_file, session
from runloop_jupyter.actions.recover import recover
from runloop_jupyter.api.objects import Objects
from runloop_jupyter.local import launch
from runloop_jupyter.magics.overview import greeting
from runloop_jupyter.secret import Secret
from runloop_jupyter.transfer import journal
from runloop_jupyter.wire.objects import ObjectCreateParameters

WRONG = "wrong-sentinel-key"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    opened = open_store(tmp_path_factory.mktemp("hosted") / "store")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch, server):
    """A home where `work` was logged in; the embedded store is the default."""
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(tmp_path / "own"))
    profile_file.keep("work", server.base_url, Secret(KEY))
    profile_file.set_default("local")
    yield tmp_path / "own"
    launch.stop()


def test_objects_and_tables_keep_the_store_they_were_made_with(run, server):
    ok(run("import runloop_jupyter as rl\nvalue = 'of the embedded store'\nmade = rl.put(value, 'use/both')"))
    ok(run("table = rl.ls('use/')"))
    used = run("%rl_use work")
    assert ok(used).profile.name == "work"
    assert server.base_url.removeprefix("http://") in used.out
    ok(run("rl.put('of the service', 'use/both')"))
    assert ok(run("rl.get('use/both')")) == "of the service"
    assert ok(run("%rl_get use/both")) == "of the service"
    assert ok(run("made.get(), table[0].get(), rl.get(made), rl.get('local:use/both')")) == (
        ("of the embedded store",) * 4
    )
    assert ok(run("rl.info(made).object == made"))
    ok(run("rl.rm(made)"))
    assert "use/both" in server.names(state="READ_ONLY")


def test_the_card_says_which_store_is_used_and_that_new_kernels_use_another(run, server):
    said = run("%rl_use work").out
    assert "profile work · key from profiles.toml" in said
    assert "used for what comes next · in this kernel" in said
    assert "new ones use embedded store on this computer" in said
    said = run("%rl_use local").out
    assert "embedded store · on this computer" in said
    assert "new ones" not in said


def test_a_transfer_that_runs_goes_where_it_was_going(server, tmp_path, monkeypatch):
    (tmp_path / "big.bin").write_bytes(b"x" * (1 << 20))
    sending, go_on = threading.Event(), threading.Event()
    really_create = Objects.create

    def slow(objects, parameters):
        sending.set()
        assert go_on.wait(30)
        return really_create(objects, parameters)

    monkeypatch.setattr(Objects, "create", slow)
    rl.use("work")
    putting = threading.Thread(target=rl.put, args=(tmp_path / "big.bin", "use/running"))
    putting.start()
    assert sending.wait(30)
    rl.use("local")
    go_on.set()
    putting.join()
    assert "use/running" in server.names(state="READ_ONLY")
    assert not rl.ls("use/running")


def test_an_unknown_profile_is_one_line_with_the_known_ones_and_changes_nothing(run):
    error = run("%rl_use wrok").error
    assert isinstance(error, errors.ProfileError)
    assert "Known: local, work" in str(error)
    assert "Close: work" in str(error)
    assert session.current().profile.embedded


def test_default_is_for_new_kernels_too(run):
    assert "the default" in run("%rl_use work --default").out
    session.reset()
    assert session.current().profile.name == "work"
    ok(run("%rl_use local --default"))
    session.reset()
    assert session.current().profile.embedded
    assert list(profile_file.read().profiles) == ["work"]


def test_the_environment_can_be_used_but_is_no_default(run, server, monkeypatch):
    monkeypatch.setenv("RUNLOOP_API_KEY", KEY)
    monkeypatch.setenv("RUNLOOP_BASE_URL", server.base_url)
    assert ok(run("%rl_use env")).profile.source == "RUNLOOP_API_KEY"
    assert isinstance(run("%rl_use env --default").error, errors.ProfileError)
    assert profile_file.read().default == "local"


def test_where_the_environment_comes_first_a_new_default_says_so(run, server, monkeypatch):
    monkeypatch.setenv("RUNLOOP_API_KEY", KEY)
    monkeypatch.setenv("RUNLOOP_BASE_URL", server.base_url)
    assert "RUNLOOP_API_KEY comes before profiles.toml" in run("%rl_use local --default").out


def test_status_says_profile_source_and_store_and_names_the_profiles(run, server):
    ok(run("%rl_use work"))
    said = run("%rl_status").out
    assert "profile work · key from profiles.toml" in said
    assert server.base_url in said
    assert "profiles: local, work" in said
    assert "in this kernel only; new ones use embedded store" in said
    assert KEY not in said


def test_status_and_the_first_line_say_that_the_environment_comes_before_the_default(run, server, monkeypatch):
    profile_file.set_default("work")
    monkeypatch.setenv("RUNLOOP_API_KEY", KEY)
    monkeypatch.setenv("RUNLOOP_BASE_URL", server.base_url)
    session.reset()
    assert "RUNLOOP_API_KEY comes before the default in profiles.toml, “work”" in run("%rl_status").out
    for said in (greeting(), run("%rl").out):
        assert "(profile env, key from RUNLOOP_API_KEY), before the default “work”" in said


def test_status_with_a_refused_key_says_where_the_key_comes_from_and_what_to_do(run, server):
    profile_file.keep("stale", server.base_url, Secret(WRONG))
    ok(run("%rl_use stale"))
    error = run("%rl_status").error
    assert isinstance(error, errors.Unauthorized)
    assert "from profiles.toml (profile stale); log in again: %rl_login stale" in str(error)


def test_a_refused_key_is_an_error_and_no_other_store_is_tried(server):
    profile_file.keep("stale", server.base_url, Secret(WRONG))
    with pytest.raises(errors.Unauthorized):
        rl.put("x", "use/refused")
    rl.use("local")
    assert not rl.ls("use/refused")
    assert "use/refused" not in server.names()


def test_another_key_that_another_kernel_logged_in_with_is_said_and_taken_when_it_is_asked_for(server):
    rl.use("work")
    profile_file.keep("work", server.base_url, Secret("another-key"))
    assert "“work” has another key or URL by now" in rl.status().card().to_text()
    rl.put("x", "use/old-key")
    rl.use("work")
    with pytest.raises(errors.Unauthorized):
        rl.put("x", "use/new-key")


def test_with_a_broken_file_the_embedded_store_can_still_be_chosen(run, own_home):
    (own_home / "profiles.toml").write_text("default = ")
    session.reset()
    for cell in ("%rl_put value", "%rl_status", "%rl_use work", "%rl_use local --default"):
        error = run("value = 1\n" + cell).error
        assert isinstance(error, errors.ProfileError)
        assert "can't be read as TOML" in str(error)
    assert "can't be read as TOML" in run("%rl").out
    assert "new kernels will stop at this" in run("%rl_use local").out
    ok(run("%rl_put value -n use/broken"))
    assert (own_home / "profiles.toml").read_text() == "default = "


def test_a_pickled_object_finds_its_store_whichever_profile_holds(server):
    rl.use("work")
    hosted = pickle.dumps(rl.put("hosted", "use/pickled"))
    rl.use("local")
    local = pickle.dumps(rl.put("local", "use/pickled"))
    for name in ("work", "local"):
        session.reset()
        rl.use(name)
        assert pickle.loads(hosted).get() == "hosted"
        assert pickle.loads(local).get() == "local"


def test_a_pickled_object_of_another_computers_embedded_store_is_refused(own_home, monkeypatch):
    pickled = pickle.dumps(rl.put("x", "use/elsewhere"))
    launch.stop()
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(own_home / "elsewhere"))
    session.reset()
    with pytest.raises(errors.ProfileError, match="another home"):
        pickle.loads(pickled)
    launch.stop()


def test_what_a_killed_kernel_left_in_another_profiles_store_is_cleared_there(server):
    rl.use("work")
    store = session.current().store
    intent = journal.begin(store.identity.id, store.identity.label, "use/orphan", None)
    intent.with_metadata({"rl.kind": "text"})
    intent.created(store.objects.create(ObjectCreateParameters(name="use/orphan", content_type="text")).id)
    kernel_dies()
    session.reset()
    assert session.current().profile.embedded
    assert "put of “use/orphan”" in recover(session.current())[0]
    assert "use/orphan" not in server.names(state="UPLOADING")
