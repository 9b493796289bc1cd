"""What gives its content piece by piece is brought into one file, from where it stands, and left as it should be."""

from __future__ import annotations

import configparser
import io
import itertools
import tempfile
import zipfile

import pytest

from runloop_jupyter.actions.stream import StreamFailed, is_stream, name_of_stream, spool
from runloop_jupyter.errors import InputError, UnsupportedValue


def spooled(stream, checkpoint=lambda: None) -> bytes:
    file = io.BytesIO()
    spool(stream, file, checkpoint)
    return file.getvalue()


class Minimal:
    """The least that a file-like can be."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def read(self, size=-1):
        return self._file.read(size)


@pytest.mark.parametrize(
    ("stream", "content"),
    [
        ((piece for piece in (b"ab", b"", bytearray(b"c"), memoryview(b"d"))), b"abcd"),
        ((piece for piece in ("ü\r\n", "", "文")), "ü\r\n文".encode()),
        (iter([]), b""),
        (map(str, range(3)), b"012"),
        (itertools.chain(["a"], ["b"]), b"ab"),
        (io.BytesIO(b"bytes"), b"bytes"),
        (io.StringIO("tëxt\n"), "tëxt\n".encode()),
        (Minimal(b"x" * 3_000_000), b"x" * 3_000_000),
    ],
)
def test_all_that_it_gives_is_in_the_file(stream, content):
    assert is_stream(stream)
    assert spooled(stream) == content


def test_a_file_is_read_from_where_it_stands_and_left_open():
    file = io.BytesIO(b"header body")
    file.seek(7)
    assert spooled(file) == b"body"
    assert not file.closed


@pytest.mark.parametrize(
    ("pieces", "fragment"),
    [
        ([b"a", "b"], "gave a str after bytes"),
        (["a", b"b"], "gave a bytes after str"),
        ([{"a": 1}], "gave a dict; "),
        ([None], "gave a NoneType"),
        ([b"a", 5], "gave a int after bytes"),
    ],
)
def test_a_piece_of_another_sort_is_refused(pieces, fragment):
    with pytest.raises(InputError) as refusal:
        spooled(iter(pieces))
    assert fragment in str(refusal.value)


def test_a_lone_surrogate_is_refused():
    with pytest.raises(UnsupportedValue, match="lone surrogate"):
        spooled(iter(["a\ud800"]))


@pytest.mark.parametrize("error", [ValueError("mine"), ConnectionError("mine"), FileNotFoundError(2, "mine")])
def test_what_a_generator_raises_is_carried_as_it_is(error):
    def pieces():
        yield b"a"
        raise error

    with pytest.raises(StreamFailed) as caught:
        spooled(pieces())
    assert caught.value.error is error


def test_a_generator_that_is_stopped_is_closed():
    closed = []

    def endless():
        try:
            while True:
                yield b"x"
        finally:
            closed.append(True)

    class Stopped(Exception):
        pass

    count = itertools.count()

    def checkpoint():
        if next(count) == 10:
            raise Stopped

    with pytest.raises(Stopped):
        spooled(endless(), checkpoint)
    assert closed


def test_a_large_piece_passes_checkpoints():
    calls = []
    spooled(iter([b"x" * 5_000_000]), lambda: calls.append(1))
    assert len(calls) >= 5


def test_a_file_that_is_not_open_for_reading_is_refused(tmp_path):
    with (tmp_path / "a").open("wb") as file, pytest.raises(InputError, match="isn't open for reading"):
        spooled(file)


def test_a_file_that_is_closed_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    with (tmp_path / "a").open("rb") as file:
        pass
    with pytest.raises(InputError, match="closed"):
        spooled(file)


def test_a_file_that_does_not_wait_is_refused():
    class Impatient(io.RawIOBase):
        def readable(self):
            return True

        def read(self, size=-1):
            return None

    with pytest.raises(InputError, match="doesn't wait"):
        spooled(Impatient())


@pytest.mark.parametrize(
    "value", [b"a", "a", [b"a"], {}, io.BytesIO, configparser.ConfigParser(), (x for x in ()).__next__, None, range(3)]
)
def test_a_value_is_no_stream(value):
    assert not is_stream(value)


def test_an_archive_is_no_stream():
    with zipfile.ZipFile(io.BytesIO(), "w") as archive:
        assert not is_stream(archive)


def test_an_open_file_has_the_last_part_of_its_name(tmp_path):
    with (tmp_path / "data.csv").open("w+b") as file:
        assert name_of_stream(file) == "data.csv"


def test_a_stream_without_a_name_has_none():
    assert name_of_stream(io.StringIO()) is None
    assert name_of_stream(iter([])) is None
    with tempfile.TemporaryFile() as file:  # its name is a number
        assert name_of_stream(file) is None
