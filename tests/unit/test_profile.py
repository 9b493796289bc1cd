"""Key and URL come from one source, or it is an error."""

import sys
import types

import pytest

from runloop_jupyter import profile
from runloop_jupyter.errors import ProfileError
from runloop_jupyter.secret import Secret


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(tmp_path))
    monkeypatch.delenv("RUNLOOP_API_KEY", raising=False)
    monkeypatch.delenv("RUNLOOP_BASE_URL", raising=False)
    return tmp_path


def write_profiles(home, text, mode=0o600):
    path = home / "profiles.toml"
    path.write_text(text)
    path.chmod(mode)


WORK = 'default = "work"\n[profiles.work]\napi_key = "file-key"\nbase_url = "https://work.example"\n'


def test_with_nothing_named_it_is_the_embedded_store():
    assert profile.active({}).embedded


def test_a_key_alone_means_the_hosted_service():
    found = profile.active({"RUNLOOP_API_KEY": "env-key"})
    assert (found.base_url, found.key) == ("https://api.runloop.ai", Secret("env-key"))


def test_key_and_url_of_the_environment_go_together(home):
    write_profiles(home, WORK)
    found = profile.active({"RUNLOOP_API_KEY": "env-key", "RUNLOOP_BASE_URL": "https://other.example/"})
    assert (found.base_url, found.key) == ("https://other.example", Secret("env-key"))


def test_a_url_without_a_key_is_an_error_and_never_takes_the_key_of_a_file(home):
    write_profiles(home, WORK)
    with pytest.raises(ProfileError, match="RUNLOOP_API_KEY is not"):
        profile.active({"RUNLOOP_BASE_URL": "https://other.example"})


def test_the_default_of_the_profile_file_comes_before_the_embedded_store(home):
    write_profiles(home, WORK)
    found = profile.active({})
    assert (found.name, found.base_url, found.key) == ("work", "https://work.example", Secret("file-key"))


def test_a_profile_file_that_others_can_read_is_refused(home):
    write_profiles(home, WORK, mode=0o644)
    with pytest.raises(ProfileError, match="chmod 600"):
        profile.active({})


@pytest.mark.parametrize(
    "text",
    [
        'default = "gone"',
        'default = "work"\n[profiles.work]\nbase_url = "https://work.example"',
        "default = ",
        'default = "work"\nprofiles = 3',
        'default = "work"\n[profiles.work]\napi_key = 7',
    ],
)
def test_a_profile_file_that_cannot_be_meant_is_one_clear_error(home, text):
    write_profiles(home, text)
    with pytest.raises(ProfileError):
        profile.active({})


@pytest.mark.parametrize(
    "url",
    [
        "api.runloop.ai",
        "ftp://x",
        "https://user:pw@x.example",
        "https://x.example?a=1",
        "http://api.runloop.ai",
        "http://127.evil.example",
        "https://x.example:port",
        "https://[::1",
        "https://x.example/a b",
        "https://x.example/\n",
        "https://ехample.com",
    ],
)
def test_a_url_that_would_leak_or_lead_nowhere_is_refused(url):
    with pytest.raises(ProfileError):
        profile.active({"RUNLOOP_API_KEY": "k", "RUNLOOP_BASE_URL": url})


@pytest.mark.parametrize("key", ["a b", "a\n", "ключ"])
def test_a_key_that_was_copied_badly_is_refused_without_being_shown(key):
    with pytest.raises(ProfileError) as caught:
        profile.active({"RUNLOOP_API_KEY": key})
    assert key not in str(caught.value)


def test_the_identity_tells_accounts_and_services_apart_without_holding_the_key():
    one = profile.account_identity("https://a.example", Secret("key-1"))
    assert one == profile.account_identity("https://a.example", Secret("key-1"))
    assert one != profile.account_identity("https://a.example", Secret("key-2"))
    assert one != profile.account_identity("https://b.example", Secret("key-1"))
    assert "key-1" not in one


def test_named_profiles_can_be_had_and_unknown_ones_name_the_known(home):
    write_profiles(home, WORK)
    assert profile.named("work").base_url == "https://work.example"
    assert profile.named("local").embedded
    with pytest.raises(ProfileError, match="local, work"):
        profile.named("nope")


def test_an_unknown_profile_names_those_that_come_close(home):
    write_profiles(home, WORK)
    with pytest.raises(ProfileError, match="Close: work"):
        profile.named("wrok")


