"""Which bytes are there: the same as a set of positions says."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.transfer.spans import Spans

SIZE = 40
SPAN = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(sorted)


@given(st.lists(SPAN, max_size=12))
def test_it_is_a_set_of_positions(added):
    spans, positions = Spans(), set()
    for start, stop in added:
        spans.add(start, stop)
        positions |= set(range(start, stop))
    assert {each for start, stop in spans for each in range(start, stop)} == positions
    assert spans.total == len(positions)
    missing = [each for start, stop in spans.gaps(SIZE) for each in range(start, stop)]
    assert missing == [each for each in range(SIZE) if each not in positions]
    assert spans.prefix == (missing[0] if missing else SIZE)


@given(st.lists(SPAN, max_size=12))
def test_it_is_said_in_as_few_spans_as_can_be(added):
    spans = list(Spans(added))
    assert all(start < stop for start, stop in spans)
    assert all(before[1] < after[0] for before, after in pairwise(spans))


def test_a_copy_stays_as_it_is():
    spans = Spans([(0, 4)])
    copy = spans.copy()
    spans.add(4, 9)
    assert list(copy) == [(0, 4)]


def test_cleared_it_is_empty():
    spans = Spans([(0, 4), (6, 8)])
    spans.clear()
    assert list(spans.gaps(8)) == [(0, 8)]
