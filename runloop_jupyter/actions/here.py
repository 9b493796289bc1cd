"""Where code runs, as a person would say it: the notebook, the script, the folder; and the git commit there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

_GIT_S: Final = 2.0


def notebook() -> str | None:
    """Return the path of the notebook that this kernel runs, as its host names it; None where nobody says.

    Jupyter's server sets ``JPY_SESSION_NAME`` for each kernel it starts, VS Code a variable in the kernel itself.
    """
    if path := os.environ.get("JPY_SESSION_NAME"):
        return path
    main = sys.modules.get("__main__")
    path = getattr(main, "__vsc_ipynb_file__", None)
    return path if isinstance(path, str) else None


def whereabouts() -> str:
    """Return what stands for this notebook or script on this computer: its path, else the folder it runs in."""
    if path := notebook():
        return path
    # Of a kernel this is ipykernel's own file, the same for every notebook.
    script = None if "ipykernel" in sys.modules else getattr(sys.modules.get("__main__"), "__file__", None)
    try:
        return str(Path(script).absolute()) if isinstance(script, str) else str(Path.cwd())
    except OSError:  # the folder is gone
        return "?"


def provenance() -> dict[str, str]:
    """Return ``rl.notebook``, the notebook's name, and ``rl.git``, its commit, as far as they are known.

    The commit ends in ``+`` where tracked files differ from it.
    """
    found = {}
    if path := notebook():
        found["rl.notebook"] = Path(path).name
    if commit := _git_commit():
        found["rl.git"] = commit
    return found


def _git_commit() -> str | None:
    commit = _git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return None
    return commit + "+" if _git("status", "--porcelain", "--untracked-files=no") else commit


def _git(*words: str) -> str | None:
    """Return what git says in this folder; None where there is no git, no repository, or no answer in time."""
    try:
        done = subprocess.run(  # noqa: S603
            ["git", *words],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            check=False,
            timeout=_GIT_S,
            stdin=subprocess.DEVNULL,
            # A look must not take the lock that the user's own git may be waiting for.
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
