"""Ids: in order, unguessable, readable back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.local.ids import make_id, next_position, position_of

positions = st.integers(0, 2**55 - 1)


@given(positions)
def test_an_id_gives_its_position_back(position: int) -> None:
    assert position_of(make_id(position)) == position


@given(positions, positions)
def test_ids_sort_as_their_positions(one: int, other: int) -> None:
    if one != other:
        assert (make_id(one) < make_id(other)) == (one < other)


def test_two_stores_at_the_same_moment_make_different_ids() -> None:
    assert len({make_id(1) for _ in range(1000)}) == 1000


@given(st.text(max_size=40))
def test_other_strings_are_no_ids(text: str) -> None:
    assert position_of(text) is None


@pytest.mark.parametrize(
    "text", ["", "obj_", "OBJ_" + 27 * "0", "obj_" + 26 * "0", "obj_" + 28 * "0", "obj_" + 27 * "u"]
)
def test_near_misses_are_no_ids(text: str) -> None:
    assert position_of(text) is None


@given(st.none() | positions, st.integers(0, 2**42))
def test_positions_only_ever_grow_also_when_the_clock_is_set_back(newest: int | None, now_ms: int) -> None:
    assert next_position(newest, now_ms) > (-1 if newest is None else newest)
