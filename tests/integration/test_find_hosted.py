"""Finding on a service that isn't the embedded store: public objects, keys without counts, odd answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import misbehaving
import pytest
from misbehaving import Answer

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.errors import InputError, ServerError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator


def thing(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"obj_{number:08}",
        "name": "shared",
        "state": "READ_ONLY",
        "content_type": "text",
        "create_time_ms": 1_790_000_000_000 + number,
        "size_bytes": 4,
        **more,
    }


class Service:
    """Answers each path with what a test says, whatever the query."""

    def __init__(self) -> None:
        self.says: dict[str, Any] = {}
        self.queries: list[dict[str, list[str]]] = []

    def lists(self, *things: dict[str, Any], path: str = "/v1/objects") -> None:
        self.says[path] = {"objects": list(things), "has_more": False}
        self.says |= {f"/v1/objects/{each['id']}": each for each in things}

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        url = urlsplit(path)
        self.queries.append(parse_qs(url.query))
        said = self.says.get(url.path)
        if said is None:
            return Answer(404, {"Content-Type": "application/json"}, b'{"message": "there is no such thing"}')
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(said).encode())


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    answers = Service()
    with misbehaving.serving(answers) as server:
        monkeypatch.setenv("RUNLOOP_BASE_URL", server.url)
        monkeypatch.setenv("RUNLOOP_API_KEY", "key")
        session.reset()
        yield answers
        session.current().close()


def test_public_objects_are_a_row_each_and_got_by_their_ids(service: Service) -> None:
    service.lists(thing(2), thing(1), thing(0, state="DELETED"), path="/v1/objects/list_public")
    table = rl.ls(public=True)
    assert [each.id for each in table] == ["obj_00000002", "obj_00000001"]
    text = table.table().to_text()
    assert "obj_00000002" in text
    assert "2 of 2 objects" in text
    assert "%rl_get obj_00000002" in table[0].card().to_text()
    assert rl.ls("other", public=True).table().to_text().startswith("no objects fit")


@pytest.mark.parametrize("public", [False, True])
def test_a_service_that_passes_over_every_filter_changes_no_answer(service: Service, public: bool) -> None:
    path = "/v1/objects/list_public" if public else "/v1/objects"
    fits = thing(3, metadata={"k": "v"})
    service.lists(thing(5, name="another", metadata={"k": "v"}), thing(4), fits, thing(2, state="UPLOADING"), path=path)
    assert [each.id for each in rl.ls("shared", where={"k": "v"}, public=public)] == [fits["id"]]


def test_odd_times_and_kinds_lose_no_object(service: Service) -> None:
    odd = [thing(1, create_time_ms=10**40), thing(2, name="b"), thing(3, name="c", create_time_ms=-(10**40))]
    service.lists(*odd)
    assert len(rl.ls()) == 3
    assert [each.name for each in rl.ls(since="2026-01-01")] == ["shared", "b"]
    assert "no such date" in rl.ls(sort="put").table().to_text()
    assert rl.ls(sort="-put")._repr_html_()


def test_facts_of_any_form_can_be_sorted_by(service: Service) -> None:
    forms = ["[", "[1]", '{"rows": "x"}', '{"shape": []}', '{"shape": [[1]]}', '{"rows": 5}', '{"shape": [7, 2]}', "{}"]
    service.lists(*(thing(n, name=str(n), metadata={"rl.facts": facts}) for n, facts in enumerate(forms)))
    assert [each.name for each in rl.ls(sort="-rows")][:2] == ["6", "5"]
    assert [each.name for each in rl.ls(sort="shape")][:2] == ["5", "6"]


def test_keys_without_counts_are_in_order_and_claim_none(service: Service) -> None:
    service.says["/v1/objects/metadata/keys"] = {"keys": ["seed", "model", "rl.kind"]}
    service.says["/v1/objects/metadata/keys/seed/values"] = {"key": "seed", "values": ["10", "9", "x", "1e1"]}
    keys = rl.keys()
    assert (list(keys), keys.counts) == (["model", "seed"], None)
    assert "objects" not in keys.table().to_text()
    assert list(keys.to_pandas().columns) == ["key"]
    assert list(rl.keys("seed")) == ["9", "10", "1e1", "x"]
    assert service.queries[0] == {"include_counts": ["true"]}


def test_a_million_values_are_no_million_rows(service: Service) -> None:
    service.says["/v1/objects/metadata/keys/id/values"] = {"key": "id", "values": [str(n) for n in range(1_000_000)]}
    values = rl.keys("id", limit=3)
    assert list(values) == ["0", "1", "2"]
    assert "3 of 1,000,000 values" in values.table().to_text()


def test_a_service_that_says_404_of_an_unknown_key_is_understood(service: Service) -> None:
    service.says["/v1/objects/metadata/keys"] = {"keys": ["model"]}
    with pytest.raises(InputError, match="Close: model"):
        rl.keys("modl")


def test_without_any_metadata_there_are_no_keys_and_no_error(service: Service) -> None:
    service.says["/v1/objects/metadata/keys"] = {"keys": []}
    assert rl.keys().table().to_text().startswith("no metadata is in use")


def test_trouble_with_the_look_for_deleted_objects_is_not_the_trouble_of_ls(service: Service) -> None:
    with pytest.raises(StoreError):
        rl.ls()
    service.says["/v1/objects"] = {"objects": "no list", "has_more": False}
    with pytest.raises(ServerError):
        rl.ls()
