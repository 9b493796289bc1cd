"""Plain data comes back from JSON equal and of the same types, or is refused by its place."""

from __future__ import annotations

import enum
import io
import json
import math
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runloop_jupyter.errors import DecodeError, InputError, UnsupportedValue
from runloop_jupyter.values import registry


class Colour(enum.IntEnum):
    RED = 1


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth - 1):
        value = [value]
    return value


def circle() -> list:
    value: list = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="None"),
        pytest.param(True, id="bool"),
        pytest.param(0, id="int"),
        pytest.param(-0.0, id="negative zero"),
        pytest.param(5e-324, id="smallest float"),
        pytest.param(10**400, id="big int"),
        pytest.param({}, id="empty dict"),
        pytest.param([[], {}, [[]]], id="empty containers"),
        pytest.param({"z": 1, "a": {"": None}}, id="order and empty key"),
        pytest.param(["é\n\u2028\0\x7f\U0001f600"], id="text"),
        pytest.param([1, 1.0, True, None, "1"], id="types"),
        pytest.param({"a": list(range(50_000)), "b": [0.5] * 30_000, "c": "x"}, id="long lists"),
        pytest.param([list(range(25_000)), 1, list(range(25_000))], id="long among short"),
        pytest.param([{"i": i, "v": [i / 2]} for i in range(30_000)], id="records"),
        pytest.param({str(i): i for i in range(50_000)}, id="long dict"),
        pytest.param(nested(200), id="deep"),
    ],
)
def test_plain_data_comes_back_equal(store, value):
    back = store(value).read()
    assert back == value
    assert type(back) is type(value)
    assert repr(back) == repr(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param({"results": [1, {"score": math.nan}]}, "results[1].score is nan", id="nan"),
        pytest.param([0.5] * 30_000 + [math.inf], "[30000] is inf", id="inf in a long list"),
        pytest.param({"a": {1: 2}}, "a has the key 1 (int)", id="int key"),
        pytest.param({"a b": (1,)}, "['a b'] is a tuple", id="tuple"),
        pytest.param([{1}], "[0] is a set", id="set"),
        pytest.param([b"x"], "[0] is a bytes", id="bytes"),
        pytest.param([Colour.RED], "[0] is a", id="enum"),
        pytest.param([OrderedDict()], "use dict(…)", id="dict subclass"),
        pytest.param({"n": [np.float64(1)]}, "n[0] is a numpy.float64", id="numpy scalar"),
        pytest.param({"n": [np.zeros(2)]}, "use .tolist()", id="array inside"),
        pytest.param(["a", "\ud800"], "[1] has a lone surrogate", id="lone surrogate"),
        pytest.param({"n": 10**5000}, "n is an integer of more than 4,300 digits", id="too many digits"),
        pytest.param(nested(201), "more than 200 containers deep", id="too deep"),
        pytest.param(circle(), "holds itself", id="a circle"),
    ],
)
def test_what_json_would_change_is_refused_by_its_place(store, value, message):
    with pytest.raises(UnsupportedValue) as refusal:
        store(value)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("data", [b"{", b"[1,]", b"\xff", b"[" * 100_000, b""])
def test_bytes_that_are_not_json_are_a_decode_error(data):
    with pytest.raises(DecodeError):
        registry.decode("json", io.BytesIO(data), {})


def test_json_is_given_as_text_when_asked(store):
    assert json.loads(store({"a": "ü"}).read(form="text")) == {"a": "ü"}
    with pytest.raises(InputError, match="it can as text"):
        store({}).read(form="pandas")


def test_large_json_passes_checkpoints_both_ways(store):
    calls = []
    stored = store([{"i": i, "f": i / 3} for i in range(200_000)], checkpoint=lambda: calls.append("out"))
    stored.read(checkpoint=lambda: calls.append("in"))
    assert calls.count("out") >= 10
    assert calls.count("in") >= 10


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8")),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=5)
    ),
    max_leaves=30,
)


@given(values.filter(lambda value: not isinstance(value, str)), st.integers(1, 10))
@settings(max_examples=150, deadline=None)
def test_any_plain_data_comes_back_equal_however_it_is_cut(store, value, batch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runloop_jupyter.values.jsontext._BATCH", batch)
        back = store(value).read()
    assert repr(back) == repr(value)
