"""A few of the kills that `fuse_storm.py --long` does by the thousand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from store_process import environment

pytestmark = pytest.mark.usefixtures("fuse")


def test_whoever_is_killed_while_others_read_nothing_is_wrong_and_nothing_is_left():
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("fuse_storm.py")), "--kills", "6", "--seed", "20261125"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {name: int(n.replace(",", "")) for n, name in re.findall(r"^ +([\d,]+)  (.+)$", done.stdout, re.MULTILINE)}
    assert counts["kills"] == 6
    assert counts["readers that read"] > 0
    assert counts["readers that were told"] > 0
