"""A secret shows itself only when it is asked to."""

import copy
import logging
import pickle

import pytest

from runloop_jupyter.secret import Secret

KEY = "sentinel-key-4242"


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        "{}".format,
        "{!r:>30}".format,
        lambda s: f"{s:>20}",
        lambda s: f"{[s]} { ({'k': s}) }",
        lambda s: "{0!s}{0!r}".format(s),  # noqa: UP032
    ],
)
def test_no_way_of_printing_shows_it(show):
    assert KEY not in show(Secret(KEY))


def test_it_can_be_revealed_on_purpose():
    assert Secret(KEY).reveal() == KEY


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_cannot_be_pickled(protocol):
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps({"deep": [Secret(KEY)]}, protocol)


def test_a_log_record_does_not_hold_its_text(caplog):
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("x").debug("key %s in %r", Secret(KEY), [Secret(KEY)])
    assert KEY not in caplog.text


def test_copies_are_the_same_secret():
    secret = Secret(KEY)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


def test_equal_strings_make_equal_secrets():
    assert Secret(KEY) == Secret(KEY)
    assert len({Secret(KEY), Secret(KEY), Secret("other")}) == 2
    assert Secret(KEY) != KEY


def test_it_has_no_dict_to_look_into():
    assert not hasattr(Secret(KEY), "__dict__")
