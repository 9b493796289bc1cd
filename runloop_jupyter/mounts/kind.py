"""What an object is to whoever looks into a mount."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What an object is to whoever looks into a mount.

    Attributes:
        FILE: A file with its bytes.
        FOLDER: A folder that is kept as files: a directory with those in it.
        ARCHIVE: A folder that is kept as one archive, or a tar that somebody stored: a directory with its members.
            Only its bytes tell for sure: what is called one and isn't is the file that it is, under the same path.
    """

    FILE = "file"
    FOLDER = "folder"
    ARCHIVE = "archive"
