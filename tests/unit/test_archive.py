"""Folders become the same archive everywhere, and archives from anywhere stay beneath their root."""

from __future__ import annotations

import errno
import gzip
import io
import os
import socket
import stat
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runloop_jupyter import archive
from runloop_jupyter.archive import durable, is_secret
from runloop_jupyter.errors import ArchiveError


def go_on() -> None:
    """The checkpoint of a test that isn't stopped."""


def packed(folder: Path) -> tuple[io.BytesIO, archive.Packed]:
    file = io.BytesIO()
    return file, archive.pack(folder, file, checkpoint=go_on)


def names_in(file: io.BytesIO) -> list[str]:
    return [name for name, _ in archive.members(file, 99).entries]


def contents(folder: Path) -> dict[str, object]:
    """What is in a folder: content and execute bit of files, targets of links, None for folders."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_dir():
            found[name] = None
        else:
            found[name] = (path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "a" / "b").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "a" / "b" / "deep.txt").write_text("deep")
    (root / "run.sh").write_text("#!/bin/sh")
    (root / "run.sh").chmod(0o4750)
    (root / "grüße").write_bytes(b"\0\xff")
    (root / "-rf\nnext line").write_text("odd")
    (root / ("n" * 150)).mkdir()
    (root / ("n" * 150) / ("m" * 150)).write_text("long")
    (root / "a" / "up").symlink_to("../run.sh")
    (root / "dangling").symlink_to("nowhere")
    return root


def test_a_folder_comes_back_as_it_was(folder, tmp_path):
    file, done = packed(folder)
    back = archive.unpack(file, tmp_path / "back", checkpoint=go_on)
    assert contents(tmp_path / "back") == contents(folder)
    assert (back.files, back.bytes, back.tar_digest) == (done.files, done.bytes, done.tar_digest)
    assert (done.files, done.bytes) == (7, 4 + 9 + 2 + 3 + 4)


def test_setuid_and_group_bits_do_not_travel(folder, tmp_path):
    archive.unpack(packed(folder)[0], tmp_path / "back", checkpoint=go_on)
    assert stat.S_IMODE((tmp_path / "back" / "run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "back" / "grüße").stat().st_mode) == 0o644


@pytest.mark.skipif(os.uname().sysname == "Darwin", reason="macOS has only names that are UTF-8")
def test_names_that_are_not_utf8_come_back(tmp_path):
    (tmp_path / "data").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "data") + b"/\xff\xfe")).write_text("raw")
    archive.unpack(packed(tmp_path / "data")[0], tmp_path / "back", checkpoint=go_on)
    assert [os.fsencode(path.name) for path in (tmp_path / "back").iterdir()] == [b"\xff\xfe"]


def test_the_same_content_gives_the_same_bytes(tmp_path):
    names = ["b", "a/x", "a.txt", "a/y", "c"]
    files = []
    for place, order in (("one", names), ("two", names[::-1])):
        for name in order:
            path = tmp_path / place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            os.utime(path, (len(place), 10**9 * len(files)))
            path.chmod(0o600 if place == "one" else 0o664)
        files.append(packed(tmp_path / place))
    assert files[0][0].getvalue() == files[1][0].getvalue()
    assert files[0][1] == files[1][1]


def test_another_content_gives_another_digest(folder):
    before = packed(folder)[1].tar_digest
    (folder / "run.sh").chmod(0o644)
    assert packed(folder)[1].tar_digest != before


SECRETS = {
    ".env": "K=1",
    ".env.local": "K=1",
    "id_ed25519": "key",
    "sub/key.pem": "-----BEGIN RSA PRIVATE KEY-----",
    ".ssh/config": "Host *",
    ".netrc": "machine",
}
NOT_SECRETS = {
    ".env.example": "K=",
    "id_ed25519.pub": "key",
    "cert.pem": "-----BEGIN CERTIFICATE-----",
    "slides.key": "a presentation",
    "environment.yml": "x",
    ".git/config": "[core]",
}


@pytest.fixture
def household(tmp_path):
    for name, text in (SECRETS | NOT_SECRETS).items():
        path = tmp_path / "household" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "household"


def test_secrets_are_left_out_and_named(household):
    file, done = packed(household)
    assert sorted(done.left_out) == [".env", ".env.local", ".netrc", ".ssh", "id_ed25519", "sub/key.pem"]
    assert set(names_in(file)) == set(NOT_SECRETS)


def test_the_archive_itself_is_not_packed_into_itself(folder):
    with (folder / "out.tgz").open("w+b") as file:
        archive.pack(folder, file, checkpoint=go_on)
        assert "out.tgz" not in names_in(file)


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket may be 100 bytes long at most
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("make", "fragment"),
    [
        pytest.param(make_fifo, "is a FIFO", id="FIFO"),
        pytest.param(make_socket, "is a socket", id="socket"),
        pytest.param(lambda path: path.symlink_to("/etc/passwd"), "a link that leads out", id="absolute link"),
        pytest.param(lambda path: path.symlink_to("../../x"), "a link that leads out", id="link upwards"),
    ],
)
def test_what_can_not_be_packed_is_refused_by_name(folder, make, fragment):
    make(folder / "a" / "odd")
    with pytest.raises(ArchiveError) as refusal:
        packed(folder)
    assert "a/odd" in str(refusal.value)
    assert fragment in str(refusal.value)


def test_a_file_that_can_not_be_read_is_refused_by_name(folder, monkeypatch):
    (folder / "a" / "b" / "deep.txt").chmod(0)
    opened = os.open

    def refuse(path, *args, **kwargs):  # as the system does, but for root, who reads everything
        if os.fsdecode(path).endswith("deep.txt"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ArchiveError, match=r"a/b/deep\.txt can't be packed"):
        packed(folder)


def test_a_file_that_changes_meanwhile_is_refused_by_name(folder):
    (folder / "log").write_bytes(b"x" * (3 << 20))
    calls = 0

    def append() -> None:
        nonlocal calls
        calls += 1
        with (folder / "log").open("ab") as log:
            log.write(b"more")

    with pytest.raises(ArchiveError, match="log changed while it was packed"):
        archive.pack(folder, io.BytesIO(), checkpoint=append)
    assert calls


def test_what_is_no_folder_is_refused(tmp_path):
    with pytest.raises(ArchiveError, match="can't be packed"):
        packed(tmp_path / "missing")


def test_a_stopped_unpack_leaves_nothing(folder, tmp_path):
    file, _ = packed(folder)
    calls = 0

    def stop() -> None:
        nonlocal calls
        calls += 1
        if calls == 8:
            raise KeyboardInterrupt

    before = sorted(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        archive.unpack(file, tmp_path / "back", checkpoint=stop)
    assert sorted(tmp_path.iterdir()) == before


def test_an_existing_folder_is_not_unpacked_into(folder, tmp_path):
    (tmp_path / "back").mkdir()
    with pytest.raises(ArchiveError, match="exists already"):
        archive.unpack(packed(folder)[0], tmp_path / "back", checkpoint=go_on)


FILE, LINK, HARD, FOLDER = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


def tar_of(*entries: tuple, form: int = tarfile.PAX_FORMAT) -> io.BytesIO:
    """Return a .tar.gz of (name, type, content or target) entries, whatever they say."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", format=form) as tar:
        for name, kind, *rest in entries:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.mode = 0o6777
            if kind in (LINK, HARD):
                info.linkname = rest[0]
                tar.addfile(info)
            else:
                data = rest[0] if rest else b""
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return file


