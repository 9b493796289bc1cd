"""Which version is newer: a daemon makes way for one that is."""

from __future__ import annotations

import pytest

from runloop_jupyter.local.release import newer


@pytest.mark.parametrize(
    ("one", "other"), [("0.2.0", "0.1.9"), ("0.10", "0.9.5"), ("1.0", "0.99.99"), ("1.0.1", "1.0"), ("0.1", "0")]
)
def test_a_newer_release_is_newer_and_not_the_other_way_round(one: str, other: str) -> None:
    assert newer(one, other)
    assert not newer(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("1.0", "1.0"), ("1.0", "1.0.0"), ("1.0rc1", "1.0"), ("1.0+local", "1.0"), ("", "0"), ("x", "")]
)
def test_builds_of_one_release_are_not_newer(one: str, other: str) -> None:
    assert not newer(one, other)
    assert not newer(other, one)
