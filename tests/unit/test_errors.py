"""Errors are one line, by names that can be caught, without secrets."""

import inspect

import pytest

from runloop_jupyter import errors

EVERY = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, errors.RunloopError)]


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_the_module_draws_each_error_in_its_tree(kind):
    assert kind.__name__ in errors.__doc__


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_each_error_renders_as_one_line_with_its_name(kind):
    lines = kind("first\nsecond\r\x1b[31mthird")._render_traceback_()
    assert len(lines) == 1
    assert "\n" not in lines[0]
    assert kind.__name__ in lines[0]
    assert "first second" in lines[0]


def test_control_characters_of_a_hostile_message_do_not_reach_the_terminal():
    (line,) = errors.NotFound("name \x1b]0;owned\x07 \x9b31m")._render_traceback_()
    assert "\x1b]" not in line
    assert "\x07" not in line
    assert "\x9b" not in line


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("PUT https://s3.example/b/k?X-Amz-Signature=abc123&x=1 failed", "abc123"),
        ("('http://127.0.0.1:9/o?sig=abc123', 4)", "abc123"),
        ("Authorization: Bearer abc123", "abc123"),
        ("{'authorization': 'bearer abc123'}", "abc123"),
    ],
)
def test_messages_and_details_lose_signatures_and_tokens(text, secret):
    error = errors.StoreError(text, details=text)
    assert secret not in str(error)
    assert secret not in error.details


def test_redaction_keeps_what_a_reader_needs():
    assert errors.redact("GET https://s3.example/b/k?sig=1 gave 403") == "GET https://s3.example/b/k?••• gave 403"


def test_interrupted_is_a_keyboard_interrupt_and_no_exception():
    assert issubclass(errors.Interrupted, KeyboardInterrupt)
    assert not issubclass(errors.Interrupted, Exception)


def test_what_was_shown_last_can_be_asked_for():
    error = errors.NotFound("gone", details="GET /v1/objects/x → 404")
    error._render_traceback_()
    assert errors.last is error
