"""Where outputs are looked at."""

from __future__ import annotations

import sys


def in_notebook() -> bool:
    """Whether a kernel runs this, and so a notebook or its like shows what it displays."""
    # Not imported on purpose: without IPython in the process there is no notebook either.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None
