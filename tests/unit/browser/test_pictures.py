"""Pictures are told and measured by their own first bytes, before anything decodes them."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from runloop_jupyter.browser.pictures import HEAD, Picture, measured


def made(form, size=(37, 21), **how):
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, form, **how)
    return file.getvalue()


@pytest.mark.parametrize(
    ("form", "type_", "how"),
    [
        ("PNG", "image/png", {}),
        ("JPEG", "image/jpeg", {}),
        ("JPEG", "image/jpeg", {"progressive": True}),
        ("GIF", "image/gif", {}),
        ("WEBP", "image/webp", {}),
        ("WEBP", "image/webp", {"lossless": True}),
        ("WEBP", "image/webp", {"exif": b"Exif\0\0x", "lossless": True}),
    ],
    ids=str,
)
def test_a_picture_says_what_it_is_and_how_large(form, type_, how):
    assert measured(made(form, **how)[:HEAD]) == Picture(type_, 37, 21)


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"<svg/>", b"RIFF1234WAVE", b"\xff\xd8\xff", b"GIF89a"], ids=str)
def test_anything_else_is_none(data):
    assert measured(data) is None


@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8", b"RIFF0000WEBP", b""]), st.binary(max_size=200))
def test_no_bytes_break_it(magic, data):
    measured(magic + data)
