"""The Objects contract as one OpenAPI document: what is published, and over it what a real server adds."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1] / "contract"
METHODS = ("get", "put", "post", "delete")


def published() -> dict[str, Any]:
    """The document as published, carried over."""
    return dict(json.loads((HERE / "objects.contract.json").read_text()))


def overlay() -> dict[str, Any]:
    """What is laid over it; tests/contract/README.md says what each part is."""
    return dict(json.loads((HERE / "overlay.json").read_text()))


def document(*, of_clients: bool = False) -> dict[str, Any]:
    """Both as one.

    Args:
        of_clients: As a client is held to it: fields that a server passes over are none that a client may send.
    """
    over = overlay()
    whole = _merged(published(), over["openapi"])
    for path, operations in whole["paths"].items():
        for method in METHODS:
            if method in operations:
                _complete(operations[method], over, content=path.startswith("/content/"))
    if of_clients:
        for schema in whole["components"]["schemas"].values():
            if "properties" in schema:
                schema["additionalProperties"] = False
    return whole


def _complete(operation: dict[str, Any], over: dict[str, Any], *, content: bool) -> None:
    responses = operation["responses"]
    kinds = ["everywhere"]
    if content:  # no key: a signature that is wrong is 403
        responses["403"] = {"description": "Not signed for this, or expired."}
    else:
        if "requestBody" in operation:
            kinds.append("with a body")
        if any(each["in"] == "query" for each in operation["parameters"]) or "Metadata" in operation["operationId"]:
            kinds.append("with parameters")
        for kind in kinds:
            for status, why in over[kind].items():
                responses.setdefault(status, {})["description"] = why
    for status, response in responses.items():
        if int(status) >= 400:
            response.setdefault("content", {"application/json": {"schema": {"$ref": "#/components/schemas/Refused"}}})
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            parameter.update(over["parameters"]["any query"])
            parameter["schema"].update(over["parameters"].get(parameter["name"], {}))


def _merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {key: _merged(below.get(key), above.get(key)) for key in {**below, **above}}
    return copy.deepcopy(below if above is None else above)
