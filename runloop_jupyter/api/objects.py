"""The nine operations of the Objects API, one method each, pages as an iterator, and the embedded store's facets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from msgspec import UnsetType

from runloop_jupyter.errors import BadRequest, NotFound
from runloop_jupyter.events import Signal
from runloop_jupyter.wire.objects import (
    FacetsView,
    MetadataKeysView,
    MetadataValuesView,
    ObjectCreateParameters,
    ObjectDownloadUrlView,
    ObjectListView,
    ObjectView,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runloop_jupyter.api.http import Service
    from runloop_jupyter.secret import Secret

LARGEST_PAGE: Final = 5000
# A query is a part of the request's first line, which servers keep to some 8 KiB.
_LONGEST_FILTER: Final = 2000
RETRIES: Final = 5


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed by; everything given must hold.

    Attributes:
        name: Part of the name.
        content_type: A `ContentType` value.
        state: An `ObjectState` value.
        search: Part of the name, or an id.
        metadata: Key to value, or to several values of which one must hold. The published document names no such
            parameter, though it says that keys are for filtering; so it is sent AND applied to what comes back.
    """

    name: str | None = None
    content_type: str | None = None
    state: str | None = None
    search: str | None = None
    metadata: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)

    def params(self) -> dict[str, str]:
        """Return the query parameters that say this; metadata that none can say is left to `admits`."""
        plain = {
            "name": self.name,
            "content_type": self.content_type,
            "state": self.state,
            "search": self.search,
        }
        params = {key: value for key, value in plain.items() if value is not None and _is_unicode(value)}
        for key, wanted in self.metadata.items():
            several = not isinstance(wanted, str)
            # Arrays travel comma-joined, and a key stands between brackets.
            if not key or re.search(r"[\[\]]", key) or (several and any("," in value for value in wanted)):
                continue
            parameter, value = f"metadata[{key}]" + "[in]" * several, ",".join(wanted) if several else str(wanted)
            if len(parameter) + len(value) <= _LONGEST_FILTER and _is_unicode(parameter + value):
                params[parameter] = value
        return params

    def can_be_said(self) -> bool:
        """Whether `params` says all of it."""
        given = [self.name, self.content_type, self.state, self.search, *self.metadata.items()]
        return len(self.params()) == sum(each is not None for each in given)

    def admits(self, view: ObjectView) -> bool:
        """Whether `view`'s metadata is what was asked for, whatever the server made of the parameters."""
        has = view.metadata or {}
        return all(
            key in has and (has[key] == wanted if isinstance(wanted, str) else has[key] in wanted)
            for key, wanted in self.metadata.items()
        )


class Counted(NamedTuple):
    """Metadata keys, or values of one key.

    Attributes:
        texts: As the store lists them, in code point order or in none.
        counts: How many whole objects have each; None where the store doesn't count.
    """

    texts: Sequence[str]
    counts: Sequence[int] | None


