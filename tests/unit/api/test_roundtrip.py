"""Calls over connections that are kept, to a server that listens."""

import gzip
import os

import misbehaving
import pytest
from misbehaving import Answer, says

from runloop_jupyter import errors
from runloop_jupyter.api import keepalive
from runloop_jupyter.api.http import Service
from runloop_jupyter.secret import Secret
from runloop_jupyter.wire.objects import ObjectView

KEY = "sentinel-key-4242"
OBJECT = b'{"id": "obj_1", "name": "n", "state": "READ_ONLY", "content_type": "text", "create_time_ms": 1}'
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def server():
    with misbehaving.serving(lambda *_: Answer(200, JSON, OBJECT)) as server:
        connected = []
        accept = server.get_request

        def counted():
            connected.append(1)
            return accept()

        server.get_request = counted
        server.connected = connected
        yield server


@pytest.fixture
def service(server):
    service = Service(server.url, Secret(KEY), label="far", sleep=lambda _: None)
    yield service
    service.close()


def call(service, method="GET", path="/x", **more):
    return service.call(method, path, ObjectView, **more)


def test_one_connection_does_for_call_after_call(server, service):
    for method in ("GET", "POST", "GET", "POST"):
        assert call(service, method).id == "obj_1"
    assert len(server.connected) == 1


def test_one_that_the_server_closed_is_not_used_again(server, service):
    server.will("GET", lambda each: (each.send(each.honest()), each.close()))
    for _ in range(3):
        assert call(service).id == "obj_1"


def test_a_call_whose_answer_was_lost_is_made_again(server, service):
    server.will("POST", misbehaving.loses_reply, misbehaving.cut(5))
    assert call(service, "POST").id == "obj_1"


def test_compressed_answers_are_read_and_those_cut_off_are_not(server, service):
    whole = gzip.compress(OBJECT)
    server.will("GET", says(200, whole, content_encoding="gzip"))
    assert call(service).id == "obj_1"
    server.will("GET", says(200, whole[:-9], content_encoding="gzip"), for_ever=True)
    with pytest.raises(errors.Unreachable):
        call(service, retries=1)


def test_chunks_are_put_together(server, service):
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(OBJECT), OBJECT)
    server.will("GET", lambda each: each.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks))
    assert call(service).id == "obj_1"


def test_query_parameters_arrive_as_they_are(server, service):
    seen = []
    server.backend = lambda method, path, headers, body: (seen.append(path), Answer(200, JSON, OBJECT))[1]
    call(service, path="/v1/objects", params={"metadata[ö &]": "a+b c", "key": ["x", "y"]})
    assert seen == ["/v1/objects?metadata%5B%C3%B6%20%26%5D=a%2Bb%20c&key=x&key=y"]


def test_a_key_that_no_header_can_hold_is_an_error_without_it(server):
    service = Service(server.url, Secret(f"{KEY}\r\nX-Evil: 1"), label="far")
    with pytest.raises(errors.Unreachable) as caught:
        call(service)
    assert KEY not in str(caught.value)


def test_a_server_that_is_gone_is_told_in_one_line():
    service = Service("http://127.0.0.1:1", Secret(KEY), label="far", sleep=lambda _: None)
    with pytest.raises(errors.Unreachable, match="far gives no answer: Connection refused"):
        call(service)


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(server, service, monkeypatch):
    import httpx

    monkeypatch.setattr("runloop_jupyter.api.http.TIMEOUT", httpx.Timeout(0.1, connect=5))
    server.will("GET", misbehaving.stalls(), for_ever=True)
    with pytest.raises(errors.Unreachable, match="timed out"):
        call(service, retries=0)


def test_a_forked_child_makes_connections_of_its_own(server, service):
    call(service)
    child = os.fork()
    if child == 0:
        os._exit(0 if call(service).id == "obj_1" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert call(service).id == "obj_1"
    assert len(server.connected) == 2


def test_a_proxy_of_the_environment_carries_what_goes_further_than_this_computer(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("NO_PROXY", "")
    seen = []
    server.backend = lambda method, path, headers, body: (seen.append(path), Answer(200, JSON, OBJECT))[1]
    service = Service("http://far.example", Secret(KEY), label="far")
    assert call(service).id == "obj_1"
    assert seen == ["http://far.example/x"]
    service.close()


def test_no_frame_of_an_error_holds_the_key(server, service):
    server.will("GET", says(400, b'{"message": "why"}'))
    with pytest.raises(errors.BadRequest) as caught:
        call(service)
    tb = caught.value.__traceback__
    while tb:
        if "/tests/" not in tb.tb_frame.f_code.co_filename:
            assert KEY not in repr(tb.tb_frame.f_locals)
        tb = tb.tb_next


def test_the_authorities_are_those_that_bytes_trust():
    assert keepalive.tls_context() is keepalive.tls_context()


def test_a_call_is_logged_without_its_query_and_its_key(service, caplog):
    with caplog.at_level("DEBUG"):
        call(service, params={"name": "searched-for"})
    assert "/x: HTTP 200" in caplog.text
    assert "searched-for" not in caplog.text
    assert KEY not in caplog.text
