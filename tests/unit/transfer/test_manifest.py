"""What is said of a set can be read back, and what anybody else wrote there is not believed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.errors import TransferError
from runloop_jupyter.transfer import manifest
from runloop_jupyter.transfer.manifest import Manifest, Part
from runloop_jupyter.wire.objects import ObjectListView, ObjectView

FOUND = Manifest("5e7", 7, "blake3:ab", (Part("obj_1", 4, "blake3:01"), Part("obj_2", 3, "blake3:02")))
WHOLE = {"project": "x", "rl.kind": "table", "rl.format": "parquet", "rl.facts": '{"digest":"blake3:ab","rows":3}'}


def view(metadata, size=100):
    return ObjectView(
        id="obj_9",
        name="n",
        state="READ_ONLY",
        content_type="binary",
        create_time_ms=0,
        size_bytes=size,
        metadata=metadata,
    )


def test_a_manifest_comes_back_as_it_was_written():
    assert Manifest.from_bytes(FOUND.to_bytes(), "n") == FOUND


def changed(**what):
    return json.dumps(json.loads(FOUND.to_bytes()) | what).encode()


@pytest.mark.parametrize(
    ("data", "fragment"),
    [
        (b"", "damaged"),
        (b"[]", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b"\xff\xfe", "damaged"),
        (changed(parts=[{"id": "", "size": 7, "digest": "d"}]), "damaged"),
        (changed(parts=[{"id": "a", "size": -1, "digest": "d"}]), "damaged"),
        (changed(parts=[{"id": "a", "size": True, "digest": "d"}]), "damaged"),
        (changed(parts=None), "damaged"),
        (changed(set=5), "damaged"),
        (changed(size=8), "don't add up"),
        (changed(version=2), "later version"),
    ],
)
def test_what_is_no_manifest_is_refused_by_name(data, fragment):
    with pytest.raises(TransferError, match=rf"“n”.*{fragment}|{fragment}.*“n”"):
        Manifest.from_bytes(data, "n")


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data):
    with pytest.raises(TransferError):
        Manifest.from_bytes(data, "n")


def test_a_head_stands_for_the_whole_and_says_how_it_is_kept():
    metadata = manifest.of_head(WHOLE, FOUND, "blake3:cd")
    head = view(metadata)
    assert manifest.is_head(head)
    assert not manifest.is_member(head)
    assert (manifest.size_of(head), manifest.format_of(metadata), manifest.set_of(metadata)) == (7, "parquet", "5e7")
    assert manifest.whole(head).size_bytes == 7
    assert metadata["rl.kind"] == "table"
    assert metadata["rl.format"] == "parts"  # who doesn't know sets must not take the list for the table
    assert {key for key in metadata if key.startswith("rl.")} == {"rl.kind", "rl.format", "rl.facts"}
    assert manifest.of_whole(metadata) == WHOLE


def test_a_part_carries_nothing_of_its_users():
    metadata = manifest.of_part("5e7", 2, "blake3:02")
    assert manifest.is_member(view(metadata))
    assert set(metadata) == {"rl.kind", "rl.format", "rl.facts"}
    assert manifest.set_of(metadata) == "5e7"


def test_a_folder_that_is_kept_as_files_stands_for_all_of_it():
    metadata = manifest.of_folder({"project": "x", "rl.facts": '{"digest":"blake3:ab","size":7}'}, "5e7", "blake3:cd")
    head = view(metadata)
    assert manifest.is_folder(head)
    assert not manifest.is_head(head)
    assert not manifest.is_member(head)
    assert (manifest.size_of(head), manifest.set_of(metadata), manifest.format_of(metadata)) == (7, "5e7", "files")
    assert manifest.facts_of(metadata)["manifest"] == "blake3:cd"
    assert manifest.whole(head).size_bytes == 7
    assert not manifest.is_folder(view({"rl.kind": "file", "rl.format": "files"}))


def test_a_member_of_a_folder_is_told_by_its_set_its_bytes_and_its_put():
    metadata = manifest.of_member("5e7", "blake3:01", "put1")
    assert manifest.is_member(view(metadata))
    assert manifest.set_of(metadata) == "5e7"
    assert manifest.facts_of(metadata) == {"set": "5e7", "digest": "blake3:01", "put": "put1"}
    assert manifest.part_name("scans", 3).startswith(manifest.part_prefix("scans"))


@pytest.mark.parametrize("facts", ["", "[]", "{", '{"size": -1}', '{"size": true}', '{"size": "7"}', "null"])
def test_a_head_whose_facts_are_anybodys_words_has_the_size_that_the_store_says(facts):
    head = view({"rl.format": "parts", "rl.facts": facts})
    assert manifest.size_of(head) == 100
    assert manifest.set_of(head.metadata) is None
    assert manifest.format_of(head.metadata) is None


def test_an_ordinary_object_is_left_as_it_is():
    plain = view(WHOLE)
    assert manifest.whole(plain) is plain
    assert manifest.of_whole(WHOLE) == WHOLE
    assert manifest.set_of(WHOLE | {"rl.facts": '{"set":"5e7"}'}) is None


def test_pages_go_without_parts():
    pages = [ObjectListView(objects=[view(manifest.of_part("s", 1, "d")), view(WHOLE)], has_more=True)]
    (page,) = manifest.without_members(pages)
    assert [each.metadata for each in page.objects] == [WHOLE]
    assert page.has_more
