"""What makes a store this one, made at its first start: its UUID, its keys, its port."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING

import msgspec

from runloop_jupyter.atomic import write_atomic
from runloop_jupyter.errors import EmbeddedStoreError
from runloop_jupyter.secret import Secret
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    from pathlib import Path

    from runloop_jupyter.local.layout import Layout


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Kept in ``store.json``.

    Attributes:
        store_id: The store's own UUID.
        port: The port it had last and has again, for URLs were handed out; None before the first start.
    """

    store_id: str
    port: int | None = None


def load_identity(layout: Layout) -> Identity:
    """Return the store's identity, made where there is none yet.

    Raises:
        EmbeddedStoreError: The file can't be read. A new identity would orphan every link and cache of this store.
        OSError: No room, no permission.
    """
    try:
        return json.decode(layout.identity.read_bytes(), Identity)
    except FileNotFoundError:
        identity = Identity(store_id=str(uuid.uuid4()))
        save_identity(layout, identity)
        return identity
    except ValueError as error:
        raise EmbeddedStoreError(f"{layout.identity} is damaged ({error}): restore it from a backup") from None


def save_identity(layout: Layout, identity: Identity) -> None:
    """Keep `identity`. Raises OSError."""
    write_atomic(layout.identity, json.encode(identity))


def load_key(path: Path, prefix: str = "") -> Secret:
    """Return the key in the 0600 file at `path`, made where there is none yet.

    Raises:
        EmbeddedStoreError: Somebody else can read the file, or it is empty.
        OSError: No room, no permission.
    """
    try:
        mode = path.stat().st_mode & 0o777
        text = path.read_text().strip()
    except FileNotFoundError:
        text = prefix + secrets.token_urlsafe(32)
        write_atomic(path, text.encode())
        return Secret(text)
    if mode & 0o077:
        raise EmbeddedStoreError(f"{path} can be read by others (mode {mode:o}): delete it, and a new key is made")
    if not text:
        raise EmbeddedStoreError(f"{path} is empty: delete it, and a new key is made")
    return Secret(text)
