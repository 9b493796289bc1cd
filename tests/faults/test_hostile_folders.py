"""Lists of files that were made to deceive, in a real store: not a byte lands outside, and nothing half-done stays."""

import json

import blake3
import pytest
from leftovers import look

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.errors import RunloopError
from runloop_jupyter.transfer import manifest, presigned
from runloop_jupyter.transfer.folders.listing import File, Listing
from runloop_jupyter.wire.objects import ObjectCreateParameters

EVIL = b"evil bytes"
DIGEST = f"blake3:{blake3.blake3(EVIL).hexdigest()}"


def store(name, data, metadata):
    objects = session.current().store.objects
    view = objects.create(ObjectCreateParameters(name=name, content_type="binary", metadata=metadata))
    with presigned.request("PUT", view.upload_url, headers={"Content-Length": str(len(data))}, content=iter([data])):
        pass
    return objects.complete(view.id)


def member(data=EVIL, digest=DIGEST, set_id="e1"):
    return store("evil.rl-part-00001", data, manifest.of_member(set_id, digest, "p"))


def forge(lines, listing):
    """Store a head whose facts are those of a list that is read as it says, and whose bytes are others."""
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    whole = {"files": len(listing.files), "size": listing.size, "digest": listing.digest}
    own = f"blake3:{blake3.blake3(data).hexdigest()}"
    return store("evil", data, manifest.of_folder({"rl.facts": json.dumps(whole)}, listing.set, own))


def head(entries):
    return {"version": 1, "kind": "files", "set": "e1", "entries": entries}


def of_files(*files, links=()):
    listing = Listing("e1", (), tuple(links), tuple(files))
    return forge([head(len(files) + len(links)), *listing._entries()], listing)


@pytest.fixture
def around(tmp_path):
    """A directory with something of its user's in it, within which a folder is got."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "precious").write_text("precious")
    (tmp_path / "home" / "to").mkdir()
    yield tmp_path / "home" / "to"
    assert {path.name for path in (tmp_path / "home").iterdir()} == {"precious", "to"}
    assert (tmp_path / "home" / "precious").read_text() == "precious"
    assert list((tmp_path / "home" / "to").iterdir()) == []
    for thing in rl.ls("evil"):
        rl.rm(thing)
    for page in session.current().store.objects.pages():
        for view in page.objects:
            if view.name.startswith("evil"):
                session.current().store.objects.delete(view.id)
    assert not look()


def refused(around, match):
    for where in (around, None):
        with pytest.raises(RunloopError, match=match):
            rl.get("evil", to=where and where / "evil")


@pytest.mark.parametrize(
    "path", ["../precious", "/tmp/rl-evil", "a/../../precious", "..", ".", "a/./b", "x\0y", "\ud800", "a//b"]
)
def test_a_path_that_leads_out(around, path):
    piece = manifest.Part(member().id, len(EVIL), DIGEST)
    of_good = Listing("e1", (), (), (File("good", False, len(EVIL), DIGEST, (piece,)),))
    entry = ["file", path, False, len(EVIL), DIGEST, [[piece.id, piece.size, piece.digest]]]
    forge([head(1), entry], of_good)
    refused(around, "made to deceive|is damaged")


@pytest.mark.parametrize("target", ["..", "/etc", "../precious", "a/../../precious"])
def test_a_link_that_leads_out_and_a_file_through_it(around, target):
    piece = manifest.Part(member().id, len(EVIL), DIGEST)
    through = File("l/precious", False, len(EVIL), DIGEST, (piece,))
    of_files(through, links=[("l", target)])
    refused(around, "made to deceive")


def test_a_file_through_a_link_that_stays(around):
    piece = manifest.Part(member().id, len(EVIL), DIGEST)
    of_files(
        File("l/x", False, len(EVIL), DIGEST, (piece,)),
        File("d/y", False, len(EVIL), DIGEST, (piece,)),
        links=[("l", "d")],
    )
    refused(around, "as a file and as a folder")


def test_bytes_that_are_not_those_that_the_list_says(around):
    other = b"evil bytez"
    piece = manifest.Part(member(other).id, len(EVIL), DIGEST)
    of_files(File("x", False, len(EVIL), DIGEST, (piece,)))
    refused(around, "are not those that were put")


def test_a_member_that_is_larger_than_it_is_said_to_be(around):
    piece = manifest.Part(member(EVIL * 1000).id, len(EVIL), DIGEST)
    of_files(File("x", False, len(EVIL), DIGEST, (piece,)))
    refused(around, "is gone")


def test_more_bytes_than_the_disk_has(around):
    huge = 1 << 60
    piece = manifest.Part(member().id, huge, DIGEST)
    of_files(File("x", False, huge, DIGEST, (piece,)))
    refused(around, "no room for “evil”")


def test_a_list_that_is_too_long_to_be_one(around, monkeypatch):
    monkeypatch.setattr("runloop_jupyter.transfer.folders.members.LARGEST", 100)
    piece = manifest.Part(member().id, len(EVIL), DIGEST)
    of_files(File("x", False, len(EVIL), DIGEST, (piece,)))
    refused(around, "no list of its files that could be read")