def test_env_is_known_where_the_environment_names_one(home, monkeypatch):
    write_profiles(home, WORK)
    with pytest.raises(ProfileError, match="RUNLOOP_API_KEY says"):
        profile.named("env")
    monkeypatch.setenv("RUNLOOP_API_KEY", "env-key")
    assert profile.known() == ["env", "local", "work"]
    assert profile.named("env").key == Secret("env-key")


def test_a_profile_without_a_url_is_the_hosted_services(home):
    write_profiles(home, '[profiles.work]\napi_key = "k"\n')
    assert profile.named("work").base_url == "https://api.runloop.ai"


@pytest.mark.parametrize("name", ["work", "a", "Team-2_x", "x" * 40, "rl_production", "sk-learn-group"])
def test_a_profiles_name_is_letters_digits_dash_and_underline(name):
    assert profile.checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "x" * 41, "a b", "a]\nx=", "a.b", 'a"', "ä", "a\n", "../a", None, 3, "local", "env", "colab"],
)
def test_any_other_name_is_refused(name):
    with pytest.raises(ProfileError):
        profile.checked_name(name)


@pytest.mark.parametrize(
    "name", ["ak_314159Qwertyuiop26535", "sk-4f3c2b1a0d9e8f7a6b5c4d3e", "aB3dEfGhIjKlMnOpQrStUvWxYz", "k/ey+=" * 9]
)
def test_a_key_in_the_place_of_a_name_is_refused_and_not_repeated(name):
    with pytest.raises(ProfileError) as caught:
        profile.checked_name(name)
    assert name not in str(caught.value)


def test_the_default_that_the_environment_comes_before_is_known(home, monkeypatch):
    write_profiles(home, WORK)
    monkeypatch.setenv("RUNLOOP_API_KEY", "env-key")
    assert profile.passed_over(profile.active()) == "work"
    assert profile.passed_over(profile.named("work")) is None
    write_profiles(home, "default = ")
    assert profile.passed_over(profile.active()) is None


@pytest.fixture
def colab(monkeypatch):
    """Colab's module of secrets, which answers from a dict; an exception in it is raised."""
    secrets = {}
    userdata = types.ModuleType("google.colab.userdata")
    for name in ("SecretNotFoundError", "NotebookAccessError", "TimeoutException"):
        setattr(userdata, name, type(name, (Exception,), {}))

    def get(name):
        answer = secrets.get(name, userdata.SecretNotFoundError(name))
        if isinstance(answer, Exception):
            raise answer
        return answer

    userdata.get = get
    package = types.ModuleType("google.colab")
    package.userdata = userdata
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", package)
    monkeypatch.setitem(sys.modules, "google.colab.userdata", userdata)
    return secrets, userdata


def test_colabs_secrets_come_after_the_environment_and_before_the_file(home, colab):
    write_profiles(home, WORK)
    colab[0]["RUNLOOP_API_KEY"] = "colab-key"
    found = profile.active({})
    assert (found.name, found.base_url, found.key) == ("colab", "https://api.runloop.ai", Secret("colab-key"))
    assert profile.active({"RUNLOOP_API_KEY": "env-key"}).name == "env"
    assert profile.named("colab") == found
    assert profile.passed_over(found) == "work"


def test_key_and_url_of_colab_go_together(colab):
    colab[0].update(RUNLOOP_API_KEY="colab-key", RUNLOOP_BASE_URL="https://other.example")
    assert profile.active({}).base_url == "https://other.example"


def test_without_a_secret_in_colab_the_next_source_holds(home, colab):
    write_profiles(home, WORK)
    assert profile.active({}).name == "work"
    with pytest.raises(ProfileError, match="%rl_login"):
        profile.named("colab")


def test_a_secret_that_the_notebook_may_not_read_is_an_error_and_no_reason_to_go_on(home, colab):
    write_profiles(home, WORK)
    colab[0]["RUNLOOP_API_KEY"] = colab[1].NotebookAccessError("no")
    with pytest.raises(ProfileError, match="Switch its access on"):
        profile.active({})


def test_where_nobody_answers_for_colab_the_embedded_store_says_that_it_stands_in(colab):
    colab[0]["RUNLOOP_API_KEY"] = colab[1].TimeoutException("late")
    found = profile.active({})
    assert found.embedded
    assert "Colab's secrets gave no answer" in found.said


def test_outside_of_colab_nobody_looks_for_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    assert profile.active({}).embedded
    assert "google.colab" not in sys.modules
