"""Files that open other doors: left out of archives unless they are asked for."""

from __future__ import annotations

import os
import re
from typing import Final

_NAME: Final = re.compile(
    r"\.env(\.(?!example$|sample$|template$|dist$).*)?|\.ssh|\.gnupg|\.netrc|\.pgpass|\.git-credentials"
    r"|id_(rsa|dsa|ecdsa|ed25519)(_sk)?|.*\.(ppk|p12|pfx)",
    re.DOTALL,
)
_KEY_SUFFIXES: Final = (".pem", ".key", ".p8", ".pk8")
_KEY_MARK: Final = b"PRIVATE KEY-----"
_KEY_HEAD: Final = 16 << 10


def is_secret(name: str) -> bool:
    """Whether a file or folder called `name` (without its path) is left out of archives for its name alone.

    Files ending in ``.pem``, ``.key``, ``.p8`` or ``.pk8`` are looked into: certificates and public keys stay.
    """
    return _NAME.fullmatch(name) is not None


def holds_key(folder: int, name: str) -> bool:
    """Whether a file is called like a key and holds a private one.

    Args:
        folder: Descriptor of the folder it is in.
        name: Its name there.

    Raises:
        OSError: It can't be read.
    """
    if not name.endswith(_KEY_SUFFIXES):
        return False
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        return _KEY_MARK in os.read(fd, _KEY_HEAD)
    finally:
        os.close(fd)
