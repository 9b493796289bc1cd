import random

from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.backoff import full_jitter


@given(st.integers(0, 60), st.floats(0.01, 2), st.floats(0.1, 60))
def test_a_wait_is_never_longer_than_it_may_be(attempt: int, first_s: float, longest_s: float) -> None:
    assert 0 <= full_jitter(attempt, first_s, longest_s) <= min(longest_s, first_s * 2**attempt)


def test_a_seeded_notebook_gets_the_same_numbers_whether_or_not_something_was_tried_again() -> None:
    random.seed(7)
    before = random.getstate()
    full_jitter(3, 0.5, 8)
    assert random.getstate() == before
