"""Uploads through storms: a whole object or one clear line, and after the next load no orphan.

``python tests/faults/test_engine_upload.py --long [N]`` sends N (100) times through faults drawn by a seed.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from misbehaving import Server, answers, echoes, loses_reply, never_heard, says
from network import assert_clear, assert_nothing_left, bad_network, kernel_dies, stored_names

import runloop_jupyter as rl
from runloop_jupyter import errors, session
from runloop_jupyter.actions.recover import recover
from runloop_jupyter.paths import home_dir

SIZE = 6 << 20
CALLS = ("create", "PUT", "complete", "delete")


@pytest.fixture
def store(monkeypatch, home):
    with bad_network(monkeypatch) as server:
        yield server


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "sent.bin"
    path.write_bytes(random.Random(5).randbytes(SIZE))
    return path


def refuses(status: int, after: int):
    """Say no when so many bytes have come, and close, as a store does that won't read what it won't keep."""

    def fault(exchange):
        exchange.read(after)
        exchange.raw(f"HTTP/1.1 {status} No\r\nContent-Length: 21\r\nConnection: close\r\n\r\n".encode())
        exchange.raw(b'{"message": "the why"')
        exchange.close()

    return fault


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [(403, errors.LinkExpired, "403"), (507, errors.StoreFull, "no room"), (400, errors.TransferError, "400")],
)
@pytest.mark.parametrize("tenth", [0, 1, 5, 9])
def test_what_a_store_says_before_all_has_come_is_heard(status, kind, words, tenth, store, source):
    store.will("PUT", refuses(status, SIZE * tenth // 10), for_ever=True)
    with pytest.raises(kind, match=words) as caught:
        rl.put(source, "refused")
    assert_clear(caught.value)
    assert_nothing_left(store)


@pytest.mark.parametrize("tenth", range(11))
def test_a_reset_at_any_tenth_of_the_way_is_mended(tenth, store, source):
    store.will("PUT", never_heard(SIZE * tenth // 10))
    put = rl.put(source, f"reset-{tenth}", force=True)
    assert rl.get(put, format="bytes") == source.read_bytes()
    assert_nothing_left(store)


def storm(store: Server, source: Path, seed: int) -> str:
    """Send through faults drawn by a seed; return how it went."""
    rng = random.Random(seed)
    severity = rng.choice([0.1, 0.3, 0.6])

    def fault(exchange):
        drawn = rng.choice(
            [
                never_heard(rng.randrange(SIZE)),
                loses_reply,
                says(rng.choice([500, 502, 503, 429])),
                *([echoes(403), refuses(507, rng.randrange(SIZE))] if exchange.kind == "PUT" else []),
            ]
        )
        (drawn if rng.random() < severity else answers)(exchange)

    for kind in CALLS:
        store.will(kind, fault, for_ever=True)
    name, before = f"storm-{seed}", len(stored_names())
    try:
        put = rl.put(source, name, force=True)
    except errors.RunloopError as error:
        assert_clear(error)
        outcome = f"refused: {type(error).__name__}"
    else:
        store.behave()
        assert rl.get(put, format="bytes") == source.read_bytes()
        outcome = "stored"
    store.behave()
    if list((home_dir() / "journal").glob("*.json")):
        outcome += ", cleared by the next load"
    kernel_dies()
    recover(session.current())
    assert_nothing_left(store)
    # Whole all the same is what was said to have failed only after its bytes were complete.
    assert len(stored_names()) - before in ({1} if outcome == "stored" else {0, 1})
    return outcome


@pytest.mark.parametrize("seed", range(8))
def test_in_a_storm_it_is_stored_or_a_line_says_why(seed, store, source):
    assert storm(store, source, seed)


def main(count: int) -> int:
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as where, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("RUN")]:
            patch.delenv(name)
        patch.setenv("RUNLOOP_JUPYTER_HOME", f"{where}/data")
        patch.setenv("RUNLOOP_JUPYTER_CACHE", f"{where}/cache")
        source = Path(where) / "sent.bin"
        source.write_bytes(random.Random(5).randbytes(SIZE))
        from runloop_jupyter.local import launch

        try:
            with bad_network(patch) as store:
                for seed in range(count):
                    try:
                        seen[storm(store, source, seed)] += 1
                    except Exception as error:
                        seen["VIOLATION"] += 1
                        print(f"seed {seed}: {type(error).__name__}: {error}")
                        store.behave()
        finally:
            for name in ("RUNLOOP_BASE_URL", "RUNLOOP_API_KEY"):
                patch.delenv(name, raising=False)
            launch.stop()
    for what, times in sorted(seen.items()):
        print(f"{times:5} {what}")
    print(f"{count} storms, {seen['VIOLATION']} violations")
    return 1 if seen["VIOLATION"] else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[2]) if sys.argv[2:] else 100))
