"""A few seconds of what `cache_crowd.py` does for as long as one likes."""

import subprocess
import sys
from pathlib import Path

from store_process import environment


def test_processes_that_share_a_small_cache_get_right_bytes_and_keep_the_paths_they_were_given():
    command = [sys.executable, str(Path(__file__).with_name("cache_crowd.py"))]
    done = subprocess.run(
        [*command, "--seconds", "3", "--processes", "4", "--seed", "20261124"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {line.split()[1]: int(line.split()[0].replace(",", "")) for line in done.stdout.splitlines()[1:-1]}
    # There was work enough for the checks to have something to look at.
    assert counts["opened"] > 50, counts
    assert counts["fetched"] > 20, counts
    assert counts["paths"] > 2, counts
