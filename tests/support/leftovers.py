"""What is left behind after something went wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runloop_jupyter import session
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.paths import cache_dir, home_dir

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Left:
    """Names of what should not be there; true when there is any."""

    uploading: list[str]
    spools: list[str]
    intents: list[str]
    partial: list[str]

    def __bool__(self) -> bool:
        return bool(self.uploading or self.spools or self.intents or self.partial)


def _files(folder: Path) -> list[Path]:
    return [each for each in folder.glob("**/*") if each.is_file()]


def look() -> Left:
    """Look at the store, the spools, the journal and the cache."""
    objects = session.current().store.objects
    uploading = [view.name for page in objects.pages(Filter(state="UPLOADING")) for view in page.objects]
    return Left(
        uploading,
        [each.name for each in (cache_dir() / "spool").glob("**/*") if each.is_file()],
        [json.loads(each.read_text())["name"] for each in (home_dir() / "journal").glob("*.json")],
        # What an interrupted download keeps, to be gone on with, is meant to be there.
        [each.name for each in cache_dir().glob("**/*.part") if each.parent.name != "partial"]
        + [each.name for each in _files(cache_dir() / "claims")],
    )
