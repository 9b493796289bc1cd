"""How long `%load_ext runloop_jupyter` takes, beside importing the published client: how one starts without it.

Each is timed in a fresh IPython, in turns, so that both meet the same machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from statistics import median

ROUNDS = 9

OURS = "shell.run_line_magic('load_ext', 'runloop_jupyter')"
PEER = "from runloop_api_client import Runloop"

SCRIPT = """
import contextlib, io, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
with contextlib.redirect_stdout(io.StringIO()):
    started = time.perf_counter()
    {statement}
    took = time.perf_counter() - started
print(took)
"""

# What a user waits for only when it is first needed.
HEAVY = ("httpx", "anywidget", "fsspec", "pandas", "pyarrow", "polars", "aiohttp", "numpy")


def timed(statement: str, environment: dict[str, str]) -> float:
    """Return the seconds that a statement takes in a fresh IPython."""
    return float(run(SCRIPT.format(statement=statement), environment))


def run(script: str, environment: dict[str, str]) -> str:
    """Return what a fresh interpreter prints."""
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        # Byte code is kept, as it is for a user: only the first start after an update compiles.
        ours = ("RUN", "PYTHONDONTWRITEBYTECODE")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
            "RUNLOOP_JUPYTER_HOME": f"{home}/home",
            "RUNLOOP_JUPYTER_CACHE": f"{home}/cache",
            "IPYTHONDIR": f"{home}/ipython",
        }
        for statement in (OURS, PEER):
            timed(statement, environment)  # compiles the bytecode
        pairs = [(timed(OURS, environment), timed(PEER, environment)) for _ in range(ROUNDS)]
        listing = f"{SCRIPT.format(statement=OURS)}\nimport sys; print([m for m in {HEAVY} if m in sys.modules])"
        loaded = run(listing, environment).splitlines()[-1]
    ours, peer = (median(times) for times in zip(*pairs, strict=True))
    print(f"load_ext: {ours * 1000:.0f} ms, importing the published client: {peer * 1000:.0f} ms", end="; ")
    print(f"ratio {ours / peer:.2f} (median of {ROUNDS})")
    print(f"libraries loaded before they are needed: {loaded}")


if __name__ == "__main__":
    main()
