"""Libraries that a value may need and that may not be installed."""

from __future__ import annotations

import importlib
from typing import Any, Final

from runloop_jupyter.errors import MissingLibrary

_INSTALLED_AS: Final = {"PIL": "pillow", "sklearn": "scikit-learn"}
"""Of libraries that are imported under another name than they are installed by."""


def need(name: str, instead: str = "") -> Any:
    """Import and return the library `name`.

    Args:
        name: As it is imported: ``pandas``, ``PIL``, ``skops.io``.
        instead: What can be done without it, for the message: ``or --as arrow``.

    Raises:
        MissingLibrary: It isn't installed; the message has the pip line.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        package = _INSTALLED_AS.get(package, package)
        raise MissingLibrary(
            f"{package} isn't installed: %pip install {package}{' ' + instead if instead else ''}"
        ) from error
