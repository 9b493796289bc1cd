"""How calls are retried, what errors become, and what never shows. The far side is a function."""

import json
import logging
import os

import httpx
import pytest

from runloop_jupyter import errors
from runloop_jupyter.api.http import RETRIES, Service, new_client
from runloop_jupyter.secret import Secret
from runloop_jupyter.wire.objects import ObjectView

KEY = "sentinel-key-4242"
OBJECT = {"id": "obj_1", "name": "n", "state": "READ_ONLY", "content_type": "text", "create_time_ms": 1}


class Far:
    """The far side of the wire: answers in order, the last one for ever, and remembers the requests."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.slept = []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def service(self, **more):
        transport = httpx.MockTransport(self)
        return Service(
            "https://far.example", Secret(KEY), label="far", transport=transport, sleep=self.slept.append, **more
        )

    def call(self, method="GET", path="/v1/objects/obj_1", **more):
        return self.service().call(method, path, ObjectView, **more)


def answer(status=200, body=OBJECT, **headers):
    return httpx.Response(status, json=body, headers={key.replace("_", "-"): value for key, value in headers.items()})


def test_the_key_goes_as_a_bearer_token():
    far = Far(answer())
    far.call()
    assert far.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_trouble_is_tried_again(status):
    far = Far(answer(status), answer())
    assert far.call().id == "obj_1"
    assert len(far.requests) == 2


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut")]
)
def test_a_lost_connection_is_tried_again(error):
    far = Far(error, answer())
    assert far.call().id == "obj_1"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 411, 413, 422, 501, 507])
def test_what_waiting_does_not_mend_is_not_tried_again(status):
    far = Far(answer(status))
    with pytest.raises(errors.StoreError):
        far.call()
    assert len(far.requests) == 1


def test_a_server_that_says_not_to_retry_is_believed():
    far = Far(answer(500, x_should_retry="false"), answer())
    with pytest.raises(errors.ServerError):
        far.call()


def test_retries_come_to_an_end():
    far = Far(answer(503))
    with pytest.raises(errors.ServerError):
        far.call()
    assert len(far.requests) == RETRIES + 1


def test_the_request_id_is_the_same_on_each_try_and_another_on_the_next_call():
    far = Far(answer(503), answer(503), answer())
    service = far.service()
    service.call("POST", "/v1/objects", ObjectView, body={})
    service.call("POST", "/v1/objects", ObjectView, body={})
    ids = [request.headers["x-request-id"] for request in far.requests]
    assert ids[0] == ids[1] == ids[2]
    assert ids[3] != ids[0]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry_after": "3"}, 3.0), ({"retry_after_ms": "250"}, 0.25), ({"retry_after": "0"}, 0.0)],
)
def test_a_server_that_asks_for_time_gets_it(headers, seconds):
    far = Far(answer(429, **headers), answer())
    far.call()
    assert far.slept == [seconds]


@pytest.mark.parametrize("value", ["86400", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "soon"])
def test_a_wait_that_nobody_would_sit_out_is_jitter_instead(value):
    far = Far(answer(429, retry_after=value), answer())
    far.call()
    assert 0 <= far.slept[0] <= 0.5


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequest),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (413, errors.BadRequest),
        (422, errors.BadRequest),
        (429, errors.RateLimited),
        (500, errors.ServerError),
        (507, errors.StoreFull),
        (302, errors.StoreError),
        (418, errors.StoreError),
    ],
)
def test_each_status_has_its_error(status, kind):
    with pytest.raises(kind) as caught:
        Far(answer(status, {"message": "because"}, x_request_id="req-7")).call(retries=0)
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert caught.value.request_id == "req-7"
    assert "because" in str(caught.value)


@pytest.mark.parametrize(
    "body", [{"message": "why"}, {"error": "why"}, {"error": {"message": "why"}}, {"detail": "why"}]
)
def test_what_the_server_says_is_found_wherever_it_says_it(body):
    with pytest.raises(errors.BadRequest, match="why"):
        Far(answer(400, body)).call()


@pytest.mark.parametrize("content", [b"", b"<html>oops</html>", b"[1]", b"null", b"\xff\xfe"])
def test_an_error_without_a_readable_body_is_still_one_clear_line(content):
    with pytest.raises(errors.ServerError, match=r"far: .*HTTP 500"):
        Far(httpx.Response(500, content=content)).call(retries=0)


def test_an_answer_of_another_shape_is_an_error_that_says_so():
    with pytest.raises(errors.ServerError, match="not a ObjectView"):
        Far(answer(200, {"id": 7})).call()


def test_no_answer_names_the_service_and_what_to_do():
    with pytest.raises(errors.Unreachable, match=r"far gives no answer: .*Check the network"):
        Far(httpx.ConnectError("refused")).call(retries=1)


def test_errors_and_their_frames_hold_neither_key_nor_signature():
    far = Far(answer(400, {"message": "bad https://s3/x?sig=abc123 for Bearer " + KEY}))
    with pytest.raises(errors.BadRequest) as caught:
        far.call()
    frames, tb = [], caught.value.__traceback__
    while tb:
        if "runloop_jupyter" in tb.tb_frame.f_code.co_filename:
            frames.append(repr(tb.tb_frame.f_locals))
        assert "/httpx/" not in tb.tb_frame.f_code.co_filename
        tb = tb.tb_next
    shown = f"{caught.value} {caught.value.details} {frames}"
    assert KEY not in shown
    assert "abc123" not in shown


def test_httpx_does_not_log_query_strings(caplog):
    with caplog.at_level(logging.DEBUG), httpx.Client(transport=httpx.MockTransport(Far(answer()))) as client:
        client.get("https://s3.example/key?X-Amz-Signature=abc123")
    assert "s3.example/key" in caplog.text
    assert "abc123" not in caplog.text


def test_where_the_service_is_is_asked_before_every_request():
    far, places = Far(httpx.ConnectError("refused"), answer()), iter([("https://then.example", Secret("old-key"))])
    service = far.service(reach=lambda: next(places, ("https://now.example", Secret("new-key"))))
    service.call("GET", "/v1/objects/obj_1", ObjectView)
    assert [request.url.host for request in far.requests] == ["then.example", "now.example"]
    assert far.requests[1].headers["authorization"] == "Bearer new-key"


def test_a_body_is_json_and_none_is_empty():
    far = Far(answer())
    service = far.service()
    service.call("POST", "/x", ObjectView, body={"a": 1})
    service.call("POST", "/x", ObjectView)
    assert json.loads(far.requests[0].content) == {"a": 1}
    assert far.requests[1].content == b""
    assert far.requests[1].headers["content-type"] == "application/json"


def test_a_forked_child_makes_connections_of_its_own():
    far = Far(answer())
    service = far.service()
    service.call("GET", "/x", ObjectView)
    parents = service._client
    child = os.fork()
    if child == 0:
        service.call("GET", "/x", ObjectView)
        os._exit(0 if service._client is not parents else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_proxy_of_the_environment_is_used_but_never_for_this_computer(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    with new_client(httpx.Timeout(1)) as client:
        direct = [
            client._transport_for_url(httpx.URL(f"http://{host}:1/x")) for host in ("127.0.0.1", "localhost", "[::1]")
        ]
        far = client._transport_for_url(httpx.URL("https://api.runloop.ai/v1"))
    assert not any("Proxy" in type(each._pool).__name__ for each in direct)
    assert "Proxy" in type(far._pool).__name__
