"""Links on a real embedded store: they work without a key, for their object, their method and their time."""

import io
import time
from datetime import UTC, datetime, timedelta

import httpx
import pandas as pd
import pytest
from shells import ok
from store_process import eventually

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.errors import InputError, LinkExpired, ObjectNotFound
from runloop_jupyter.local import launch


def fetch(url, method="GET"):
    return httpx.request(method, url, trust_env=False)


def test_a_link_downloads_the_stored_bytes_without_a_key():
    rl.put("gulls and terns", "url/birds")
    assert fetch(rl.url("url/birds").reveal()).content == b"gulls and terns"


def test_it_is_of_the_version_that_was_meant():
    rl.put("old", "url/versions")
    rl.put("new", "url/versions")
    assert fetch(rl.url("url/versions@-1").reveal()).text == "old"
    assert fetch(rl.url("url/versions").reveal()).text == "new"


def test_an_object_is_as_good_as_its_name():
    thing = rl.put("x", "url/object")
    link = rl.url(thing)
    assert link.object == thing
    assert fetch(link.reveal()).text == "x"


@pytest.mark.parametrize("method", ["HEAD", "PUT", "POST", "DELETE"])
def test_it_is_for_downloading_alone(method):
    rl.put("x", "url/method")
    link = rl.url("url/method")
    assert fetch(link.reveal(), method).status_code in {403, 405}
    assert fetch(link.reveal()).text == "x"


def test_it_is_for_its_own_object_and_time_alone():
    one, other = rl.put("one", "url/one"), rl.put("other", "url/other")
    url = rl.url(one).reveal()
    assert fetch(url.replace(one.id, other.id)).status_code == 403
    later = int(rl.url(one).expires.timestamp()) + 60
    assert fetch(url.replace(url.partition("expires=")[2].partition("&")[0], str(later))).status_code == 403


def test_when_its_time_is_over_it_works_no_more_and_says_so():
    rl.put("x", "url/short")
    link = rl.url("url/short", expires="4s")
    url = link.reveal()
    assert fetch(url).status_code == 200
    eventually(lambda: link.expired, 15)
    assert fetch(url).status_code == 403
    with pytest.raises(LinkExpired, match="expired 20"):
        link.reveal()


def test_until_when_it_works_is_what_the_store_signed():
    rl.put("x", "url/signed")
    link = rl.url("url/signed", expires="7d")
    assert f"expires={int(link.expires.timestamp())}&" in link.reveal()
    assert abs(link.expires - datetime.now(UTC) - timedelta(days=7)) < timedelta(seconds=5)


def test_an_object_with_less_time_left_ends_its_link():
    thing = rl.put("x", "url/ttl", ttl="1h")
    link = rl.url("url/ttl", expires="12h")
    assert link.expires == thing.expires
    assert "the object itself expires then" in link.card().to_text()


def test_deleting_the_object_takes_the_link_back():
    thing = rl.put("x", "url/deleted")
    url = rl.url(thing).reveal()
    rl.rm(thing)
    assert fetch(url).status_code == 404
    with pytest.raises(ObjectNotFound):
        rl.url(thing)


def test_its_reach_is_this_computer():
    rl.put("x", "url/reach")
    assert rl.url("url/reach").reach == "only on this computer"


def test_it_keeps_the_store_it_was_made_with(store, monkeypatch):
    rl.put("here", "url/kept")
    link = rl.url("url/kept")
    monkeypatch.setenv("RUNLOOP_API_KEY", "key-of-the-tests")
    monkeypatch.setenv("RUNLOOP_BASE_URL", store.base_url)
    session.reset()
    assert session.current().store.identity.id != link.object.store.identity.id
    assert fetch(link.reveal()).text == "here"


def test_revealing_it_starts_a_store_that_has_stopped():
    rl.put("still here", "url/stopped")
    link = rl.url("url/stopped")
    launch.stop()
    assert fetch(link.reveal()).text == "still here"


def test_a_store_that_has_moved_to_another_port_is_said(monkeypatch):
    rl.put("x", "url/moved")
    link = rl.url("url/moved")
    service = type(link.object.store.objects.service)
    monkeypatch.setattr(service, "base_url", property(lambda self: "http://127.0.0.1:1"))
    with pytest.raises(LinkExpired, match="moved to another port"):
        link.reveal()


def test_a_store_waits_for_the_end_of_a_link_before_it_stops_for_being_idle(monkeypatch, tmp_path):
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(tmp_path))
    monkeypatch.setenv("RUNLOOP_LOCAL_IDLE", "0.5")
    session.reset()
    rl.put("x", "idle")
    url = rl.url("idle", expires="3s").reveal()
    time.sleep(1.5)
    assert fetch(url).text == "x"
    eventually(lambda: launch.running() is None, 15)


def test_the_magic_gives_the_link_and_the_card_shows_it_masked(fresh_shell, run):
    ok(run("%rl_put df -n url/magic"))
    link = ok(run("link = %rl_url url/magic --expires 12h\nlink"))
    assert isinstance(link, rl.Link)
    assert pd.read_parquet(io.BytesIO(fetch(link.reveal()).content)).equals(pd.DataFrame({"x": [1, 2, 3]}))
    assert abs(link.expires - datetime.now(UTC) - timedelta(hours=12)) < timedelta(seconds=5)


def test_the_magic_takes_an_object(fresh_shell, run):
    ok(run("thing = %rl_put df -n url/variable"))
    link = ok(run("%rl_url $thing"))
    assert link.object.name == "url/variable"
    assert abs(link.expires - datetime.now(UTC) - timedelta(hours=1)) < timedelta(seconds=5)


def test_the_magic_refuses_more_than_a_week_in_one_line(fresh_shell, run):
    ok(run("%rl_put df -n url/week"))
    ran = run("%rl_url url/week --expires 8d")
    assert isinstance(ran.error, InputError)
    assert str(ran.error) == "expires='8d' is out of range: from 1s to 7d"


def test_the_text_of_a_card_is_readable_and_masked(fresh_shell, run):
    ok(run("%rl_put df -n url/text"))
    said = run("%rl_url url/text").out
    assert "url/text · link · only on this computer\n" in said
    assert "works until 20" in said
    assert "/•••    .reveal() gives it whole" in said
    assert "signature" not in said