def damaged(change) -> io.BytesIO:
    """Return an archive whose tar stream was changed beneath its gzip."""
    plain = gzip.decompress(tar_of(("one", FILE, b"1" * 600), ("two", FILE, b"2" * 600)).getvalue())
    return io.BytesIO(gzip.compress(change(plain)))


def header_with(**fields: bytes) -> io.BytesIO:
    """Return an archive of one header whose fields are overwritten, its checksum right."""
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    for name, value in fields.items():
        start = {"size": 124, "kind": 156}[name]
        header[start : start + len(value)] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return io.BytesIO(gzip.compress(bytes(header) + bytes(20 << 10)))


def pax(**values: str) -> io.BytesIO:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("x")
        info.pax_headers = {key.replace("__", "."): value for key, value in values.items()}
        tar.addfile(info)
    return file


HOSTILE = {
    "a name that goes up": tar_of(("../x", FILE)),
    "a name that goes up on its way": tar_of(("a/../../x", FILE)),
    "an absolute name": tar_of(("/tmp/x", FILE)),
    "no name": tar_of(("", FILE)),
    "a link to an absolute place": tar_of(("l", LINK, "/etc")),
    "a link upwards": tar_of(("a/l", LINK, "../..")),
    "a link upwards through another": tar_of(("d/e/L", LINK, "../.."), ("M", LINK, "d/e/L/..")),
    "a file beneath a link": tar_of(("l", LINK, "a"), ("l/x", FILE)),
    "a file beneath a link that comes later": tar_of(("l/x", FILE), ("l", LINK, "a")),
    "a file in place of a link": tar_of(("l", LINK, "a"), ("l", FILE, b"z")),
    "a link in place of a file": tar_of(("l", FILE, b"z"), ("l", LINK, "a")),
    "a hard link outside": tar_of(("h", HARD, "../../etc/passwd")),
    "a hard link to a link": tar_of(("l", LINK, "a"), ("h", HARD, "l")),
    "a hard link to nothing": tar_of(("h", HARD, "later"), ("later", FILE)),
    "a name twice": tar_of(("a", FILE), ("a", FILE)),
    "a name twice, spelt otherwise": tar_of(("a", FILE), ("./a", FILE)),
    "a file, then a folder": tar_of(("a", FILE), ("a/b", FILE)),
    "a folder, then a file": tar_of(("a/b", FILE), ("a", FILE)),
    "a FIFO": tar_of(("f", tarfile.FIFOTYPE)),
    "a device": tar_of(("f", tarfile.CHRTYPE)),
    "an unknown sort": tar_of(("f", b"Z")),
    "a depth without end": tar_of(("a/" * 300, FOLDER)),
    "a name too long": tar_of(("n" * 300, FILE)),
    "a header without end": tar_of(("n" * (2 << 20), FILE), form=tarfile.GNU_FORMAT),
    "an attribute without end": pax(comment="x" * (2 << 20)),
    "a negative size": header_with(size=b"\xff" * 12),
    "a size past the end": header_with(size=b"77777777777\0"),
    "a sparse file": header_with(kind=tarfile.GNUTYPE_SPARSE),
    "a sparse file, the new way": pax(GNU__sparse__major="1", GNU__sparse__minor="0", GNU__sparse__name="y"),
    "a negative size in an attribute": pax(size="-512"),
    "a damaged header": damaged(lambda plain: plain[:1536] + b"x" * 512 + plain[2048:]),
    "an end within a header": damaged(lambda plain: plain[:1700]),
    "an end within a file": damaged(lambda plain: plain[:2100]),
    "no end": damaged(lambda plain: plain[: 3 * 1024]),
    "more after the end": damaged(lambda plain: plain + b"more"),
    "padding without end": damaged(lambda plain: plain + bytes(4 << 20)),
    "no gzip": io.BytesIO(b"PK\x03\x04" * 100),
    "nothing": io.BytesIO(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(name, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ArchiveError) as refusal:
        archive.unpack(HOSTILE[name], tmp_path / "back", checkpoint=go_on)
    assert sorted(tmp_path.rglob("*")) == before
    assert len(str(refusal.value)) < 800


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_or_flipped_archive_is_refused(folder, tmp_path, at):
    data = packed(folder)[0].getvalue()
    place = int(len(data) * at)
    for bad in (data[:place], data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :]):
        with pytest.raises(ArchiveError):
            archive.unpack(io.BytesIO(bad), tmp_path / "back", checkpoint=go_on)
        assert not (tmp_path / "back").exists()


def test_archives_of_others_unpack(tmp_path):
    file = tar_of(("./", FOLDER), ("./d/", FOLDER), ("./d/a", FILE, b"1"), ("b", HARD, "./d/a"), ("l", LINK, "d/a"))
    archive.unpack(file, tmp_path / "back", checkpoint=go_on)
    assert contents(tmp_path / "back") == {"b": (b"1", True), "d": None, "d/a": (b"1", True), "l": "d/a"}
    assert stat.S_IMODE((tmp_path / "back" / "b").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("limits", "fragment"),
    [({"max_bytes": 10}, "more than 10 bytes"), ({"max_entries": 1}, "more than 1 entries")],
)
def test_limits_are_kept(tmp_path, limits, fragment):
    file = tar_of(("a", FILE, b"x" * 6), ("b", FILE, b"x" * 6))
    with pytest.raises(ArchiveError, match=fragment):
        archive.unpack(file, tmp_path / "back", checkpoint=go_on, **limits)
    assert not (tmp_path / "back").exists()


def test_an_archive_that_swells_beyond_measure_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("runloop_jupyter.archive.unpacking._RATIO_FREE", 1 << 20)
    file = tar_of(("zeros", FILE, bytes(16 << 20)))
    with pytest.raises(ArchiveError, match="times its size"):
        archive.unpack(file, tmp_path / "back", checkpoint=go_on, max_ratio=100)
    assert archive.unpack(file, tmp_path / "back", checkpoint=go_on, max_ratio=5000).bytes == 16 << 20


def test_members_are_named_without_reading_all(folder):
    (folder / "zz").write_bytes(os.urandom(8 << 20))
    file, _ = packed(folder)
    file.seek(0)
    assert [name for name, _ in archive.members(file, 2).entries] == ["-rf\nnext line", "a/b/deep.txt"]
    assert file.tell() < 4 << 20
    assert archive.members(file, 99).entries[-1] == ("zz", 8 << 20)


@pytest.mark.parametrize(("limit", "whole"), [(6, False), (7, True), (8, True)])
def test_members_say_whether_these_are_all(folder, limit, whole):
    found = archive.members(packed(folder)[0], limit)
    assert found.whole is whole
    assert len(found.entries) == min(limit, 7)


def test_members_behind_a_large_file_are_not_looked_for(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.bin").write_bytes(os.urandom(16 << 20))
    (tmp_path / "data" / "b.txt").write_text("b")
    file, _ = packed(tmp_path / "data")
    assert archive.members(file, 99) == archive.Members([("a.bin", 16 << 20)], whole=False)
    assert file.tell() < 6 << 20
    assert archive.members(file, 99, budget=32 << 20).whole


def test_members_behind_a_file_that_swells_are_not_looked_for():
    file = tar_of(("zeros", FILE, bytes(16 << 20)), ("b", FILE))
    budget = 200_000
    assert len(file.getvalue()) < budget
    assert archive.members(file, 99, budget=budget) == archive.Members([("zeros", 16 << 20)], whole=False)


def refuse(*_: object) -> None:
    raise AssertionError("the disk is waited for")


def test_what_need_not_be_durable_does_not_wait_for_the_disk(folder, tmp_path, monkeypatch):
    file, _ = packed(folder)
    for name in ("runloop_jupyter.archive.unpacking.sync_tree", "os.fsync", "os.sync"):
        monkeypatch.setattr(name, refuse)
    archive.unpack(file, tmp_path / "back", checkpoint=go_on, durable=False)
    assert contents(tmp_path / "back") == contents(folder)


def test_what_is_unpacked_is_on_the_disk_before_it_appears(folder, tmp_path, monkeypatch):
    file, _ = packed(folder)
    synced = []

    def sync_tree(made: Path) -> None:
        durable.sync_tree(made)
        synced.append((contents(made), (tmp_path / "back").exists()))

    monkeypatch.setattr("runloop_jupyter.archive.unpacking.sync_tree", sync_tree)
    monkeypatch.setattr("os.sync", refuse)  # it would wait for every disk of the machine
    archive.unpack(file, tmp_path / "back", checkpoint=go_on)
    assert synced == [(contents(folder), False)]


def test_a_folder_that_can_not_be_synced_is_an_error(tmp_path):
    with pytest.raises(OSError, match="missing"):
        durable.sync_tree(tmp_path / "missing")


def test_without_syncfs_each_file_and_folder_is_synced(folder, monkeypatch):
    synced = set()
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: object())
    monkeypatch.setattr("os.fsync", lambda fd: synced.add(os.fstat(fd).st_ino))
    durable.sync_tree(folder)
    everything = [folder, *(path for path in folder.rglob("*") if not path.is_symlink())]
    assert synced == {path.stat().st_ino for path in everything}


names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200 and not is_secret(name)
)


