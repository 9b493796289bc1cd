"""put: a value, a file or a folder becomes an object, unless the current version already is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from runloop_jupyter import options
from runloop_jupyter import session as sessions
from runloop_jupyter.actions import background as behind
from runloop_jupyter.actions import here
from runloop_jupyter.actions.latest import AskEach
from runloop_jupyter.actions.running import run
from runloop_jupyter.actions.send import Wanted, deliver, forget_unfinished, give_up, pack
from runloop_jupyter.actions.source import StreamSource, name_of, source_of
from runloop_jupyter.actions.stream import StreamFailed
from runloop_jupyter.actions.tagging import current_tags
from runloop_jupyter.address import check_name
from runloop_jupyter.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from runloop_jupyter.actions.background import BackgroundTransfer
    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.actions.send import Packet
    from runloop_jupyter.session import Store


@overload
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
    background: Literal[False] = False,
) -> Object: ...


@overload
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
    background: bool,
) -> Object | BackgroundTransfer: ...


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
    background: bool = False,
) -> Object | BackgroundTransfer:
    """Store a value, a file or a folder as an object.

    Nothing is sent when the current version under the name has the same bytes, format and metadata and lives as long
    as asked (to within a hundredth of `ttl`). Otherwise it is a new version.

    Args:
        what: A value (a `str` is text); a `pathlib.Path` to a file or a directory; a generator of bytes or text, or a
            file-like, which is read from where it stands and stored as a file.
        name: The name to store it under; by default the last part of a path, or of an open file's name.
        metadata: Text to text; numbers become their text. Can't be changed later.
        ttl: How long it lives, ``30d``, ``12h``, or a `timedelta`; for ever by default.
        format: The stored format, where several would do. Of a folder ``tar.gz``, one archive, which a devbox
            unpacks, or ``files``: of these a later put sends only what changed, and one of them can be got as
            ``NAME/path``. By default a folder above 1 GiB goes as files, unless they are very many and tiny.
        force: Send it even if the current version is the same.
        pickle: Allow pickle for a value without another stored form.
        provenance: Add the notebook's name and the git commit to the metadata, as ``rl.notebook`` and ``rl.git``.
        include_secrets: Keep in a folder what looks like a secret (``.env``, private keys, ``.ssh`` and their like),
            which is left out otherwise. What a ``.runloopignore`` in it says, in gitignore's words, stays out.
        background: Return as soon as it is packed, and send it behind. What is put is packed by then: changing it
            changes nothing. A file is sent as it is, and refused if it changes until it is sent.

    Returns:
        The object, READ_ONLY and whole; ``outcome`` says whether it was sent and what it replaces. With `background`
        a `BackgroundTransfer`, whose ``result()`` waits and is that object.

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
    transfer = session.transfers.new(name, "up", profile.label, behind=background)
    if not isinstance(source, StreamSource):  # which gives its bytes once
        options_ = {"metadata": wanted.metadata, "ttl": ttl, "format": format, "force": force, "pickle": pickle}
        of_call = {"provenance": provenance, "include_secrets": include_secrets, "background": background}
        same: dict[str, Any] = {**options_, **of_call}
        transfer.again = behind.call_again(what, lambda what: put(what, name, **same))

    def pack_first() -> tuple[Store, Packet]:
        store = session.open(profile)
        return store, pack(store, source, wanted, transfer, journaled=True)

    def deliver_packed(packed: tuple[Store, Packet]) -> Object:
        store, packet = packed
        thing = deliver(store, packet, transfer, AskEach(store))
        forget_unfinished(store, {name})
        return thing

    def at_once() -> Object:
        store = session.open(profile)
        return deliver_packed((store, pack(store, source, wanted, transfer)))

    try:
        if background:
            return behind.begin_packed(
                session,
                transfer,
                pack_first,
                deliver_packed,
                give_up=lambda packed: give_up(packed[1]),
                size=lambda packed: packed[1].parcel.size,
            )
        return run(session, transfer, at_once)
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
