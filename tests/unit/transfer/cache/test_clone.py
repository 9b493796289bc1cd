"""A file's bytes into another: a copy of its own, by whichever way the disk has."""

import os
import random

import pytest

from runloop_jupyter.errors import TransferCancelled
from runloop_jupyter.transfer.cache import clone

DATA = random.Random(3).randbytes(3_000_017)


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source").write_bytes(DATA)
    return tmp_path / "source"


def copied(source, target, moved=lambda n: None):
    with source.open("rb") as reading, target.open("w+b") as writing:
        clone.copy(reading, writing, moved)


def no_ranges(*arguments):
    raise OSError(18, "Invalid cross-device link")


def a_part_then_none(real):
    calls = []

    def copy_file_range(source, target, count, *offsets):
        if calls:
            raise OSError(95, "Operation not supported")
        calls.append(1)
        return real(source, target, 1_000_001, *offsets)

    return copy_file_range


@pytest.mark.parametrize("way", ["as it is", "by reading", "half of each"])
def test_all_bytes_are_copied_by_every_way(way, source, tmp_path, monkeypatch):
    if way == "by reading":
        monkeypatch.setattr(os, "copy_file_range", no_ranges)
    if way == "half of each":
        monkeypatch.setattr(os, "copy_file_range", a_part_then_none(os.copy_file_range))
    steps = []
    copied(source, tmp_path / "target", steps.append)
    assert (tmp_path / "target").read_bytes() == DATA
    assert sum(steps) == len(DATA)


def test_a_copy_is_no_link(source, tmp_path):
    copied(source, tmp_path / "target")
    assert (tmp_path / "target").stat().st_ino != source.stat().st_ino
    (tmp_path / "target").write_bytes(b"mine")
    assert source.read_bytes() == DATA


def test_nothing_is_copied_as_nothing(tmp_path):
    (tmp_path / "empty").touch()
    copied(tmp_path / "empty", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b""


def test_a_copy_can_be_stopped(source, tmp_path, monkeypatch):
    def stop(n):
        raise TransferCancelled("stopped")

    for chunk in (1 << 20, 16 << 20):
        monkeypatch.setattr(clone, "CHUNK", chunk)
        with pytest.raises(TransferCancelled):
            copied(source, tmp_path / "target", stop)
