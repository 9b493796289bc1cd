"""The bytes of objects over HTTP, behind presigned URLs: what S3 does for the hosted service."""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from aiohttp import hdrs, web
from multidict import CIMultiDict

from runloop_jupyter.local.blobs import SMALL
from runloop_jupyter.local.expect import go_on, waits
from runloop_jupyter.local.guard import HEADERS, Activity
from runloop_jupyter.local.refusal import Refusal
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.web_request import BaseRequest

    from runloop_jupyter.local.blobs import Blobs
    from runloop_jupyter.local.database import Worker
    from runloop_jupyter.local.objects import Objects
    from runloop_jupyter.wire.objects import ObjectView

_ONE_RANGE: Final = re.compile(r"bytes=(?:(?P<first>[0-9]{1,18})-(?P<last>[0-9]{1,18})?|-0*[1-9][0-9]{0,17})")
_CONDITIONS: Final = (
    hdrs.RANGE,
    hdrs.IF_RANGE,
    hdrs.IF_MATCH,
    hdrs.IF_NONE_MATCH,
    hdrs.IF_MODIFIED_SINCE,
    hdrs.IF_UNMODIFIED_SINCE,
)
# Never in a file name: control characters, and what some system takes for a path or a drive.
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069/\\:]")


class Content:
    """PUT and GET of one object's bytes."""

    def __init__(self, objects: Objects, blobs: Blobs, worker: Worker, activity: Activity) -> None:
        self._objects = objects
        self._blobs = blobs
        self._worker = worker
        self._activity = activity

    async def put(self, request: web.Request) -> web.Response:
        """Take an object's bytes: durable when this answers 200, not readable before complete."""
        object_id = request.match_info["id"]
        length = _content_length(request)
        if length > SMALL or waits(request):  # else it is told by `place`, in as good a time
            await self._worker(lambda: self._objects.uploading(object_id))
        await go_on(request)
        temporary = await self._blobs.receive(request.content, length)
        etag = ""

        def place() -> None:
            nonlocal etag
            if not etag:  # not twice, where it is asked for again
                stat = temporary.stat()  # a rename keeps it, and a delete may take the file before this answers
                self._objects.place(object_id, temporary)
                etag = _etag(stat)

        try:
            await self._worker.together(place, self._objects.together)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        await asyncio.to_thread(self._blobs.settle, object_id)
        return web.Response(headers={**HEADERS, hdrs.ETAG: f'"{etag}"'})

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Send an object's bytes, whole or one range of them."""
        object_id = request.match_info["id"]
        # What is small and asked for as it is comes with the answer of the database's thread: three threads less.
        plain = not any(name in request.headers for name in _CONDITIONS)

        def look() -> tuple[ObjectView, _Bytes | None]:
            view = self._objects.get(object_id)
            small = view.state == ObjectState.READ_ONLY and plain and (view.size_bytes or 0) <= SMALL
            return view, _read(self._objects.content(object_id)) if small else None

        view, small = await self._worker(look)
        if view.state != ObjectState.READ_ONLY:
            raise Refusal(404, f"the object is {view.state}: there are no bytes to read")
        headers = {**HEADERS, hdrs.CONTENT_DISPOSITION: content_disposition(view.name, object_id)}
        if small is not None:
            headers |= {hdrs.ETAG: f'"{_etag(small.stat)}"', hdrs.ACCEPT_RANGES: "bytes"}
            response = web.Response(body=small.body, headers=headers, content_type="application/octet-stream")
            response.last_modified = small.stat.st_mtime
            return response
        return _BlobResponse(self._objects.content(object_id), headers, self._activity)


def content_disposition(name: str, object_id: str) -> str:
    """Return the header that makes browsers save under an object's name (RFC 6266), whatever is in that name."""
    safe = _UNSAFE.sub("_", name).strip(" .")[:200] or object_id
    ascii_only = re.sub(r'[^\x20-\x7e]|["%\\]', "_", safe)
    encoded = quote(safe, safe="", errors="replace")
    return f"attachment; filename=\"{ascii_only}\"; filename*=UTF-8''{encoded}"


class _Bytes(NamedTuple):
    """All of a small file, and its `os.stat`."""

    body: bytes
    stat: os.stat_result


def _read(path: Path) -> _Bytes | None:
    """Return a small file; None where it is gone."""
    try:
        with path.open("rb", buffering=0) as file:
            return _Bytes(file.read(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return None


class _BlobResponse(web.FileResponse):
    """A file with sendfile, ranges and ETag; counted as in flight until the last byte, and never content-encoded."""

    def __init__(self, path: Path, headers: dict[str, str], activity: Activity) -> None:
        super().__init__(path, headers={**headers, hdrs.CONTENT_TYPE: "application/octet-stream"})
        self._activity = activity
        self._blob = path

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        if hdrs.RANGE in request.headers and not await asyncio.to_thread(self._range_counts, request):
            kept = [(name, value) for name, value in request.headers.items() if _goes_on(name, value)]
            request = request.clone(headers=CIMultiDict(kept))
        with self._activity.busy():
            return await super().prepare(request)

    def _range_counts(self, request: BaseRequest) -> bool:
        """Return whether to send a range: one that can be read and, under If-Range, of the same bytes as before."""
        asked = _ONE_RANGE.fullmatch(request.headers[hdrs.RANGE].strip())
        if asked is None or (asked["last"] and int(asked["last"]) < int(asked["first"])):
            return False
        condition = request.headers.get(hdrs.IF_RANGE)
        if condition is None or request.if_range is not None:  # a date is compared by FileResponse
            return True
        try:
            return condition.strip() == f'"{_etag(self._blob.stat())}"'
        except FileNotFoundError:
            return True  # and FileResponse answers 404


def _goes_on(name: str, value: str) -> bool:
    """Return whether a header stays in a request whose range doesn't count; what isn't UTF-8 can't be copied."""
    return name.lower() != "range" and value.isprintable()


def _etag(stat: os.stat_result) -> str:
    """Return the ETag that `web.FileResponse` gives a file: the same for as long as the file is."""
    return f"{stat.st_mtime_ns:x}-{stat.st_size:x}"


def _content_length(request: web.Request) -> int:
    if hdrs.TRANSFER_ENCODING in request.headers:
        raise Refusal(501, "send the bytes with a Content-Length, not in chunks (Transfer-Encoding isn't taken)")
    if request.content_length is None:
        raise Refusal(411, "send a Content-Length: the store must know the size before the first byte")
    return request.content_length
