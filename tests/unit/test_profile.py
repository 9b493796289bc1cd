"""Key and URL come from one source, or it is an error."""

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
