"""How names, versions and URLs are taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.address import Address, check_name, parse, version_label
from runloop_jupyter.errors import AddressError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("penguins", Address("penguins")),
        ("runs/2026-11/val metrics", Address("runs/2026-11/val metrics")),
        ("runloop://runs/a@-1", Address("runs/a@-1")),
        ("local:penguins", Address("penguins", "local")),
        ("work:a:b", Address("a:b", "work")),
        ("unknown:penguins", Address("unknown:penguins")),
        ("12:30 notes", Address("12:30 notes")),
    ],
)
def test_a_text_is_taken_apart(text, expected):
    assert parse(text, profiles={"local", "work"}) == expected


@pytest.mark.parametrize(
    ("text", "versioned"),
    [
        ("penguins@-1", ("penguins", "-1")),
        ("penguins@20261103T141502Z-3fa9c", ("penguins", "20261103T141502Z-3fa9c")),
        ("penguins@2026", ("penguins", "2026")),
        ("penguins@20261103T14", ("penguins", "20261103T14")),
        ("me@home.org@20261103", ("me@home.org", "20261103")),
        ("penguins", None),
        ("me@home.org", None),
        ("@-1", None),
        ("a@", None),
        ("a@-x", None),
    ],
)
def test_a_version_reference_is_told_from_a_name_with_an_at_sign(text, versioned):
    assert parse(text).versioned == versioned


@pytest.mark.parametrize("text", ["", "runloop://", "s3://bucket/key", "https://example.org/x", "local:"])
def test_what_names_nothing_here_is_refused(text):
    with pytest.raises(AddressError):
        parse(text, profiles={"local"})


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\x00b", "\x7f", "x" * 1025, "\ud800", "é" * 600])
def test_a_name_that_nobody_can_type_or_print_is_refused(name):
    with pytest.raises(AddressError) as caught:
        check_name(name)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "name",
    ["a", "../../etc/passwd", "<script>alert(1)</script>", "-rf", "naïve 文件 🐧", "a@b", "x" * 1024, "\u202egpj.exe"],
)
def test_hostile_but_printable_names_can_be_stored(name):
    assert check_name(name) == name


def test_a_version_is_called_by_its_time_and_a_hash_of_its_id():
    label = version_label(1_793_715_302_999, "obj_1")
    assert label.startswith("20261103T141502Z-")
    assert parse(f"penguins@{label}").versioned == ("penguins", label)
    assert label != version_label(1_793_715_302_999, "obj_2")


@given(st.integers(), st.text())
def test_any_time_and_id_that_a_store_answers_with_makes_a_label(time_ms, object_id):
    try:
        object_id.encode()
    except UnicodeEncodeError:
        return
    assert parse(f"n@{version_label(time_ms, object_id)}").versioned is not None


@given(st.text(min_size=1))
def test_parsing_any_text_gives_it_back_or_one_clear_error(text):
    try:
        address = parse(text)
    except AddressError:
        return
    assert text.endswith(address.text)
