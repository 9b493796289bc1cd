"""keep, tags, provenance, and the word about a version that somebody else put."""

import subprocess

import pandas as pd
import pytest

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.actions import origins
from runloop_jupyter.errors import InputError, MetadataError


def test_what_would_expire_is_kept_with_the_same_bytes_and_metadata():
    frame = pd.DataFrame({"a": [1, 2]})
    short = rl.put(frame, "keep/frame", metadata={"run": 7}, ttl="1h")
    kept = rl.keep("keep/frame")
    assert kept.expires is None
    assert kept.metadata == {"run": "7"}
    assert (kept.digest, kept.format) == (short.digest, short.format)
    assert rl.get("keep/frame").equals(frame)
    assert kept.outcome.superseded == short
    text = kept.card().to_text()
    assert "were sent again" in text
    assert "until" in text


def test_what_never_expires_is_left_as_it_is():
    thing = rl.put("x", "keep/for-ever")
    kept = rl.keep(thing)
    assert kept == thing
    assert "nothing to do" in kept.card().to_text()


def test_an_older_version_is_kept_under_another_name_only():
    rl.put("one", "keep/versions", ttl="1h")
    rl.put("two", "keep/versions", ttl="1h")
    with pytest.raises(InputError, match="-n NAME"):
        rl.keep("keep/versions@-1")
    assert rl.get(rl.keep("keep/versions@-1", "keep/first")) == "one"
    assert rl.get("keep/versions") == "two"


def test_the_magic_keeps_too(run, fresh_shell):
    rl.put("x", "keep/magic", ttl="1h")
    assert run("%rl_keep keep/magic").value.expires is None
    assert run("%rl_keep keep/magic -n keep/copy").value.name == "keep/copy"


def test_tags_hold_within_their_block_and_give_way_to_what_is_said():
    with rl.tags(run=3, site="a"):
        with rl.tags({"two words": 1}, site="b"):
            assert rl.put("1", "tags/inner", metadata={"run": 4}).metadata == {
                "run": "4",
                "site": "b",
                "two words": "1",
            }
        assert rl.put("2", "tags/outer").metadata == {"run": "3", "site": "a"}
    assert rl.put("3", "tags/none").metadata == {}
    with pytest.raises(MetadataError), rl.tags({"rl.kind": "x"}):
        pass


def test_provenance_is_there_when_asked_for_and_only_then(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "file").write_text("1")
    commit = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qm", "m"]
    subprocess.run(["git", "add", "file"], cwd=tmp_path, check=True)
    subprocess.run(commit, cwd=tmp_path, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/private/analysis.ipynb")
    plain = rl.put("1", "provenance/off")
    assert not {"rl.notebook", "rl.git"} & set(plain.view.metadata)
    told = rl.put("1", "provenance/on", provenance=True).view.metadata
    assert told["rl.notebook"] == "analysis.ipynb"
    assert told["rl.git"] == head[:12]
    (tmp_path / "file").write_text("2")
    assert rl.put("2", "provenance/on", provenance=True).view.metadata["rl.git"] == f"{head[:12]}+"


def test_without_git_or_a_notebook_provenance_says_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert set(rl.put("1", "provenance/none", provenance=True).view.metadata) == {"rl.kind", "rl.format", "rl.facts"}


def notes(value, notebook, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", f"/home/me/{notebook}")
    return rl.put(value, "origins/shared").outcome.notes


def test_a_version_that_another_notebook_put_is_not_replaced_without_a_word(monkeypatch):
    assert notes("1", "one.ipynb", monkeypatch) == ()
    assert notes("2", "one.ipynb", monkeypatch) == ()
    assert notes("3", "two.ipynb", monkeypatch) == ("the version it replaces was put from one.ipynb, not from here",)
    assert notes("4", "two.ipynb", monkeypatch) == ()
    store = session.current().store
    origins._path(store.identity.id).unlink()
    assert notes("5", "two.ipynb", monkeypatch) == ("the version it replaces was put elsewhere, not from here",)


def test_nothing_of_the_origin_is_in_the_object(monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/very-private.ipynb")
    assert "private" not in str(rl.put("1", "origins/private").view.metadata)
