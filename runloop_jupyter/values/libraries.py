"""Libraries that a value may need and that may not be installed."""

from __future__ import annotations

import importlib
from typing import Any

from runloop_jupyter.errors import MissingLibrary


def need(name: str, instead: str = "") -> Any:
    """Import and return the library `name`.

    Args:
        name: As it is imported and installed: ``pandas``.
        instead: What can be done without it, for the message: ``or --as arrow``.

    Raises:
        MissingLibrary: It isn't installed; the message has the pip line.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingLibrary(
            f"{name} isn't installed: %pip install {name}{' ' + instead if instead else ''}"
        ) from error
