"""Query parameters of the Objects API, checked. Unknown ones are passed over, empty ones are as if left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runloop_jupyter.index import Filter
from runloop_jupyter.local.refusal import bad_request
from runloop_jupyter.wire.objects import ContentType, ObjectState

if TYPE_CHECKING:
    from enum import StrEnum

    from multidict import MultiMapping

_METADATA: Final = re.compile(r"metadata\[(?P<key>.+?)\](?P<several>\[in\])?", re.DOTALL)
_MAX_LIMIT: Final = 5000
_DEFAULT_LIMIT: Final = 20
_MAX_FACETS: Final = 50
_MAX_FACET_VALUES: Final = 1000
_DEFAULT_DURATION: Final = 3600
# What S3 allows for a presigned URL.
_MAX_DURATION: Final = 7 * 24 * 3600


def list_filter(query: MultiMapping[str]) -> Filter:
    """Return the filter that a list call asks for. Raises Refusal 400."""
    metadata: dict[str, set[str]] = {}
    for parameter, value in query.items():
        match = _METADATA.fullmatch(parameter)
        if match:
            values = set(value.split(",")) if match["several"] else {value}
            key = match["key"]
            metadata[key] = metadata[key] & values if key in metadata else values
    return Filter(
        name=query.get("name") or None,
        search=query.get("search") or None,
        content_type=_one_of(query, "content_type", ContentType),
        state=_one_of(query, "state", ObjectState),
        metadata=metadata,
    )


def limit(query: MultiMapping[str]) -> int:
    """Return how many objects a page has at most. Raises Refusal 400."""
    return _whole_number(query, "limit", _DEFAULT_LIMIT, _MAX_LIMIT)


def facet_keys(query: MultiMapping[str]) -> list[str]:
    """Return the metadata keys whose facets are asked for, ``key`` once for each. Raises Refusal 400."""
    keys = list(dict.fromkeys(query.getall("key", [])))
    if not 1 <= len(keys) <= _MAX_FACETS:
        raise bad_request(f"key is a metadata key; it can be given up to {_MAX_FACETS} times")
    return keys


def facet_limit(query: MultiMapping[str]) -> int:
    """Return how many values each facet has at most. Raises Refusal 400."""
    return _whole_number(query, "limit", _DEFAULT_LIMIT, _MAX_FACET_VALUES)


def duration_seconds(query: MultiMapping[str]) -> int:
    """Return for how many seconds a download URL is to be valid. Raises Refusal 400."""
    return _whole_number(query, "duration_seconds", _DEFAULT_DURATION, _MAX_DURATION)


def include_total_count(query: MultiMapping[str]) -> bool:
    """Return whether a list call wants the count over all pages. Raises Refusal 400."""
    return _truth(query, "include_total_count", default="true")


def include_counts(query: MultiMapping[str]) -> bool:
    """Return whether a metadata call wants counts: our own extension, and off by default. Raises Refusal 400."""
    return _truth(query, "include_counts", default="false")


def _truth(query: MultiMapping[str], name: str, *, default: str) -> bool:
    value = query.get(name) or default
    if value.lower() not in ("true", "false"):
        raise bad_request(f"{name} is true or false")
    return value.lower() == "true"


def _whole_number(query: MultiMapping[str], name: str, default: int, largest: int) -> int:
    value = query.get(name) or str(default)
    if not re.fullmatch(r"\+?[0-9]{1,20}", value) or not 1 <= int(value) <= largest:
        raise bad_request(f"{name} is a whole number from 1 to {largest}")
    return int(value)


def _one_of(query: MultiMapping[str], name: str, kind: type[StrEnum]) -> str | None:
    value = query.get(name) or None
    if value is not None and value not in set(kind):
        raise bad_request(f"{name} is one of {', '.join(kind)}")
    return value
