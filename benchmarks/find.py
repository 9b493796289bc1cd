"""How long it takes to find among 40,000 objects, beside listing the same store with the published client.

Each form is asked in turns with the peer, which only lists: it hands out every page as its own objects, and whoever
looks for something goes on from there.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from many_objects import many, store_with

if TYPE_CHECKING:
    from collections.abc import Callable

N = 40_000
ROUNDS = 5
PAGE = 5000

FORMS: dict[str, dict[str, object]] = {
    "%rl_ls": {},
    "%rl_ls resnet": {"pattern": "resnet"},
    "%rl_ls -w model=vit": {"where": "model=vit"},
    "%rl_ls -w 'acc>0.9'": {"where": "acc>0.9"},
    "%rl_ls --type table": {"type": "table"},
    "%rl_ls --since 30d": {"since": "30d"},
    "%rl_ls --before 300d": {"before": "300d"},
    "%rl_ls --expiring 7d": {"expiring": "7d"},
    "%rl_ls --sort -size": {"sort": "-size"},
    "%rl_ls --sort -acc": {"sort": "-acc"},
    "%rl_ls --versions": {"versions": True},
}


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        for name in [name for name in os.environ if name.startswith("RUN")]:
            del os.environ[name]
        os.environ |= {"RUNLOOP_JUPYTER_HOME": home, "RUNLOOP_JUPYTER_CACHE": f"{home}/cache"}
        store_with(Path(home) / "store", many(N, round(time.time() * 1000)))

        from runloop_api_client import Runloop

        import runloop_jupyter as rl
        from runloop_jupyter.local import launch

        endpoint = launch.ensure()
        client = Runloop(base_url=endpoint.base_url, bearer_token=endpoint.key.reveal())

        def peer() -> None:
            assert sum(1 for _ in client.objects.list(limit=PAGE, state="READ_ONLY")) > N * 0.9

        try:
            forms = {line: lambda call=call: rl.ls(**call) for line, call in FORMS.items()}
            forms |= {"%rl_keys": rl.keys, "%rl_keys note": lambda: rl.keys("note")}
            for work in (*forms.values(), peer):
                work()
            forms["peer"] = peer
            rounds = [{line: timed(work) for line, work in forms.items()} for _ in range(ROUNDS)]
        finally:
            launch.stop()
    times = {line: median(each[line] for each in rounds) for line in forms}
    of_peer = times.pop("peer")
    print(f"the published client lists {N:,} objects in {of_peer:.2f} s (median of {ROUNDS})")
    for line, took in times.items():
        print(f"{line:24} {took:.2f} s; ratio {took / of_peer:.2f}")


if __name__ == "__main__":
    main()
