"""Which version of this package runs, and which of two is the newer one."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from typing import Final

_RELEASE: Final = re.compile(r"\d+(?:\.\d+)*", re.ASCII)


def installed() -> str:
    """Return this package's version, "0" where it runs without having been installed."""
    try:
        return package_version("runloop_jupyter")
    except PackageNotFoundError:
        return "0"


def newer(one: str, other: str) -> bool:
    """Return whether release `one` is newer than `other`. Pre-releases and builds of one release count as equal."""
    return _numbers(one) > _numbers(other)


def _numbers(version: str) -> list[int]:
    match = _RELEASE.match(version)
    numbers = [int(number) for number in match.group().split(".")] if match else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers
