"""What goes to a presigned URL, and what is told of what comes back."""

import misbehaving
import pytest

from runloop_jupyter import errors
from runloop_jupyter.secret import Secret
from runloop_jupyter.transfer import presigned

SIGNATURE = "5f2b8c%2B9a1d"
REFUSALS = [
    (b'{"message": "no room here"}', ": no room here"),
    (b'{"error": {"message": "no room here"}}', ": no room here"),
    (
        b"<?xml version='1.0'?><Error><Code>C</Code><Message>no &lt;room&gt;\n here</Message></Error>",
        ": no <room> here",
    ),
    (b"no room here", ": no room here"),
    (b"", ""),
    (b"<html><body><h1>502</h1></body></html>", ""),
    (b'{"code": 7}', ""),
    (b"\xff\xfe", ": \ufffd\ufffd"),
]
LEAKS = [
    b"you sent signature=" + SIGNATURE.encode(),
    b"<Error><Message>bad signature 5f2b8c+9a1d</Message></Error>",
    b"<Error><Message>denied</Message><Signature>5f2b8c+9a1d</Signature></Error>",
    b'{"message": "GET /x?expires=1795000000&signature=5f2b8c%2B9a1d"}',
    b"https://s3.example/x?signature=5f2b8c%2B9a1d",
]


@pytest.fixture(scope="module")
def server():
    with pytest.MonkeyPatch.context() as patch, misbehaving.serving(misbehaving.Content(b"bytes")) as server:
        patch.setattr(presigned, "_client", None)
        yield server
        presigned._client.close()


@pytest.fixture
def url(server):
    server.behave()
    return Secret(f"{server.url}/x?expires=1795000000&signature={SIGNATURE}")


def refusal(server, url, status, body):
    server.will("GET", misbehaving.says(status, body))
    with pytest.raises((errors.RunloopError, presigned.Retryable)) as caught, presigned.request("GET", url):
        pass
    return caught.value


def test_what_is_sent_is_what_the_signature_covers(server, url):
    server.will("PUT", misbehaving.says(200))
    with presigned.request("PUT", url, headers={"Content-Length": "5"}, content=iter([b"by", b"tes"])):
        pass
    (sent,) = server.asked("PUT")
    assert sent.read() == b"bytes"
    assert sent.headers["content-length"] == "5"
    assert not {"authorization", "transfer-encoding", "content-type", "cookie"} & set(sent.headers)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, errors.LinkExpired),
        (507, errors.StoreFull),
        (408, presigned.Retryable),
        (429, presigned.Retryable),
        (500, presigned.Retryable),
        (503, presigned.Retryable),
        (400, errors.TransferError),
        (404, errors.TransferError),
        (412, errors.TransferError),
        (501, errors.TransferError),
        (302, errors.TransferError),
    ],
)
def test_each_status_has_its_error(status, kind, server, url):
    assert type(refusal(server, url, status, b"")) is kind


@pytest.mark.parametrize(("body", "said"), REFUSALS)
def test_an_error_says_what_the_body_has_for_people(body, said, server, url):
    assert str(refusal(server, url, 400, body)) == f"the store refuses the bytes (HTTP 400{said})"


@pytest.mark.parametrize("body", LEAKS)
@pytest.mark.parametrize("status", [400, 403, 503, 507])
def test_no_error_repeats_what_the_link_was_signed_with(body, status, server, url):
    said = str(refusal(server, url, status, body))
    assert "5f2b8c" not in said
    assert "1795000000" not in said


def test_an_endless_error_is_read_no_further_than_it_must(server, url):
    said = str(refusal(server, url, 400, b"x" * 10_000_000))
    assert len(said) < 300


def test_a_retryable_error_carries_the_time_that_the_store_asks_for(server, url):
    server.will("GET", misbehaving.says(503, retry_after="7"))
    with pytest.raises(presigned.Retryable) as caught, presigned.request("GET", url):
        pass
    assert caught.value.wait_s == 7


def test_an_error_of_the_reader_passes_through_as_it_is(url):
    with pytest.raises(ZeroDivisionError), presigned.request("GET", url):
        raise ZeroDivisionError


def test_a_host_that_is_not_there_is_worth_another_try():
    with (
        pytest.raises(presigned.Retryable),
        presigned.request("GET", Secret("http://127.0.0.1:1/x?signature=abcdefgh")),
    ):
        pass
