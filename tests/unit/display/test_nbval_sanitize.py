"""The one file that lets nbval compare outputs of different days."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nbval.plugin import get_sanitize_patterns

from runloop_jupyter.display.card import Card
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.info import InfoPage
from runloop_jupyter.display.table import Column, Table

if TYPE_CHECKING:
    from runloop_jupyter.display.shown import Shown

PATTERNS = get_sanitize_patterns((Path(__file__).parents[3] / "notebooks" / "nbval.cfg").read_text())


def sanitize(text: str) -> str:
    for pattern, replacement in PATTERNS:
        text = re.sub(pattern, replacement, text)
    return text


def page(rows: int, size: str, time: str, version: str, object_id: str, age: str) -> Shown:
    return InfoPage(
        Card(
            "penguins",
            facts=["table", f"{rows} × 7", Fact(size, "size")],
            second=[
                Fact(f"expires {time} UTC", "time"),
                Fact(f"replaces a version put {time[:10]}, {age} ago", "time"),
            ],
            code=[Fact(f"penguins@{version}", "id")],
            slot=object_id,
        ),
        facts=[("id", Fact(object_id, "id"))],
        versions=Table(
            [Column("version", "id"), Column("size", "size"), Column("put (UTC)", "time")],
            [[f"penguins@{version}", size, time]],
        ),
    )


MONDAY = page(344, "14.2 KiB", "2026-11-23 14:05", "20261123T140511Z-3fa9c", "obj_01JD9Y", "6 d")
FRIDAY = page(344, "913 B", "2027-01-01 00:00", "20270101T000000Z-b01e7", "obj_77XXXX", "31 h")
OTHER = page(345, "14.2 KiB", "2026-11-23 14:05", "20261123T140511Z-3fa9c", "obj_01JD9Y", "6 d")


@pytest.mark.parametrize("form", ["to_text", "to_html"])
def test_outputs_of_two_days_are_equal_once_sanitized(form: str) -> None:
    monday, friday = (getattr(day, form)() for day in (MONDAY, FRIDAY))
    assert monday != friday
    assert sanitize(monday) == sanitize(friday)


@pytest.mark.parametrize("form", ["to_text", "to_html"])
def test_another_shape_stays_another_output(form: str) -> None:
    assert sanitize(getattr(MONDAY, form)()) != sanitize(getattr(OTHER, form)())


def test_data_that_looks_like_a_time_is_compared() -> None:
    rows = "344 rows, 2026-11-02, 2026-11-23 14:05:11, 3.5 s, 12 KB"
    assert sanitize(rows) == rows


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("9.1 KiB (9,292 bytes)", "9.2 KiB (9,301 bytes)"),
        ("blake3:3c81deb834f96f23", "blake3:ffffffffffffffff"),
        ("http://127.0.0.1:25356", "http://127.0.0.1:4242"),
        ("store 7215e8ea-5d36-46d5-bd47-24fe59da2a2c", "store 00000000-0000-0000-0000-000000000000"),
    ],
)
def test_what_differs_from_computer_to_computer_is_blanked(one: str, other: str) -> None:
    assert sanitize(one) == sanitize(other)
