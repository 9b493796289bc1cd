"""How large what describes an object may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.local import limits
from runloop_jupyter.local.refusal import Refusal


@given(st.text(max_size=50), st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=5))
def test_what_people_write_is_taken(name: str, metadata: dict[str, str]) -> None:
    limits.check(name, metadata)
    limits.check(name, None)


def test_the_largest_of_each_is_taken() -> None:
    limits.check("n" * limits.NAME_BYTES, {str(n): "" for n in range(limits.PAIRS)})
    limits.check("", {"k" * limits.KEY_BYTES: "v" * limits.VALUE_BYTES})


@pytest.mark.parametrize(
    ("name", "metadata"),
    [
        ("n" * (limits.NAME_BYTES + 1), None),
        ("é" * (limits.NAME_BYTES // 2 + 1), None),
        ("n", {str(n): "" for n in range(limits.PAIRS + 1)}),
        ("n", {"k" * (limits.KEY_BYTES + 1): ""}),
        ("n", {"k": "v" * (limits.VALUE_BYTES + 1)}),
    ],
    ids=["name", "name in UTF-8", "pairs", "key", "value"],
)
def test_one_more_is_refused(name: str, metadata: dict[str, str] | None) -> None:
    with pytest.raises(Refusal) as refusal:
        limits.check(name, metadata)
    assert refusal.value.status == 400
    assert len(refusal.value.message) < 200
