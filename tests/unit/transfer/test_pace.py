"""How many connections: as many as bring more bytes, found out while they come."""

import pytest

from runloop_jupyter.transfer.pace import AT_FIRST, MOST, SETTLED_S, Pace


class Line:
    """Simulated time: `rate(n)` is what n connections bring together, in bytes a second."""

    def __init__(self, rate):
        self.now, self.received, self.rate = 100.0, 0, rate
        self.pace = Pace(self.now)
        self.most = self.pace.allowed

    def go_on(self, seconds, active=None):
        for _ in range(round(seconds / 0.02)):
            self.now += 0.02
            self.received += int(self.rate(self.pace.allowed) * 0.02)
            self.pace.look(self.now, self.received, self.pace.allowed if active is None else active)
            self.most = max(self.most, self.pace.allowed)
        return self.pace.allowed


def test_where_each_connection_gets_its_share_it_takes_all_within_a_second():
    assert Line(lambda n: n * 25_000_000).go_on(1) == MOST


@pytest.mark.parametrize("enough", [2, 4, 8])
def test_it_stops_where_more_bring_no_more(enough):
    line = Line(lambda n: min(n, enough) * 25_000_000)
    assert line.go_on(2) == enough
    assert line.most == 2 * enough


def test_it_looks_again_after_a_while():
    line = Line(lambda n: min(n, 2) * 25_000_000)
    assert line.go_on(1) == 2
    line.rate = lambda n: n * 25_000_000
    assert line.go_on(SETTLED_S - 2) == 2
    assert line.go_on(4) == MOST


def test_a_busy_store_is_asked_by_half_as_many_and_no_more_for_a_while():
    line = Line(lambda n: n * 25_000_000)
    line.go_on(2)
    line.pace.push_back(line.now)
    assert line.pace.allowed == MOST // 2
    assert line.go_on(SETTLED_S - 1) == MOST // 2
    assert line.go_on(3) == MOST


def test_one_is_always_allowed():
    line = Line(lambda n: 0)
    for _ in range(10):
        line.pace.push_back(line.now)
    assert line.pace.allowed == 1


def test_connections_that_are_yet_to_begin_are_waited_for():
    line = Line(lambda n: n * 25_000_000)
    assert line.go_on(1.5, active=1) == 2


def test_a_line_that_is_silent_says_nothing():
    line = Line(lambda n: 0)
    assert line.go_on(10) == AT_FIRST


def test_where_the_processors_are_the_limit_more_are_not_even_tried():
    line = Line(lambda n: 800_000_000)
    assert line.go_on(10) == AT_FIRST
    assert line.most == AT_FIRST
