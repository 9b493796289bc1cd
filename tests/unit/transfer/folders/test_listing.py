"""A folder's list comes back as it was written, says the same of the same folder, and what no folder has is refused."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.errors import TransferError
from runloop_jupyter.transfer.folders.listing import EMPTY, File, Listing
from runloop_jupyter.transfer.manifest import Part

ONE, TWO, BOTH = (f"blake3:{letter * 64}" for letter in "abc")
FOUND = Listing(
    "5e7",
    ("empty",),
    (("latest", "a/2.raw"),),
    (
        File("a/2.raw", False, 7, BOTH, (Part("obj_1", 4, ONE), Part("obj_2", 3, TWO))),
        File("nothing", False, 0, EMPTY),
        File("run.sh", True, 3, TWO, (Part("obj_2", 3, TWO),)),
    ),
)

digests = st.text("0123456789abcdef", min_size=64, max_size=64).map("blake3:{}".format)
# Names as a disk has them: bytes, not all of them UTF-8.
steps = (
    st.binary(min_size=1, max_size=6)
    .filter(lambda name: not set(name) & set(b"/\0") and name not in {b".", b".."})
    .map(lambda name: name.decode("utf-8", "surrogateescape"))
)


@st.composite
def listings(draw):
    """A folder with folders of their own names, so that no file is in the way of one."""
    files, links, folders = [], [], []
    for number, kind in enumerate(draw(st.lists(st.sampled_from("fld"), max_size=8))):
        path = "/".join([*(f"d{step}" for step in draw(st.lists(steps, max_size=2))), f"{number}{draw(steps)}"])
        if kind == "f":
            sizes = draw(st.lists(st.integers(1, 2**40), max_size=3))
            pieces = tuple(Part(f"o{n}", size, draw(digests)) for n, size in enumerate(sizes))
            digest = EMPTY if not pieces else pieces[0].digest if len(pieces) == 1 else draw(digests)
            files.append(File(path, draw(st.booleans()), sum(sizes), digest, pieces))
        elif kind == "l":
            links.append((path, draw(steps)))
        else:
            folders.append(path)
    key = lambda path: path.encode("utf-8", "surrogateescape")  # noqa: E731
    return Listing(
        draw(st.text("abc", min_size=1)),
        tuple(sorted(folders, key=key)),
        tuple(sorted(links, key=lambda link: key(link[0]))),
        tuple(sorted(files, key=lambda file: key(file.path))),
    )


@given(listings())
def test_a_list_comes_back_as_it_was_written(listing):
    back = Listing.from_bytes(listing.to_bytes(), "n")
    assert (back, back.digest, back.size) == (listing, listing.digest, listing.size)


@given(listings(), st.randoms())
def test_the_same_folder_has_the_same_digest_wherever_its_bytes_are_kept(listing, random):
    elsewhere = [replace(file, pieces=tuple(replace(p, id=f"x{p.id}") for p in file.pieces)) for file in listing.files]
    random.shuffle(elsewhere)
    assert Listing("other", listing.folders, listing.links, tuple(elsewhere)).digest == listing.digest


@pytest.mark.parametrize(
    "other",
    [
        replace(FOUND, folders=()),
        replace(FOUND, links=(("latest", "a"),)),
        replace(FOUND, files=FOUND.files[:2]),
        replace(FOUND, files=(replace(FOUND.files[0], path="a/3.raw"), *FOUND.files[1:])),
        replace(FOUND, files=(*FOUND.files[:2], replace(FOUND.files[2], executable=False))),
        replace(FOUND, files=(*FOUND.files[:2], replace(FOUND.files[2], digest=ONE))),
    ],
    ids=["a folder less", "another target", "a file less", "renamed", "no program", "other bytes"],
)
def test_another_folder_has_another_digest(other):
    assert other.digest != FOUND.digest


def written(*entries, **head):
    first = {"version": 1, "kind": "files", "set": "5e7", "entries": len(entries)} | head
    return b"".join(json.dumps(line).encode() + b"\n" for line in (first, *entries))


FILE = ["file", "x", False, 3, TWO, [["obj_2", 3, TWO]]]


def file(**what):
    fields = dict(zip(("path", "executable", "size", "digest", "pieces"), FILE[1:], strict=True)) | what
    return written(["file", *fields.values()])


@pytest.mark.parametrize(
    ("data", "fragment"),
    [
        (b"", "damaged"),
        (b"[]\n", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b"\xff\xfe", "damaged"),
        (b'{"version":1,"parts":[]}', "damaged"),
        (written(FILE)[:-1], "damaged"),
        (written(FILE)[:-30], "damaged"),
        (written(FILE, entries=2), "damaged"),
        (written(FILE, set=5), "damaged"),
        (written(FILE, version=2), "later version"),
        (written("file"), "damaged"),
        (written(["socket", "x"]), "damaged"),
        (file(executable="yes"), "damaged"),
        (file(size=-3), "damaged"),
        (file(size=True), "damaged"),
        (file(digest="sha256:00"), "damaged"),
        (file(pieces=[["", 3, TWO]]), "damaged"),
        (file(pieces=[["o", 3]]), "damaged"),
        (file(path="\ud800"), "damaged"),
        (file(size=4), "don't make it up"),
        (file(pieces=[]), "don't make it up"),
        (file(digest=ONE), "don't make it up"),
        (file(size=0, digest=ONE, pieces=[]), "don't make it up"),
        (file(pieces=[["o", 3, TWO], ["p", 0, ONE]]), "don't make it up"),
        (written(FILE, FILE), "there twice"),
        (written(FILE, ["folder", "x"]), "there twice"),
        (written(FILE, ["folder", "x/y"]), "as a file and as a folder"),
        (written(["folder", "x/y"], FILE), "as a file and as a folder"),
        (written(["link", "x", "y"], ["file", "x/z", *FILE[2:]]), "as a file and as a folder"),
        (written(["link", "x", "../y"]), "leads out"),
        (written(["link", "x", "/etc"]), "leads out"),
        (written(["link", "x", "a/../../b"]), "leads out"),
        *(
            (file(path=path), "deceive")
            for path in ("", ".", "..", "/x", "../x", "a/../x", "a//x", "a/", "x\0", "a/./x")
        ),
        (file(path="d/" * 300 + "x"), "deceive"),
        (file(path="n" * 5000), "deceive"),
    ],
)
def test_what_no_folder_has_is_refused_by_name(data, fragment):
    with pytest.raises(TransferError, match=rf"“n”.*{fragment}|{fragment}.*“n”"):
        Listing.from_bytes(data, "n")


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data):
    with pytest.raises(TransferError):
        Listing.from_bytes(data, "n")


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=12)
)
def test_no_entry_raises_anything_else(entry):
    with pytest.raises(TransferError):
        Listing.from_bytes(written(entry), "n")


def test_what_is_beneath_a_folder_is_a_list_of_its_own():
    listing = Listing(
        "s", ("a/b", "a/b/c"), (("a/l", "b/x"),), (File("a/b/x", False, 0, EMPTY), File("ab", False, 0, EMPTY))
    )
    assert listing.beneath("a") == Listing("s", ("b", "b/c"), (("l", "b/x"),), (File("b/x", False, 0, EMPTY),))
    assert listing.beneath("a/b/c") == Listing("s", (), (), ())
    assert listing.beneath("ab") is None
    assert listing.beneath("b") is None


def test_a_link_that_leads_out_of_a_folder_within_is_refused_with_it():
    listing = Listing("s", ("a",), (("a/l", "../x"),), (File("x", False, 0, EMPTY),))
    with pytest.raises(TransferError, match=r"a/l is a link that leads out of a\. Get the whole folder"):
        listing.beneath("a")
