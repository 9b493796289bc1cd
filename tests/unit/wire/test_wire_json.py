"""Structs on the wire."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.secret import Secret
from runloop_jupyter.wire.json import decode, encode
from runloop_jupyter.wire.objects import ObjectCreateParameters, ObjectListView, ObjectView

MINIMAL = {"id": "obj_1", "name": "n", "state": "READ_ONLY", "content_type": "text", "create_time_ms": 1}


def test_the_smallest_published_object_decodes():
    assert decode(encode(MINIMAL), ObjectView).size_bytes is None


def test_fields_and_states_that_a_server_grows_are_no_error():
    view = decode(encode({**MINIMAL, "state": "ARCHIVED", "content_type": "zstd", "new": {"a": [1]}}), ObjectView)
    assert (view.state, view.content_type) == ("ARCHIVED", "zstd")


def test_a_presigned_url_is_a_secret_as_soon_as_it_is_decoded():
    view = decode(encode({**MINIMAL, "upload_url": "https://s3/x?sig=abc123"}), ObjectView)
    assert view.upload_url == Secret("https://s3/x?sig=abc123")
    assert "abc123" not in repr(view)


def test_a_secret_is_a_plain_string_on_the_wire():
    view = decode(encode({**MINIMAL, "upload_url": "https://s3/x?sig=1"}), ObjectView)
    assert json.loads(encode(view))["upload_url"] == "https://s3/x?sig=1"


def test_nulls_of_create_are_sent_as_the_published_clients_do():
    body = json.loads(encode(ObjectCreateParameters(name="n", content_type="text")))
    assert body == {"name": "n", "content_type": "text", "metadata": None, "ttl_ms": None}


def test_one_name_with_a_lone_surrogate_does_not_hide_a_page():
    page = json.dumps({"objects": [{**MINIMAL, "name": "a\ud800b"}], "has_more": False}).encode()
    assert decode(page, ObjectListView).objects[0].name == "a\ufffdb"


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b'{"id": 1}', b'{"objects": 3}', b"\xff"])
def test_what_is_not_the_struct_is_a_value_error(data):
    with pytest.raises(ValueError):
        decode(data, ObjectListView)


names = st.text(st.characters(codec="utf-8"))


@given(
    st.builds(
        ObjectView,
        id=names,
        name=names,
        state=names,
        content_type=names,
        create_time_ms=st.integers(-(2**53), 2**53),
        size_bytes=st.none() | st.integers(0, 2**53),
        metadata=st.none() | st.dictionaries(names, names),
        upload_url=st.none() | names.map(Secret),
    )
)
def test_every_object_comes_back_equal(view):
    assert decode(encode(view), ObjectView) == view


def test_structs_are_frozen():
    with pytest.raises(AttributeError):
        msgspec.convert(MINIMAL, ObjectView).name = "other"
