"""Says what is wrong with a request or an answer, by the contract: what that doesn't name isn't let pass."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import contract
from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from misbehaving import Answer, Backend

INTEGERS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
OF_HTTPX = {"host", "accept", "accept-encoding", "connection", "user-agent"}
TO_THE_API = OF_HTTPX | {"authorization"}
WITH_A_BODY = {"content-length", "content-type", "x-request-id"}
# No key, no content type, nothing of the API's own: S3 refuses some that weren't signed for, and logs all of them.
TO_THE_BYTES = {"PUT": OF_HTTPX | {"content-length"}, "GET": OF_HTTPX | {"range", "if-range", "if-match"}}


class Strict:
    """The contract, ready to be asked."""

    def __init__(self, *, of_clients: bool = False) -> None:
        self._document = contract.document(of_clients=of_clients)
        extensions = contract.overlay()["extensions"]
        self._extensions = {name: each for name, each in extensions.items() if name != "x-why"}
        self._components = _plain(self._document["components"])
        # By the schema's own place in the document, which is there for as long as this.
        self._validators: dict[int, Draft202012Validator] = {}

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> list[str]:
        """Say what is wrong with a request; header names in lower case."""
        url = urlsplit(target)
        path, operation, values = self._operation(method, url.path)
        if operation is None:
            return [f"{method} {url.path} is no operation"]
        wrong = list(self._path(path, operation, values))
        wrong += self._query(path, operation, url.query)
        wrong += self._headers(operation, method, path, headers)
        wrong += self._body(operation, headers, body)
        return [f"{operation['operationId']}: {each}" for each in wrong]

    def response(self, method: str, target: str, status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
        """Say what is wrong with an answer; header names in lower case."""
        _, operation, _ = self._operation(method, urlsplit(target).path)
        if operation is None:
            return [] if status in (401, 404, 405) else [f"{status} to what is no operation"]
        said = operation["responses"].get(str(status))
        if said is None:
            return [f"{operation['operationId']}: {status} isn't one of its answers"]
        wrong = []
        for name, header in said.get("headers", {}).items():
            header = self._components["headers"]["NoRetry"] if "$ref" in header else header
            if name.lower() not in headers:
                wrong.append(f"{status} without {name}")
            else:
                wrong += self._misfits(header["schema"], headers[name.lower()], name)
        for kind, content in said.get("content", {}).items():
            if headers.get("content-type", "").partition(";")[0] != kind:
                wrong.append(f"{status} as {headers.get('content-type')}, not {kind}")
            elif kind == "application/json":
                wrong += self._misfits(content["schema"], json.loads(body), "the answer")
        return [f"{operation['operationId']}: {each}" for each in wrong]

    def name(self, method: str, target: str) -> str:
        """Return the id of the operation that a request is for; empty for none."""
        operation = self._operation(method, urlsplit(target).path)[1]
        return "" if operation is None else str(operation["operationId"])

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any] | None, dict[str, str]]:
        # A path without variables before one that has some.
        for template in sorted(self._document["paths"], key=lambda each: each.count("{")):
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))
            match = re.fullmatch(pattern, path)
            operation = self._document["paths"][template].get(method.lower())
            if match and operation:
                return template, operation, match.groupdict()
        return path, None, {}

    def _parameters(self, path: str, operation: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
        every = [*self._document["paths"][path].get("parameters", []), *operation.get("parameters", [])]
        return {each["name"]: each for each in every if each["in"] == where}

    def _path(self, path: str, operation: dict[str, Any], values: dict[str, str]) -> Iterator[str]:
        for name in self._parameters(path, operation, "path"):
            try:
                if not unquote(values[name], errors="strict"):
                    yield f"{name} is empty"
            except UnicodeDecodeError:
                yield f"{name} isn't UTF-8"

    def _query(self, path: str, operation: dict[str, Any], query: str) -> Iterator[str]:
        known = self._parameters(path, operation, "query")
        seen = set()
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
        except ValueError as error:
            yield f"the query can't be read: {error}"
            return
        for name, text in pairs:
            if name in seen:
                yield f"{name} comes twice"
            seen.add(name)
            if name not in known:
                if not any(re.search(each, name) for each in self._extensions.get(operation["operationId"], [])):
                    yield f"{name} is no parameter, and no extension that anybody wrote down"
            elif known[name]["schema"].get("type") == "integer" and not re.fullmatch("-?[0-9]+", text):
                yield f"{name} is {text!r}, no whole number"
            elif known[name]["schema"].get("type") == "boolean" and text not in ("true", "false"):
                yield f"{name} is {text!r}, neither true nor false"
            else:
                kind = known[name]["schema"].get("type")
                value = int(text) if kind == "integer" else text == "true" if kind == "boolean" else text
                yield from self._misfits(known[name]["schema"], value, name)
        yield from (f"{name} is missing" for name, each in known.items() if each.get("required") and name not in seen)

    def _headers(self, operation: dict[str, Any], method: str, path: str, headers: Mapping[str, str]) -> Iterator[str]:
        if path.startswith("/content/"):
            yield from (f"{name} is nothing for a presigned URL" for name in headers.keys() - TO_THE_BYTES[method])
            if method == "PUT" and "content-length" not in headers:
                yield "no Content-Length"
            return
        if not re.fullmatch(r"Bearer [\x21-\x7e]+", headers.get("authorization", "")):
            yield "no bearer key"
        allowed = TO_THE_API | (WITH_A_BODY if method == "POST" else set())
        yield from (f"{name} is no header of the API" for name in headers.keys() - allowed)
        if method == "POST" and not re.fullmatch(r"[\x21-\x7e]{8,200}", headers.get("x-request-id", "")):
            yield "no x-request-id: a lost answer would have the work done twice"

    def _body(self, operation: dict[str, Any], headers: Mapping[str, str], body: bytes) -> Iterator[str]:
        said = operation.get("requestBody")
        if said is None:
            if body:
                yield "there is no body"
        elif "application/json" not in said["content"]:
            return
        elif not body:
            if said.get("required"):
                yield "the body is missing"
        elif headers.get("content-type") != "application/json":
            yield f"the body comes as {headers.get('content-type')}"
        else:
            try:
                value = json.loads(body.decode("utf-8"))
            except ValueError:
                yield "the body isn't JSON"
                return
            yield from self._misfits(said["content"]["application/json"]["schema"], value, "the body")

    def _misfits(self, schema: dict[str, Any], value: object, what: str) -> Iterator[str]:
        validator = self._validators.get(id(schema))
        if validator is None:
            validator = Draft202012Validator({**_plain(schema), "components": self._components})
            self._validators[id(schema)] = validator
        for error in validator.iter_errors(value):
            yield f"{what}: {'.'.join(map(str, error.absolute_path))} {error.message}"


@dataclass
class Checkpoint:
    """Stands in front of a store: what goes through is right both ways, or is written down.

    Attributes:
        beyond: Answers what went through.
        wrong: What wasn't right.
        calls: The operations that were asked for, in order, each as its id and the answer's status.
    """

    beyond: Backend
    wrong: list[str] = field(default_factory=list)
    calls: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._strict = Strict(of_clients=True)

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.wrong += self._strict.request(method, path, headers, body)
        answer = self.beyond(method, path, headers, body)
        said = {name.lower(): value for name, value in answer.headers.items()}
        self.wrong += self._strict.response(method, path, answer.status, said, answer.body)
        self.calls.append((self._strict.name(method, path), answer.status))
        return answer


def _plain(schema: Any) -> Any:
    """An OpenAPI 3.0 schema as a JSON schema: ``nullable`` and the formats of integers are words of its own."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _plain(value) for key, value in schema.items() if key != "nullable"}
    if schema.get("nullable") is True:
        plain["type"] = [schema["type"], "null"]
    if schema.get("type") == "integer" and schema.get("format") in INTEGERS:
        least, most = INTEGERS[schema["format"]]
        plain["minimum"] = max(least, schema.get("minimum", least))
        plain["maximum"] = min(most, schema.get("maximum", most))
    return plain
