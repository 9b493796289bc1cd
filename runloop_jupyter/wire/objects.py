"""The Objects API (version 0.1) as structs. Field names and types are those of the published OpenAPI document."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from runloop_jupyter.secret import Secret  # noqa: TC001 - msgspec reads annotations at run time


class ObjectState(StrEnum):
    """The states published so far. Structs hold a plain `str`, for a server may grow new ones."""

    UPLOADING = "UPLOADING"
    READ_ONLY = "READ_ONLY"
    DELETED = "DELETED"
    ERROR = "ERROR"


class ContentType(StrEnum):
    """The content types published so far. Structs hold a plain `str`, for a server may grow new ones."""

    UNSPECIFIED = "unspecified"
    TEXT = "text"
    BINARY = "binary"
    GZIP = "gzip"
    TAR = "tar"
    TGZ = "tgz"


class ObjectView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One stored object.

    Attributes:
        id: Unique for ever within the store.
        name: Not unique.
        state: An `ObjectState`, or one that is newer than this code.
        content_type: A `ContentType`, or one that is newer than this code.
        create_time_ms: Milliseconds since 1970-01-01 UTC.
        size_bytes: None until the bytes are in.
        delete_after_time_ms: When the store deletes it by itself; None for never.
        metadata: What its maker attached; can't be changed later.
        upload_url: Presigned PUT; only in the answer to create.
        upload_headers: Headers that this PUT must carry. Newer than the published document; optional.
    """

    id: str
    name: str
    state: str
    content_type: str
    create_time_ms: int
    size_bytes: int | None = None
    delete_after_time_ms: int | None = None
    metadata: dict[str, str] | None = None
    upload_url: Secret | None = None
    upload_headers: dict[str, str] | None = None


class ObjectCreateParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Body of create. ``ttl_ms`` counts from the creation, in milliseconds; nulls are sent as the clients do."""

    name: str
    content_type: str
    metadata: dict[str, str] | None = None
    ttl_ms: int | None = None


class ObjectListView(msgspec.Struct, frozen=True, kw_only=True):
    """One page, newest first. ``total_count`` is over all pages; null where it wasn't asked for or wasn't counted."""

    objects: list[ObjectView]
    has_more: bool
    total_count: int | None = None


class ObjectDownloadUrlView(msgspec.Struct, frozen=True, kw_only=True):
    """A presigned GET for one object."""

    download_url: Secret


class MetadataKeysView(msgspec.Struct, frozen=True, kw_only=True):
    """Every metadata key in use.

    Attributes:
        keys: The keys.
        counts: How many whole objects have each, in the order of `keys`. An extension of the embedded store's, there
            only when the call said ``include_counts=true``; the published document names no such thing.
    """

    keys: list[str] = []
    counts: list[int] | msgspec.UnsetType = msgspec.UNSET


class MetadataValuesView(msgspec.Struct, frozen=True, kw_only=True):
    """Every value in use under one metadata key; ``counts`` as in `MetadataKeysView`, in the order of ``values``."""

    key: str = ""
    values: list[str] = []
    counts: list[int] | msgspec.UnsetType = msgspec.UNSET


class FacetView(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one metadata key that the most objects have.

    Attributes:
        key: The key.
        values: The most frequent first.
        counts: How many of the objects have each, in the order of `values`.
        distinct: How many different values there are, those left out included.
    """

    key: str
    values: list[str] = []
    counts: list[int] = []
    distinct: int = 0


class FacetsView(msgspec.Struct, frozen=True, kw_only=True):
    """Facets of the objects that a list's filters mean. An extension of the embedded store's.

    Attributes:
        facets: One for each key that was asked for.
        objects: How many objects were counted.
        complete: False when the time was up before all were counted: every number is then a lower bound.
    """

    facets: list[FacetView] = []
    objects: int = 0
    complete: bool = False
