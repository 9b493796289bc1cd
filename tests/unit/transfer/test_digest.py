"""Digests against the vectors that their authors published."""

import errno
import hashlib
import io
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.errors import TransferCancelled, TransferError
from runloop_jupyter.transfer import digest
from runloop_jupyter.transfer.transfer import Transfer

# FIPS 180-2 and the test vectors of BLAKE3 (input: 0, 1, … 250, 0, 1, …).
COUNTING = bytes(number % 251 for number in range(102_400))
VECTORS = [
    ("sha256", b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("sha256", b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("blake3", b"", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
    ("blake3", b"abc", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
    ("blake3", COUNTING[:1], "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
    ("blake3", COUNTING[:1024], "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"),
    ("blake3", COUNTING, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"),
]


@pytest.mark.parametrize(("algorithm", "data", "expected"), VECTORS)
def test_a_file_has_the_published_digest(algorithm, data, expected, tmp_path):
    path = tmp_path / "vector"
    path.write_bytes(data)
    assert digest.of_file(path, lambda count: None, algorithm) == f"{algorithm}:{expected}"


@given(st.lists(st.binary(max_size=200)), st.sampled_from(["blake3", "sha256"]))
def test_a_digest_depends_on_the_bytes_and_not_on_how_they_were_cut(parts, algorithm):
    piecewise, whole = digest.hasher(algorithm), digest.hasher(algorithm)
    for part in parts:
        piecewise.update(part)
    whole.update(b"".join(parts))
    assert piecewise.hexdigest() == whole.hexdigest()


@pytest.mark.parametrize("ahead_from", [0, digest.AHEAD_FROM], ids=["read ahead", "piece by piece"])
@pytest.mark.parametrize("pieces", [0, 1, 2.5, 3])
def test_the_digest_is_of_the_whole_file_however_it_is_read(tmp_path, monkeypatch, ahead_from, pieces):
    monkeypatch.setattr(digest, "AHEAD_FROM", ahead_from)
    path, steps = tmp_path / "long", []
    data = random.Random(3).randbytes(int(pieces * digest.CHUNK))
    path.write_bytes(data)
    assert digest.of_file(path, steps.append, "sha256") == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert sum(steps) == len(data)


def test_the_digest_of_a_file_longer_than_the_buffer_is_of_all_of_it(tmp_path):
    path = tmp_path / "long"
    data = COUNTING * (2 * digest.CHUNK // len(COUNTING) + 1)
    path.write_bytes(data)
    assert digest.of_file(path, lambda count: None, "sha256") == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_without_a_word_it_is_blake3(tmp_path):
    path = tmp_path / "empty"
    path.touch()
    assert digest.of_file(path, lambda count: None).startswith("blake3:")


@pytest.mark.parametrize("algorithm", ["md5", "", "BLAKE3", "blake3 "])
def test_an_unknown_algorithm_is_one_line_that_names_the_known_ones(algorithm):
    with pytest.raises(TransferError, match=r"“.*” is unknown here \(known: blake3, sha256\)"):
        digest.hasher(algorithm)


def test_each_step_is_told_and_the_steps_add_up_to_the_file(tmp_path):
    path, steps = tmp_path / "long", []
    path.write_bytes(bytes(2 * digest.CHUNK + 5))
    digest.of_file(path, steps.append)
    assert sum(steps) == 2 * digest.CHUNK + 5
    assert max(steps) <= digest.CHUNK


def test_a_cancelled_transfer_stops_it_at_the_next_step(tmp_path):
    path, transfer, steps = tmp_path / "long", Transfer("x", "up", "there"), []
    path.write_bytes(bytes(3 * digest.CHUNK))

    def advance(count):
        steps.append(count)
        transfer.cancel()
        transfer.advance(count)

    with pytest.raises(TransferCancelled):
        digest.of_file(path, advance)
    assert len(steps) == 1


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        digest.of_file(tmp_path / "nothing", lambda count: None)


class BadDisk:
    """A path to a file that can be read up to its second piece."""

    def __init__(self, path):
        self.path = path

    def open(self, *_, **__):
        return BadFile(self.path)


class BadFile(io.FileIO):
    def readinto(self, buffer):
        if self.tell():
            raise OSError(errno.EIO, "Input/output error")
        return super().readinto(buffer)


@pytest.mark.timeout(20)
def test_what_cannot_be_read_ahead_is_an_error_of_the_system_after_what_could(tmp_path, monkeypatch):
    monkeypatch.setattr(digest, "AHEAD_FROM", 0)
    path, steps = tmp_path / "long", []
    path.write_bytes(bytes(3 * digest.CHUNK))
    with pytest.raises(OSError, match="Input/output error"):
        digest.of_file(BadDisk(path), steps.append)
    assert steps == [digest.CHUNK]


def test_nobody_reads_ahead_any_more_once_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(digest, "AHEAD_FROM", 0)
    path = tmp_path / "long"
    path.write_bytes(bytes(9 * digest.CHUNK))

    def stop(_):
        raise TransferCancelled("stopped")

    with pytest.raises(TransferCancelled):
        digest.of_file(path, stop)
    assert "rl-digest" not in {thread.name for thread in threading.enumerate()}
