"""Large objects by parallel ranges over lines that break: the right bytes or one clear line, and what came is kept.

``python tests/faults/test_engine_download.py --long [N]`` tries N (300) seeded storms and cancels, and says how many.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import misbehaving
import msgspec
from far_object import DATA, RANGE, SIGNATURE, FarObject, far_object
from misbehaving import answers, cut, echoes, from_elsewhere, ignores_conditions, ignores_ranges, reset, says, with_body

from runloop_jupyter import errors
from runloop_jupyter.paths import cache_dir
from runloop_jupyter.transfer import pace, ranges
from runloop_jupyter.transfer.transfer import Transfer


@pytest.fixture
def far(monkeypatch, tmp_path):
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(tmp_path / "cache"))
    with far_object(monkeypatch) as far:
        yield far


@pytest.fixture
def target(tmp_path):
    directory = tmp_path / "target"
    directory.mkdir()
    return directory / "far.bin"


def kept():
    return sorted(each.suffix for each in (cache_dir() / "partial").glob("*"))


def assert_whole(target, data=DATA):
    assert target.read_bytes() == data
    assert [each.name for each in target.parent.iterdir()] == [target.name]
    assert kept() == []


def assert_clear(error):
    said = str(error)
    assert said == errors.one_line(said)
    assert "://" not in said
    shown, tb = [said, str(error.details)], error.__traceback__
    while tb:
        if "/tests/" not in tb.tb_frame.f_code.co_filename:
            shown += [repr(value) for value in tb.tb_frame.f_locals.values()]
        tb = tb.tb_next
    assert not [each for each in shown if SIGNATURE in each]


def flipped(body):
    return body[:-1] + bytes([body[-1] ^ 1])


def nth(number, fault):
    """A fault for one request, the ones before it answered as they should be."""
    return [answers] * number + [fault]


def test_parts_come_over_several_connections(far, target):
    far.fetch(target)
    assert_whole(target)
    asked = far.asked()
    assert len(asked) > 3
    assert all(asked)
    # Next to nothing twice: half of what a slow connection has still to bring, another is asked for.
    assert len(DATA) <= far.came() < 1.1 * len(DATA)
    assert far.links == 1


@pytest.mark.parametrize("tenth", range(11))
@pytest.mark.parametrize("digested", [True, False], ids=["with a digest", "without"])
def test_a_reset_at_any_tenth_of_the_way_is_mended(tenth, digested, far, target):
    far.server.will("GET", reset(min(tenth * RANGE // 10, RANGE - 1)), *nth(tenth % 3, reset(tenth * RANGE // 10)))
    far.fetch(target, digested=digested)
    assert_whole(target)


def expired(exchange):
    """The first link is good no more; every other is."""
    (says(403) if "number=1&" in exchange.path else answers)(exchange)


MENDED = {
    "a body is cut short": nth(1, cut(1000)),
    "each of four is": [cut(RANGE // 2)] * 4,
    "the link expires in the middle": nth(2, echoes(403)),
    "it expires for all at once": [answers, *[expired] * 50],
    "the store is busy": [answers, *[says(503)] * 3, says(429)],
    "ranges are ignored from the first": [ignores_ranges] * 50,
    "ranges are ignored in the middle": nth(2, ignores_ranges),
    "another part comes": nth(1, from_elsewhere),
    "the bytes are others once": nth(1, misbehaving.older(1000)),
    "the first part was of other bytes": [
        lambda exchange: exchange.send(
            misbehaving.Answer(206, {"ETag": '"0"', "Content-Range": f"bytes 0-{RANGE - 1}/{len(DATA)}"}, bytes(RANGE))
        )
    ],
    "conditions are ignored": [
        lambda exchange: exchange.send(
            misbehaving.Answer(206, {"ETag": '"0"', "Content-Range": f"bytes 0-{RANGE - 1}/{len(DATA)}"}, bytes(RANGE))
        ),
        *[ignores_conditions] * 50,
    ],
    "it isn't HTTP": nth(1, lambda exchange: (exchange.raw(b"SSH-2.0-x\r\n"), exchange.close())),
    "the head breaks off": nth(1, lambda exchange: (exchange.raw(b"HTTP/1.1 206 P\r\nCont"), exchange.close())),
}


@pytest.mark.parametrize("faults", MENDED.values(), ids=MENDED)
@pytest.mark.parametrize("digested", [True, False], ids=["with a digest", "without"])
def test_the_right_bytes_come_though(faults, digested, far, target):
    far.server.will("GET", *faults)
    far.fetch(target, digested=digested)
    assert_whole(target)


FAILED = {
    "every connection is reset": (reset(0), errors.TransferError, "couldn't be fetched: .*Try again"),
    "the store stays busy": (says(503), errors.TransferError, "HTTP 503.*Try again"),
    "no link is good": (echoes(403), errors.TransferError, "403.*Try again"),
    "it is gone": (says(404), errors.TransferError, "404"),
    "one bit is wrong": (with_body(flipped), errors.DigestMismatch, "its digest differs"),
    "it is larger than the store says": (
        lambda exchange: exchange.send(
            misbehaving.Answer(206, {"ETag": '"one"', "Content-Range": f"bytes 0-9/{len(DATA) + 1}"}, bytes(10))
        ),
        errors.DigestMismatch,
        "more bytes than",
    ),
}


@pytest.mark.parametrize(("fault", "kind", "words"), FAILED.values(), ids=FAILED)
def test_one_line_says_why_when(fault, kind, words, far, target):
    far.server.will("GET", fault, for_ever=True)
    with pytest.raises(kind, match=words) as caught:
        far.fetch(target)
    assert_clear(caught.value)
    assert list(target.parent.iterdir()) == []
    assert kept() == []


def test_an_object_that_changes_and_changes_is_said_to(far, target):
    number = iter(range(1000))

    def another(exchange):
        honest = exchange.honest(if_range=None)
        exchange.send(misbehaving.Answer(206, {**honest.headers, "ETag": f'"{next(number)}"'}, honest.body))

    far.server.will("GET", another, for_ever=True)
    with pytest.raises(errors.TransferError, match="changed in the store while it was fetched, twice") as caught:
        far.fetch(target)
    assert_clear(caught.value)
    assert list(target.parent.iterdir()) == []


def broken(far, target, after=6):
    """Fetch so many ranges, then lose the store."""
    far.server.will("GET", *[answers] * after, reset(0), for_ever=True)
    with pytest.raises(errors.TransferError):
        far.fetch(target)
    far.server.behave()


def test_a_broken_download_is_gone_on_with_by_the_next(far, target):
    broken(far, target)
    assert kept() == [".json", ".part"]
    assert list(target.parent.iterdir()) == []
    seen = []
    transfer = Transfer("far.bin", "down", "there")
    transfer.changed.listen(lambda now: seen.append(now.done))
    far.fetch(target, transfer=transfer)
    assert_whole(target)
    assert far.came() <= len(DATA) - 6 * RANGE
    assert seen[-1] == max(seen) == len(DATA)


def test_another_object_does_not_go_on_with_it(far, target):
    broken(far, target)
    far.store(DATA[::-1])
    far.view = msgspec.structs.replace(far.view, id="obj_other")
    far.fetch(target)
    assert target.read_bytes() == DATA[::-1]
    assert far.came() >= len(DATA)


def test_what_lay_here_and_went_bad_is_fetched_again(far, target):
    broken(far, target)
    (part,) = (cache_dir() / "partial").glob("*.part")
    with part.open("r+b") as file:
        file.write(b"not what it was")
    far.fetch(target)
    assert_whole(target)


def test_without_a_digest_bytes_under_another_etag_are_not_gone_on_with(far, target):
    broken(far, target)
    far.store(DATA[::-1], etag='"two"')
    far.fetch(target, digested=False)
    assert_whole(target, DATA[::-1])


def test_without_a_digest_bytes_under_a_weak_etag_are_not_gone_on_with(far, target):
    far.store(DATA, etag='W/"one"')
    broken(far, target)
    far.fetch(target, digested=False)
    assert_whole(target)
    assert far.asked()[-1] is None


def test_a_cancel_is_heard_at_once_and_what_came_is_kept(far, target):
    transfer = Transfer("far.bin", "down", "there")

    def stalls(exchange):
        threading.Timer(0.2, transfer.cancel).start()
        misbehaving.stalls(100)(exchange)

    far.server.will("GET", *[answers] * 6, stalls, for_ever=True)
    began = time.monotonic()
    with pytest.raises(errors.TransferCancelled):
        far.fetch(target, transfer=transfer)
    assert time.monotonic() - began < 2
    assert kept() == [".json", ".part"]
    far.server.behave()
    far.fetch(target)
    assert_whole(target)
    assert far.came() < len(DATA) - 4 * RANGE


def test_two_at_once_keep_out_of_each_others_way(far, target):
    others = [target.with_name(f"far-{number}.bin") for number in range(3)]
    threads = [threading.Thread(target=far.fetch, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.read_bytes() == DATA for other in others] == [True] * 3
    assert kept() == []


def test_a_full_disk_is_said_and_leaves_no_file(far, target, monkeypatch):
    from runloop_jupyter.transfer import partial
    from runloop_jupyter.transfer.room import room

    def full(fd, data, position):
        if position >= 8 * RANGE:
            raise OSError(28, "No space left on device")
        return pwrite(fd, data, position)

    pwrite = partial.os.pwrite
    monkeypatch.setattr(partial.os, "pwrite", full)
    with (
        pytest.raises(errors.TransferError, match="no room for “far”") as caught,
        room(target.parent, 1, "far"),
    ):
        far.fetch(target)
    assert_clear(caught.value)
    assert list(target.parent.iterdir()) == []
    monkeypatch.setattr(partial.os, "pwrite", pwrite)
    far.fetch(target)
    assert_whole(target)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_others_filled_is_told_before_anything_is_asked_for(far, tmp_path):
    from runloop_jupyter.transfer.room import room

    disk = tmp_path / "small disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], check=True)
    try:
        (disk / "somebody else's").write_bytes(bytes(1 << 20))
        with pytest.raises(errors.TransferError, match="no room for “far”") as caught, room(disk, None, "far"):
            far.fetch(disk / "far.bin")
        assert_clear(caught.value)
        assert far.asked() == []
        assert [each.name for each in disk.iterdir()] == ["somebody else's"]
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def stopped(far: FarObject, target: Path, seed: int) -> str:
    """Cancel at a moment drawn by a seed, then fetch again; return how it went."""
    rng = random.Random(seed)
    transfer = Transfer("far.bin", "down", "there")

    def slowly(exchange):
        time.sleep(0.02)
        answers(exchange)

    far.server.will("GET", slowly, for_ever=True)
    threading.Timer(rng.uniform(0, 0.25), transfer.cancel).start()
    came = "was whole before"
    try:
        far.fetch(target, transfer=transfer)
    except errors.TransferCancelled:
        assert not target.exists()
        came = "stopped, and something kept" if transfer.keeps else "stopped, and nothing kept"
        assert kept() == ([".json", ".part"] if transfer.keeps else [])
    far.server.behave()
    target.unlink(missing_ok=True)
    far.fetch(target)
    assert_whole(target)
    target.unlink()
    return came


@pytest.mark.parametrize("seed", range(6))
def test_a_cancel_at_any_moment_leaves_what_the_next_goes_on_with(seed, far, target):
    assert stopped(far, target, seed)


def storm(far: FarObject, target: Path, seed: int) -> str:
    """Fetch through faults drawn by a seed, as often as it takes; return how it went."""
    rng = random.Random(seed)
    digested = rng.random() < 0.7
    severity = rng.choice([0.1, 0.3, 0.6])

    def fault(exchange):
        drawn = rng.choice(
            [
                reset(rng.randrange(RANGE)),
                cut(rng.randrange(RANGE)),
                says(rng.choice([500, 502, 503, 429, 408])),
                echoes(403),
                ignores_ranges,
                from_elsewhere,
                lambda each: (each.raw(b"garbage\r\n\r\n"), each.close()),
                *([with_body(flipped), with_body(lambda body: bytes(len(body)))] if digested else []),
            ]
        )
        (drawn if rng.random() < severity else answers)(exchange)

    far.server.will("GET", fault, for_ever=True)
    for number in range(8):
        try:
            far.fetch(target, digested=digested)
        except errors.RunloopError as error:
            assert_clear(error)
            assert not target.exists()
            if number == 6:
                far.server.behave()
        else:
            assert target.read_bytes() == DATA
            assert kept() == []
            target.unlink()
            far.server.behave()
            return f"whole after {number + 1} tries" if number else "whole at once"
    raise AssertionError("never whole, though the store behaved in the end")


@pytest.mark.parametrize("seed", range(12))
def test_in_a_storm_the_right_bytes_come_or_a_line_says_why(seed, far, target):
    assert re.match("whole", storm(far, target, seed))


def main(count: int) -> int:
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as where, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNLOOP_JUPYTER_CACHE", f"{where}/cache")
        with far_object(patch) as far:
            directory = Path(where) / "target"
            directory.mkdir()
            for seed in range(count):
                try:
                    seen[(stopped if seed % 3 == 2 else storm)(far, directory / "far.bin", seed)] += 1
                except Exception as error:
                    seen["VIOLATION"] += 1
                    print(f"seed {seed}: {type(error).__name__}: {error}")
                    far.server.behave()
    for what, times in sorted(seen.items()):
        print(f"{times:5} {what}")
    print(f"{count} tries, {seen['VIOLATION']} violations")
    return 1 if seen["VIOLATION"] else 0


def lingers(exchange):
    time.sleep(0.02)
    answers(exchange)


def test_where_one_connection_brings_plenty_it_brings_the_rest_in_one_answer(far, target, monkeypatch):
    monkeypatch.setattr(pace, "AT_FIRST", 1)
    monkeypatch.setattr(pace, "WINDOW_S", 0.0)
    monkeypatch.setattr(pace, "SLOW_START_S", 0.0)
    monkeypatch.setattr(pace, "PLENTY", 0)
    monkeypatch.setattr(ranges, "LARGEST", RANGE)  # otherwise forty answers
    far.server.will("GET", lingers, for_ever=True)
    far.fetch(target)
    assert_whole(target)
    assert len(far.asked()) < 20


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[2]) if sys.argv[2:] else 300))
