"""URLs of objects, taken apart and put together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter import profile
from runloop_jupyter.filesystems import paths

SEGMENTS = st.text(st.characters(exclude_characters="/:", exclude_categories=["Cs"]), min_size=1, max_size=8)
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)


@pytest.fixture(autouse=True)
def _two_profiles(monkeypatch):
    monkeypatch.setattr(profile, "known", lambda: ["local", "work"])


@pytest.mark.parametrize(
    ("url", "profile_and_path"),
    [
        ("runloop://a/b.csv", (None, "a/b.csv")),
        ("a/b.csv", (None, "a/b.csv")),
        ("runloop:///a/", (None, "a")),
        ("runloop://", (None, "")),
        ("runloop://work:a/b", ("work", "a/b")),
        ("work:", ("work", "")),
        ("runloop://other:a", (None, "other:a")),
        ("a/work:b", (None, "a/work:b")),
        ("penguins@-1", (None, "penguins@-1")),
    ],
)
def test_a_url_says_a_path_and_a_profile_that_there_is(url, profile_and_path):
    assert paths.split(url) == profile_and_path


@given(PATHS, st.sampled_from([None, "local", "work"]))
def test_what_is_joined_is_split_again(path, name):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile, "known", lambda: ["local", "work"])
        assert paths.split(paths.joined(name, path)) == (name, path)


@pytest.mark.parametrize("name", ["a", "a/b", "a..b", ".a"])
def test_a_name_whose_parts_are_something_is_a_path(name):
    assert paths.is_path(name)


@pytest.mark.parametrize("name", ["", "/a", "a//b", "a/", "a/../b", "..", "./a"])
def test_a_name_with_a_part_that_is_nothing_or_leads_upwards_is_none(name):
    assert not paths.is_path(name)
