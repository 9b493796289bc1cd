"""A speed that is neither stale nor nervous."""

import pytest

from runloop_jupyter.transfer.speed import LEAST_S, WINDOW_S, Speed


def steady(seconds, rate=1e6, step=0.05):
    speed, now = Speed(), 0.0
    while now <= seconds:
        speed.note(now, int(rate * now))
        now += step
    return speed


def test_a_steady_speed_is_said_as_it_is():
    assert steady(10).at(10.0, 10_000_000) == pytest.approx(1e6, rel=0.01)


def test_too_little_says_nothing():
    assert steady(LEAST_S / 2).at(LEAST_S / 2, 100) is None
    assert Speed().at(1.0, 5) is None


def test_where_the_work_stalls_the_speed_falls_to_nothing():
    speed = steady(10)
    soon, later = speed.at(12.0, 10_000_000), speed.at(10.0 + 2 * WINDOW_S, 10_000_000)
    assert 0 < soon < 1e6
    assert later == 0


def test_a_change_of_speed_is_known_within_the_window():
    speed = steady(10)
    for tenth in range(1, 60):
        speed.note(10 + tenth / 10, 10_000_000 + tenth * 1_000_000)
    assert speed.at(15.9, 69_000_000) == pytest.approx(10e6, rel=0.05)


def test_work_that_is_begun_again_is_measured_anew():
    speed = steady(10)
    speed.note(10.1, 0)
    assert speed.at(10.2, 100) is None


def test_it_keeps_few_samples_however_often_it_is_told():
    speed = Speed()
    for number in range(100_000):
        speed.note(number / 1000, number)
    assert len(speed._samples) < 100
