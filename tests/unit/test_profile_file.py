"""profiles.toml: its owner's own, written whole, and nothing in it lost."""

import multiprocessing
import os
import stat
import threading
import tomllib
import traceback
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runloop_jupyter import atomic, profile_file
from runloop_jupyter.errors import InputError, ProfileError
from runloop_jupyter.secret import Secret

URL = "https://work.example"
KEY = "sentinel-key-4242"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def file(home):
    """The file, and a way to write it as its owner would."""
    home.mkdir()
    path = home / "profiles.toml"

    def write(text, mode=0o600):
        path.write_bytes(text.encode())
        path.chmod(mode)

    return SimpleNamespace(path=path, write=write, home=home, data=lambda: tomllib.loads(path.read_text()))


def test_the_first_profile_makes_the_file_and_is_the_default(home):
    path = profile_file.keep("work", URL, Secret(KEY))
    contents = profile_file.read()
    assert path == home / "profiles.toml"
    assert contents.default == "work"
    assert contents.profiles == {"work": profile_file.Entry(URL, Secret(KEY))}


def test_what_the_owner_wrote_stays_as_he_wrote_it(file):
    before = (
        "# mine\n\n[profiles.old]  # the old one\napi_key = 'a'  # rotate in May\nbase_url = 'https://old.example'\n"
        "note = 1\n\n[tools]\nx = [1,\n  2]\n"
    )
    file.write(before)
    profile_file.keep("work", URL, Secret(KEY))
    after = file.path.read_text()
    assert set(before.splitlines()) <= set(after.splitlines())
    assert after.startswith("# mine\n")


def test_a_second_login_replaces_key_and_url_of_that_profile_alone(file):
    file.write('default = "b"\n[profiles.a]\napi_key = "1"\nnote = "kept"  # why\n[profiles.b]\napi_key = "2"\n')
    profile_file.keep("a", URL, Secret(KEY))
    assert file.data() == {
        "default": "a",
        "profiles": {"a": {"api_key": KEY, "base_url": URL, "note": "kept"}, "b": {"api_key": "2"}},
    }
    assert '"kept"  # why' in file.path.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "profiles.old.api_key = 'a'\n",
        "[profiles.a]\napi_key = '1'\n[other]\nz = 1\n[profiles.b]\napi_key = '2'\n",
        "profiles = {old = {api_key = 'a'}}\n",
        "[profiles]\nold = {api_key = 'a'}\n",
        "[profiles.a]\r\napi_key = '1'\r\n",
        "[profiles.a]\napi_key = '1'",
        "x = '''\n# not a comment\n'''\n[profiles.a]\n",
        "# only a comment",
        "\n\n",
        "[profiles]\n",
        "[[list]]\na = 1\n[[list]]\na = 2\n",
    ],
)
def test_whichever_way_the_file_is_written_everything_in_it_stays(file, text):
    file.write(text)
    before = tomllib.loads(text)
    profile_file.keep("new", URL, Secret(KEY))
    profile_file.set_default("local")
    before["default"] = "local"
    before.setdefault("profiles", {})["new"] = {"base_url": URL, "api_key": KEY}
    assert file.data() == before


KEYS = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)
VALUES = st.integers(-5, 5) | st.booleans() | st.text("ab\"'\\#\n=[]é", max_size=6) | st.lists(st.integers(0, 3))
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    tables=st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=3),
    others=st.dictionaries(KEYS.filter(lambda key: key != "profiles"), VALUES, max_size=3),
    name=KEYS,
    key=PRINTABLE,
)
def test_any_file_and_any_key_come_out_with_that_one_change(home, tables, others, name, key):
    import tomlkit

    others.pop("default", None)
    home.mkdir(exist_ok=True)
    path = home / "profiles.toml"
    path.write_text(tomlkit.dumps({**others, "profiles": tables}))
    path.chmod(0o600)
    before = tomllib.loads(path.read_text())

    profile_file.keep(name, URL, Secret(key))

    expected = {**before, "default": name, "profiles": {**tables}}
    expected["profiles"][name] = {**tables.get(name, {}), "base_url": URL, "api_key": key}
    assert tomllib.loads(path.read_text()) == expected


