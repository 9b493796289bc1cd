"""A link says how far it reaches and until when, and shows itself only when it is asked to."""

import copy
import dataclasses
import logging
import pickle
import time
from datetime import UTC, datetime, timedelta

import pytest
from IPython.lib.pretty import pretty

from runloop_jupyter.actions.object import Object
from runloop_jupyter.actions.url import Link, url
from runloop_jupyter.errors import InputError, LinkExpired
from runloop_jupyter.profile import Profile, StoreIdentity
from runloop_jupyter.secret import Secret
from runloop_jupyter.session import Store
from runloop_jupyter.wire.objects import ObjectView

SIGNATURE = "sentinel-signature-4242"
NOW_MS = int(time.time() * 1000)
HOUR = timedelta(hours=1)


class Objects:
    """A store's operations, as much of them as a link needs."""

    def __init__(self, view, presigned):
        self.view = view
        self.presigned = presigned
        self.asked = None

    def get(self, object_id):
        return self.view

    def download_url(self, object_id, *, duration_seconds):
        self.asked = duration_seconds
        return Secret(self.presigned(duration_seconds))


def s3(seconds, host="bucket.s3.amazonaws.com"):
    begun = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"https://{host}/obj_1?X-Amz-Date={begun}&X-Amz-Expires={seconds}&X-Amz-Signature={SIGNATURE}"


def stored(presigned=s3, ttl=None):
    view = ObjectView(
        id="obj_1",
        name="penguins",
        state="READ_ONLY",
        content_type="binary",
        create_time_ms=NOW_MS,
        size_bytes=1,
        delete_after_time_ms=None if ttl is None else NOW_MS + int(ttl.total_seconds() * 1000),
    )
    profile = Profile("work", "test", "https://api.example.com", Secret("key"))
    return Object(view, Store(profile, StoreIdentity("1", "api.example.com"), Objects(view, presigned)))


def near(moment):
    return pytest.approx(moment.timestamp(), abs=3)


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        "{}".format,
        "{!r:>30}".format,
        lambda link: f"{[link]} { ({'k': link}) }",
        pretty,
        lambda link: pretty([link]),
        lambda link: link._repr_html_(),
        lambda link: link.card().to_text(),
        lambda link: str(vars(link)),
        lambda link: str(dataclasses.asdict(link)),
    ],
)
def test_no_way_of_showing_it_shows_the_url(show):
    shown = show(url(stored()))
    assert SIGNATURE not in shown
    assert "X-Amz" not in shown


def test_it_can_be_revealed_on_purpose():
    assert SIGNATURE in url(stored()).reveal()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_cannot_be_pickled(protocol):
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps({"deep": [url(stored())]}, protocol)


def test_copies_are_the_same_link():
    link = url(stored())
    assert copy.copy(link) is link
    assert copy.deepcopy([link])[0] is link


def test_a_log_record_does_not_hold_it(caplog):
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("x").debug("link %s in %r", url(stored()), [url(stored())])
    assert SIGNATURE not in caplog.text


def test_the_card_says_how_far_it_reaches_until_when_and_how_to_take_it_back():
    text = url(stored(), expires="12h").card().to_text()
    until = (datetime.now(UTC) + 12 * HOUR).strftime("%Y-%m-%d %H:")
    assert text.startswith("penguins · link · anyone who has it, from anywhere\nworks until " + until)
    assert "only deleting the object takes it back sooner\nhttps://bucket.s3.amazonaws.com/•••    .reveal()" in text


@pytest.mark.parametrize(
    ("host", "reach"),
    [("bucket.s3.amazonaws.com", "anyone who has it, from anywhere"), ("127.0.0.1:8000", "only on this computer")],
)
def test_its_reach_is_that_of_its_host(host, reach):
    assert url(stored(lambda seconds: s3(seconds, host))).reach == reach


@pytest.mark.parametrize(
    ("expires", "seconds"),
    [("1h", 3600), ("7d", 604_800), ("90s", 90), ("1.5s", 1), (timedelta(minutes=5), 300), ("1d12h", 129_600)],
)
def test_the_store_is_asked_for_as_long_as_was_said(expires, seconds):
    thing = stored()
    assert url(thing, expires=expires).expires.timestamp() == near(datetime.now(UTC) + timedelta(seconds=seconds))
    assert thing.store.objects.asked == seconds


@pytest.mark.parametrize("expires", ["8d", "1w1s", timedelta(days=8), "0.5s", "0s", timedelta(0), "", "tomorrow", 3600])
def test_a_time_that_cannot_be_meant_is_refused_and_nothing_is_asked(expires):
    thing = stored()
    with pytest.raises(InputError, match=r"expires=.*(from 1s to 7d|not a length of time)"):
        url(thing, expires=expires)
    assert thing.store.objects.asked is None


def test_a_store_that_gives_less_is_believed_and_it_is_said():
    link = url(stored(lambda seconds: s3(min(seconds, 3600))), expires="12h")
    assert link.expires.timestamp() == near(datetime.now(UTC) + HOUR)
    assert link.notes[0].startswith("the store gives less time than was asked for (until ")
    assert f"! {link.notes[0]}" in link.card().to_text()


def test_a_url_that_does_not_say_holds_for_as_long_as_was_asked():
    link = url(stored(lambda seconds: f"https://cdn.example.com/{SIGNATURE}"), expires="2h")
    assert link.expires.timestamp() == near(datetime.now(UTC) + 2 * HOUR)
    assert SIGNATURE not in link.card().to_text()


def test_an_object_whose_time_ends_sooner_ends_the_link():
    link = url(stored(ttl=HOUR), expires="12h")
    assert link.expires == link.object.expires
    assert link.notes == ("the object itself expires then",)


def test_an_object_that_outlives_the_link_is_no_news():
    assert url(stored(ttl=24 * HOUR), expires="12h").notes == ()


def test_an_expired_link_reveals_nothing_and_says_since_when():
    link = Link(stored(), datetime.now(UTC) - HOUR, "only on this computer", _url=Secret(s3(1)))
    with pytest.raises(LinkExpired, match=r"the link to “penguins” expired 20.* UTC\. Make a new one: %rl_url"):
        link.reveal()
    assert "expired 20" in link.card().to_text()
    assert "works until" not in link.card().to_text()


def test_outside_a_notebook_its_html_has_no_place_for_a_button():
    assert "rl-slot" not in url(stored())._repr_html_().partition("</style>")[2]
