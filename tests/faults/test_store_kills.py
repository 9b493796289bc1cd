"""A few of the kills that `store_kills.py` does by the thousand."""

import re
import subprocess
import sys
from pathlib import Path

from store_process import environment


def test_a_store_killed_at_random_loses_nothing_it_acknowledged_and_leaves_nothing_else():
    command = [sys.executable, str(Path(__file__).with_name("store_kills.py"))]
    done = subprocess.run(
        [*command, "--kills", "15", "--stores", "1", "--seed", "20261124"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {name: int(n.replace(",", "")) for n, name in re.findall(r"^ +([\d,]+)  (.+)$", done.stdout, re.MULTILINE)}
    assert counts["kills"] >= 15
    assert counts["kills while starting"] > 0
    # The clients did get work done between the kills, or the checks would have had nothing to look at.
    for counted in ("completes acknowledged", "deletes acknowledged", "acknowledged objects found"):
        assert counts[counted] > 10, counts
