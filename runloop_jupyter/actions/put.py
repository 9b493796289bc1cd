"""put: a value, a file or a folder becomes an object, unless the current version already is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runloop_jupyter import session as sessions
from runloop_jupyter.actions import here, options
from runloop_jupyter.actions.running import run
from runloop_jupyter.actions.send import Wanted, send
from runloop_jupyter.actions.source import name_of, source_of
from runloop_jupyter.actions.stream import StreamFailed
from runloop_jupyter.actions.tagging import current_tags
from runloop_jupyter.address import check_name
from runloop_jupyter.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from runloop_jupyter.actions.object import Object


def put(
    what: object,
    name: str | None = None,
    *,
    metadata: Mapping[str, object] | None = None,
    ttl: str | timedelta | None = None,
    format: str | None = None,
    force: bool = False,
    pickle: bool = False,
    provenance: bool = False,
    include_secrets: bool = False,
) -> Object:
    """Store a value, a file or a folder as an object.

    Nothing is sent when the current version under the name has the same bytes, format and metadata and lives as long
    as asked (to within a hundredth of `ttl`). Otherwise it is a new version.

    Args:
        what: A value (a `str` is text); a `pathlib.Path` to a file or a directory; a generator of bytes or text, or a
            file-like, which is read from where it stands and stored as a file.
        name: The name to store it under; by default the last part of a path, or of an open file's name.
        metadata: Text to text; numbers become their text. Can't be changed later.
        ttl: How long it lives, ``30d``, ``12h``, or a `timedelta`; for ever by default.
        format: The stored format, where several would do.
        force: Send it even if the current version is the same.
        pickle: Allow pickle for a value without another stored form.
        provenance: Add the notebook's name and the git commit to the metadata, as ``rl.notebook`` and ``rl.git``.
        include_secrets: Keep in a folder what looks like a secret (``.env``, private keys, ``.ssh`` and their like),
            which is left out otherwise. What a ``.runloopignore`` in it says, in gitignore's words, stays out.

    Returns:
        The object, READ_ONLY and whole; ``outcome`` says whether it was sent and what it replaces.

    Raises:
        InputError: A name, path, metadata or ttl that can't be meant.
        UnsupportedValue: The value has no stored form that would give it back equal.
        TransferError: The bytes didn't arrive; nothing of them is left.
        Exception: What a generator or a file-like raises, as it is.
        StoreError: The store refused.

    Example:
        >>> rl.put(df, "penguins", metadata={"project": "birds"}, ttl="30d")  # doctest: +SKIP
    """
    if name is None:
        name = name_of(what)
        if name is None:
            raise InputError(f"a {type(what).__name__} has no name of its own. Give one: rl.put(value, 'NAME')")
    check_name(name)
    wanted = wanted_of(name, metadata, ttl, force=force, provenance=provenance)
    source = source_of(what, name, format=format, pickle=pickle, include_secrets=include_secrets)
    session = sessions.current()
    # Now: `use` in another thread changes what comes next, not what has begun.
    profile = session.profile
    transfer = session.transfers.new(name, "up", profile.label)
    try:
        return run(session, transfer, lambda: send(session.open(profile), source, wanted, transfer))
    except StreamFailed as failed:
        raise failed.error from None


def wanted_of(
    name: str,
    metadata: Mapping[str, object] | None,
    ttl: str | timedelta | None,
    *,
    force: bool,
    provenance: bool,
) -> Wanted:
    """Return what an object shall be beside its bytes: what was given, and what holds here (tags, provenance).

    Raises:
        InputError: Metadata or a ttl that can't be meant.
    """
    return Wanted(
        name=name,
        metadata={**current_tags(), **options.user_metadata(metadata)},
        ttl_ms=options.ttl_ms(ttl),
        force=force,
        provenance=here.provenance() if provenance else {},
    )