def test_the_file_is_its_owners_alone_from_its_first_byte_whatever_the_umask(file, monkeypatch):
    seen = []
    replace = os.replace

    def look(self, target):
        seen.append(stat.S_IMODE(self.stat().st_mode))
        replace(self, target)

    opened = []
    really_open = os.open

    def watched(path, flags, mode=0o777, **more):
        fd = really_open(path, flags, mode, **more)
        if flags & os.O_CREAT:
            opened.append(stat.S_IMODE(os.fstat(fd).st_mode))
        return fd

    monkeypatch.setattr(type(file.path), "replace", look)
    monkeypatch.setattr(os, "open", watched)
    before = os.umask(0)
    try:
        profile_file.keep("work", URL, Secret(KEY))
        profile_file.keep("work", URL, Secret("another"))
    finally:
        os.umask(before)
    assert seen == [0o600, 0o600]
    assert set(opened) == {0o600}  # the lock, and the file under its first name
    assert [stat.S_IMODE(each.stat().st_mode) for each in file.home.iterdir()] == [0o600, 0o600]


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("[profiles.a]\napi_key = '1'\n", 0o640, "chmod 600"),
        ("[profiles.a]\napi_key = '1'\n", 0o400, "read-only"),
        ("[profiles.a\n", 0o600, "TOML"),
        ("profiles = 3\n", 0o600, "profiles must be tables"),
        ("[profiles]\na = 3\n", 0o600, "profiles must be tables"),
        ("default = 3\n", 0o600, "default must be a name"),
    ],
)
def test_a_file_that_must_not_be_touched_is_one_line_and_stays_as_it_is(file, text, mode, said):
    file.write(text, mode)
    with pytest.raises(ProfileError, match=said):
        profile_file.check_writable()
    if "must be" not in said:
        with pytest.raises(ProfileError, match=said):
            profile_file.keep("work", URL, Secret(KEY))
    assert file.path.read_text() == text
    assert not list(file.home.glob("*.part"))


def test_a_file_that_is_not_utf8_or_a_directory_is_one_line(file):
    file.path.write_bytes(b"\xff")
    file.path.chmod(0o600)
    with pytest.raises(ProfileError, match="not UTF-8"):
        profile_file.read()
    file.path.unlink()
    file.path.mkdir()
    with pytest.raises(ProfileError, match="can't be read"):
        profile_file.read()


def test_no_key_is_written_through_a_link_nor_is_the_link_replaced(file, tmp_path):
    settings_repository = tmp_path / "dotfiles.toml"
    settings_repository.write_text("default = 'local'\n")
    settings_repository.chmod(0o600)
    file.path.symlink_to(settings_repository)
    assert profile_file.read().default == "local"
    for refused in (profile_file.check_writable, lambda: profile_file.keep("work", URL, Secret(KEY))):
        with pytest.raises(ProfileError, match="is a link"):
            refused()
    assert file.path.is_symlink()
    assert settings_repository.read_text() == "default = 'local'\n"


def test_a_home_that_cannot_be_written_to_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(tmp_path / "a-file" / "home"))
    with pytest.raises(InputError, match="RUNLOOP_JUPYTER_HOME"):
        profile_file.keep("work", URL, Secret(KEY))


def test_a_disk_that_is_full_loses_nothing(file, monkeypatch):
    file.write("[profiles.a]\napi_key = '1'\n")

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(ProfileError, match="No space left"):
        profile_file.keep("work", URL, Secret(KEY))
    assert file.data() == {"profiles": {"a": {"api_key": "1"}}}
    assert not list(file.home.glob("*.part"))


def _keep_ten(number, together):
    together.wait()
    for each in range(10):
        profile_file.keep(f"p{number}-{each}", URL, Secret(KEY))


def test_of_logins_in_several_kernels_at_once_none_is_lost(home):
    context = multiprocessing.get_context("fork")
    together = context.Barrier(4)
    kernels = [context.Process(target=_keep_ten, args=(number, together)) for number in range(4)]
    for each in kernels:
        each.start()
    for each in kernels:
        each.join()
    assert len(profile_file.read().profiles) == 40


def test_a_writer_that_hangs_is_named_and_not_waited_for_long(file, monkeypatch):
    monkeypatch.setattr(profile_file, "LOCK_S", 0.1)
    held, done = threading.Event(), threading.Event()

    def hang():
        with profile_file._alone(file.home):
            held.set()
            done.wait(10)

    thread = threading.Thread(target=hang)
    thread.start()
    held.wait()
    with pytest.raises(ProfileError, match="another kernel is writing it"):
        profile_file.keep("work", URL, Secret(KEY))
    done.set()
    thread.join()
    assert not file.path.exists()


def frames_of(error):
    """Every local variable that a verbose traceback of `error`, and of what led to it, would print."""
    shown = []
    while error:
        shown += [
            repr(value)
            for frame, _ in traceback.walk_tb(error.__traceback__)
            if frame.f_code.co_filename != __file__
            for value in frame.f_locals.values()
        ]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(shown)


@pytest.mark.parametrize("text", [f"[profiles.a]\napi_key = '{KEY}'\n[profiles.a]\n", f"default = 3\nkey = '{KEY}'\n"])
def test_no_frame_of_an_error_holds_a_key_of_the_file(file, text):
    file.write(text)
    with pytest.raises(ProfileError) as caught:
        profile_file.read()
    assert KEY not in frames_of(caught.value)
    assert KEY not in str(caught.value)


def test_no_frame_of_a_bug_in_the_editor_holds_a_key(file, monkeypatch):
    import tomlkit

    def bug(*args):
        raise ZeroDivisionError(KEY)

    file.write(f"[profiles.a]\napi_key = '{KEY}'\n")
    monkeypatch.setattr(tomlkit, "parse", bug)
    with pytest.raises(ProfileError, match="ZeroDivisionError") as caught:
        profile_file.keep("b", URL, Secret(KEY))
    assert KEY not in frames_of(caught.value)
    assert KEY not in str(caught.value)