@given(files=st.dictionaries(names, st.one_of(st.binary(max_size=50), st.dictionaries(names, st.binary(max_size=50)))))
@settings(max_examples=40, deadline=None)
def test_any_folder_comes_back(files):
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "data"
        root.mkdir()
        for name, content in files.items():
            if isinstance(content, dict):
                (root / name).mkdir()
                for inner, data in content.items():
                    (root / name / inner).write_bytes(data)
            else:
                (root / name).write_bytes(content)
        file, _ = packed(root)
        archive.unpack(file, Path(scratch) / "back", checkpoint=go_on)
        assert contents(Path(scratch) / "back") == contents(root)


@given(flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_a_tar_stream_with_any_bytes_changed_stays_beneath_its_root(flips):
    plain = bytearray(
        gzip.decompress(tar_of(("d/one", FILE, b"1" * 100), ("l", LINK, "d/one"), ("h", HARD, "d/one")).getvalue())[
            :4096
        ]
    )
    for place, value in flips:
        plain[place % len(plain)] = value
    with tempfile.TemporaryDirectory() as scratch:
        room = Path(scratch) / "room"
        room.mkdir()
        try:
            archive.unpack(io.BytesIO(gzip.compress(bytes(plain) + bytes(1024))), room / "back", checkpoint=go_on)
        except ArchiveError:
            assert list(room.iterdir()) == []
        assert list(Path(scratch).iterdir()) == [room]
        assert [path.name for path in room.iterdir()] in ([], ["back"])