class Objects:
    """Storage Objects of one service. Every method raises `StoreError` or `Unreachable` as `Service.call` does.

    Attributes:
        changed: Tells of each object that was completed or deleted by this, as its store answered.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.changed = Signal[ObjectView]()

    def create(self, parameters: ObjectCreateParameters) -> ObjectView:
        """Make an object in state UPLOADING; the answer carries the presigned ``upload_url``."""
        return self.service.call("POST", "/v1/objects", ObjectView, body=parameters)

    def complete(self, object_id: str) -> ObjectView:
        """Make an uploaded object READ_ONLY. `Conflict` where it isn't UPLOADING."""
        view = self.service.call("POST", f"/v1/objects/{_segment(object_id)}/complete", ObjectView, body={})
        self.changed.send(view)
        return view

    def get(self, object_id: str, *, retries: int = RETRIES) -> ObjectView:
        """Return one object by id; a deleted one too, in state DELETED. `NotFound` where there never was one."""
        return self.service.call("GET", f"/v1/objects/{_segment(object_id)}", ObjectView, retries=retries)

    def list(
        self,
        where: Filter | None = None,
        *,
        limit: int | None = None,
        starting_after: str | None = None,
        include_total_count: bool = False,
        retries: int = RETRIES,
    ) -> ObjectListView:
        """Return one page of the account's objects, newest first.

        Args:
            where: What to narrow by.
            limit: Objects a page, at most 5,000; the server's default is 20.
            starting_after: Id of the last object of the page before.
            include_total_count: Ask for ``total_count``, which costs the server a count.
            retries: How many times to try again.
        """
        return self._page("/v1/objects", where, limit, starting_after, include_total_count, retries)

    def list_public(
        self,
        where: Filter | None = None,
        *,
        limit: int | None = None,
        starting_after: str | None = None,
        include_total_count: bool = False,
    ) -> ObjectListView:
        """Return one page of the public objects; arguments as for `list`."""
        return self._page("/v1/objects/list_public", where, limit, starting_after, include_total_count)

    def pages(
        self,
        where: Filter | None = None,
        *,
        limit: int = LARGEST_PAGE,
        first: int | None = None,
        public: bool = False,
        narrowed: bool = True,
    ) -> Iterator[ObjectListView]:
        """Yield pages, newest first, until there are no more. A page may hold fewer than `limit`, or none.

        Args:
            where: What to narrow by.
            limit: Objects a page, at most 5,000.
            first: Objects on the first page, for those who most often find what they want there; `limit` by default.
            public: Whether to list the public objects in place of the account's own.
            narrowed: Whether to leave out what a server hands out that doesn't listen to metadata filters. Without,
                the caller sees what was sent, and can count it.

        Raises:
            StoreError: As every call, at the page where it happens.
        """
        after = None
        path = "/v1/objects/list_public" if public else "/v1/objects"
        while True:
            size = limit if after or first is None else first
            page, last = self._raw_page(path, where, size, after, include_total_count=False, narrowed=narrowed)
            yield page
            # An empty page that claims more has no cursor to go on from; a repeated one would go on for ever.
            if not page.has_more or last is None or last == after:
                return
            after = last

    def delete(self, object_id: str, *, retries: int = 5) -> ObjectView:
        """Delete an object, whole or still UPLOADING; the answer has state DELETED."""
        view = self.service.call(
            "POST", f"/v1/objects/{_segment(object_id)}/delete", ObjectView, body={}, retries=retries
        )
        self.changed.send(view)
        return view

    def download_url(self, object_id: str, *, duration_seconds: int | None = None) -> Secret:
        """Return a presigned GET, valid for `duration_seconds` (the server's default is 3,600)."""
        params = None if duration_seconds is None else {"duration_seconds": str(duration_seconds)}
        return self.service.call(
            "GET", f"/v1/objects/{_segment(object_id)}/download", ObjectDownloadUrlView, params=params
        ).download_url

    def metadata_keys(self) -> Counted:
        """Return every metadata key in use, with counts where the store counts.

        Counting is an extension of the embedded store's; another passes over the parameter.
        """
        view = self.service.call("GET", "/v1/objects/metadata/keys", MetadataKeysView, params=_COUNTS)
        return _counted(view.keys, view.counts)

    def metadata_values(self, key: str) -> Counted:
        """Return every value in use under `key`, with counts where the store counts."""
        path = f"/v1/objects/metadata/keys/{_segment(key)}/values"
        view = self.service.call("GET", path, MetadataValuesView, params=_COUNTS)
        return _counted(view.values, view.counts)

    def facets(
        self, keys: Sequence[str], where: Filter | None = None, *, limit: int | None = None
    ) -> FacetsView | None:
        """Return, for each of `keys`, the values that most of the objects have that `where` means.

        An extension of the embedded store's; None where the store doesn't offer it, or can't be told all of `where`.

        Args:
            keys: Metadata keys, 50 at most.
            where: Which objects are counted; in every state unless it says otherwise.
            limit: Values of each key, 1,000 at most; 20 by default.
        """
        where = where or Filter()
        if not where.can_be_said() or not all(_is_unicode(key) for key in keys):
            return None
        params: dict[str, str | Sequence[str]] = {**where.params(), "key": list(keys)}
        if limit is not None:
            params["limit"] = str(limit)
        try:
            found = self.service.call("GET", "/v1/objects/metadata/facets", FacetsView, params=params)
        except (NotFound, BadRequest):
            return None
        # Another service may take the path for an object's, and answer with something else.
        return found if [each.key for each in found.facets] == list(dict.fromkeys(keys)) else None

    def _page(
        self,
        path: str,
        where: Filter | None,
        limit: int | None,
        starting_after: str | None,
        include_total_count: bool,
        retries: int = RETRIES,
    ) -> ObjectListView:
        return self._raw_page(
            path, where, limit, starting_after, include_total_count=include_total_count, retries=retries
        )[0]

    def _raw_page(
        self,
        path: str,
        where: Filter | None,
        limit: int | None,
        starting_after: str | None,
        *,
        include_total_count: bool,
        narrowed: bool = True,
        retries: int = RETRIES,
    ) -> tuple[ObjectListView, str | None]:
        """Return a page narrowed to what was asked for, and the cursor of the page as the server sent it."""
        params = where.params() if where else {}
        if limit is not None:
            params["limit"] = str(limit)
        if starting_after is not None:
            params["starting_after"] = starting_after
        params["include_total_count"] = "true" if include_total_count else "false"
        page = self.service.call("GET", path, ObjectListView, params=params, retries=retries)
        last = page.objects[-1].id if page.objects else None
        if narrowed and where and where.metadata:
            kept = [view for view in page.objects if where.admits(view)]
            # Where the server didn't listen its count is of something else, and no count is better than a wrong one.
            total = page.total_count if len(kept) == len(page.objects) else None
            page = ObjectListView(objects=kept, has_more=page.has_more, total_count=total)
        return page, last


_COUNTS: Final = {"include_counts": "true"}


def _counted(texts: Sequence[str], counts: Sequence[int] | UnsetType) -> Counted:
    # As many as there are texts, or they are counts of something else.
    if isinstance(counts, UnsetType) or len(counts) != len(texts):
        return Counted(texts, None)
    return Counted(texts, counts)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which no request can carry and no metadata holds
        return False
    return True


def _segment(text: str) -> str:
    quoted = quote(text, safe="")
    # "." and ".." would be taken for path navigation by whatever normalises the URL.
    return quoted.replace(".", "%2E") if text in {".", ".."} else quoted
