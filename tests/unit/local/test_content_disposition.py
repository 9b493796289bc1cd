"""The header under which a browser saves an object."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.local.content import content_disposition

HEADER = re.compile(r"attachment; filename=\"([\x20-\x7e]*)\"; filename\*=UTF-8''([A-Za-z0-9%._~-]+)")


def saved_as(name: str) -> str:
    match = HEADER.fullmatch(content_disposition(name, "obj_id"))
    assert match
    assert '"' not in match[1]
    return unquote(match[2])


@given(st.text())
def test_any_name_makes_a_header_of_one_line_without_a_path(name: str) -> None:
    saved = saved_as(name)
    assert saved not in ("", ".", "..")
    assert not set("/\\:\r\n\0") & set(saved)


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("table.parquet", "table.parquet"),
        ("Größe 20%.csv", "Größe 20%.csv"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("evil\u202etxt.exe", "evil_txt.exe"),
        ("", "obj_id"),
        ("...", "obj_id"),
    ],
)
def test_names_are_kept_as_far_as_they_are_safe(name: str, saved: str) -> None:
    assert saved_as(name) == saved
