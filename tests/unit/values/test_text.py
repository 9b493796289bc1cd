"""Text and bytes come back as they were."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.errors import DecodeError, UnsupportedValue
from runloop_jupyter.values import registry


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_comes_back_exactly(store, text):
    assert store(text).read() == text


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.integers(1, 5))
def test_text_cut_within_a_character_comes_back_exactly(store, text, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runloop_jupyter.values.text.CHUNK", chunk)
        assert store(text).read() == text


def test_line_ends_and_byte_order_marks_are_kept(store):
    text = "\ufeffa\r\nb\rc\n"
    stored = store(text)
    assert stored.file.getvalue() == text.encode()
    assert stored.read() == text


def test_a_lone_surrogate_is_refused_by_its_place(store):
    with pytest.raises(UnsupportedValue, match="character 2 of the text is a lone surrogate"):
        store("ab\udc80")


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_bytes_of_any_sort_come_back_as_bytes(store, make):
    back = store(make(b"\x00\xffab")).read()
    assert type(back) is bytes
    assert back == b"\x00\xffab"


def test_a_memoryview_with_gaps_is_refused(store):
    with pytest.raises(UnsupportedValue, match="tobytes"):
        store(memoryview(b"abcd")[::2])


def test_bytes_are_given_as_text_where_they_are_text(store):
    assert store("ü".encode()).read(form="text") == "ü"
    with pytest.raises(DecodeError, match="byte 1"):
        store(b"a\xff").read(form="text")


def test_the_place_of_a_bad_byte_counts_from_the_start(store, monkeypatch):
    monkeypatch.setattr("runloop_jupyter.values.text.CHUNK", 4)
    with pytest.raises(DecodeError, match=r"byte 9\b"):
        registry.decode("text", io.BytesIO("abcüdefg".encode() + b"\xff"), {})


def test_a_peek_shows_the_first_lines():
    shown = registry.codec_named("text").peek(io.BytesIO(b"one\ntwo\n" * 1000), {})
    assert shown is not None
    assert str(shown.text).startswith("one\ntwo")
    assert len(str(shown.text)) < 200
