"""The routes of the embedded store."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import hdrs, web

from runloop_jupyter.local import auth, browse, parameters
from runloop_jupyter.local.content import Content
from runloop_jupyter.local.expect import expectations, go_on, not_yet
from runloop_jupyter.local.guard import HEADERS, errors, guard
from runloop_jupyter.local.refusal import bad_request
from runloop_jupyter.local.upkeep import Upkeep
from runloop_jupyter.secret import Secret
from runloop_jupyter.wire import json
from runloop_jupyter.wire.objects import ObjectCreateParameters, ObjectDownloadUrlView, ObjectState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runloop_jupyter.local.arrivals import Arrivals
    from runloop_jupyter.local.blobs import Blobs
    from runloop_jupyter.local.browse import Browse
    from runloop_jupyter.local.database import Worker
    from runloop_jupyter.local.guard import Activity
    from runloop_jupyter.local.layout import Layout
    from runloop_jupyter.local.objects import Objects

_UPLOAD_SECONDS: Final = 3600
_MAX_BODY: Final = 1 << 20
# An answer that is longer goes out while the rest of it is still being read.
_STREAMED: Final = 256 << 10


@dataclass(frozen=True)
class Service:
    """What the routes work on.

    Attributes:
        layout: Where everything lies.
        objects: The operations.
        browse: Answers browsers.
        arrivals: Objects that weren't created here.
        blobs: The bytes.
        worker: The thread in which `objects` is used.
        activity: Told of every request.
        signer: Presigns URLs.
        key: The bearer key.
        nonce: What launcher and daemon know each other by.
        facts: Said to a launcher: store id, process id, version, start time.
        hand_over: Stops the daemon if nobody uses it, for a newer one to take its place; returns whether it does.
    """

    layout: Layout
    objects: Objects
    browse: Browse
    arrivals: Arrivals
    blobs: Blobs
    worker: Worker
    activity: Activity
    signer: auth.Signer
    key: Secret
    nonce: Secret
    facts: dict[str, Any]
    hand_over: Callable[[], bool]


def make_app(service: Service) -> web.Application:
    """Return the application. HEAD isn't offered: a presigned URL is for its method alone."""
    app = web.Application(
        middlewares=[expectations, errors(service.activity), guard(service.key, service.signer, service.nonce)],
        client_max_size=_MAX_BODY,
    )
    api = _Api(service)
    content = Content(service.objects, service.blobs, service.worker, service.activity)
    browsing = browse.Routes(service.browse, service.worker, api.read_in_steps, _body)
    app.on_shutdown.append(browsing.stop)
    control = _Control(service)
    upkeep = Upkeep(
        service.layout,
        service.objects,
        service.arrivals,
        service.blobs,
        service.worker,
        service.activity,
        control.answer,
    )
    app.add_routes(
        [
            web.post("/v1/objects", api.create, expect_handler=not_yet),
            web.get("/v1/objects", api.list, allow_head=False),
            web.get("/v1/objects/list_public", api.list_public, allow_head=False),
            web.get("/v1/objects/metadata/keys", api.metadata_keys, allow_head=False),
            # A key may be any text, the empty one too.
            web.get("/v1/objects/metadata/keys/{key:[^/]*}/values", api.metadata_values, allow_head=False),
            web.get("/v1/objects/metadata/facets", api.facets, allow_head=False),
            web.post("/v1/objects/browse/page", browsing.page, expect_handler=not_yet),
            web.post("/v1/objects/browse/facets", browsing.facets, expect_handler=not_yet),
            web.post("/v1/objects/browse/suggest", browsing.suggest, expect_handler=not_yet),
            web.get("/v1/objects/{id}", api.get, allow_head=False),
            web.get("/v1/objects/{id}/download", api.download, allow_head=False),
            web.post("/v1/objects/{id}/complete", api.complete, expect_handler=not_yet),
            web.post("/v1/objects/{id}/delete", api.delete, expect_handler=not_yet),
            web.put(auth.CONTENT_PATH + "{id}", content.put, expect_handler=not_yet),
            web.get(auth.CONTENT_PATH + "{id}", content.get, allow_head=False),
            web.get(auth.CONTROL_PATH + "hello", control.hello, allow_head=False),
            web.get(auth.CONTROL_PATH + "status", control.status, allow_head=False),
            web.post(auth.CONTROL_PATH + "pin", control.pin),
            web.post(auth.CONTROL_PATH + "hand-over", control.hand_over),
            web.post(auth.CONTROL_PATH + "gc", upkeep.gc),
            web.post(auth.CONTROL_PATH + "known", upkeep.known),
            web.post(auth.CONTROL_PATH + "import", upkeep.bring_in),
        ]
    )
    return app


