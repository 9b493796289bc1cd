"""Where outputs are looked at."""

from __future__ import annotations

import sys


def in_notebook() -> bool:
    """Whether a kernel runs this, and so a notebook or its like shows what it displays."""
    # Not imported on purpose: without IPython in the process there is no notebook either.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


def in_marimo() -> bool:
    """Whether a marimo notebook runs this. It shows widgets, and has neither IPython nor its variables."""
    marimo = sys.modules.get("marimo")
    return bool(marimo and marimo.running_in_notebook())


def is_attended() -> bool:
    """Whether somebody sits before the notebook whose cell runs: one that a program runs can't be asked anything."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))


def running_cell() -> int | None:
    """Return the number of the cell that runs; None outside of IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    number = getattr(shell, "execution_count", None)
    return number if isinstance(number, int) else None
