"""Metadata and time to live, checked before anything is begun."""

from datetime import timedelta

import numpy as np
import pytest

from runloop_jupyter.errors import InputError, MetadataError
from runloop_jupyter.options import ttl_ms, user_metadata


@pytest.mark.parametrize(
    ("ttl", "ms"),
    [
        (None, None),
        ("30d", 30 * 86_400_000),
        ("12h", 12 * 3_600_000),
        ("45m", 45 * 60_000),
        ("90s", 90_000),
        ("1w2d", 9 * 86_400_000),
        ("1.5h", 5_400_000),
        (" 7D ", 7 * 86_400_000),
        (timedelta(days=2), 2 * 86_400_000),
    ],
)
def test_a_length_of_time_is_read(ttl, ms):
    assert ttl_ms(ttl) == ms


@pytest.mark.parametrize(
    "ttl",
    ["", "30", 30, "d", "30 days", "-1d", "0s", "0.0001s", timedelta(0), timedelta(days=-1), "9e9d", "99999999d", "٣d"],
)
def test_what_is_no_length_of_time_is_refused_with_examples(ttl):
    with pytest.raises(InputError, match=r"30d|1s to"):
        ttl_ms(ttl)


def test_numbers_become_their_text():
    metadata = user_metadata({"acc": 0.913, "run": 3, "ok": True, "np": np.float64(0.5), "n": np.int64(7), "t": "x"})
    assert metadata == {"acc": "0.913", "run": "3", "ok": "true", "np": "0.5", "n": "7", "t": "x"}


@pytest.mark.parametrize(
    "metadata",
    [
        {"": "x"},
        {" a": "x"},
        {"a=b": "x"},
        {"a[b]": "x"},
        {"a\n": "x"},
        {3: "x"},
        {"rl.kind": "x"},
        {"a": None},
        {"a": [1]},
        {"a": "\ud800"},
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(metadata):
    with pytest.raises(MetadataError):
        user_metadata(metadata)


@pytest.mark.parametrize("value", ["", "a=b", "x" * 5000, "naïve 文件", '{"a": 1}', "<script>"])
def test_any_text_can_be_a_value(value):
    assert user_metadata({"k": value}) == {"k": value}