class _Api:
    """The nine operations of the Objects API, and facets."""

    def __init__(self, service: Service) -> None:
        self._objects = service.objects
        self._worker = service.worker
        self._signer = service.signer
        self._activity = service.activity

    async def create(self, request: web.Request) -> web.Response:
        wanted = _decode(await _body(request))
        base_url = _base_url(request)

        def work() -> bytes:
            view = self._objects.create(wanted)
            url = self._signer.url(base_url, "PUT", view.id, int(time.time()) + _UPLOAD_SECONDS)
            return json.encode(msgspec.structs.replace(view, upload_url=Secret(url)))

        return await self._once(request, work)

    async def list(self, request: web.Request) -> web.Response:
        return await self._page(request, self._objects.list)

    async def list_public(self, request: web.Request) -> web.Response:
        return await self._page(request, self._objects.list_public)

    async def get(self, request: web.Request) -> web.Response:
        object_id = request.match_info["id"]
        return await self._read(lambda: self._objects.get(object_id))

    async def download(self, request: web.Request) -> web.Response:
        object_id = request.match_info["id"]
        seconds = parameters.duration_seconds(request.query)
        base_url = _base_url(request)

        def work() -> ObjectDownloadUrlView:
            self._objects.readable(object_id)
            return ObjectDownloadUrlView(
                download_url=Secret(self._signer.url(base_url, "GET", object_id, int(time.time()) + seconds))
            )

        answer = await self._read(work)
        if "duration_seconds" in request.query:  # left out by whoever only downloads, and named for a link to hand on
            self._activity.promise(seconds)
        return answer

    async def complete(self, request: web.Request) -> web.Response:
        object_id = request.match_info["id"]
        _check_empty(await _body(request))
        return await self._once(request, lambda: json.encode(self._objects.complete(object_id)))

    async def delete(self, request: web.Request) -> web.Response:
        object_id = request.match_info["id"]
        _check_empty(await _body(request))
        return await self._once(request, lambda: json.encode(self._objects.delete(object_id)), frees=True)

    async def metadata_keys(self, request: web.Request) -> web.Response:
        count = parameters.include_counts(request.query)
        return await self.read_in_steps(self._objects.metadata_keys(count=count))

    async def metadata_values(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        count = parameters.include_counts(request.query)
        return await self._stream(request, self._objects.metadata_values(key, count=count))

    async def facets(self, request: web.Request) -> web.Response:
        """Our own extension: counts of values under the filters of a list call."""
        wanted = parameters.list_filter(request.query)
        keys = parameters.facet_keys(request.query)
        limit = parameters.facet_limit(request.query)
        return await self.read_in_steps(self._objects.facets(wanted, keys, limit=limit))

    async def _page(self, request: web.Request, work: Callable[..., Iterator[object]]) -> web.Response:
        wanted = parameters.list_filter(request.query)
        limit = parameters.limit(request.query)
        count = parameters.include_total_count(request.query)
        starting_after = request.query.get("starting_after") or None
        return await self.read_in_steps(work(wanted, limit=limit, starting_after=starting_after, count=count))

    async def _read(self, work: Callable[[], object]) -> web.Response:
        return _json(await self._worker(lambda: json.encode(work())))

    async def read_in_steps(self, steps: Iterator[object]) -> web.Response:
        """Answer with the first step that isn't None; other requests have their turn between two."""

        def step() -> bytes | None:
            answer = next(steps)
            return None if answer is None else json.encode(answer)

        while True:
            body = await self._worker(step)
            if body is not None:
                return _json(body)

    async def _stream(self, request: web.Request, pieces: Iterator[bytes]) -> web.StreamResponse:
        """Answer with JSON in pieces: at once where it is short, else as they come, no faster than they are read."""
        body = b""
        while len(body) < _STREAMED:
            piece = await self._worker(lambda: next(pieces, None))
            if piece is None:
                return _json(body)
            body += piece
        response = web.StreamResponse(headers={**HEADERS, hdrs.CONTENT_TYPE: "application/json; charset=utf-8"})
        await response.prepare(request)
        await response.write(body)
        while (piece := await self._worker(lambda: next(pieces, None))) is not None:
            await response.write(piece)
        await response.write_eof()
        return response

    async def _once(self, request: web.Request, work: Callable[[], bytes], *, frees: bool = False) -> web.Response:
        request_id = _text(request.headers.get("x-request-id"))
        route = f"{request.method} {request.path}"
        if frees:
            return _json(await self._worker(lambda: self._objects.once(request_id, route, work, frees=True)))
        step = partial(self._objects.answer, request_id, route, work)
        return _json(await self._worker.together(step, self._objects.together))


class _Control:
    """What a launcher asks. Each answer proves that this is the daemon whose state file it read."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def hello(self, request: web.Request) -> web.Response:
        return self.answer(request, {})

    async def status(self, request: web.Request) -> web.Response:
        service = self._service
        tally = await service.worker(service.objects.tally)
        return self.answer(
            request,
            {
                "objects": {state: each.objects for state, each in tally.items() if state != ObjectState.DELETED},
                "size_bytes": sum(each.size_bytes for state, each in tally.items() if state != ObjectState.DELETED),
                "pinned": service.activity.pinned,
            },
        )

    async def pin(self, request: web.Request) -> web.Response:
        self._service.activity.pinned = True
        return self.answer(request, {})

    async def hand_over(self, request: web.Request) -> web.Response:
        return self.answer(request, {"stopping": self._service.hand_over()})

    def answer(self, request: web.Request, facts: dict[str, Any]) -> web.Response:
        """Return `facts` with the proof that this is the daemon that was asked."""
        challenge = request.headers[hdrs.AUTHORIZATION].partition(" ")[2].partition(":")[0]
        proof = auth.proof(self._service.nonce, request.path, challenge)
        return _json(json.encode({**self._service.facts, **facts, "proof": proof}))


def _text(header: str | None) -> str | None:
    """Return a header's bytes as text that a database takes: not all that a client may send is UTF-8."""
    return None if header is None else header.encode("utf-8", "surrogateescape").decode("latin-1")


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json", headers=HEADERS)


def _base_url(request: web.Request) -> str:
    """Return the URL by which the client reached the store, which may be the end of a tunnel."""
    return f"http://{request.host}"


async def _body(request: web.Request) -> bytes:
    await go_on(request)
    return await request.read()


def _decode(body: bytes) -> ObjectCreateParameters:
    if not body.strip():
        raise bad_request("the body is missing: send JSON with name and content_type")
    try:
        return json.decode(body, ObjectCreateParameters)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body isn't what create takes: {error}") from None


def _check_empty(body: bytes) -> None:
    """Accept an empty body or a JSON object. Raises Refusal 400."""
    try:
        if body:
            json.decode(body, dict[str, Any])
    except (ValueError, RecursionError):
        raise bad_request("the body is empty or {}") from None
